"""Fine-tune on the seven GUE tasks, and put the results beside the published ones.

``python scripts/gue_table.py fit --gue FOLDER`` trains every model that is not there
yet, hours on two CPU cores, and looks at train and dev rows alone; kill it and start it
again as you like. ``python scripts/gue_table.py judge --gue FOLDER`` then touches the
test rows, once, and writes docs/gue.md and docs/gue.png.
"""

import argparse
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from hyenascope.data.gue import read_gue
from hyenascope.data.labelled_sequences import LabelledSequences
from hyenascope.models.fine_tuned import load_fine_tuned, save_fine_tuned
from hyenascope.models.hyena import HyenaConfig
from hyenascope.training.finetune import finetune
from hyenascope.training.finetune_options import FinetuneOptions
from hyenascope.training.kmer_baseline import fit_kmers
from hyenascope.training.label_evaluation import Predictor, evaluate_labels
from hyenascope.training.stacking import stack
from hyenascope.viz.benchmark_dots import plot_benchmark
from hyenascope.viz.export import write_image

TASKS = (
    *("tf_0", "tf_2", "mouse_0", "mouse_3"),
    *("prom_core_tata", "prom_core_notata", "prom_300_tata"),
)
STARTS = ("scratch", "yeast-1k", "demo-synthetic")
SEEDS = (0, 1, 2)
READ = 12_000_000  # bases per run, within these bounds of epochs
FEWEST, MOST = 6, 30


@dataclass(frozen=True)
class Job:
    """One model to train."""

    task: str
    start: str
    seed: int

    def folder(self, run: Path) -> Path:
        """Where it lies."""
        return run / self.task / f"{self.start}-{self.seed}"


def jobs(tasks: tuple[str, ...], starts: tuple[str, ...]) -> Iterator[Job]:
    """Yield the jobs, all tasks with the first seed first."""
    for seed in SEEDS:
        for start in starts:
            for task in tasks:
                yield Job(task, start, seed)


def options(data: LabelledSequences, seed: int) -> FinetuneOptions:
    """Return one recipe for all: small tasks get more epochs."""
    bases = sum(map(len, data.split("train").sequences))
    return FinetuneOptions(
        epochs=max(FEWEST, min(MOST, round(READ / bases))),
        patience=None,
        select_by="auroc",
        batch_size=32,
        learning_rate=1e-3,
        pooling="mean",
        seed=seed,
    )


def fit(job: Job, gue: Path, run: Path) -> None:
    """Train a model, unless it is there."""
    folder = job.folder(run)
    if (folder / "config.json").exists():
        return
    data = read_gue(gue / job.task)
    scratch = HyenaConfig(l_max=1026)
    result = finetune(
        scratch if job.start == "scratch" else job.start,
        data,
        options=options(data, job.seed),
        progress=False,
    )
    if not result.finished:
        raise SystemExit(f"{job}: {result.message}")
    save_fine_tuned(result.model, folder)
    result.history.to_csv(folder / "history.tsv", sep="\t", index=False)
    dev = result.scores.loc["auroc", "value"]
    logging.info("%s: dev AUROC %.4f. %s", job, dev, result.message)


def judge(
    gue: Path, run: Path, tasks: tuple[str, ...], starts: tuple[str, ...]
) -> pd.DataFrame:
    """Score everything on the test rows, alone and together with k-mers."""
    rows = []
    for task in tasks:
        data = read_gue(gue / task)
        kmers = fit_kmers(data.split("train"), validation=data.split("dev"))
        rows += _scores(kmers, data, model="3-5-mers", seed=0)
        for start in starts:
            for seed in SEEDS:
                model = load_fine_tuned(Job(task, start, seed).folder(run))
                rows += _scores(model, data, model=start, seed=seed)
                both = stack({"hyena": model, "kmers": kmers}, data.split("dev"))
                rows += _scores(both, data, model=f"{start} + 3-5-mers", seed=seed)
    return pd.DataFrame(rows)


def _scores(
    predictor: Predictor, data: LabelledSequences, *, model: str, seed: int
) -> list[dict[str, object]]:
    found = evaluate_labels(predictor, data, split="test")
    table = found.table.reset_index()
    table = table[table["metric"].isin(["auroc", "accuracy", "mcc"])]
    facts = {"task": data.name, "model": model, "seed": seed, "split": "test"}
    return [{**facts, **row} for row in table.to_dict("records")]


def published(gue: Path, tasks: tuple[str, ...]) -> pd.DataFrame:
    """Return frozen HyenaDNA under a random forest, of Feng et al. 2025."""
    table = pd.read_csv(gue / "published_zero_shot_results.Feng2024.tsv", sep="\t")
    table = table[(table["model"] == "HyenaDNA") & (table["pooling"] == "mean")]
    table = table[table["task"].isin(tasks)].rename(
        columns={"AUC": "auroc", "MCC": "mcc"}
    )
    long = table.melt(
        "task", ["auroc", "accuracy", "mcc"], var_name="metric", value_name="value"
    )
    return long.assign(
        model="frozen HyenaDNA + forest", source="Feng et al. 2025", split="test"
    )


def summarised(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the mean over seeds, and the outer ends of their intervals."""
    found = scores.groupby(["task", "model", "metric", "split"], sort=False)
    return found.agg(
        value=("value", "mean"),
        low=("low", "min"),
        high=("high", "max"),
        seeds=("seed", "nunique"),
        rows=("rows", "first"),
    ).reset_index()


def written(table: pd.DataFrame) -> str:
    """Return a Markdown table per metric, a row per model and a column per task."""
    parts = []
    for metric in ("auroc", "accuracy", "mcc"):
        some = table[table["metric"] == metric]
        cells = some.assign(cell=some.apply(_cell, axis=1))
        wide = cells.pivot(index="model", columns="task", values="cell")
        wide = wide.reindex(index=some["model"].unique(), columns=some["task"].unique())
        parts.append(f"## {metric}\n\n{_markdown(wide)}")
    return "\n\n".join(parts) + "\n"


def _cell(row: pd.Series) -> str:  # type: ignore[type-arg]
    if pd.isna(row["low"]):
        return f"{row['value']:.3f}"
    return f"{row['value']:.3f} ({row['low']:.3f}–{row['high']:.3f})"


def _markdown(table: pd.DataFrame) -> str:
    head = ["model", *map(str, table.columns)]
    lines = [head, ["---"] * len(head)]
    lines += [[str(name), *map(str, row)] for name, row in table.iterrows()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("fit", "judge"))
    parser.add_argument("--gue", type=Path, required=True, help="folder of the tasks")
    parser.add_argument("--run", type=Path, default=Path("runs/gue"))
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=TASKS)
    parser.add_argument("--starts", nargs="+", choices=STARTS, default=STARTS)
    parser.add_argument("--docs", type=Path, default=Path("docs"))
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if given.what == "fit":
        for job in jobs(tuple(given.tasks), tuple(given.starts)):
            fit(job, given.gue, given.run)
        return
    tasks, starts = tuple(given.tasks), tuple(given.starts)
    scores = judge(given.gue, given.run, tasks, starts)
    scores.to_csv(given.run / "scores.tsv", sep="\t", index=False)
    ours = summarised(scores)
    table = pd.concat([ours, published(given.gue, tasks)])
    (given.docs / "gue.md").write_text(
        "# Fine-tuning on seven tasks of GUE\n\n"
        "Test rows; epoch and temperature were chosen on the dev rows, the test rows "
        "were read once. Mean over three seeds, from the lowest to the highest end of "
        "their 95 % bootstrap intervals. `scripts/gue_table.py` makes this page.\n\n"
        + written(table),
        encoding="utf-8",
    )
    write_image(plot_benchmark(table, metric="auroc"), given.docs / "gue.png")


if __name__ == "__main__":
    main()
