"""What a track model says of a stretch of a genome, as tracks to draw."""

from collections.abc import Sequence
from importlib.metadata import version

import numpy as np
import torch
from jaxtyping import Float, Float64
from tqdm.auto import tqdm

from hyenascope._typing import StrPath
from hyenascope.data.fasta import FastaReader, opened
from hyenascope.data.interval import Interval
from hyenascope.data.track_data import TrackData
from hyenascope.models.batching import BatchSize
from hyenascope.models.state_layouts import model_tensors, tensors_hash
from hyenascope.models.track_model import TrackModel
from hyenascope.models.track_tiles import TrackTile, track_tiles
from hyenascope.sequence.tokenizer import tokenize

_TILES = 1024  # read at a time


def predict_track(
    model: TrackModel,
    genome: FastaReader | StrPath,
    interval: Interval,
    *,
    margin: int | None = None,
    batch_size: BatchSize = "auto",
    device: str | torch.device | None = None,
    progress: bool = False,
) -> TrackData:
    """Return a track per label, with a value at every base of an interval.

    Windows overlap, and each is asked for its middle alone, so that a base sees at
    least ``margin`` bases on either side where the contig has them.

    Parameters
    ----------
    model
        Borrowed: moved, used in eval mode and put back.
    genome
        FASTA file or an open reader.
    interval
        0-based half-open, inside its contig; its strand does not matter.
    margin
        Bases; a multiple of the model's bins. A quarter of the window if None, in
        whole bins: none where a bin is more than a quarter.
    batch_size, device, progress
        As in `hyenascope.embed`.

    Returns
    -------
    TrackData
        Probabilities, or the numbers of a regression in their units. Of bins, which
        count from the start of the interval, each base has the value.

    Raises
    ------
    UnknownContigError
        If the genome has no such contig.
    ValueError
        If the interval is empty or leaves its contig, or ``margin`` does not fit.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from hyenascope.models.hyena import HyenaConfig, HyenaLM
    >>> from hyenascope.models.sequence_task import SequenceTask
    >>> backbone = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    >>> model = TrackModel(backbone, SequenceTask("multilabel", ("coding",)))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "tiny.fa"
    ...     _ = path.write_text(">chr1" + chr(10) + "ACGTTGCA" * 20 + chr(10))
    ...     track = predict_track(model, path, Interval("chr1", 10, 110))
    >>> track.names, track.values.shape, track.units
    (('coding',), (100, 1), 'probability')
    """
    with opened(genome) as reader:
        place = reader.inside(interval)
        tiles = model_tiles(model, reader, place, margin=margin)
        values = _values(model, reader, tiles, place, batch_size, device, progress)
        facts = _facts(model, reader, default_margin(model, margin))
    return TrackData(values, model.task.label_names, place, model.units, facts)


def _values(
    model: TrackModel,
    genome: FastaReader,
    tiles: Sequence[TrackTile],
    place: Interval,
    batch_size: BatchSize,
    device: str | torch.device | None,
    progress: bool,
) -> Float[np.ndarray, "length labels"]:
    """Fill a line per base, some tiles at a time: logits of a chromosome are many."""
    shape = place.length, len(model.task.label_names)
    values = np.empty(shape, np.dtype(str(model.scale.dtype).removeprefix("torch.")))
    with tqdm(total=len(tiles), disable=not progress, unit="window") as bar:
        for start in range(0, len(tiles), _TILES):
            some = tiles[start : start + _TILES]
            found = tile_logits(
                model, genome, some, batch_size=batch_size, device=device
            )
            for tile, logits in zip(some, found, strict=True):
                numbers = np.repeat(model.numbers(logits), model.bin_size, axis=0)
                rows = slice(tile.core.start - place.start, tile.core.end - place.start)
                values[rows] = numbers[: tile.core.length]
            bar.update(len(some))
    return values


def default_margin(model: TrackModel, margin: int | None) -> int:
    """Return ``margin``, or a quarter of the window in whole bins, perhaps none."""
    if margin is not None:
        return margin
    return model.window // 4 // model.bin_size * model.bin_size


def model_tiles(
    model: TrackModel, genome: FastaReader, interval: Interval, *, margin: int | None
) -> Sequence[TrackTile]:
    """Cut an interval into tiles as the model reads them, see `track_tiles`."""
    return list(
        track_tiles(
            interval,
            genome.contigs[interval.chrom],
            window=model.window,
            margin=default_margin(model, margin),
            bin_size=model.bin_size,
        )
    )


def tile_logits(
    model: TrackModel,
    genome: FastaReader,
    tiles: Sequence[TrackTile],
    *,
    batch_size: BatchSize = "auto",
    device: str | torch.device | None = None,
    progress: bool = False,
) -> list[Float64[np.ndarray, "_ outputs"]]:
    """Return the logits of the bins in the core of each tile."""
    rows = [tokenize(genome.fetch(tile.window)) for tile in tiles]
    found = model.logits(rows, batch_size=batch_size, device=device, progress=progress)
    kept = []
    for tile, logits in zip(tiles, found, strict=True):
        first = (tile.core.start - tile.window.start) // model.bin_size
        count = -(-tile.core.length // model.bin_size)
        kept.append(logits[first : first + count].copy())  # a view keeps the window
    return kept


def _facts(model: TrackModel, genome: FastaReader, margin: int) -> dict[str, object]:
    return {
        "model": model.backbone.name,
        "checkpoint_hash": tensors_hash(model_tensors(model)),
        "genome": genome.path.name,
        "genome_fingerprint": genome.fingerprint,
        "version": version("hyenascope"),
        "window": model.window,
        "margin": margin,
        "bin_size": model.bin_size,
        "strands": model.strands,
    }
