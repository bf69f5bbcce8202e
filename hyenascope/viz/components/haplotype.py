"""A haplotype beside its reference, base by base."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from hyenascope.viz.bases import colour_cells
from hyenascope.viz.lane import Lane
from hyenascope.viz.letters import Letters
from hyenascope.viz.text import escape_text, shorten, wrapped
from hyenascope.viz.view import View, require_contig

_HEIGHT = 22


@dataclass(frozen=True)
class Haplotype:
    """Edits in reference coordinates: new bases coloured, lost ones dark, wedges.

    A base that stays is pale; a substituted one has the colour and the letter of the
    new base; a deleted one is dark; a wedge stands before the base that inserted text
    precedes.

    Parameters
    ----------
    edits
        ``(start, end, text)``: the bases ``[start, end)``, 0-based half-open, give
        way to ``text``.
    label
        Name at the left.
    chrom
        Contig of the edits; by default that of the figure.

    Raises
    ------
    ValueError
        If an edit ends before it starts.

    Examples
    --------
    >>> from hyenascope.data.interval import Interval
    >>> lane = Haplotype([(3, 4, "G"), (6, 8, "")]).draw(View(Interval("1", 0, 9)))
    >>> lane.letters[0].text, lane.note
    ('G', '1 substituted   2 deleted')
    """

    edits: Sequence[tuple[int, int, str]]
    label: str = "haplotype"
    chrom: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "edits", tuple(tuple(e) for e in self.edits))
        for start, end, _ in self.edits:
            if end < start:
                raise ValueError(
                    f"edits must not end before they start; got {start} to {end}."
                )

    def draw(self, view: View) -> Lane:
        """Return the lane.

        Raises
        ------
        NothingHereError
            If the edits lie on another contig than the figure.
        """
        require_contig("edits", {self.chrom} if self.chrom else set(), view)
        new, lost, before = self._facts()
        where, theme = view.interval, view.theme
        palette = [theme.grid, *(theme.bases[base] for base in "ACGTN"), theme.ink]
        codes = np.zeros(where.length, np.uint8)
        for position, base in new.items():
            if where.start <= position < where.end:
                codes[position - where.start] = 1 + "ACGTN".find(_known(base))
        for position in lost:
            if where.start <= position < where.end:
                codes[position - where.start] = 6
        places = [p for p in sorted(new) if where.start <= p < where.end]
        letters = Letters(
            text="".join(new[p] for p in places),
            x=np.array(places, np.int64) + 1,
            bottom=np.full(len(places), 0.22),
            top=np.full(len(places), 0.78),
            colours=theme.letters,
            widest=9.0,
        )
        cells = colour_cells(codes, palette, view).update(hoverinfo="skip")
        return Lane(
            wrapped(self.label),
            _HEIGHT,
            (cells, self._wedges(before, view)),
            {"range": [0, 1], "visible": False},
            note=_note(new, lost, before),
            letters=(letters,) if places else (),
        )

    def _facts(self) -> tuple[dict[int, str], set[int], dict[int, str]]:
        """Return new bases, lost ones, and text by the base it stands before."""
        new: dict[int, str] = {}
        lost: set[int] = set()
        before: dict[int, str] = {}
        for start, end, text in self.edits:
            if end - start == len(text):
                new.update(zip(range(start, end), text, strict=True))
                continue
            lost.update(range(start, end))
            if text:
                before[start] = text
        return new, lost, before

    def _wedges(self, before: dict[int, str], view: View) -> go.Scatter:
        shown = {
            p: t
            for p, t in before.items()
            if view.interval.start <= p <= view.interval.end
        }
        return go.Scatter(
            x=[position + 0.5 for position in shown],
            y=[0.9] * len(shown),
            yaxis=view.yaxis,
            mode="markers",
            marker={
                "symbol": "triangle-down",
                "size": 11,
                "color": view.theme.coding,
                "line": {"width": 1, "color": view.theme.paper},
            },
            hovertext=[
                f"<b>inserted after {p:,}</b><br>{escape_text(shorten(t, 60))}"
                for p, t in shown.items()
            ],
            hoverinfo="text",
        )


def _known(base: str) -> str:
    return base if base in set("ACGT") else "N"


def _note(new: dict[int, str], lost: set[int], before: dict[int, str]) -> str:
    inserted = sum(map(len, before.values()))
    counts = [
        (len(new), "substituted"),
        (len(lost), "deleted"),
        (inserted, "inserted"),
    ]
    return "   ".join(f"{n:,} {what}" for n, what in counts if n)
