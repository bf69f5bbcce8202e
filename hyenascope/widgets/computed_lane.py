"""A lane whose numbers the model makes while one looks."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from typing import cast

import numpy as np
import plotly.graph_objects as go

from hyenascope.data.fasta import FastaReader
from hyenascope.data.interval import Interval
from hyenascope.data.track_data import TrackData
from hyenascope.interpret.unscored import NOT_FINITE
from hyenascope.viz.components import Heatmap, Line, Logo
from hyenascope.viz.lane import Component, Lane
from hyenascope.viz.text import escape_text
from hyenascope.viz.view import View
from hyenascope.widgets.computed_track import ComputedTrack, TrackKind
from hyenascope.widgets.worker import Progress

KINDS: dict[TrackKind, str] = {
    "log_prob": "log p per base",
    "ism": "mutagenesis",
    "conditional": "expected bases",
    "saliency": "saliency",
    "integrated_gradients": "integrated gradients",
    "deep_lift_shap": "DeepLIFT SHAP",
}
"""What a browser can compute, and what it calls it."""


class ComputedLane:
    """Draws what is known of a `ComputedTrack`, and says what is not.

    Parameters
    ----------
    computed
        The numbers.
    genome
        What the model reads: names the reference bases.
    """

    def __init__(self, computed: ComputedTrack, genome: FastaReader) -> None:
        self.computed = computed
        self.genome = genome
        self.label = KINDS[computed.kind]
        self.message = ""

    def draw(self, view: View) -> Lane:
        """Return the lane, empty with a note while there is nothing to draw."""
        known = self.computed.known(view.interval)
        lane = self._component(known).draw(view)
        if not np.isfinite(known.values).any():
            note = escape_text(self.message or "not computed yet")
            blank = go.Scatter(x=[], y=[], yaxis=view.yaxis)
            axis = {"range": [0, 1], "visible": False}
            # As high as it will be: lanes must not move under the mouse.
            return Lane(
                lane.label, lane.height, (blank,), axis, note=note, complete=False
            )
        notes = [lane.note, escape_text(self.message)]
        whole = lane.complete and not known.provenance["not_computed"]
        note = "   ".join(note for note in notes if note)
        return replace(lane, note=note, complete=whole)

    def signals(self, interval: Interval) -> TrackData | None:
        """Return what is known inside ``interval``; None if nothing is."""
        known = self.computed.known(interval)
        return known if np.isfinite(known.values).any() else None

    def wants(self, window: Interval) -> bool:
        """Whether something of a window is still to be computed; sets the message.

        The message says why a window has no number and will have none.
        """
        self.message = self.computed.too_wide(window) or ""
        if self.message:
            return False
        if self.computed.missing(window):
            return True
        known = self.computed.known(window)
        if not np.isfinite(known.values).any():
            self.message = f"no numbers here: {_reasons(known)}"
        return False

    def compute(self, window: Interval) -> Generator[Progress, None, TrackData]:
        """Compute what is missing of a window."""
        return self.computed.compute(window)

    def _component(self, known: TrackData) -> Component:
        kind = self.computed.kind
        if kind == "ism":
            return Heatmap(known, sequence=self.genome, label=self.label)
        if kind == "log_prob":
            return Line(known, label=self.label, reference=-float(np.log(4)))
        if kind == "conditional":
            return Logo(known, kind="information", label=self.label)
        return Logo(known, sequence=self.genome, label=self.label)


def _reasons(known: TrackData) -> str:
    """Say why a stretch has no numbers, each reason once."""
    rows = cast(Sequence[Mapping[str, object]], known.provenance["unscored"])
    reasons = dict.fromkeys(str(row["reason"]) for row in rows)
    return "; ".join(reasons) or NOT_FINITE
