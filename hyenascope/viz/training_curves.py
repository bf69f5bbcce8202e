"""How a training run went: loss above, learning rate below, over the bases read."""

import math
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from jaxtyping import Float64

from hyenascope.viz.downsample import thin
from hyenascope.viz.style import ThemeName
from hyenascope.viz.text import escape_text, shorten
from hyenascope.viz.training_run import FACTS, Count, Rows, Steps, TrainingRun, read_run
from hyenascope.viz.variant_figures.canvas import Canvas, plural

UNIFORM_LOSS = math.log(4)
"""Nats per base of a model that knows nothing."""

_COUNTS = {"tokens": "bases read", "step": "optimiser step"}
_STEP = (
    "step %{customdata[0]:,}, %{customdata[1]:,} bases read, "
    "%{customdata[2]:,} bp at a time"
)
_MORE = "gradient norm %{customdata[3]:.3f}, learning rate %{customdata[4]:.3~e}"
_SHOWN, _MANY = (0.002, 0.96), 40  # quantiles of the loss in the frame of many steps
_LEAST = 0.05  # nats below a guess that are always in the frame
_LOSS_LANE, _RATE_LANE, _BETWEEN = (0.36, 1.0), (0.0, 0.26), 0.31
_GUESS_SIZE = 125, 18  # pixels of the words beside the line of a guess
_MOST_NAMES = 12  # of stages, side by side


def plot_training(
    reports: pd.DataFrame,
    *,
    by: Count = "tokens",
    window: int | None = None,
    unit: str = "nats per base",
    guess: float | None = UNIFORM_LOSS,
    title: str = "Training",
    theme: ThemeName = "light",
    width: int = 900,
    height: int = 420,
) -> go.Figure:
    """Draw the loss of every step, what it comes to, and the learning rate.

    The thin line is each step, the thick one the mean of the steps around it, of one
    window length only; points are losses on held-out text, crosses steps that left
    the weights as they were. The dashed line is what guessing costs, log 4. A fresh
    model begins far above it: the frame follows the bulk of the steps, an arrow says
    how high the rest goes, and the mouse wheel shows it. No line has more points
    than the figure has pixels.

    Parameters
    ----------
    reports
        One row per step, with the columns of a step's report: ``step``, ``tokens``
        (bases read so far), ``length`` (bases per window), ``loss`` (nats per base,
        not finite where there is none), ``learning_rate``, ``gradient_norm``,
        ``validation`` (nats per base or nothing) and ``skipped`` (why, or ""). Of a
        step that was done twice the last row counts.
    by
        What the x axis counts.
    window
        Steps that the thick line averages, by default about a fortieth of them.
    unit
        Of the loss.
    guess
        Loss of a model that knows nothing; None draws no line.
    title
        Above the figure.
    theme
        ``"light"`` or ``"dark"``.
    width, height
        In pixels.

    Returns
    -------
    go.Figure
        Always five traces: steps, their mean, held-out text, learning rate, skipped
        steps.

    Raises
    ------
    ValueError
        If a column is missing, or an option is out of range.

    Examples
    --------
    >>> reports = pd.DataFrame(
    ...     {
    ...         "step": [1, 2, 3],
    ...         "tokens": [64, 128, 192],
    ...         "length": 32,
    ...         "loss": [1.40, 1.39, 1.36],
    ...         "learning_rate": 6e-4,
    ...         "gradient_norm": 1.0,
    ...         "validation": [None, None, 1.37],
    ...         "skipped": "",
    ...     }
    ... )
    >>> figure = plot_training(reports)
    >>> [trace.name for trace in figure.data]
    ['each step', 'mean of 5 steps', 'held-out text', 'learning rate', 'skipped']
    >>> figure.layout.meta["alt"]
    'Training curves: 3 steps, 192 bases, 1.3833 nats per base, 1.3700 on held-out
    text after step 3.'
    """
    canvas = Canvas(theme, width=width, height=height, top=88)
    curves = training_curves(
        reports, canvas, by=by, window=window, unit=unit, guess=guess
    )
    return canvas.figure(
        curves.traces,
        curves.axes,
        title=title,
        subtitle=escape_text(" · ".join(curves.facts)),
        alt=f"Training curves: {', '.join(curves.facts)}.",
        annotations=curves.annotations,
        shapes=curves.shapes,
        legend={"traceorder": "normal"},
    )


@dataclass(frozen=True, eq=False)
class TrainingCurves:
    """What a figure of a run is made of, as plotly takes it; quick to make anew.

    Parameters
    ----------
    traces
        Steps, their mean, held-out text, learning rate, skipped steps.
    axes
        By their name in the layout.
    annotations, shapes
        What stands beside the lines.
    facts
        What was done and what came of it; not escaped.
    """

    traces: list[dict[str, Any]]
    axes: dict[str, Any]
    annotations: list[dict[str, Any]]
    shapes: list[dict[str, Any]]
    facts: list[str]


def training_curves(
    reports: pd.DataFrame,
    canvas: Canvas,
    *,
    by: Count = "tokens",
    window: int | None = None,
    unit: str = "nats per base",
    guess: float | None = UNIFORM_LOSS,
) -> TrainingCurves:
    """Return the parts of what `plot_training` draws, a fifth of the work.

    Raises
    ------
    ValueError
        If a column is missing, or an option is out of range.
    """
    run, marked = read_run(reports, by=by, window=window), escape_text(unit)
    return TrainingCurves(
        _traces(run, canvas, marked),
        _axes(run, canvas, by, marked, guess),
        [*_stage_names(run, canvas), *_notes(run, canvas, guess)],
        _lines(run, canvas, guess),
        _in_short(run, unit),
    )


def _traces(run: TrainingRun, canvas: Canvas, unit: str) -> list[dict[str, Any]]:
    theme, most = canvas.theme, canvas.inner[0]
    blue, orange = theme.line(0), theme.line(1)
    validation, rate = run.column("validation"), run.column("learning_rate")
    steps = thin(run.loss, most).offsets
    mean = thin(run.smooth, most).offsets
    held = run.held_out[thin(validation[run.held_out], most).offsets]
    rates = thin(rate, most).offsets
    left = run.skipped[thin(np.zeros(len(run.skipped)), most).offsets]
    return [
        {
            **_points(run, run.loss, steps),
            "name": "each step",
            "line": {"color": blue, "width": 1},
            "opacity": 0.4,
            "customdata": _facts(run, steps),
            "hovertemplate": f"{_STEP}<br><b>%{{y:.4f}}</b> {unit}<br>{_MORE}",
        },
        {
            **_points(run, run.smooth, mean),
            "name": f"mean of {run.window:,} steps",
            "line": {"color": blue, "width": 2.5},
            "hovertemplate": f"mean around here <b>%{{y:.4f}}</b> {unit}",
        },
        {
            **_points(run, validation, held),
            "name": _held_out(unit),
            "mode": "lines+markers",
            "line": {"color": orange, "width": 1.5},
            "marker": {"color": orange, "size": 6},
            "customdata": _facts(run, held),
            "hovertemplate": f"{_STEP}<br><b>%{{y:.4f}}</b> {unit}, held out",
        },
        {
            **_points(run, rate, rates),
            "name": "learning rate",
            "yaxis": "y2",
            "line": {"color": theme.muted, "width": 1.5},
            "showlegend": False,
            "hovertemplate": "learning rate %{y:.3~e}",
        },
        {
            **_points(run, rate, left),
            "name": "skipped",
            "yaxis": "y2",
            "mode": "markers",
            "marker": {"symbol": "x", "size": 8, "color": theme.bases["T"]},
            "showlegend": len(left) > 0,
            "customdata": _facts(run, left),
            "text": [
                escape_text(shorten(why, 80)) for why in run.frame["skipped"].iloc[left]
            ],
            "hovertemplate": f"{_STEP}<br>skipped: %{{text}}",
        },
    ]


def _held_out(unit: str) -> str:
    """Name what was judged now and then: text, or rows that have labels."""
    return "held-out text" if unit == "nats per base" else "validation"


def _points(run: TrainingRun, values: Steps, rows: Rows) -> dict[str, Any]:
    return {"type": "scatter", "mode": "lines", "x": run.x[rows], "y": values[rows]}


def _facts(run: TrainingRun, rows: Rows) -> Float64[np.ndarray, "rows facts"]:
    """Return what `_STEP` and `_MORE` say of steps."""
    return np.stack([run.column(name)[rows] for name in FACTS], axis=1)


def _axes(
    run: TrainingRun, canvas: Canvas, by: Count, unit: str, guess: float | None
) -> dict[str, Any]:
    return {
        "xaxis": canvas.axis(
            _COUNTS[by], anchor="y2", tickformat=",d", rangemode="tozero", nticks=8
        ),
        "yaxis": canvas.axis(
            unit,
            domain=_LOSS_LANE,
            range=list(_frame(run, guess)),
            tickformat=".4~f",
        ),
        "yaxis2": canvas.axis(
            "learning rate",
            domain=_RATE_LANE,
            rangemode="tozero",
            nticks=4,
        ),
    }


def _frame(run: TrainingRun, guess: float | None) -> tuple[float, float]:
    """Return the ends of the loss axis, on round numbers: live, they seldom move."""
    loss = run.loss[np.isfinite(run.loss)]
    quantiles = (0.0, 1.0) if len(loss) < _MANY else _SHOWN
    seen = [*np.quantile(loss, quantiles)] if len(loss) else []
    held = run.column("validation")[run.held_out]
    if guess is not None:
        seen += [guess, held.min(initial=guess - _LEAST)]
    else:
        seen += held.tolist() or ([] if seen else [0.0, 1.0])
    low, high = min(seen), max(seen)
    span = max(high - low, _LEAST)
    unit = 10.0 ** math.floor(math.log10(span / 4))
    down, up = low - 0.03 * span, high + 0.06 * span
    return math.floor(down / unit) * unit, math.ceil(up / unit) * unit


def _lines(
    run: TrainingRun, canvas: Canvas, guess: float | None
) -> list[dict[str, Any]]:
    """Return the line of a guess and one where each later stage begins."""
    later = run.edges[1:].tolist()
    lines = [canvas.line(x, 0, x, 1, yref="paper") for x in later]
    if guess is None:
        return lines
    dashed = canvas.line(0, guess, 1, guess, xref="paper")
    dashed["line"] = {"color": canvas.theme.muted, "width": 1, "dash": "dash"}
    return [dashed, *lines]


def _stage_names(run: TrainingRun, canvas: Canvas) -> list[dict[str, Any]]:
    """Name stages by their window, between the lanes, where there is room for it."""
    edges, lengths = run.edges, run.column("length")[run.starts]
    if len(edges) < 2:
        return []
    sizes = np.diff(edges, append=run.x[-1])
    look = {"size": 11, "color": canvas.theme.muted}
    where = {"yref": "paper", "xanchor": "left", "xshift": 2, "font": look}
    return [
        canvas.text(f"{length:,.0f} bp", left, _BETWEEN, **where)
        for left, size, length in zip(edges.tolist(), sizes, lengths, strict=True)
        if size >= run.x[-1] / _MOST_NAMES
    ]


def _notes(
    run: TrainingRun, canvas: Canvas, guess: float | None
) -> list[dict[str, Any]]:
    """Name the line of a guess, and say how high the loss goes above the frame."""
    look = {"size": 11, "color": canvas.theme.muted}
    frame = _frame(run, guess)
    notes = []
    if guess is not None:
        place = _beside_guess(run, canvas, frame, guess)
        where = {"y": guess, "xref": "paper", "font": look, **place}
        notes.append(canvas.text(f"uniform guess {guess:.3f}", **where))
    if np.nanmax(run.loss, initial=-np.inf) > frame[1]:
        top = int(np.nanargmax(run.loss))
        # Above the frame, or in it where the legend stands.
        side = "bottom" if run.x[top] < run.x[-1] / 3 else "top"
        where = {"yref": "paper", "xanchor": "left", "yanchor": side, "font": look}
        text = f"↑ {run.loss[top]:.2f}"
        notes.append(canvas.text(text, float(run.x[top]), 1, xshift=2, **where))
    return notes


def _beside_guess(
    run: TrainingRun, canvas: Canvas, frame: tuple[float, float], guess: float
) -> dict[str, Any]:
    """Return where along the line of a guess its name crosses least of the curves."""
    (low, high), (wide, tall) = frame, _GUESS_SIZE
    up = tall / canvas.inner[1] * (high - low) / (_LOSS_LANE[1] - _LOSS_LANE[0])
    last = run.x[-1] if len(run.x) else 1.0
    along = wide / canvas.inner[0] * last
    ends = {"right": (last - along, last), "left": (0.0, along)}
    sides = {
        "bottom": (guess, guess + up),
        "top": (guess - up, guess),
    }
    places = [
        {"x": int(end == "right"), "xanchor": end, "yanchor": side}
        for end, side in product(ends, sides)
        if low <= sides[side][0] and sides[side][1] <= high
    ]
    lines = [run.loss, run.smooth, run.column("validation")]

    def crossed(place: dict[str, Any]) -> int:
        box = ends[place["xanchor"]], sides[place["yanchor"]]
        return sum(_crossings(run.x, line, *box) for line in lines)

    return min(places, key=crossed)


def _crossings(
    x: Steps, y: Steps, across: tuple[float, float], up: tuple[float, float]
) -> int:
    """Return in how many of some upright strips of a box a line passes through it."""
    known = np.isfinite(y)
    if not known.any():
        return 0
    at = np.linspace(*across, 50)
    ends = np.interp(at, x[known], y[known], left=np.inf, right=np.inf)
    low, high = np.minimum(ends[:-1], ends[1:]), np.maximum(ends[:-1], ends[1:])
    return int(((low <= up[1]) & (high >= up[0])).sum())


def _in_short(run: TrainingRun, unit: str) -> list[str]:
    """Say what was done and what came of it; not escaped."""
    if run.frame.empty:
        return ["no step yet"]
    tokens = run.column("tokens")[-1]
    facts = [plural(len(run.frame), "step"), plural(int(tokens), "base")]
    known = run.smooth[np.isfinite(run.smooth)]
    if len(known):
        facts.append(f"{known[-1]:.4f} {unit}")
    if len(run.held_out):
        row = run.held_out[-1]
        value, step = (run.column(name)[row] for name in ("validation", "step"))
        facts.append(f"{value:.4f} on {_held_out(unit)} after step {step:,.0f}")
    if len(run.skipped):
        facts.append(f"{plural(len(run.skipped), 'step')} skipped")
    return facts
