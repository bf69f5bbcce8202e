"""How expected every base of a locus is, as a track."""

from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Float64

from hyenascope._typing import Strands, StrPath
from hyenascope.data.fasta import FastaReader, opened
from hyenascope.data.interval import Interval
from hyenascope.data.track_data import TrackData
from hyenascope.interpret.provenance import provenance_of
from hyenascope.models.batching import BatchSize
from hyenascope.models.hyena import HyenaLM
from hyenascope.models.model_checks import require_causal, window_context
from hyenascope.models.predict import check_strands, log_probs, mean_known
from hyenascope.sequence.one_hot import one_hot


def log_prob_track(
    model: HyenaLM,
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
    ends aside. 0 is certain, −1.39 is a fair four-sided coin; NaN where the base
    is N.

    Parameters
    ----------
    model
        A causal model; borrowed and put back.
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
        As in `hyenascope.logits`.

    Raises
    ------
    ValueError
        If the interval is empty or leaves its contig, or the context does not fit
        the model.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from hyenascope.models.hyena import HyenaConfig
    >>> model = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "tiny.fa"
    ...     _ = path.write_text(f">I{chr(10)}{'ACGT' * 30}")
    ...     track = log_prob_track(model, path, Interval("I", 40, 50))
    >>> track.values.shape, track.names
    ((10, 3), ('both', 'forward', 'reverse'))
    """
    check_strands(strands)
    require_causal(model)
    context = window_context(model, context)
    columns: dict[str, Float64[np.ndarray, " length"]] = {}
    with opened(genome) as reader:
        place = reader.inside(interval)
        size = reader.contigs[place.chrom]
        sides: tuple[Strands, ...] = (strands,)
        if strands == "both":
            sides = ("forward", "reverse")
        for side in sides:
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
        )
    if strands == "both":
        columns = {"both": mean_known(np.stack(list(columns.values()))), **columns}
    values = np.stack(list(columns.values()), axis=1)
    return TrackData(values, tuple(columns), place, "log p (nats)", details)


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
