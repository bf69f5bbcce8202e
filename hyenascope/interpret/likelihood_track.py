"""How expected every base of a locus is, as a track."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Float64

from hyenascope._typing import Strands, StrPath
from hyenascope.data.fasta import FastaReader, opened
from hyenascope.data.interval import Interval
from hyenascope.data.track_data import TrackData
from hyenascope.interpret.ism import conditional_map
from hyenascope.interpret.ism_plan import require_likelihoods
from hyenascope.interpret.provenance import provenance_of
from hyenascope.interpret.unscored import NothingScoredError
from hyenascope.interpret.wrapped_maps import picked_bases
from hyenascope.models.batching import BatchSize
from hyenascope.models.model_checks import AnyModel, window_context
from hyenascope.models.predict import check_strands, log_probs, mean_known
from hyenascope.models.wrappers.any_model import native
from hyenascope.models.wrappers.protocol import WrappedModel
from hyenascope.sequence.one_hot import one_hot


def log_prob_track(
    model: AnyModel,
    genome: FastaReader | StrPath,
    interval: Interval,
    *,
    context: int | None = None,
    strands: Strands = "both",
    batch_size: BatchSize = "auto",
    device: str | torch.device | None = None,
    progress: bool = False,
) -> TrackData:
    """Return log p of each reference base given the bases beside it, in nats.

    Windows of ``context`` bases overlap by half; each base is read where it has
    at least half a context before it (on the reverse strand: after it), contig
    ends aside. A wrapped model that fills masks is asked for log p given all other
    bases of a window. 0 is certain, −1.39 is a fair four-sided coin; NaN where the
    base is N, and where a wrapped model has no number, for the reason in
    ``provenance["unscored"]``.

    Parameters
    ----------
    model
        A causal model, or a wrapped one that gives likelihoods
        (`hyenascope.models.wrappers`); borrowed and put back.
    genome
        Reader or FASTA path.
    interval
        0-based half-open, inside its contig; forward strand order whatever its
        strand.
    context
        Window in bases; by default the model's, at most 16,384.
    strands
        ``"both"`` gives the tracks ``both``, ``forward`` and ``reverse``, the
        first being the mean; else the one track that is named.
    batch_size, device, progress
        As in `hyenascope.logits`; a wrapped model has its own batch size.

    Raises
    ------
    ValueError
        If the interval is empty or leaves its contig, the context does not fit the
        model, or it is two-sided or gives no likelihoods.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from hyenascope.models.hyena import HyenaConfig, HyenaLM
    >>> model = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "tiny.fa"
    ...     _ = path.write_text(f">I{chr(10)}{'ACGT' * 30}")
    ...     track = log_prob_track(model, path, Interval("I", 40, 50))
    >>> track.values.shape, track.names
    ((10, 3), ('both', 'forward', 'reverse'))
    """
    check_strands(strands)
    model = native(model)
    require_likelihoods(model)
    context = window_context(model, context)
    columns: dict[str, Float64[np.ndarray, " length"]] = {}
    with opened(genome) as reader:
        place = reader.inside(interval)
        size = reader.contigs[place.chrom]
        unscored: list[Mapping[str, object]] = []
        sides: tuple[Strands, ...] = (strands,)
        if strands == "both":
            sides = ("forward", "reverse")
        for side in sides:
            if isinstance(model, WrappedModel):
                columns[side], reasons = _wrapped_column(
                    model,
                    reader,
                    place,
                    context,
                    side,
                    device=device,
                    progress=progress,
                )
                unscored += reasons
                continue
            windows = list(_windows(place, size, context, side))
            texts = [reader.fetch(window) for window in windows]
            tables = log_probs(
                model,
                texts,
                strands=side,
                batch_size=batch_size,
                device=device,
                progress=progress,
            )
            columns[side] = _stitch(place, size, windows, texts, tables, side)
        details = provenance_of(
            model,
            reader,
            method="log_prob_track",
            context=context,
            strands=strands,
            reading="0 is certain, −1.39 a fair four-sided coin.",
            **({"unscored": unscored} if isinstance(model, WrappedModel) else {}),
        )
    if strands == "both":
        columns = {"both": mean_known(np.stack(list(columns.values()))), **columns}
    values = np.stack(list(columns.values()), axis=1)
    return TrackData(values, tuple(columns), place, "log p (nats)", details)


def _wrapped_column(
    model: WrappedModel,
    genome: FastaReader,
    place: Interval,
    context: int,
    side: Strands,
    *,
    device: str | torch.device | None,
    progress: bool,
) -> tuple[Float64[np.ndarray, " length"], Sequence[Mapping[str, object]]]:
    """Return log p of the bases that are there, and what has no number and why."""
    try:
        rows = conditional_map(
            model,
            genome,
            place,
            context=context,
            strands=side,
            device=device,
            progress=progress,
        )
    except NothingScoredError as error:
        return np.full(place.length, np.nan), error.rows
    reasons = rows.provenance["unscored"]
    assert isinstance(reasons, Sequence)
    return picked_bases(rows.values, genome.fetch(place).upper()), reasons


def _windows(
    interval: Interval, size: int, context: int, side: Strands
) -> Iterator[Interval]:
    """Half-overlapping windows that give every base half a context to read."""
    half = context // 2
    for start in range(interval.start, interval.end, half):
        left = start - half if side == "forward" else start
        left = max(0, min(left, size - context))
        yield Interval(interval.chrom, left, min(left + context, size))


def _stitch(
    interval: Interval,
    size: int,
    windows: list[Interval],
    texts: list[str],
    tables: list[Float64[np.ndarray, "_ 4"]],
    side: Strands,
) -> Float64[np.ndarray, " length"]:
    """Take each base from a window where it has at least half a context to read."""
    track = np.full(interval.length, np.nan)
    # In this order a later window fills what an earlier one saw badly.
    order = range(len(windows)) if side == "forward" else reversed(range(len(windows)))
    half = windows[0].length // 2
    for i in order:
        window = windows[i]
        bases = one_hot(texts[i])
        picked = np.where(bases > 0, tables[i], 0.0).sum(axis=1)
        picked[bases.sum(axis=1) == 0] = np.nan
        start, end = window.start, window.end
        if side == "forward" and start > 0:
            start += half
        if side == "reverse" and end < size:
            end -= half
        overlap = Interval(interval.chrom, start, max(start, end)).intersect(interval)
        if overlap is None:
            continue
        source = slice(overlap.start - window.start, overlap.end - window.start)
        to = slice(overlap.start - interval.start, overlap.end - interval.start)
        track[to] = picked[source]
    return track
