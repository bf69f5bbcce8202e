"""Training curves that grow on the page: plotly's widget, told only what is new."""

from collections.abc import Mapping
from copy import deepcopy
from threading import RLock
from time import monotonic
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from traitlets import default

from hyenascope.viz.style import ThemeName
from hyenascope.viz.training_curves import (
    UNIFORM_LOSS,
    TrainingCurves,
    plot_training,
    training_curves,
)
from hyenascope.viz.variant_figures.canvas import Canvas
from hyenascope.widgets.busy_cell import hear_while_busy

_HEIGHT, _TOP = 370, 30
_MOVING = ("x", "y", "customdata", "text", "name", "showlegend")
_ON_ITS_WAY = 10.0  # seconds that a message may take while a cell is busy
_ECHOES = {"_js2py_traceDeltas", "_js2py_layoutDelta"}


class LiveCurves(go.FigureWidget):  # type: ignore[misc]
    """The curves of `plot_training`, drawn again in place; any thread may draw.

    Parameters
    ----------
    reports
        A row per step.
    theme
        ``"light"`` or ``"dark"``.
    width
        In pixels: plotly's widget does not learn how wide its page is.

    Examples
    --------
    >>> from hyenascope.widgets.run_log import RunLog
    >>> curves = LiveCurves(RunLog().table(), theme="dark")
    >>> [len(trace.x) for trace in curves.data]
    [0, 0, 0, 0, 0]
    """

    def __init__(
        self, reports: pd.DataFrame, *, theme: ThemeName = "light", width: int = 900
    ) -> None:
        self._pen = RLock()  # Jupyter brings messages in a thread of their own
        self._canvas = Canvas(theme, width=width, height=_HEIGHT, top=_TOP)
        first = plot_training(reports, theme=theme, width=width, height=_HEIGHT)
        first.layout.title = None
        first.layout.margin.t = _TOP
        self._first = first
        self._reports = reports
        super().__init__(first)
        hear_while_busy(self)  # of a zoom
        self._config = first._config
        self._own_ranges = {tuple(first.layout.yaxis.range)}
        self._told = ""
        self._framed = -_ON_ITS_WAY  # when the frame was last sent
        self._unit: str = "nats per base"
        self._guess: float | None = UNIFORM_LOSS

    def measure(self, unit: str, guess: float | None) -> None:
        """Say what the loss is, and what guessing costs; before the steps are drawn."""
        if (unit, guess) == (self._unit, self._guess):
            return
        self._unit, self._guess = unit, guess
        nothing = self._reports.iloc[:0]
        curves = training_curves(nothing, self._canvas, unit=unit, guess=guess)
        with self._pen, self.batch_update():
            for old, new in zip(self.data, curves.traces, strict=True):
                old["hovertemplate"] = new["hovertemplate"]
            self.layout.yaxis.title.text = curves.axes["yaxis"]["title"]["text"]

    # Plotly tells a page so only after the widget is there, which on a busy machine
    # draws what it knows at first, nothing, and stays so.
    @default("_widget_data")
    def _first_data(self) -> list[dict[str, Any]]:
        return deepcopy(self._first._data)

    @default("_widget_layout")
    def _first_layout(self) -> dict[str, Any]:
        return deepcopy(self._first.layout._props)

    @default("_config")
    def _first_config(self) -> dict[str, Any]:
        return dict(self._first._config)

    def draw(self, reports: pd.DataFrame) -> None:
        """Show these steps; an axis that somebody has moved stays where it is."""
        curves = training_curves(
            reports, self._canvas, unit=self._unit, guess=self._guess
        )
        with self._pen, self.batch_update():
            for old, new in zip(self.data, curves.traces, strict=True):
                for name in _MOVING:
                    if name in new:
                        old[name] = new[name]
            self.layout.shapes = curves.shapes
            self.layout.annotations = curves.annotations
            ends = curves.axes["yaxis"]["range"]
            ours = self._is_ours(self.layout.yaxis)
            if ours and tuple(self.layout.yaxis.range) != tuple(ends):
                self.layout.yaxis.range = ends
                self._framed = monotonic()
            self._own_ranges.add(tuple(ends))
        seldom = _seldom(curves)
        if seldom != self._told:  # a page loaded anew would not hear of it
            self._told = seldom
            self.refresh()

    def refresh(self) -> None:
        """Let a view that is opened from now on begin with what is shown now."""
        with self._pen:
            self._repr_mimebundle_()  # that is when plotly does so

    def set_state(self, sync_data: Mapping[str, Any]) -> None:
        """Hear from the page who zoomed, but not echoes of what was drawn.

        These come while the next picture is made, and make plotly lose parts of it.
        """
        told = {key: sync_data[key] for key in sync_data if key not in _ECHOES}
        if not told:
            return
        moved = dict((told.get("_js2py_relayout") or {}).get("relayout_data") or {})
        with self._pen:
            super().set_state(told)
            if moved and monotonic() - self._framed < _ON_ITS_WAY:
                # A frame that met this message half-way has undone it on the page.
                self._send_relayout_msg(moved)

    def _is_ours(self, axis: Any) -> bool:  # noqa: ANN401, plotly's
        return not axis.autorange and tuple(axis.range or ()) in self._own_ranges


def _seldom(curves: TrainingCurves) -> str:
    """Return what does not change with every step, and so is not sent every time."""
    names = [(each["name"], each.get("showlegend")) for each in curves.traces]
    ends = [curves.traces[number]["x"][-1:].tolist() for number in (2, 4)]
    beside = (curves.annotations, curves.shapes, curves.axes["yaxis"]["range"])
    return repr((names, ends, beside))
