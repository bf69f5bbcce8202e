"""Scans that change a stretch of DNA and ask what follows it.

Deleting, masking or replacing a stretch says how much the model's expectations
*elsewhere* lean on it: the score is the change in log-likelihood of the bases that
are read after the stretch, paired by coordinate. What is changed itself does not
count.
"""

from collections.abc import Callable, Mapping
from typing import Literal, get_args

import numpy as np
import torch
from jaxtyping import Float64
from tqdm.auto import tqdm

from hyenascope._device import borrow
from hyenascope._typing import Strands, StrPath
from hyenascope.data.fasta import FastaReader, opened
from hyenascope.data.interval import Interval
from hyenascope.data.track_data import TrackData
from hyenascope.interpret.edits import Edit, Span, edit_changes
from hyenascope.interpret.provenance import provenance_of
from hyenascope.interpret.strand_windows import StrandWindow, strand_windows
from hyenascope.interpret.unscored import (
    NOT_A_BASE,
    NOTHING_BEFORE,
    UnscoredRuns,
    contig_ends,
)
from hyenascope.models.hyena import HyenaLM
from hyenascope.models.incremental import tokens_for
from hyenascope.models.model_checks import require_causal, window_context
from hyenascope.models.mutant_passes import READER_NAMES, Reader, choose_reader
from hyenascope.models.predict import check_strands, mean_known
from hyenascope.sequence.dna import BASES, validate_dna
from hyenascope.sequence.shuffle import dinucleotide_shuffle
from hyenascope.sequence.tokenizer import BASE_TOKENS

Fill = Literal["n", "shuffle"]
"""What takes the place of a stretch: N, or dinucleotide shuffles of itself."""

Make = Callable[[int, str], list[Edit]]
"""From a 0-based position and the bases there to one edit per repeat."""


def deletion_scan(
    model: HyenaLM,
    genome: FastaReader | StrPath,
    interval: Interval,
    *,
    width: int = 1,
    window: int = 256,
    context: int | None = None,
    strands: Strands = "both",
    device: str | torch.device | None = None,
    progress: bool = False,
) -> TrackData:
    """Delete every stretch of ``width`` bases and score what follows.

    Parameters
    ----------
    model
        A causal model; borrowed and put back.
    genome
        Reader or FASTA path.
    interval
        0-based half-open, inside its contig. The value at base i belongs to the
        stretch that begins there, ``[i, i + width)``, also where that ends outside.
    width
        Bases to delete.
    window
        Bases after the stretch whose log-likelihood is compared; on the reverse
        strand those before it.
    context
        Bases that the model reads; by default its own, at most 16,384.
    strands
        ``"both"`` is the mean of the strands that have a number.
    device, progress
        As in `hyenascope.logits`.

    Returns
    -------
    TrackData
        One track, alternate − reference in nats: negative means that the bases
        around are less expected without the stretch. NaN where a strand cannot judge
        (N in the stretch, the contig ends within the window), with the reason in
        ``provenance["unscored"]``.

    Raises
    ------
    ValueError
        If the interval leaves its contig, width and window do not fit the context,
        or the model is two-sided.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from hyenascope.models.hyena import HyenaConfig
    >>> model = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "tiny.fa"
    ...     _ = path.write_text(f">I{chr(10)}{'ACGT' * 30}")
    ...     deletion_scan(model, path, Interval("I", 40, 50), window=8).names
    ('deletion',)
    """
    scan = _Scan("deletion_scan", "deletion", width, window, context, strands)

    def deletion(position: int, _: str) -> list[Edit]:
        return [Edit(position, position + width, "")]

    return _run(
        scan, deletion, model, genome, interval, {}, device=device, progress=progress
    )


def occlusion_scan(
    model: HyenaLM,
    genome: FastaReader | StrPath,
    interval: Interval,
    *,
    width: int = 10,
    fill: Fill = "shuffle",
    repeats: int = 5,
    seed: int = 0,
    window: int = 256,
    context: int | None = None,
    strands: Strands = "both",
    device: str | torch.device | None = None,
    progress: bool = False,
) -> TrackData:
    """Hide every stretch of ``width`` bases and score what follows.

    Parameters
    ----------
    model, genome, interval, width, window, context, strands, device, progress
        As in `deletion_scan`.
    fill
        ``"n"`` writes N; ``"shuffle"`` writes dinucleotide shuffles of the stretch,
        so that composition and the two outer bases stay.
    repeats, seed
        Shuffles per stretch, of which the mean is given, and their seed. A
        stretch's shuffles depend on its position and the seed alone.

    Returns
    -------
    TrackData
        One track, alternate − reference in nats, as in `deletion_scan`.

    Raises
    ------
    ValueError
        As `deletion_scan`, if ``fill`` is unknown, ``repeats`` is below 1, or the
        stretch is too short to be shuffled (4 bases).
    """
    if fill not in get_args(Fill):
        raise ValueError(f"fill must be 'n' or 'shuffle'; got {fill!r}.")
    if repeats < 1:
        raise ValueError(f"repeats must be at least 1; got {repeats}.")
    if fill == "shuffle" and width < 4:
        raise ValueError(f"width must be at least 4 to be shuffled; got {width}.")
    scan = _Scan("occlusion_scan", "occlusion", width, window, context, strands)

    def occlusion(position: int, text: str) -> list[Edit]:
        if fill == "n":
            return [Edit(position, position + width, "N" * width)]
        generator = np.random.default_rng((seed, position))
        texts = [
            dinucleotide_shuffle(text, generator=generator) for _ in range(repeats)
        ]
        return [Edit(position, position + width, new) for new in texts]

    options = {"fill": fill, "repeats": repeats, "seed": seed}
    return _run(
        scan,
        occlusion,
        model,
        genome,
        interval,
        options,
        device=device,
        progress=progress,
    )


def motif_scan(
    model: HyenaLM,
    genome: FastaReader | StrPath,
    interval: Interval,
    motif: str,
    *,
    window: int = 256,
    context: int | None = None,
    strands: Strands = "both",
    device: str | torch.device | None = None,
    progress: bool = False,
) -> TrackData:
    """Write a motif over every stretch of its width and score what follows.

    Parameters
    ----------
    model, genome, interval, window, context, strands, device, progress
        As in `deletion_scan`.
    motif
        Bases, forward strand; N leaves the base that is there.

    Returns
    -------
    TrackData
        One track, alternate − reference in nats: positive where the surroundings
        are more expected beside the motif.

    Raises
    ------
    ValueError
        As `deletion_scan`, and if ``motif`` is empty or no DNA.
    """
    if not motif:
        raise ValueError("motif must have at least one base; got none.")
    motif = validate_dna(motif).upper()
    width = len(motif)
    scan = _Scan("motif_scan", "motif", width, window, context, strands)

    def insertion(position: int, text: str) -> list[Edit]:
        new = "".join(t if m == "N" else m for m, t in zip(motif, text, strict=True))
        return [Edit(position, position + width, new)]

    return _run(
        scan,
        insertion,
        model,
        genome,
        interval,
        {"motif": motif},
        device=device,
        progress=progress,
    )


class _Scan:
    """What every stretch has in common, checked."""

    def __init__(
        self,
        method: str,
        track: str,
        width: int,
        window: int,
        context: int | None,
        strands: Strands,
    ) -> None:
        check_strands(strands)
        for name, value in (("width", width), ("window", window)):
            if value < 1:
                raise ValueError(f"{name} must be at least 1; got {value}.")
        self.method, self.track = method, track
        self.width, self.window = width, window
        self.context, self.strands = context, strands

    def resolve(self, model: HyenaLM) -> int:
        """Return the context, if stretch and window fit it."""
        require_causal(model)
        context = window_context(model, self.context)
        # A deletion pulls bases in at the far edge; half of what is left lies before
        # the place, and on the reverse strand the stretch begins there.
        if 4 * self.width + self.window > context:
            raise ValueError(
                f"window must fit the context of {context:,} bp beside four times the "
                f"width; got {self.window:,} and a width of {self.width:,}."
            )
        return context


def _run(
    scan: _Scan,
    make: Make,
    model: HyenaLM,
    genome: FastaReader | StrPath,
    interval: Interval,
    options: Mapping[str, object],
    *,
    device: str | torch.device | None,
    progress: bool,
) -> TrackData:
    context = scan.resolve(model)
    with opened(genome) as reader:
        place = reader.inside(interval)
        room = 2 * scan.width + scan.window
        windows = list(
            strand_windows(
                reader, place, context=context, room=room, strands=scan.strands
            )
        )
        tables, unscored = np.full((2, place.length), np.nan), UnscoredRuns()
        total = sum(item.places.length for item in windows)
        bar = tqdm(total=total, disable=not progress, unit="base")
        with borrow(model, device), torch.inference_mode(), bar:
            kind = choose_reader(model, tokens_for(model, windows[0].tokens))
            for item in windows:
                at = item.places.start - place.start
                part = tables[int(item.reverse), at : at + item.places.length]
                part[:] = _stretches(model, reader, item, scan, make, kind, unscored)
                bar.update(item.places.length)
        if np.isnan(tables).all():
            raise ValueError(
                "interval must hold a stretch that can be scored; "
                f"got {place}, where {unscored.first_reason}."
            )
        details = provenance_of(
            model,
            reader,
            method=scan.method,
            width=scan.width,
            window=scan.window,
            context=context,
            strands=scan.strands,
            engine=READER_NAMES[kind],
            unscored=unscored.rows,
            reading="Negative: the bases around are less expected after the change.",
            **options,
        )
    values = mean_known(tables)
    return TrackData(values, (scan.track,), place, "Δ log p (nats)", details)


def _stretches(
    model: HyenaLM,
    genome: FastaReader,
    item: StrandWindow,
    scan: _Scan,
    make: Make,
    kind: Reader,
    unscored: UnscoredRuns,
) -> Float64[np.ndarray, " places"]:
    """Score one stretch per place; NaN where it or its window does not fit."""
    haplotypes: list[list[Edit]] = []
    spans: list[Span] = []
    owners: list[int] = []
    for offset in range(item.places.length):
        position = item.places.start + offset
        text = genome.fetch_region(item.window.chrom, position, position + scan.width)
        span = _span(item, position, scan)
        reason = _reason(item, span, text, scan)
        if reason:
            strand = "reverse" if item.reverse else "forward"
            unscored.note(strand, position, reason)
            continue
        for edit in make(position, text):
            haplotypes.append([edit])
            spans.append(span)
            owners.append(offset)
    found = edit_changes(
        model, item, haplotypes, spans, kind=kind, count_substituted=False
    )
    count = np.bincount(owners, minlength=item.places.length)
    total = np.bincount(owners, weights=found, minlength=item.places.length)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _span(item: StrandWindow, position: int, scan: _Scan) -> Span:
    """Return the bases that follow the stretch as the strand reads them."""
    ends = (item.index(position), item.index(position + scan.width - 1))
    return max(ends) + 1, max(ends) + 1 + scan.window


def _reason(item: StrandWindow, span: Span, text: str, scan: _Scan) -> str:
    """Say why a stretch has no score, or nothing if it has one."""
    if set(text) - set(BASES):
        return f"{NOT_A_BASE} somewhere in the stretch"
    if span[0] - scan.width < 1:
        return NOTHING_BEFORE
    # A deletion pulls in as many bases again at the far edge.
    if span[1] + scan.width > len(item.tokens):
        return contig_ends(scan.window + 2 * scan.width)
    if not np.isin(item.tokens[slice(*span)], BASE_TOKENS).any():
        return "no base A, C, G or T follows"
    return ""
