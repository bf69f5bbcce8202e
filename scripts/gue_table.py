"""Fine-tune on the seven GUE tasks, and put the results beside the published ones.

``python scripts/gue_table.py fit --gue FOLDER`` trains every model that is not there
yet, hours on two CPU cores, and looks at train and dev rows alone; kill it and start it
again as you like. ``python scripts/gue_table.py judge --gue FOLDER`` then touches the
test rows, once, and writes docs/gue.md and docs/gue.png.

With ``--ienhancer FOLDER`` the task of iEnhancer-2L comes after them. It has no
official dev rows, so a tenth of its train is cut off, the same for every model; and 100
of its test rows stand in train, so it is judged with and without them.
"""

import argparse
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from hyenascope.data.dev_split import with_dev_split
from hyenascope.data.gue import read_gue
from hyenascope.data.label_tables import read_label_table
from hyenascope.data.labelled_sequences import LabelledSequences
from hyenascope.data.score_tables import over_seeds, score_markdown
from hyenascope.data.split_leakage import without_leaks
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
IENHANCER = "ienhancer"
STARTS = ("scratch", "yeast-1k", "demo-synthetic")
SEEDS = (0, 1, 2)
READ = 12_000_000  # bases per run, within these bounds of epochs
FEWEST, MOST = 6, 30
METRICS = ("auroc", "accuracy", "mcc")


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


def read(task: str, folder: Path) -> LabelledSequences:
    """Return a task with train, dev and test rows."""
    if task != IENHANCER:
        return read_gue(folder)
    files = {split: folder / f"{split}.tsv.gz" for split in ("train", "test")}
    data = read_label_table(files, name=task)
    return with_dev_split(data, generator=np.random.default_rng(0))


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


def fit(job: Job, source: Path, run: Path) -> None:
    """Train a model, unless it is there."""
    folder = job.folder(run)
    if (folder / "config.json").exists():
        return
    data = read(job.task, source)
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
    sources: Mapping[str, Path], run: Path, starts: tuple[str, ...]
) -> pd.DataFrame:
    """Score everything on the test rows, alone and together with k-mers."""
    rows = []
    for task, source in sources.items():
        data = read(task, source)
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
) -> Iterator[dict[str, object]]:
    for split, rows in _judged(data).items():
        table = evaluate_labels(predictor, rows, split="test").table.reset_index()
        table = table[table["metric"].isin(METRICS)]
        facts = {"task": data.name, "model": model, "seed": seed, "split": split}
        for row in table.to_dict("records"):
            yield {**facts, **row}


def _judged(data: LabelledSequences) -> dict[str, LabelledSequences]:
    """Return the data, and of iEnhancer also without the test rows of train or dev."""
    if data.name != IENHANCER:
        return {"test": data}
    clean = without_leaks(data, kinds=("exact",))
    titles = [
        f"{title}, {rows.splits.count('test')} rows"
        for title, rows in (("test", data), ("test without leaked", clean))
    ]
    return dict(zip(titles, (data, clean), strict=True))


def published(gue: Path, tasks: list[str]) -> pd.DataFrame:
    """Return frozen HyenaDNA under a random forest, of Feng et al. 2025."""
    table = pd.read_csv(gue / "published_zero_shot_results.Feng2024.tsv", sep="\t")
    table = table[(table["model"] == "HyenaDNA") & (table["pooling"] == "mean")]
    table = table[table["task"].isin(tasks)].rename(
        columns={"AUC": "auroc", "MCC": "mcc"}
    )
    long = table.melt("task", list(METRICS), var_name="metric", value_name="value")
    return long.assign(
        model="frozen HyenaDNA + forest", source="Feng et al. 2025", split="test"
    )


def page(scores: pd.DataFrame, others: pd.DataFrame) -> str:
    """Return docs/gue.md: a section for GUE, and one for iEnhancer if it is there."""
    ours = over_seeds(scores)
    apart = ours["task"] == IENHANCER
    parts = []
    if not apart.all():
        parts.append(
            "# Fine-tuning on seven tasks of GUE\n\n"
            "Test rows; epoch and temperature were chosen on the dev rows, the test "
            "rows were read once. Mean over three seeds, from the lowest to the "
            "highest end of their 95 % bootstrap intervals. `scripts/gue_table.py` "
            "makes this page."
        )
        parts += _tables(pd.concat([ours[~apart], others]), along="task")
    if apart.any():
        parts.append(
            "# iEnhancer, with and without its leaked rows\n\n"
            "iEnhancer-2L publishes no dev rows: a tenth of train was cut off to "
            "choose epoch and temperature, the same for every model. Test sequences "
            "that stand in train are judged in the first column and left out in the "
            "second."
        )
        parts += _tables(ours[apart], along="split")
    return "\n\n".join(parts) + "\n"


def _tables(table: pd.DataFrame, *, along: str) -> list[str]:
    return [
        f"## {metric}\n\n{score_markdown(table, metric, along=along)}"
        for metric in METRICS
    ]


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("fit", "judge"))
    parser.add_argument("--gue", type=Path, help="folder of the tasks")
    parser.add_argument("--ienhancer", type=Path, help="folder of its two tables")
    parser.add_argument("--run", type=Path, default=Path("runs/gue"))
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=TASKS)
    parser.add_argument("--starts", nargs="+", choices=STARTS, default=STARTS)
    parser.add_argument("--docs", type=Path, default=Path("docs"))
    given = parser.parse_args()
    if given.gue is None and given.ienhancer is None:
        parser.error("give --gue, --ienhancer, or both")
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    tasks = list(given.tasks) if given.gue else []
    sources = {task: given.gue / task for task in tasks}
    if given.ienhancer:
        sources[IENHANCER] = given.ienhancer
    starts = tuple(given.starts)
    if given.what == "fit":
        for job in jobs(tuple(sources), starts):
            fit(job, sources[job.task], given.run)
        return
    scores = judge(sources, given.run, starts)
    scores.to_csv(given.run / "scores.tsv", sep="\t", index=False)
    others = published(given.gue, tasks) if tasks else pd.DataFrame()
    (given.docs / "gue.md").write_text(page(scores, others), encoding="utf-8")
    if tasks:
        ours = over_seeds(scores[scores["task"] != IENHANCER])
        figure = plot_benchmark(pd.concat([ours, others]), metric="auroc")
        write_image(figure, given.docs / "gue.png")


if __name__ == "__main__":
    main()
