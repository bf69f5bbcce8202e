"""Motifs in many backgrounds: what they do there, alone and beside one another.

Averaged over shuffled backgrounds the context cancels and the motif's own effect is
left (marginalisation: Koo et al., PLoS Comput Biol 2021, "Global importance
analysis"). For a language model the natural questions are how expected the motif
is, what it does to the bases after it, and how much one motif announces another at a
distance.
"""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Literal, get_args

import numpy as np
import pandas as pd
import torch
from tqdm.auto import tqdm

from hyenascope._device import borrow
from hyenascope._typing import Strands
from hyenascope.data.interval import Interval
from hyenascope.interpret.edits import Edit, edit_changes
from hyenascope.interpret.provenance import provenance_of
from hyenascope.interpret.strand_windows import StrandWindow
from hyenascope.models.hyena import HyenaLM
from hyenascope.models.incremental import picked, tokens_for
from hyenascope.models.model_checks import require_causal
from hyenascope.models.mutant_passes import Reader, choose_reader
from hyenascope.models.predict import base_log_probs, check_strands
from hyenascope.sequence.dna import BASES, reverse_complement, validate_dna
from hyenascope.sequence.shuffle import dinucleotide_shuffle
from hyenascope.sequence.tokenizer import reverse_complement_tokens, tokenize

Orientation = Literal["++", "+-", "-+", "--"]
"""Strands of the first and the second motif, left to right."""


def shuffled_backgrounds(sequence: str, count: int, *, seed: int) -> list[str]:
    """Return dinucleotide shuffles of a sequence.

    Raises
    ------
    ValueError
        If ``count`` is below 1 or the sequence is no DNA.

    Examples
    --------
    >>> [len(x) for x in shuffled_backgrounds("ACGTTGCA" * 4, 2, seed=0)]
    [32, 32]
    """
    if count < 1:
        raise ValueError(f"count must be at least 1; got {count}.")
    generator = np.random.default_rng(seed)
    return [dinucleotide_shuffle(sequence, generator=generator) for _ in range(count)]


def marginalize(
    model: HyenaLM,
    backgrounds: Sequence[str],
    motif: str,
    *,
    position: int | None = None,
    window: int = 128,
    strands: Strands = "both",
    device: str | torch.device | None = None,
    progress: bool = False,
) -> pd.DataFrame:
    """Write a motif into every background and read it and what follows.

    Parameters
    ----------
    model
        A causal model; borrowed and put back.
    backgrounds
        DNA text, such as `shuffled_backgrounds` gives.
    motif
        Bases A, C, G, T on the forward strand.
    position
        0-based place of the motif's first base; the middle by default.
    window
        Bases read after the motif whose log-likelihood is compared, as far as the
        background goes.
    strands
        Which strands read the result; each has a row of its own.
    device, progress
        As in `hyenascope.logits`.

    Returns
    -------
    pandas.DataFrame
        One row per background and strand: ``background`` (its number), ``strand``;
        ``motif`` = Σ log p(motif's bases | left) in nats, and ``replaced`` the same
        for the bases that were there; ``after`` = change in log-likelihood of what
        follows, with − without, in nats. ``.attrs["hyenascope"]`` is the provenance.

    Raises
    ------
    ValueError
        If the motif does not fit a background with a base on either side, or a
        background does not fit the model.

    Examples
    --------
    >>> from hyenascope.models.hyena import HyenaConfig
    >>> model = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    >>> marginalize(model, ["ACGTTGCAACGT"], "TATA", strands="forward").shape
    (1, 5)
    """
    require_causal(model)
    check_strands(strands)
    _check_backgrounds(backgrounds)
    if window < 1:
        raise ValueError(f"window must be at least 1; got {window}.")
    motif = _checked_motif(motif, "motif")
    rows: list[dict[str, object]] = []
    with borrow(model, device), torch.inference_mode():
        kind: Reader | None = None
        for number, text in enumerate(tqdm(backgrounds, disable=not progress)):
            text = _checked_background(model, text, number)
            at = (len(text) - len(motif)) // 2 if position is None else position
            _check_place(at, len(motif), text, number)
            edit = Edit(at, at + len(motif), motif)
            for item in _strands(text, strands):
                kind = kind or choose_reader(model, tokens_for(model, item.tokens))
                row = _marginal(model, item, edit, window, kind)
                rows.append({"background": number, **row})
    details: dict[str, object] = {
        "method": "marginalize",
        "motif": motif,
        "window": window,
    }
    return _recorded(pd.DataFrame(rows), model, details)


def spacing_scan(
    model: HyenaLM,
    backgrounds: Sequence[str],
    first: str,
    second: str,
    *,
    spacings: Sequence[int],
    orientations: Sequence[Orientation] = ("++", "+-", "-+", "--"),
    strands: Strands = "both",
    device: str | torch.device | None = None,
    progress: bool = False,
) -> pd.DataFrame:
    """Ask how much one motif announces another, by spacing and orientation.

    On the forward strand the gain is log p(second | background with first) −
    log p(second | background without it); the second motif stays in the middle and
    the first one moves. The reverse strand reads the second motif first and asks
    the same of the first.

    Parameters
    ----------
    model, backgrounds, strands, device, progress
        As in `marginalize`.
    first, second
        Bases A, C, G, T, left and right motif on the forward strand.
    spacings
        Bases between the two, 0 or more.
    orientations
        Strands of the two: ``"-"`` writes the reverse complement.

    Returns
    -------
    pandas.DataFrame
        One row per background, orientation, spacing and strand, with ``gain`` in
        nats: positive where the one motif makes the other more expected;
        ``.attrs["hyenascope"]`` is the provenance.

    Raises
    ------
    ValueError
        If the motifs do not fit a background at the widest spacing.
    """
    require_causal(model)
    check_strands(strands)
    _check_backgrounds(backgrounds)
    motifs = (_checked_motif(first, "first"), _checked_motif(second, "second"))
    if not orientations:
        raise ValueError("orientations must name at least one; got none.")
    if not spacings or min(spacings) < 0:
        raise ValueError(
            f"spacings must be whole numbers from 0 on; got {list(spacings)}."
        )
    for name in orientations:
        if name not in get_args(Orientation):
            raise ValueError(f"orientations must be ++, +-, -+ or --; got {name!r}.")
    sides = ("forward", "reverse") if strands == "both" else (strands,)
    frames = []
    with borrow(model, device), torch.inference_mode():
        kind: Reader | None = None
        for number, text in enumerate(tqdm(backgrounds, disable=not progress)):
            text = _checked_background(model, text, number)
            for orientation, side in product(orientations, sides):
                pair = _oriented(motifs, orientation)
                item, edits, span = _spaced(
                    text, pair, spacings, number, reverse=side == "reverse"
                )
                kind = kind or choose_reader(model, tokens_for(model, item.tokens))
                gains = edit_changes(
                    model,
                    item,
                    [[edit] for edit in edits],
                    [span] * len(edits),
                    kind=kind,
                    count_substituted=False,
                )
                columns = {"spacing": list(spacings), "strand": side, "gain": gains}
                frame = pd.DataFrame(columns)
                frame.insert(0, "orientation", orientation)
                frame.insert(0, "background", number)
                frames.append(frame)
    details: dict[str, object] = {
        "method": "spacing_scan",
        "first": motifs[0],
        "second": motifs[1],
    }
    return _recorded(pd.concat(frames, ignore_index=True), model, details)


def _recorded(
    frame: pd.DataFrame, model: HyenaLM, details: dict[str, object]
) -> pd.DataFrame:
    """Put the provenance where pandas and Parquet keep it."""
    frame.attrs["hyenascope"] = provenance_of(model, None, **details)
    return frame


def _check_backgrounds(backgrounds: Sequence[str]) -> None:
    if isinstance(backgrounds, str) or not len(backgrounds):
        raise ValueError(
            f"backgrounds must be a list of sequences; got {backgrounds!r}."
        )


def _oriented(motifs: tuple[str, str], orientation: str) -> list[str]:
    return [
        motif if sign == "+" else reverse_complement(motif)
        for motif, sign in zip(motifs, orientation, strict=True)
    ]


def _marginal(
    model: HyenaLM, item: StrandWindow, edit: Edit, window: int, kind: Reader
) -> dict[str, object]:
    """Read one background on one strand, without the motif and with it."""
    ends = sorted((item.index(edit.start), item.index(edit.end - 1)))
    first, stop = ends[0], ends[1] + 1
    span = (stop, min(stop + window, len(item.tokens)))
    after = edit_changes(
        model, item, [[edit]], [span], kind=kind, count_substituted=False
    )[0]
    new = tokenize(edit.text)
    with_motif = item.tokens.copy()
    with_motif[first:stop] = reverse_complement_tokens(new) if item.reverse else new
    # Both up to the motif's end: a causal model needs no more.
    log_p = []
    for row in (with_motif[:stop], item.tokens[:stop]):
        tokens = tokens_for(model, row)
        table = base_log_probs(model(tokens[None]))[0]
        log_p.append(float(picked(table, tokens)[first:].nansum()))
    return {
        "strand": "reverse" if item.reverse else "forward",
        "motif": log_p[0],
        "replaced": log_p[1],
        "after": float(after),
    }


def _spaced(
    text: str,
    pair: Sequence[str],
    spacings: Sequence[int],
    number: int,
    *,
    reverse: bool,
) -> tuple[StrandWindow, list[Edit], tuple[int, int]]:
    """Fix the motif that is read last; let the other one move away from it."""
    fixed, moving = (pair[0], pair[1]) if reverse else (pair[1], pair[0])
    at = (len(text) - len(fixed)) // 2
    end = at + len(fixed)
    edits = []
    for gap in spacings:
        start = end + gap if reverse else at - gap - len(moving)
        _check_place(start, len(moving), text, number)
        edits.append(Edit(start, start + len(moving), moving))
    item = next(
        _strands(Edit(at, end, fixed).apply(text), "reverse" if reverse else "forward")
    )
    ends = sorted((item.index(at), item.index(end - 1)))
    return item, edits, (ends[0], ends[1] + 1)


def _strands(text: str, strands: Strands) -> Iterator[StrandWindow]:
    whole = Interval("background", 0, len(text))
    tokens = tokenize(text)
    if strands != "reverse":
        yield StrandWindow(whole, whole, False, tokens)
    if strands != "forward":
        yield StrandWindow(whole, whole, True, reverse_complement_tokens(tokens))


def _checked_motif(motif: str, name: str) -> str:
    if not motif:
        raise ValueError(f"{name} must have at least one base; got none.")
    return validate_dna(motif, alphabet=BASES).upper()


def _checked_background(model: HyenaLM, text: str, number: int) -> str:
    if len(text) > model.config.l_max:
        raise ValueError(
            f"background {number} must fit the context of {model.config.l_max} bp; "
            f"got {len(text):,}."
        )
    return validate_dna(text).upper()


def _check_place(start: int, width: int, text: str, number: int) -> None:
    if start < 1 or start + width > len(text) - 1:
        raise ValueError(
            f"background {number} must hold the motif with a base on either side, at "
            f"1 to {len(text) - 1 - width} (0-based); got {start} in {len(text)} bp."
        )
