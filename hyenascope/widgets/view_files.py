"""What a browser shows, as files."""

import io
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from pathlib import Path
from typing import Literal, Protocol, get_args, runtime_checkable

import numpy as np
import pandas as pd

from hyenascope._typing import StrPath
from hyenascope.data.contigs import contig_key
from hyenascope.data.interval import Interval
from hyenascope.data.track_data import TrackData
from hyenascope.viz.export import write_image
from hyenascope.viz.figure import plot_locus
from hyenascope.viz.lane import Component
from hyenascope.viz.saved_page import write_locus_html
from hyenascope.viz.style import ThemeName
from hyenascope.viz.view import NothingHereError
from hyenascope.widgets.track_list import Track

MOST_BASES = 5_000_000
"""Of a data file; more is a task for `hyenascope.write_tracks`."""

FileFormat = Literal["png", "svg", "pdf", "html", "bigwig", "tsv"]

_SUFFIXES = {"bw": "bigwig", "bigwig": "bigwig", "zip": "bigwig", "htm": "html"}


@runtime_checkable
class Signals(Protocol):
    """A component that can tell its numbers."""

    def signals(self, interval: Interval) -> TrackData | None:
        """Return the values inside ``interval``; None, or an error, if none are."""
        ...


@runtime_checkable
class OneSignal(Protocol):
    """A component that draws a `TrackData`, such as `Line` or `Heatmap`."""

    track_data: TrackData


def format_of(path: StrPath) -> FileFormat:
    """Return the format that the suffix of a path means.

    Raises
    ------
    ValueError
        If it means none.

    Examples
    --------
    >>> format_of("locus.bw"), format_of("locus.PNG")
    ('bigwig', 'png')
    """
    suffix = Path(path).suffix.lower().removeprefix(".")
    name = _SUFFIXES.get(suffix, suffix)
    if name not in get_args(FileFormat):
        raise ValueError(
            "path must end in .png, .svg, .pdf, .html, .tsv, .bw, or .zip for several "
            f"bigWig files; got {str(path)!r}."
        )
    return name  # type: ignore[return-value]


def view_bytes(
    components: Sequence[Component],
    interval: Interval,
    file_format: FileFormat,
    *,
    contig_lengths: Mapping[str, int],
    theme: ThemeName = "light",
) -> tuple[str, bytes]:
    """Return a file name and the bytes of a view.

    Images and pages show the components over ``interval`` (0-based half-open). TSV
    has a row per base and a column per signal; bigWig is a zip with a file per signal.

    Raises
    ------
    ValueError
        If a data file is asked for and no component has numbers here, or the interval
        holds more than 5,000,000 bp.
    """
    place = f"{interval.chrom}_{interval.start + 1}-{interval.end}"
    name = file_name(place)  # a FASTA names its contigs as it likes, with slashes, too
    if file_format in ("tsv", "bigwig") and interval.length > MOST_BASES:
        raise ValueError(
            f"interval must hold at most {MOST_BASES:,} bp to write its numbers; "
            f"got {interval.length:,} bp."
        )
    if file_format == "tsv":
        table = signal_table(components, interval)
        return f"{name}.tsv", table.to_csv(sep="\t", index=False).encode()
    if file_format == "bigwig":
        return f"{name}.bigwig.zip", _bigwigs(components, interval, contig_lengths)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"{name}.{file_format}")
        if file_format == "html":
            write_locus_html(components, interval, path)
        else:
            write_image(plot_locus(components, interval, theme=theme), path)
        return path.name, path.read_bytes()


def file_name(text: str) -> str:
    """Return a text without anything that means something in a path.

    Examples
    --------
    >>> file_name("../HLA*01:01")
    '.._HLA_01_01'
    """
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in text)


def signal_table(components: Sequence[Component], interval: Interval) -> pd.DataFrame:
    """Return ``chrom``, ``pos`` (1-based) and a column per signal in ``interval``.

    Raises
    ------
    ValueError
        If no component has numbers here.
    """
    frames = [data.to_frame() for data in _data(components, interval)]
    if not frames:
        raise ValueError(f"tracks must hold a signal at {interval}; none does.")
    keys = ["chrom", "pos"]
    return reduce(
        lambda left, right: left.merge(
            right, on=keys, how="outer", suffixes=("", "_2"), sort=True
        ),
        frames,
    )


def only_file(packed: bytes) -> bytes:
    """Return the one file of a zip.

    Raises
    ------
    ValueError
        If there are several.
    """
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        names = archive.namelist()
        if len(names) > 1:
            raise ValueError(
                "path must end in .zip for several signals, a bigWig file holds one; "
                f"got {', '.join(names)}."
            )
        return archive.read(names[0])


def _data(components: Sequence[Component], interval: Interval) -> Iterator[TrackData]:
    """Yield the signals, every name once; where several are shown, behind a label."""
    parts = [part.component if isinstance(part, Track) else part for part in components]
    found = [(part, data) for part in parts if (data := _signals(part, interval))]
    seen: set[str] = set()
    for part, data in found:
        label = getattr(part, "label", None)
        before = f"{label} " if label and len(found) > 1 else ""
        names = [_unique(f"{before}{name}", seen) for name in data.names]
        yield TrackData(data.values, names, data.interval, data.units, data.provenance)


def _unique(name: str, seen: set[str]) -> str:
    """Return a name, numbered if it is taken, and remember it."""
    unique, number = name, 2
    while unique in seen:
        unique, number = f"{name}_{number}", number + 1
    seen.add(unique)
    return unique


def _signals(component: Component, interval: Interval) -> TrackData | None:
    """Return the numbers of a component, on the contig as the genome spells it."""
    if isinstance(component, Signals):
        try:
            return component.signals(interval)
        except NothingHereError:
            return None
    if not isinstance(component, OneSignal):
        return None
    data = component.track_data
    if contig_key(interval.chrom) != contig_key(data.interval.chrom):
        return None
    chrom, strand = data.interval.chrom, data.interval.strand
    shared = data.interval.intersect(replace(interval, chrom=chrom, strand=strand))
    if shared is None:
        return None
    part, place = data.slice(shared), replace(shared, chrom=interval.chrom)
    return TrackData(part.values, part.names, place, part.units, part.provenance)


def _bigwigs(
    components: Sequence[Component],
    interval: Interval,
    contig_lengths: Mapping[str, int],
) -> bytes:
    packed = io.BytesIO()
    with (
        tempfile.TemporaryDirectory() as folder,
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        files: set[str] = set()
        for data in _data(components, interval):
            for name in data.names:
                if np.isnan(data.track(name)).all():
                    continue
                path = Path(folder, "signal.bw")
                data.to_bigwig(path, track=name, contig_lengths=contig_lengths)
                safe = file_name(name)
                archive.write(path, f"{_unique(safe, files)}.bw")
                path.unlink()
        if not archive.namelist():
            raise ValueError(f"tracks must hold a signal at {interval}; none does.")
    return packed.getvalue()
