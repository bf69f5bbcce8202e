"""Models side by side on many tasks, measured here or published elsewhere."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from jaxtyping import Float64

from hyenascope.data.score_tables import over_seeds
from hyenascope.viz.style import ThemeName
from hyenascope.viz.text import escape_text, shorten
from hyenascope.viz.variant_figures.canvas import Canvas, plural

_NEEDED = ("task", "model", "value")
_NAMES = {
    "accuracy": "accuracy",
    "mcc": "Matthews correlation",
    "f1": "F1",
    "f1_macro": "F1, mean over classes",
    "auroc": "AUROC",
    "auprc": "average precision",
    "pearson": "Pearson correlation",
    "spearman": "Spearman correlation",
    "r2": "R²",
    "mse": "mean squared error",
}
_CHANCE = {"auroc": 0.5, "mcc": 0.0, "pearson": 0.0, "spearman": 0.0, "r2": 0.0}
_SYMBOLS = (  # one more than there are colours: no two of 42 models look alike
    *("circle", "square", "diamond", "triangle-up", "triangle-down", "pentagon"),
    "star",
)
_TOP, _LANE, _GAP = 92, 15, 14  # pixels of a dot, and between tasks
_LETTER, _LONGEST = 6.6, 40  # pixels of a letter of a task, and most letters
_LEGEND_LINE, _AXIS, _SYMBOL = 20, 56, 90  # pixels below the dots, beside a name
_LEAST = 560  # pixels of width
_HOVER = "<b>%{customdata[0]}</b><br>%{customdata[1]}<br>%{customdata[2]}"


def plot_benchmark(
    table: pd.DataFrame,
    *,
    metric: str = "auroc",
    title: str = "Benchmark",
    theme: ThemeName = "light",
    width: int = 900,
) -> go.Figure:
    """Draw one row per task with a dot per model, and its interval as a line.

    Filled dots were measured here; open ones are numbers that others published, and
    have no line unless they came with an interval. The legend says which split a
    model was judged on, if it was one, and the label of a dot always. Numbers on
    unlike splits are not to be compared.

    Parameters
    ----------
    table
        A row per dot: ``task``, ``model``, ``value``, and where known ``low`` and
        ``high``, ``split``, ``source`` (who published the number; ``"measured"``, ""
        or missing if that was here) and ``metric``, of which only the rows of
        ``metric`` are drawn. With a column ``seed``, a dot is the mean over seeds and
        its line reaches the outer ends of their intervals. Tasks stand in the order in
        which they come. `hyenascope.training.baselines.compare` gives such a table.
    metric
        What the values are, for the axis.
    title
        Above the figure.
    theme
        ``"light"`` or ``"dark"``.
    width
        In pixels; the height follows from tasks and models.

    Returns
    -------
    go.Figure
        A trace for each model, two if some of its numbers are published.

    Raises
    ------
    ValueError
        If a column is missing, there is no value, a model has two for one task, or the
        figure is too narrow.

    Examples
    --------
    >>> table = pd.DataFrame(
    ...     {
    ...         "task": ["promoters", "promoters"],
    ...         "model": ["yeast-1k", "other"],
    ...         "value": [0.81, 0.85],
    ...         "low": [0.79, None],
    ...         "high": [0.83, None],
    ...         "split": ["test", "test"],
    ...         "source": ["", "Other et al. 2024"],
    ...     }
    ... )
    >>> figure = plot_benchmark(table)
    >>> [(trace.name, trace.marker.symbol) for trace in figure.data]
    [('yeast-1k · test', 'circle'), ('other · test · Other et al. 2024', 'square-open')]
    """
    if width < _LEAST:
        raise ValueError(f"width must be at least {_LEAST} pixels; got {width}.")
    rows = _rows(table, metric)
    tasks = list(dict.fromkeys(rows["task"]))
    models = list(dict.fromkeys(rows["model"]))
    groups = [each for _, each in rows.groupby(["model", "published"], sort=False)]
    tall = max(90, len(tasks) * (len(groups) * _LANE + _GAP))
    bottom = _AXIS + _LEGEND_LINE * len(groups)
    canvas = Canvas(
        theme,
        width,
        _TOP + tall + bottom,
        left=24 + round(_LETTER * max(len(shorten(it, _LONGEST)) for it in tasks)),
        top=_TOP,
        bottom=bottom,
    )
    facts = f"{plural(len(tasks), 'task')}, {plural(len(models), 'model')}"
    chance = _chance(canvas, rows, metric)
    return canvas.figure(
        [
            _dots(canvas, group, models.index(group["model"].iloc[0]))
            | {"y": _heights(group, tasks, lane, len(groups))}
            for lane, group in enumerate(groups)
        ],
        _axes(canvas, rows, tasks, metric),
        title=shorten(title, (width - _SYMBOL) // 9),
        subtitle="<br>".join([facts, " · ".join(_key(rows, chance))]),
        alt=f"{title}: {_NAMES.get(metric, metric)} of {facts}.{_best(rows, metric)}",
        shapes=[*_lines(canvas, len(tasks)), *chance],
        legend={
            "orientation": "v",
            "x": 0,
            "xref": "container",
            "xanchor": "left",
            "y": 0,
            "yref": "container",
            "yanchor": "bottom",
        },
    )


def _rows(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return the rows to draw, with every column there is."""
    missing = [name for name in _NEEDED if name not in table]
    if missing:
        raise ValueError(
            f"table must have the columns {', '.join(_NEEDED)}; got none named "
            f"{', '.join(missing)}."
        )
    rows = table[table["metric"] == metric] if "metric" in table else table
    rows = (over_seeds(rows) if "seed" in rows else rows).reset_index(drop=True)
    numbers = {
        name: pd.to_numeric(rows[name]).astype(float) if name in rows else np.nan
        for name in ("value", "low", "high")
    }
    texts = {
        name: rows[name].fillna("").astype(str) if name in rows else ""
        for name in ("task", "model", "split", "source")
    }
    found = pd.DataFrame({**texts, **numbers}, index=rows.index)
    found["source"] = found["source"].replace("measured", "")
    found = found[np.isfinite(found["value"])]
    if found.empty:
        raise ValueError(f"table must have values of {metric}; got none.")
    found["published"] = found["source"] != ""
    double = found.duplicated(["task", "model", "published"])
    if double.any():
        first = found[double].iloc[0]
        raise ValueError(
            f"table must have one value of {metric} for a task and a model, measured "
            f"or published; got several of {first['model']!r} for {first['task']!r}."
        )
    return found


def _key(rows: pd.DataFrame, chance: Sequence[object]) -> list[str]:
    """Say what marks mean that are there, and warn of splits that differ."""
    said = []
    if rows["published"].any():
        said.append("filled: measured here, open: published")
    if chance:
        said.append("dashed: chance")
    splits = rows[rows["split"] != ""].groupby("task")["split"].nunique()
    if (splits > 1).any():
        said.append("splits differ within a task")
    return said


def _heights(
    group: pd.DataFrame, tasks: Sequence[str], lane: int, lanes: int
) -> Float64[np.ndarray, " rows"]:
    """Return where a lane is in the row of each task."""
    beside = (lane - (lanes - 1) / 2) * _LANE / (lanes * _LANE + _GAP)
    return np.array([tasks.index(task) for task in group["task"]]) + beside


def _dots(canvas: Canvas, group: pd.DataFrame, number: int) -> dict[str, Any]:
    """Return the dots of a model, but for their heights."""
    published = bool(group["published"].iloc[0])
    colour = canvas.theme.line(number)
    value, low, high = (group[name].to_numpy() for name in ("value", "low", "high"))
    symbol = _SYMBOLS[number % len(_SYMBOLS)]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": _name(group, round((canvas.width - _SYMBOL) / _LETTER)),
        "x": value,
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": np.nan_to_num(high - value),
            "arrayminus": np.nan_to_num(value - low),
            "color": colour,
            "thickness": 2,
            "width": 0,
        },
        "marker": {
            "symbol": f"{symbol}-open" if published else symbol,
            "size": 9,
            "color": colour,
            "line": {"color": colour, "width": 2 if published else 0},
        },
        "customdata": [_said(row) for row in group.to_dict("records")],
        "hovertemplate": _HOVER,
    }


def _name(group: pd.DataFrame, most: int) -> str:
    """Name a model, the split it was judged on, and who says so, in some letters."""
    splits, sources = (
        [text for text in dict.fromkeys(group[name]) if text]
        for name in ("split", "source")
    )
    parts = [shorten(group["model"].iloc[0], 40)]
    if splits:
        parts.append(shorten(splits[0], 30) if len(splits) == 1 else "several splits")
    if sources:
        one = len(sources) == 1
        parts.append(shorten(sources[0], 40) if one else "published, several sources")
    return escape_text(shorten(" · ".join(parts), most))


def _said(row: Mapping[Hashable, Any]) -> list[str]:
    value = f"{row['value']:.3f}"
    if np.isfinite([row["low"], row["high"]]).all():
        value += f", {row['low']:.3f} to {row['high']:.3f}"
    facts = [value, row["split"] or "split not stated"]
    facts.append(f"published: {row['source']}" if row["published"] else "measured here")
    shown = [escape_text(shorten(fact, 80)) for fact in facts]
    names = [escape_text(shorten(row[name], 60)) for name in ("model", "task")]
    return [*names, "<br>".join(shown)]


def _axes(
    canvas: Canvas, rows: pd.DataFrame, tasks: Sequence[str], metric: str
) -> dict[str, Any]:
    return {
        "xaxis": canvas.axis(
            escape_text(_NAMES.get(metric, metric)),
            range=_frame(rows),
            tickformat=".3~f",
        ),
        "yaxis": canvas.axis(
            range=[len(tasks) - 0.5, -0.5],
            tickvals=list(range(len(tasks))),
            ticktext=[escape_text(shorten(task, _LONGEST)) for task in tasks],
            showgrid=False,
            ticks="",
            ticklabelstandoff=4,
        ),
    }


def _frame(rows: pd.DataFrame) -> list[float]:
    """Return the ends of the axis of values: all dots and lines, and some room."""
    seen = rows[["value", "low", "high"]].to_numpy()
    low, high = float(np.nanmin(seen)), float(np.nanmax(seen))
    room = 0.05 * (high - low) or 0.05
    return [low - room, high + room]


def _lines(canvas: Canvas, tasks: int) -> list[dict[str, Any]]:
    """Return lines between tasks."""
    look = {"color": canvas.theme.grid, "width": 1}
    return [
        canvas.line(0, place - 0.5, 1, place - 0.5, xref="paper", line=look)
        for place in range(1, tasks)
    ]


def _chance(canvas: Canvas, rows: pd.DataFrame, metric: str) -> list[dict[str, Any]]:
    """Return the line of what guessing gives, if it is in sight."""
    value, (low, high) = _CHANCE.get(metric, np.inf), _frame(rows)
    look = {"color": canvas.theme.muted, "width": 1, "dash": "dash"}
    line = canvas.line(value, 0, value, 1, yref="paper", line=look, layer="above")
    return [line] if low <= value <= high else []


def _best(rows: pd.DataFrame, metric: str) -> str:
    """Say which model is best at how many tasks, for those who cannot see it.

    Only of tasks at which several were measured here, all on the same split.
    """
    said = dict.fromkeys(rows["model"], 0)
    ties = 0
    for _, task in rows[~rows["published"]].groupby("task", sort=False):
        if len(task) > 1 and task["split"].nunique() == 1:
            best = task["value"].min() if metric == "mse" else task["value"].max()
            first = task.loc[task["value"] == best, "model"].tolist()
            if len(first) == 1:
                said[first[0]] += 1
            else:
                ties += 1
    parts = [f"{model} at {count}" for model, count in said.items() if count]
    parts += [f"tied at {ties}"] * bool(ties)
    return f" Best of those measured here: {', '.join(parts)}." if parts else ""
