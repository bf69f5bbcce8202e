"""Tracks that a page can move: the part that a browser and an explorer share."""

import math
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, ClassVar

import pandas as pd
import plotly.graph_objects as go

from hyenascope._typing import StrPath
from hyenascope.data.fasta import FastaReader
from hyenascope.data.gene import Gene
from hyenascope.data.gene_index import GeneIndex
from hyenascope.data.interval import Interval
from hyenascope.viz.figure import plot_locus
from hyenascope.viz.letters import GLYPHS
from hyenascope.viz.packing import encoded
from hyenascope.viz.style import THEMES, ThemeName
from hyenascope.viz.text import plain_interval
from hyenascope.viz.tile import Tile, draw_tile
from hyenascope.widgets.locus_host import LocusHost, Message
from hyenascope.widgets.place_search import PlaceError, find_place
from hyenascope.widgets.track_list import Track, TrackList

_POINTS_PER_PIXEL = 2  # a lowest and a highest value
_MIME = "application/vnd.plotly.v1+json"
_WIDE = 1_000_000  # bases; beyond, what lies beside the window costs too much
_SLIP = 1e-6  # of a base: the page computes edges
_EDGE = 0.5  # base p (1-based) fills p - 0.5 to p + 0.5 of the axis


class LiveTracks(LocusHost):
    """Tracks over the contigs of a genome, and the window that shows them.

    Parameters
    ----------
    genome
        What gives the contigs their lengths.
    interval
        The first window, 0-based half-open, inside its contig.

    Attributes
    ----------
    interval : Interval
        What the page shows now, 0-based half-open.
    tracks : TrackList
        Top to bottom.

    Raises
    ------
    ValueError
        If the interval is empty or off its contig.
    """

    answers: ClassVar[tuple[str, ...]] = ("plotly", "hello", "look", "window", "find")
    extras = ""

    def __init__(self, genome: FastaReader, interval: Interval) -> None:
        self.genome = genome
        self.interval = genome.inside(interval)
        if interval.length == 0:
            raise ValueError(f"interval must hold at least one base; got {interval}.")
        self.tracks = TrackList()
        self.find_among(None, None)
        self.theme: ThemeName = "light"
        super().__init__()

    def goto(self, interval: Interval) -> None:
        """Show another stretch (0-based half-open).

        Raises
        ------
        ValueError
            If it is empty or off its contig.
        """
        self.interval = self.genome.inside(interval)
        edges = self._edges(self.interval)
        contig = self._contig(self.interval.chrom)
        self.send({"kind": "go", **edges, "contig": contig})

    def figure(
        self, *, theme: ThemeName = "light", width: int | None = None
    ) -> go.Figure:
        """Return what the page shows as a plain figure, which needs no kernel."""
        return plot_locus(self._shown(), self.interval, theme=theme, width=width)

    def facts(self) -> dict[str, Any]:
        """Return what a page must know before it draws."""
        return {
            "contig": self._contig(self.interval.chrom),
            "window": list(self._edges(self.interval).values()),
            "glyphs": GLYPHS,
            "label": f"Genome tracks at {plain_interval(self.interval)}",
            "extras": self.extras,
        }

    def looked_at(self, window: Interval) -> None:
        """Take note of a window of which a tile was drawn."""

    def answer_hello(self, message: Message) -> Message:
        """Return `facts`."""
        del message
        return self.facts()

    def find_among(
        self, genes: StrPath | Sequence[Gene] | None, variants: pd.DataFrame | None
    ) -> None:
        """Let the search box know genes and variants; places it knows anyway."""
        self._index = None if genes is None else GeneIndex(genes)
        if self._index is not None:
            # A whole annotation takes a while: read it before somebody searches.
            threading.Thread(
                target=_read_ahead, args=[self._index], daemon=True
            ).start()
        self._variants = variants

    def answer_find(self, message: Message) -> Message:
        """Return places that a query may mean."""
        try:
            found = find_place(
                str(message["query"]),
                contigs=self.genome.contigs,
                genes=self._index,
                variants=self._variants,
                current=self._window(message),
            )
        except PlaceError as error:
            return {"choices": [], "message": str(error)}
        choices = [
            {
                "label": label,
                **self._edges(place),
                "contig": self._contig(place.chrom),
            }
            for label, place in found.choices
        ]
        return {"choices": choices, "message": found.message}

    def answer_window(self, message: Message) -> None:
        """Follow the page."""
        self.interval = self._window(message)

    def answer_look(self, message: Message) -> Message:
        """Draw the window with some more on either side."""
        self.interval = window = self._window(message)
        if message.get("theme") in THEMES:
            self.theme = message["theme"]
        self.looked_at(window)  # first: a lane says what it lacks of this window
        around = self._around(window)
        pixels = round(float(message["pixels"]) * around.length / window.length)
        tile = draw_tile(
            self._shown(),
            around,
            pixels=max(pixels, 100),
            max_points=_POINTS_PER_PIXEL * max(pixels, 100),
            theme=self.theme,
        )
        return {"tile": tile_message(tile)}

    def _shown(self) -> Sequence[Track]:
        return self.tracks.visible or self.tracks.tracks[:1]

    def _window(self, message: Message) -> Interval:
        """Return the bases, in whole or in part, between two edges of the axis."""
        chrom = self.genome.resolve(str(message["chrom"]))
        left, right = sorted((float(message["left"]), float(message["right"])))
        if not math.isfinite(left + right):
            raise ValueError(f"left and right must be numbers; got {left}, {right}.")
        size = self.genome.contigs[chrom]
        start = min(max(0, math.floor(left - _EDGE + _SLIP)), size - 1)
        end = min(max(start + 1, math.ceil(right - _EDGE - _SLIP)), size)
        return Interval(chrom, start, end)

    def _around(self, window: Interval) -> Interval:
        """Return what a tile holds: a window to either side, less if it is wide."""
        margin = window.length if window.length <= _WIDE else window.length // 4
        return replace(
            window,
            start=max(0, window.start - margin),
            end=min(self.genome.contigs[window.chrom], window.end + margin),
        )

    def _contig(self, chrom: str) -> dict[str, Any]:
        right = self.genome.contigs[chrom] + _EDGE
        return {"chrom": chrom, "left": _EDGE, "right": right}

    def _edges(self, interval: Interval) -> dict[str, float]:
        return {"left": interval.start + _EDGE, "right": interval.end + _EDGE}

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:  # noqa: ANN401
        """Add a plain figure for where no widget can live."""
        bundle = super()._repr_mimebundle_(**kwargs)
        if isinstance(bundle, tuple):
            data, metadata = bundle
            plain = self.figure().to_plotly_json()
            return {**data, _MIME: encoded(plain)}, metadata
        return bundle


def upper_case_reader(genome: FastaReader | StrPath) -> FastaReader:
    """Return a reader of a genome as models read it: soft-masked bases are bases."""
    if isinstance(genome, FastaReader):
        return FastaReader(genome.path) if genome.keep_case else genome
    return FastaReader(genome)


def _read_ahead(index: GeneIndex) -> None:
    # Whoever searches is told what is wrong with a file.
    with suppress(Exception):
        index.load()


def tile_message(tile: Tile) -> dict[str, Any]:
    """Return a tile as the page reads it."""
    return {
        "left": tile.interval.start + _EDGE,
        "right": tile.interval.end + _EDGE,
        "complete": tile.complete,
        "data": encoded(list(tile.data)),
        "layout": encoded(tile.layout),
        "letters": encoded(list(tile.letters)),
    }
