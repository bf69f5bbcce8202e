"""What `reproduce` found, as a page that says how each number was made."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from hyenascope._typing import StrPath
from hyenascope.data.score_tables import markdown, over_seeds, score_markdown
from hyenascope.training.benchmark_facts import LEAKS_FILE
from hyenascope.training.benchmark_recipes import Recipe
from hyenascope.training.finetune_options import FinetuneOptions

_ABOUT = (
    "Fine-tuned and judged by `hyenascope reproduce`. A tenth of the training rows was "
    "held out to choose the epoch and the temperature; test rows chose nothing. Our "
    "values are means over seeds, with the outer ends of their 95 % bootstrap "
    "intervals."
)


def own_metrics(recipes: Sequence[Recipe], table: pd.DataFrame) -> pd.DataFrame:
    """Return the metric that each task is published in, over seeds, ours first.

    Parameters
    ----------
    recipes, table
        What was run, and what came out of it.

    Examples
    --------
    >>> from hyenascope.training.benchmark_recipes import find_recipes
    >>> recipes = find_recipes("nucleotide_transformer/H3")
    >>> table = recipes[0].others().assign(seed=None, low=None, high=None, rows=None)
    >>> own_metrics(recipes, table)["value"].tolist()
    [0.817, 0.779]
    """
    wanted = [(recipe.task, recipe.metric) for recipe in recipes]
    pairs = pd.MultiIndex.from_frame(table[["task", "metric"]])
    found = over_seeds(table[pairs.isin(wanted)])
    theirs = found["source"] != "measured"
    return pd.concat([found[~theirs], found[theirs]], ignore_index=True)


def benchmark_page(
    recipes: Sequence[Recipe],
    options: Sequence[FinetuneOptions],
    table: pd.DataFrame,
    folder: StrPath,
) -> str:
    """Return Markdown: the numbers, the target, how they were made, and what leaks.

    Parameters
    ----------
    recipes
        Of one table of the paper.
    options
        What each was trained with.
    table
        As `reproduce` gives it.
    folder
        That of `reproduce`, where the counts of leaks are.
    """
    shown = own_metrics(recipes, table)
    shared = recipes[0].table
    parts = [f"# {shared.published}, again", _ABOUT]
    for metric in shown["metric"].unique():
        cells = score_markdown(shown, metric, by="task", along="model")
        parts.append(f"## {metric}\n\n{cells}")
    parts += [
        "## How the numbers were made",
        f"- **As published** ({shared.published}): {shared.published_split}. Tuned for "
        f"each task: {shared.tuned}.\n"
        f"- **Re-run** ({shared.rerun}): {shared.rerun_split}; "
        f"{shared.rerun_training}. This is the honest target.\n"
        f"- **Here**: seeds {_seeds(table)}; {_how(recipes, options)}."
        + (f"\n- **Not known**: {shared.unknown}." if shared.unknown else ""),
        "## Test rows that training holds too",
        markdown(_leaks(recipes, table, Path(folder)), corner="task"),
    ]
    return "\n\n".join(parts) + "\n"


def _seeds(table: pd.DataFrame) -> str:
    return ", ".join(map(str, sorted(table["seed"].dropna().unique())))


def _how(recipes: Sequence[Recipe], options: Sequence[FinetuneOptions]) -> str:
    """Say the options, by task where they differ, and those that the script has."""
    tasks, ours = [recipe.task for recipe in recipes], [asdict(it) for it in options]
    told = [
        f"{name.replace('_', ' ')} "
        + _values(tasks, [one[name] for one in ours])
        + ("" if all(one[name] == usual for one in ours) else f" (the recipe: {usual})")
        for name, usual in asdict(recipes[0].options).items()
        if name not in ("seed", "select_by")
    ]
    return f"{', '.join(told)}; the metric of the task chooses the epoch"


def _values(tasks: Sequence[str], values: Sequence[object]) -> str:
    """Write a value that all tasks share once, and else each with its tasks.

    Examples
    --------
    >>> _values(["H3", "H4", "H4ac"], [20, 20, 20])
    '20'
    >>> _values(["H3", "H4", "H4ac"], [20, 100, 20])
    '20 of H3 and H4ac, 100 of H4'
    """
    of: dict[object, list[str]] = {}
    for task, value in zip(tasks, values, strict=True):
        of.setdefault(value, []).append(task)
    if len(of) == 1:
        return str(values[0])
    return ", ".join(f"{value} of {' and '.join(names)}" for value, names in of.items())


def _leaks(
    recipes: Sequence[Recipe], table: pd.DataFrame, folder: Path
) -> pd.DataFrame:
    """Return what was counted, and how many rows were then judged."""
    judged = table.groupby("task")["rows"].max()
    tables = [
        pd.read_csv(folder / recipe.name / LEAKS_FILE, sep="\t").assign(
            judged=judged[recipe.task], task=recipe.task
        )
        for recipe in recipes
    ]
    found = pd.concat(tables).set_index("task")
    return found.rename(columns={"source_split": "in", "split": "of"})
