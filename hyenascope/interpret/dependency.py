"""Nucleotide dependency maps: what mutating one base does to the odds of another.

The map of Tomaz da Silva et al. (Nat Genet 2025, "Nucleotide dependency analysis of
genomic language models detects functional elements"): entry (i, j) is the largest
change of the log odds of any base at j that any substitution at i brings about,

    max over k, l of | log2 odds(j = l | i ← k) − log2 odds(j = l | reference) |

A causal model sees a mutation only further on, so the forward strand fills j > i and
the reverse strand j < i; a model that fills masks fills both sides on either strand.
Mutants are recomputed on the band alone (`hyenascope.models.incremental`); wrapped
models read whole windows.
"""

import math

import anndata as ad
import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float64
from scipy import ndimage
from torch import Tensor
from tqdm.auto import tqdm

from hyenascope._typing import Strands, StrPath
from hyenascope.data.fasta import FastaReader, opened
from hyenascope.data.interval import Interval
from hyenascope.data.track_data import TrackData
from hyenascope.interpret.ism_plan import (
    reads_n,
    require_contig,
    require_likelihoods,
)
from hyenascope.interpret.provenance import provenance_of
from hyenascope.interpret.strand_windows import StrandWindow, centred_windows
from hyenascope.interpret.unscored import NOT_A_BASE, NOT_FINITE
from hyenascope.interpret.wrapped_maps import answers
from hyenascope.models.hyena import HyenaLM
from hyenascope.models.incremental import Mutant, tokens_for
from hyenascope.models.model_checks import AnyModel, window_context
from hyenascope.models.mutant_passes import (
    READER_NAMES,
    FullPasses,
    Reader,
    batches,
    choose_reader,
)
from hyenascope.models.predict import check_strands, mean_known
from hyenascope.models.wrappers.any_model import borrowed, native, sees_left
from hyenascope.models.wrappers.protocol import Place, WrappedModel
from hyenascope.sequence.dna import BASES
from hyenascope.sequence.tokenizer import BASE_TOKENS, N_TOKEN, detokenize

UNITS = "Δ log2 odds"


def dependency_map(
    model: AnyModel,
    genome: FastaReader | StrPath,
    interval: Interval,
    *,
    band: int | None = None,
    context: int | None = None,
    strands: Strands = "both",
    device: str | torch.device | None = None,
    progress: bool = False,
) -> ad.AnnData:
    """Return how strongly every base depends on every other.

    Parameters
    ----------
    model
        A causal model, or a wrapped one that gives likelihoods
        (`hyenascope.models.wrappers`), by full passes: one that fills masks takes a
        pass per mutant and per token that the band reaches. Borrowed and put back.
    genome
        Reader or FASTA path.
    interval
        0-based half-open, inside its contig; must fit the context.
    band
        Farthest distance in bases between the two; all of the interval by default.
        The work grows with it.
    context
        The one window that is read, centred on the interval; by default the
        model's, at most 16,384.
    strands
        ``"both"`` fills the square; ``"forward"`` only what lies right of the
        mutated base, ``"reverse"`` only what lies left of it. Of a model that fills
        masks every strand fills the square, and ``"both"`` is the mean of the two.
    device, progress
        As in `hyenascope.logits`.

    Returns
    -------
    anndata.AnnData
        ``.X[i, j]`` is the effect of mutating base i on base j, in log2 odds, ≥ 0;
        NaN on the diagonal, outside the band, on a side that no strand reads,
        where i or j is N, and where a wrapped model has no answer to a mutant of i.
        ``.obs`` and ``.var`` hold chrom, pos (1-based) and base;
        ``.uns["hyenascope"]`` the provenance.

    Raises
    ------
    ValueError
        If the interval is empty, leaves its contig or is longer than the context,
        the band is below 1, the model is two-sided or gives no likelihoods, or it
        has no letter for an N that lies in the window.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from hyenascope.models.hyena import HyenaConfig
    >>> model = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "tiny.fa"
    ...     _ = path.write_text(f">I{chr(10)}{'ACGT' * 30}")
    ...     found = dependency_map(model, path, Interval("I", 40, 50))
    >>> found.shape, list(found.obs_names[:2])
    ((10, 10), ['I:41', 'I:42'])
    """
    check_strands(strands)
    model = native(model)
    require_likelihoods(model)
    context = window_context(model, context)
    if band is not None and band < 1:
        raise ValueError(f"band must be at least 1; got {band}.")
    with opened(genome) as reader:
        place = reader.inside(interval)
        if place.length > context:
            raise ValueError(
                f"interval must fit the context of {context:,} bp; "
                f"got {place.length:,} bp."
            )
        require_contig(model, place, reader.contigs[place.chrom])
        reach = place.length - 1 if band is None else min(band, place.length - 1)
        windows = list(centred_windows(reader, place, context=context, strands=strands))
        if not reads_n(model) and (windows[0].tokens == N_TOKEN).any():
            raise ValueError(
                f"interval must lie where no N is in the window of {context:,} bp; "
                f"got {place}, and {model.name} has no letter for N."
            )
        mutated = place.length - 1 if sees_left(model) else place.length
        bar = tqdm(
            total=3 * mutated * len(windows), disable=not progress, unit="mutant"
        )
        kind: Reader = FullPasses
        unscored: list[str] = []
        with borrowed(model, device), torch.inference_mode(), bar:
            if isinstance(model, WrappedModel):
                squares = [
                    _wrapped_square(model, item, reach, unscored, bar)
                    for item in windows
                ]
            else:
                kind = choose_reader(model, tokens_for(model, windows[0].tokens))
                squares = [_square(model, item, reach, kind, bar) for item in windows]
        values = mean_known(np.stack(squares))
        places = _places(place, reader.fetch(place))
        details = provenance_of(
            model,
            reader,
            method="dependency_map",
            units=UNITS,
            band=reach,
            context=context,
            strands=strands,
            engine=READER_NAMES[kind],
            unscored=[
                *(
                    f"{name}: {NOT_A_BASE}"
                    for name, base in zip(places.index, places["base"], strict=True)
                    if base not in BASES
                ),
                *unscored,
            ],
            interval=str(place),
            reading="Row: the mutated base; column: the base whose odds change. "
            "0: independent in the eyes of the model.",
        )
    return ad.AnnData(values, places, places.copy(), uns={"hyenascope": details})


def influence_track(dependencies: ad.AnnData) -> TrackData:
    """Return each base's mean effect on the others and the others' on it.

    Tracks ``influence`` (mean over j of row i) and ``dependence`` (mean over i of
    column j), in log2 odds; NaN where a base has no pair.

    Examples
    --------
    >>> places = pd.DataFrame({"chrom": "I", "pos": [1, 2]}, index=["I:1", "I:2"])
    >>> square = np.array([[np.nan, 2.0], [1.0, np.nan]])
    >>> influence_track(ad.AnnData(square, places, places)).values
    array([[2., 1.],
           [1., 2.]])
    """
    values = np.asarray(dependencies.X, dtype=np.float64)
    known = ~np.isnan(values)
    filled = np.where(known, values, 0.0)
    columns = []
    for axis in (1, 0):
        count = known.sum(axis=axis)
        mean = filled.sum(axis=axis) / np.maximum(count, 1)
        columns.append(np.where(count > 0, mean, np.nan))
    first = int(dependencies.obs["pos"].iloc[0]) - 1
    place = Interval(str(dependencies.obs["chrom"].iloc[0]), first, first + len(values))
    return TrackData(
        np.stack(columns, axis=1),
        ("influence", "dependence"),
        place,
        UNITS,
        dict(dependencies.uns.get("hyenascope", {})),
    )


def dependency_blocks(
    dependencies: ad.AnnData,
    *,
    threshold: float | None = None,
    gap: int = 1,
    min_pairs: int = 6,
) -> pd.DataFrame:
    """Call connected blocks of strong dependencies.

    The square is made symmetric (the larger of (i, j) and (j, i)). Neighbours always
    depend on one another, so each pair is read against the median of all pairs at
    its distance; what exceeds the threshold and touches, or is ``gap`` apart, is one
    block. A block on the diagonal is an element whose bases depend on one another;
    one off it joins two elements.

    Parameters
    ----------
    dependencies
        What `dependency_map` returns.
    threshold
        In log2 odds above the median at the distance. By default six robust standard
        deviations (1.4826 × the median absolute deviation) of that excess.
    gap
        Cells that a block may skip.
    min_pairs
        Pairs of bases that a block must have.

    Returns
    -------
    pandas.DataFrame
        One row per block, strongest first: ``chrom first_start first_end
        second_start second_end`` (0-based half-open), ``pairs``, ``mean``, ``max``.

    Raises
    ------
    ValueError
        If the map holds no pair, or ``gap`` or ``min_pairs`` is out of range.
    """
    if gap < 0 or min_pairs < 1:
        raise ValueError(
            "gap must not be negative and min_pairs at least 1; "
            f"got {gap}, {min_pairs}."
        )
    values = np.asarray(dependencies.X, dtype=np.float64)
    upper = np.triu(np.fmax(values, values.T), k=1)
    excess = _excess(upper)
    pairs = excess[~np.isnan(excess)]
    if not pairs.size:
        raise ValueError("dependencies must hold a pair of bases; got none.")
    if threshold is None:
        threshold = 6 * 1.4826 * float(np.median(np.abs(pairs)))
    strong: Bool[np.ndarray, "length length"] = np.nan_to_num(excess) > threshold
    return _blocks(dependencies, upper, strong, gap, min_pairs)


def _excess(
    upper: Float64[np.ndarray, "length length"],
) -> Float64[np.ndarray, "length length"]:
    """Subtract from each pair the median at its distance; NaN on and below diagonal."""
    excess = np.full_like(upper, np.nan)
    for distance in range(1, len(upper)):
        pairs = np.diagonal(upper, distance)
        known = pairs[~np.isnan(pairs)]
        if len(known):
            first = np.arange(len(pairs))
            excess[first, first + distance] = pairs - np.median(known)
    return excess


def _blocks(
    dependencies: ad.AnnData,
    upper: Float64[np.ndarray, "length length"],
    strong: Bool[np.ndarray, "length length"],
    gap: int,
    min_pairs: int,
) -> pd.DataFrame:
    near = np.ones((2 * gap + 1, 2 * gap + 1)) if gap else None
    grown = ndimage.binary_dilation(strong, near) if gap else strong
    labels, _ = ndimage.label(grown, np.ones((3, 3)))
    labels[~strong] = 0
    offset = int(dependencies.obs["pos"].iloc[0]) - 1
    rows = []
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        inside = upper[labels == label]
        if box is None or len(inside) < min_pairs:
            continue
        first, second = box
        rows.append(
            {
                "chrom": dependencies.obs["chrom"].iloc[0],
                "first_start": offset + first.start,
                "first_end": offset + first.stop,
                "second_start": offset + second.start,
                "second_end": offset + second.stop,
                "pairs": len(inside),
                "mean": inside.mean(),
                "max": inside.max(),
            }
        )
    names = ["chrom", "first_start", "first_end", "second_start", "second_end"]
    frame = pd.DataFrame(rows, columns=[*names, "pairs", "mean", "max"])
    return frame.sort_values("max", ascending=False, ignore_index=True)


def _square(
    model: HyenaLM,
    item: StrandWindow,
    reach: int,
    kind: Reader,
    bar: "tqdm[object]",
) -> Float64[np.ndarray, "length length"]:
    """Return the side of the square that one strand reads; NaN elsewhere."""
    tokens = tokens_for(model, item.tokens)
    reader = kind(model, tokens, start=item.first, end=item.stop, window=reach + 1)
    expected = _log2_odds(reader.table)
    known = np.isin(item.tokens, BASE_TOKENS)
    count = item.places.length
    best = np.full((count, count), np.nan)
    for batch in batches(reader, _mutants(item, reach)):
        tables = _log2_odds(reader.log_probs(batch))
        for table, mutant in zip(tables, batch, strict=True):
            first, stop = mutant.start + 1, mutant.start + len(mutant.tokens)
            change = (table[1 : stop - mutant.start] - expected[first:stop]).abs()
            largest = change.amax(-1).cpu().numpy()
            largest[~known[first:stop]] = np.nan
            row = best[mutant.start - item.first]
            part = slice(first - item.first, stop - item.first)
            row[part] = np.fmax(row[part], largest)
        bar.update(len(batch))
    return best[::-1, ::-1] if item.reverse else best


def _wrapped_square(
    model: WrappedModel,
    item: StrandWindow,
    reach: int,
    unscored: list[str],
    bar: "tqdm[object]",
) -> Float64[np.ndarray, "length length"]:
    """Return what one strand reads of the square, by whole windows; NaN elsewhere.

    A base has no row, and is noted, if the model has no answer to one of its mutants.
    """
    text = detokenize(item.tokens)
    known = np.isin(item.tokens, BASE_TOKENS)

    def read(asked: list[tuple[str, Place]]) -> list[Float64[Tensor, "length 4"]]:
        texts, places = zip(*asked, strict=True)
        tables = model.log_probs(list(texts), places=places)
        return [_log2_odds(torch.from_numpy(table)) for table in tables]

    (expected,) = read([(text, (item.first, item.stop))])
    square = np.full((item.places.length, item.places.length), np.nan)
    for index in range(item.first, item.stop):
        first = index + 1 if model.causal else max(item.first, index - reach)
        stop = min(index + reach + 1, item.stop)
        if not known[index] or first >= stop:
            continue
        mutants = [
            (text[:index] + base + text[index + 1 :], (first, stop))
            for base in BASES
            if base != text[index]
        ]
        found = [table for table in answers(read, mutants, None) if table is not None]
        bar.update(len(mutants))
        if len(found) < len(mutants):
            unscored.append(_unanswered(item, index))
            continue
        changes = (torch.stack(found) - expected)[:, first:stop].abs().numpy()
        largest = np.fmax.reduce(np.fmax.reduce(changes, axis=2), axis=0)
        square[index - item.first, first - item.first : stop - item.first] = largest
    np.fill_diagonal(square, np.nan)
    square[:, ~known[item.first : item.stop]] = np.nan
    return square[::-1, ::-1] if item.reverse else square


def _unanswered(item: StrandWindow, index: int) -> str:
    """Say that a base has no row on a strand."""
    strand, before = "forward", item.window.start + index
    if item.reverse:
        strand, before = "reverse", item.window.end - 1 - index
    return f"{item.window.chrom}:{before + 1}, {strand}: {NOT_FINITE}"


def _mutants(item: StrandWindow, reach: int) -> list[Mutant]:
    """Every substitution of every place, as far as the band and the interval go."""
    found = []
    for index in range(item.first, item.stop - 1):
        if item.tokens[index] not in BASE_TOKENS:
            continue
        stop = min(index + reach + 1, item.stop)
        for base in BASE_TOKENS:
            if base != item.tokens[index]:
                new = item.tokens[index:stop].copy()
                new[0] = base
                found.append(Mutant(index, new, 1))
    return found


def _log2_odds(table: Float64[Tensor, "*rest 4"]) -> Float64[Tensor, "*rest 4"]:
    """log2 p / (1 − p) from log p in nats."""
    others = torch.log(-torch.expm1(table).clamp(max=-1e-300))
    return (table - others) / math.log(2)


def _places(place: Interval, text: str) -> pd.DataFrame:
    positions = np.arange(place.start + 1, place.end + 1)
    frame = pd.DataFrame({"chrom": place.chrom, "pos": positions, "base": list(text)})
    frame.index = pd.Index([f"{place.chrom}:{pos}" for pos in positions])
    return frame
