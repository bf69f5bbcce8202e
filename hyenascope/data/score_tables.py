"""Tables of scores as a reader wants them: over seeds, and a column per task."""

from collections.abc import Sequence

import pandas as pd

from hyenascope.data.markdown_text import escape_markdown

_KEYS = ["task", "model", "metric", "split", "source"]


def over_seeds(table: pd.DataFrame) -> pd.DataFrame:
    """Return the mean over seeds, and the outer ends of their intervals.

    Parameters
    ----------
    table
        As of `hyenascope.training.baselines.compare`; of its columns, only ``value``
        and ``seed`` must be there.

    Returns
    -------
    DataFrame
        Those columns, then ``value``, ``low``, ``high``, ``seeds`` (how many have a
        value) and ``rows``, in the order in which they come.

    Examples
    --------
    >>> table = pd.DataFrame(
    ...     {
    ...         "task": "tf_0",
    ...         "model": "mine",
    ...         "seed": [0, 1],
    ...         "metric": "auroc",
    ...         "value": [0.8, 0.9],
    ...         "low": [0.7, 0.8],
    ...         "high": [0.85, 0.95],
    ...         "rows": 1000,
    ...     }
    ... )
    >>> over_seeds(table)[["value", "low", "high", "seeds"]].round(2).to_dict("records")
    [{'value': 0.85, 'low': 0.7, 'high': 0.95, 'seeds': 2}]
    """
    keys = [key for key in _KEYS if key in table]
    columns = dict.fromkeys([*table.columns, "low", "high", "rows"])
    whole = table.reindex(columns=list(columns))
    whole["seed"] = whole["seed"].where(whole["value"].notna())
    found = whole.groupby(keys, sort=False, dropna=False).agg(
        value=("value", "mean"),
        low=("low", "min"),
        high=("high", "max"),
        seeds=("seed", "nunique"),
        rows=("rows", "first"),
    )
    return found.reset_index()


def score_markdown(
    table: pd.DataFrame, metric: str, *, by: str = "model", along: str = "task"
) -> str:
    """Return one metric as Markdown, a row per model and a column per task.

    Parameters
    ----------
    table
        One value of the metric for a model and a task, as of `over_seeds`.
    metric
        Which.
    by, along
        Columns of ``table`` that become the rows and the columns.

    Examples
    --------
    >>> table = pd.DataFrame(
    ...     {
    ...         "task": ["tf_0", "tf_2"],
    ...         "model": "mine",
    ...         "metric": "auroc",
    ...         "value": [0.85, 0.8],
    ...         "low": [0.8, None],
    ...         "high": [0.9, None],
    ...     }
    ... )
    >>> print(score_markdown(table, "auroc"))
    | model | tf_0 | tf_2 |
    | --- | --- | --- |
    | mine | 0.850 (0.800–0.900) | 0.800 |
    """
    some = table[table["metric"] == metric]
    rows, columns = some[by].unique(), some[along].unique()
    cells = some.assign(cell=some.apply(_cell, axis=1))
    wide = cells.pivot(index=by, columns=along, values="cell")
    return markdown(wide.reindex(index=rows, columns=columns).fillna(""), corner=by)


def markdown(table: pd.DataFrame, *, corner: str = "") -> str:
    """Return a table as Markdown, its index in front; every text is taken literally.

    Examples
    --------
    >>> print(markdown(pd.DataFrame({"n": [3]}, index=["a"]), corner="name"))
    | name | n |
    | --- | --- |
    | a | 3 |
    """
    lines: list[Sequence[object]] = [[corner, *table.columns]]
    lines.append(["---"] * len(lines[0]))
    lines += [[name, *row] for name, row in table.iterrows()]
    return "\n".join(f"| {' | '.join(map(_text, line))} |" for line in lines)


def _text(cell: object) -> str:
    return escape_markdown(cell).replace("|", "\\|")


def _cell(row: pd.Series) -> str:
    if pd.isna(row["low"]):
        return f"{row['value']:.3f}"
    return f"{row['value']:.3f} ({row['low']:.3f}–{row['high']:.3f})"
