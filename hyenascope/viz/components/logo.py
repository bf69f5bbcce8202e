"""Letters whose height is a number: attributions, probabilities, information."""

from dataclasses import dataclass, replace
from typing import Any, get_args

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float

from hyenascope.data.fasta import FastaReader
from hyenascope.data.track_data import TrackData
from hyenascope.sequence.dna import BASES
from hyenascope.viz import base_heights
from hyenascope.viz.base_heights import LogoKind
from hyenascope.viz.components.area import signed_fills
from hyenascope.viz.lane import Lane, level_line
from hyenascope.viz.letters import Letters
from hyenascope.viz.reference_bases import check_bases, reference_bases
from hyenascope.viz.signals import (
    Part,
    Signal,
    check_range,
    infinite_note,
    make_signal,
    part_in_view,
    signal_axis,
    signal_note,
    track_label,
)
from hyenascope.viz.text import escape_text
from hyenascope.viz.view import View

_LEAST_PIXELS = 1.5  # of a base: below, a letter is a stroke
_UNITS = {"probability": "probability", "information": "bits"}


@dataclass(frozen=True)
class Logo:
    """Letters as high as a number; where they have no room, the outline they fill.

    Positive letters stand on the axis, negative ones hang below it upside down. Of
    several letters at one base the largest is farthest from the axis.

    Parameters
    ----------
    track_data
        One track: the height of the base that ``sequence`` has there, such as an
        attribution. Or tracks A, C, G, T: the height of each letter, such as
        `integrated_gradients` gives.
    sequence
        A genome to read from, or one IUPAC letter per base of ``track_data``, forward
        strand, either case. Needed for one track; for four the hover text names it.
    kind
        ``"attribution"`` takes the numbers as they are. For the other two the four
        tracks are probabilities or their natural logarithms, such as
        `conditional_map` gives: ``"probability"`` makes each letter as high as its
        probability; ``"information"`` as high as its probability times the bits of
        the base, 2 + Σ p log₂ p (Schneider & Stephens 1990, Nucleic Acids Research
        18:6097).
    label
        Name at the left; by default the name of the track, or the kind.
    y_range
        Ends of the y axis; by default it holds all letters drawn.

    Raises
    ------
    ValueError
        If the tracks are neither one nor A, C, G, T, do not fit ``kind``, or
        ``sequence`` is missing, no DNA or of another length.

    Examples
    --------
    >>> from hyenascope.data.interval import Interval
    >>> where = Interval("chr1", 0, 3)
    >>> track = TrackData([0.5, -1.0, 0.25], ("saliency",), where, "nats")
    >>> [letters] = Logo(track, "GAT").draw(View(where)).letters
    >>> letters.text, letters.top
    ('GAT', array([ 0.5 , -1.  ,  0.25]))
    """

    track_data: TrackData
    sequence: str | FastaReader | None = None
    kind: LogoKind = "attribution"
    label: str | None = None
    y_range: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        names = self.track_data.names
        if self.kind not in get_args(LogoKind):
            allowed = ", ".join(get_args(LogoKind))
            raise ValueError(f"kind must be one of {allowed}; got {self.kind!r}.")
        if self._four:
            object.__setattr__(self, "track_data", self.track_data.select(*BASES))
        elif len(names) != 1 or self.kind != "attribution":
            one = "one track, or " if self.kind == "attribution" else ""
            raise ValueError(
                f"track_data must have {one}tracks A, C, G and T; got {list(names)}."
            )
        elif self.sequence is None:
            raise ValueError(
                "sequence must say which letter has the height of a single track; "
                "got None."
            )
        check_bases(self.sequence, self.track_data.interval)
        check_range(self.y_range)
        if self.kind != "attribution":
            base_heights.as_probabilities(self.track_data.values)

    @property
    def _four(self) -> bool:
        return sorted(self.track_data.names) == sorted(BASES)

    def draw(self, view: View) -> Lane:
        """Return the lane: letters, what stands for them from afar, and hover text.

        Raises
        ------
        NothingHereError
            If the track shares no base with the figure.
        """
        part = part_in_view(self.track_data, view)
        where, length = self.track_data.interval, len(part.values)
        bases = reference_bases(self.sequence, where, part.start, length)
        told, heights = self._numbers(part, bases)
        outline = [
            make_signal(each, part.start, view.max_points)
            for each in base_heights.reach(heights, summed=self.kind != "probability")
        ]
        axis, fills = self._axis(outline), _fills(outline, view)
        whole = all(each.bin_size == 1 for each in outline)
        hover = self._hover(part, told, bases, heights, axis, view) if whole else ()
        letters = _letters(heights, part.start, len(fills), view) if whole else ()
        if self.y_range is None:
            letters = tuple(replace(each, rescale=True) for each in letters)
        return Lane(
            label=self._label(view),
            height=100 if self.kind == "attribution" else 70,
            traces=(*fills, *hover),
            yaxis=axis,
            shapes=(level_line(0.0, view, layer="above"),),
            note=self._note(part, outline, letters, view),
            letters=letters,
            complete=whole,
        )

    def _numbers(
        self, part: Part, bases: str | None
    ) -> tuple[Float[np.ndarray, "length told"], Float[np.ndarray, "length letter"]]:
        """Return what hover text tells and how high each letter is."""
        if self.kind == "attribution":
            told = np.where(np.isinf(part.values), np.nan, part.values)
            if bases is None or self._four:
                return told, told
            return told, base_heights.one_letter_heights(told[:, 0], bases)
        # A log p of −∞ is a probability of zero, no gap.
        chances = base_heights.as_probabilities(part.values)
        if self.kind == "probability":
            return chances, chances
        return chances, chances * base_heights.information(chances)[:, None]

    def _axis(self, outline: list[Signal]) -> dict[str, Any]:
        if self.kind == "probability":
            return {"range": list(self.y_range or (0.0, 1.0)), "nticks": 3}
        axis = {**signal_axis(outline, self.y_range, marks=(0.0,)), "nticks": 4}
        if self.y_range is None and not any((each.y < 0).any() for each in outline):
            axis["range"][0] = 0.0  # nothing below: stand on the floor
        return axis

    def _hover(
        self,
        part: Part,
        told: Float[np.ndarray, "length told"],
        bases: str | None,
        heights: Float[np.ndarray, "length letter"],
        axis: dict[str, Any],
        view: View,
    ) -> tuple[go.Heatmap]:
        """Return a transparent row over the whole lane that tells the numbers."""
        likeliest = self.kind == "probability"
        total = heights.max(axis=1) if likeliest else heights.sum(axis=1)
        name, units = escape_text(self._name), escape_text(self._units)
        lines = [f"<b>{escape_text(view.interval.chrom)}:%{{x:,d}}</b>"]
        lines[0] += "" if bases is None else " %{text}"
        if told.shape[1] == len(BASES):
            each = [f"{base} %{{customdata[{n}]:.3g}}" for n, base in enumerate(BASES)]
            lines.append("   ".join(each))
        if self.kind == "information" or told.shape[1] == 1:
            lines.append(f"{name} %{{z:.4g}} {units}")
        else:
            lines[-1] += f" {units}"
        row = go.Heatmap(
            z=total.astype(np.float32)[None],
            x0=part.start + 1,
            dx=1,
            y=axis["range"],
            yaxis=view.yaxis,
            name=name,
            text=None if bases is None else np.array([list(bases)], dtype=object),
            customdata=told.astype(np.float32)[None] if told.shape[1] > 1 else None,
            hovertemplate="<br>".join(lines) + "<extra></extra>",
            hoverongaps=False,
            showscale=False,
            colorscale=[[0, "rgba(0,0,0,0)"], [1, "rgba(0,0,0,0)"]],
        )
        return (row,)

    @property
    def _name(self) -> str:
        names = self.track_data.names
        return self.label or (names[0] if len(names) == 1 else self.kind)

    @property
    def _units(self) -> str:
        return _UNITS.get(self.kind, self.track_data.units)

    def _label(self, view: View) -> str:
        units = "" if self._units == self._name else self._units
        return track_label(self._name, (), units, view)

    def _note(
        self,
        part: Part,
        outline: list[Signal],
        letters: tuple[Letters, ...],
        view: View,
    ) -> str:
        afar = not any(each.fit(view) for each in letters)
        likeliest = "likeliest base" if self.kind == "probability" and afar else ""
        thinned = signal_note(outline, self.y_range)
        endless = int(np.isinf(part.values).sum()) if self.kind == "attribution" else 0
        return "   ".join(
            text for text in (likeliest, thinned, infinite_note(endless)) if text
        )


def _fills(outline: list[Signal], view: View) -> tuple[go.Scatter, ...]:
    colours = view.theme.line(0), view.theme.line(1)
    return tuple(
        fill for each in outline for fill in signed_fills(each, 0.0, colours, view)
    )


def _letters(
    heights: Float[np.ndarray, "length letter"], start: int, fills: int, view: View
) -> tuple[Letters, ...]:
    """Return the letters, which take the place of ``fills`` traces; none if all 0."""
    stacks = base_heights.stack_letters(heights)
    if not len(stacks.row):
        return ()
    alphabet = np.array(list(base_heights.LETTERS))
    return (
        Letters(
            text="".join(alphabet[stacks.base]),
            x=start + 1 + stacks.row,
            bottom=stacks.bottom,
            top=stacks.top,
            colours=view.theme.bases,
            least_pixels=_LEAST_PIXELS,
            replaces=tuple(range(fills)),
        ),
    )
