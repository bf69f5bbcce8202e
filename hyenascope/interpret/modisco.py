"""Attributions as TF-MoDISco takes them: a pair of files for its command line."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from hyenascope._typing import StrPath
from hyenascope.data.atomic import atomic_path
from hyenascope.data.track_data import TrackData
from hyenascope.sequence.dna import BASES
from hyenascope.sequence.one_hot import one_hot


def write_modisco(
    path: StrPath, tracks: Iterable[TrackData], sequences: Iterable[str]
) -> tuple[Path, Path]:
    """Write one-hot sequences and hypothetical contributions for modisco-lite.

    Run it with ``modisco motifs -s PATH.sequences.npz -a PATH.attributions.npz -w
    WIDTH -n 2000``, WIDTH at most the length of the windows. Each row's mean is taken
    off the four contributions, as the method expects; a position with NaN is zero in
    both files, so N is never part of a motif.

    Parameters
    ----------
    path
        Start of both names; its folder must exist.
    tracks
        Four tracks A, C, G, T each, all of one length: for example windows of a
        mutagenesis scan, or what `read_tracks` yields.
    sequences
        Bases of each window on the forward strand, in the same order.

    Returns
    -------
    tuple
        The two files, arrays ``sequences × 4 × length`` of float32.

    Raises
    ------
    ValueError
        If there is no window, or names, lengths or numbers do not agree.
    OSError
        If a file cannot be written; each appears whole or not at all.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from hyenascope.data.interval import Interval
    >>> window = TrackData(np.eye(4), tuple("ACGT"), Interval("chr1", 0, 4))
    >>> with TemporaryDirectory() as folder:
    ...     pair = write_modisco(f"{folder}/scan", [window], ["ACGT"])
    ...     np.load(pair[1])["arr_0"].shape
    (1, 4, 4)
    """
    rows = [
        _window(track, sequence, index)
        for index, (track, sequence) in enumerate(zip(tracks, sequences, strict=True))
    ]
    if not rows:
        raise ValueError("tracks must hold at least one window; got none.")
    lengths = sorted({len(bases) for bases, _ in rows})
    if len(lengths) > 1:
        raise ValueError(f"tracks must all have one length; got {lengths}.")
    bases, contributions = (np.stack(each) for each in zip(*rows, strict=True))
    return (
        _write(f"{path}.sequences.npz", bases),
        _write(f"{path}.attributions.npz", contributions),
    )


def _window(
    track: TrackData, sequence: str, index: int
) -> tuple[Float32[np.ndarray, "length 4"], Float32[np.ndarray, "length 4"]]:
    if track.names != tuple(BASES):
        raise ValueError(
            f"tracks must have A, C, G and T; got {list(track.names)} at index {index}."
        )
    if len(sequence) != track.interval.length:
        raise ValueError(
            f"sequences must hold the {track.interval.length} bases of each window; "
            f"got {len(sequence)} at index {index}."
        )
    bases = one_hot(sequence)
    centred = track.values - track.values.mean(axis=1, keepdims=True)
    unknown = np.isnan(centred).any(axis=1) | (bases.sum(axis=1) == 0)
    bases[unknown], centred[unknown] = 0, 0
    return bases, centred.astype(np.float32)


def _write(path: str, rows: Float32[np.ndarray, "sequences length 4"]) -> Path:
    with atomic_path(path) as target, target.open("wb") as file:
        np.savez_compressed(file, np.ascontiguousarray(rows.transpose(0, 2, 1)))
    return Path(path)
