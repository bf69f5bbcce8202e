"""Tracks as files, the format told by the name: tables, signals and pictures."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hyenascope.data.track_data import TrackData
    from hyenascope.viz.lane import Component

TRACK_FORMATS = (
    *(".tsv", ".csv", ".parquet", ".bw", ".bedgraph", ".html", ".png", ".svg"),
)


def check_track_file(out: Path, labels: Sequence[str]) -> None:
    """Refuse what could not be written, before anything is computed."""
    if out.suffix not in TRACK_FORMATS:
        raise ValueError(f"out must end in {', '.join(TRACK_FORMATS)}; got {out.name}.")
    if not out.parent.is_dir():
        raise ValueError(f"out must be in a folder that exists; got {out}.")
    several = len(labels) > 1 and "{track}" not in str(out)
    if out.suffix in (".bw", ".bedgraph") and several:
        raise ValueError(
            "out must hold {track}, since a file holds one signal and there are "
            f"{', '.join(labels)}; got {out.name}."
        )
    if out.suffix in (".png", ".svg") and find_spec("kaleido") is None:
        raise ImportError("pictures need kaleido: pip install 'hyenascope[lab]'")


def write_track_file(
    track: "TrackData",
    out: Path,
    contigs: dict[str, int],
    lanes: "Sequence[Component]",
) -> None:
    """Write a track; a picture shows ``lanes``."""
    from hyenascope.data.atomic import atomic_path
    from hyenascope.viz.export import write_html, write_image
    from hyenascope.viz.figure import plot_locus

    if out.suffix == ".parquet":
        track.to_parquet(out)
    elif out.suffix == ".bw":
        track.to_bigwig(out, contig_lengths=contigs)
    elif out.suffix == ".bedgraph":
        track.to_bedgraph(out)
    elif out.suffix in (".html", ".png", ".svg"):
        figure = plot_locus(lanes, track.interval)
        (write_html if out.suffix == ".html" else write_image)(figure, out)
    else:
        separator = "\t" if out.suffix == ".tsv" else ","
        with atomic_path(out) as path:
            track.to_frame().to_csv(path, sep=separator, index=False)
