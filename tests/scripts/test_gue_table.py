"""The table of GUE, made from folders of a few rows by models of a few channels."""

import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from hyenascope.data.split_leakage import split_leakage
from hyenascope.models.checkpoint import save_pretrained
from hyenascope.models.fine_tuned import load_fine_tuned
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.training import kept_model
from hyenascope.training.kept_model import learning_facts
from hyenascope.training.kmer_baseline import fit_kmers
from hyenascope.training.label_evaluation import evaluate_labels
from hyenascope.training.recorded_model import read_record
from hyenascope.training.stacking import stack
from scripts import gue_table

SMALL = HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34)


def _texts(count, seed):
    rng = np.random.default_rng(seed)
    chances = np.array([[0.25] * 4, [0.4, 0.1, 0.1, 0.4]])
    return [
        "".join(rng.choice(list("ACGT"), 24, p=chances[n % 2])) for n in range(count)
    ]


def _table(path, texts, separator=","):
    labels = [n % 2 for n in range(len(texts))]
    frame = pd.DataFrame({"sequence": texts, "label": labels})
    frame.to_csv(path, index=False, sep=separator)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Two tasks of GUE, iEnhancer with two leaked rows, a small pretrained model."""
    for task in ("tf_0", "mouse_3"):
        folder = tmp_path / "gue" / task
        folder.mkdir(parents=True)
        for seed, (split, count) in enumerate(
            {"train": 40, "dev": 20, "test": 20}.items()
        ):
            _table(folder / f"{split}.csv.gz", _texts(count, seed))
    pd.DataFrame(
        {
            "model": "HyenaDNA",
            "pooling": ["mean", "mean", "cls"],
            "task": ["tf_0", "mouse_3", "tf_0"],
            "AUC": [0.888, 0.587, 0.1],
            "MCC": [0.604, 0.105, 0.1],
            "accuracy": [0.797, 0.552, 0.1],
        }
    ).to_csv(
        tmp_path / "gue" / "published_zero_shot_results.Feng2024.tsv",
        sep="\t",
        index=False,
    )
    folder = tmp_path / "ienhancer"
    folder.mkdir()
    train = _texts(60, 7)
    _table(folder / "train.tsv.gz", train, "\t")
    _table(folder / "test.tsv.gz", [*_texts(20, 8), *train[:2]], "\t")
    (tmp_path / "docs").mkdir()
    generator = torch.Generator().manual_seed(0)
    save_pretrained(HyenaLM(SMALL, generator=generator), tmp_path / "small")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(gue_table, "HyenaConfig", lambda l_max: SMALL)
    monkeypatch.setattr(gue_table, "STARTS", ("scratch", "./small"))
    monkeypatch.setattr(gue_table, "SEEDS", (0, 1))
    monkeypatch.setattr(gue_table, "FEWEST", 1)
    monkeypatch.setattr(gue_table, "READ", 1)
    return tmp_path


def type_in(monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["gue_table.py", *map(str, words)])
    gue_table.main()


WORDS = "--gue gue --ienhancer ienhancer --run run --docs docs --tasks tf_0 mouse_3"
STARTS = "--starts scratch ./small"


def test_trains_once_and_judges_as_by_hand(place, monkeypatch):
    words = [*WORDS.split(), *STARTS.split()]
    type_in(monkeypatch, "fit", *words)
    found = sorted(it.parent for it in (place / "run").rglob("model.safetensors"))
    assert len(found) == 3 * 2 * 2
    monkeypatch.setattr(kept_model, "finetune", None)  # a second time trains nothing
    type_in(monkeypatch, "fit", *words)
    records = sorted((place / "docs" / "gue").rglob("*.npz"))
    assert [it.with_suffix("").parts[-2:] for it in records] == [
        it.parts[-2:] for it in found
    ]
    records[0].unlink()  # is made again from its model
    type_in(monkeypatch, "fit", *words)
    (place / "run").rename(place / "elsewhere")  # records are enough
    type_in(monkeypatch, "fit", *words)
    drawn = []
    monkeypatch.setattr(gue_table, "write_image", lambda it, path: drawn.append(path))
    type_in(monkeypatch, "judge", *words)
    assert [path.name for path in drawn] == ["gue.png"]
    scores = pd.concat(
        pd.read_csv(place / "docs" / "gue" / f"{name}.tsv", sep="\t")
        for name in ("scores", "scores-ienhancer")
    )
    gue = (place / "docs" / "gue.md").read_text()
    enhancers = (place / "docs" / "ienhancer.md").read_text()
    for task, folder in {"tf_0": "gue/tf_0", "ienhancer": "ienhancer"}.items():
        data = gue_table.read(task, place / folder)
        kmers = fit_kmers(data.split("train"), validation=data.split("dev"))
        model = load_fine_tuned(place / "elsewhere" / task / "scratch-1")
        both = stack({"hyena": model, "kmers": kmers}, data.split("dev"))
        for name, seed, each in (
            ("3-5-mers", 0, kmers),
            ("scratch", 1, model),
            ("scratch + 3-5-mers", 1, both),
        ):
            rows = scores[(scores["task"] == task) & (scores["model"] == name)]
            rows = rows[(rows["seed"] == seed) & rows["split"].str.match("test(,|$)")]
            expected = evaluate_labels(each, data).table.loc[["auroc", "mcc"], "value"]
            values = rows.set_index("metric")["value"]
            found = values[["auroc", "mcc"]].tolist()
            assert found == pytest.approx(expected.tolist(), abs=1e-6)
    ours = scores[(scores["task"] == "mouse_3") & (scores["model"] == "./small")]
    ours = ours[(ours["metric"] == "mcc") & (ours["split"] == "test")]
    cell = (
        f"{ours['value'].mean():.3f} ({ours['low'].min():.3f}–{ours['high'].max():.3f})"
    )
    assert f" {cell} |" in gue.split("## mcc")[1]
    assert "| frozen HyenaDNA + forest | 0.888 | 0.587 |" in gue
    assert "| model | test, 22 rows | test without leaked, 20 rows |" in enhancers


def scored(model, dev, test, task="tf_0"):
    rows = {"task": task, "model": model, "metric": "auroc"}
    return pd.DataFrame(
        [{**rows, "split": "dev", "value": dev}] * (dev is not None)
        + [{**rows, "split": "test", "value": test}]
    )


def test_the_dev_rows_choose_what_is_held_beside_the_baselines():
    table = pd.concat(
        [
            scored(gue_table.KMERS, 0.99, 0.80),
            scored("kind", 0.90, 0.70),  # better on test, but dev says otherwise
            scored("right", 0.91, 0.65),
            scored("kind" + gue_table.TOGETHER, 0.92, 0.90),
            scored("right" + gue_table.TOGETHER, 0.91, 0.95),
            scored(gue_table.FROZEN, None, 0.66),
        ]
    )
    found = gue_table.summary(table)
    assert found.loc["tf_0"].to_dict() == {
        gue_table.FROZEN: 0.66,
        gue_table.KMERS: 0.80,
        "start": "right",
        "fine-tuned": 0.65,
        "start, together": "kind",
        "together with 3-5-mers": 0.90,
    }
    assert gue_table.verdict(found).splitlines() == [
        "- fine-tuned, above frozen HyenaDNA + forest: 0 of 1, not tf_0 (-0.010)",
        "- fine-tuned, above 3-5-mers: 0 of 1, not tf_0 (-0.150)",
        "- together with 3-5-mers, above frozen HyenaDNA + forest: 1 of 1",
        "- together with 3-5-mers, above 3-5-mers: 1 of 1",
    ]


def test_dev_rows_of_ienhancer_come_from_train_alone(place):
    data = gue_table.read("ienhancer", place / "ienhancer")
    again = gue_table.read("ienhancer", place / "ienhancer")
    assert data.splits == again.splits
    counts = data.counts().sum(axis=1)
    assert counts.to_dict() == {"train": 54, "dev": 6, "test": 22}


def test_ienhancer_alone_leaves_the_files_of_gue(place, monkeypatch):
    monkeypatch.setattr(gue_table, "SEEDS", (0,))
    others = {"docs/gue.md": "# GUE", "docs/gue/scores.tsv": "task\n"}
    (place / "docs" / "gue").mkdir()
    for name, text in others.items():
        (place / name).write_text(text)
    words = "--ienhancer ienhancer --run run --docs docs --starts scratch"
    type_in(monkeypatch, "fit", *words.split())
    type_in(monkeypatch, "judge", *words.split())
    assert {name: (place / name).read_text() for name in others} == others
    page = (place / "docs" / "ienhancer.md").read_text()
    assert page.startswith("# iEnhancer, with and without its leaked rows")
    assert page.count("| scratch | ") == 3
    scores = pd.read_csv(place / "docs" / "gue" / "scores-ienhancer.tsv", sep="\t")
    assert set(scores["task"]) == {"ienhancer"}
    with pytest.raises(SystemExit):
        type_in(monkeypatch, "fit", "--run", "run")


def test_models_of_other_options_are_refused(place, monkeypatch):
    monkeypatch.setattr(gue_table, "SEEDS", (0,))
    words = "--gue gue --tasks tf_0 --run run --docs docs --starts scratch"
    type_in(monkeypatch, "fit", *words.split())
    monkeypatch.setattr(gue_table, "FEWEST", 2)
    for what in ("fit", "judge"):
        with pytest.raises(ValueError, match=r"tf_0/scratch-0\.npz differs in opt"):
            type_in(monkeypatch, what, *words.split())
    assert not (place / "docs" / "gue.md").exists()
    (place / "docs" / "gue" / "tf_0" / "scratch-0.npz").unlink()
    with pytest.raises(SystemExit, match=r"1 models are to be fitted yet: Job.*tf_0"):
        type_in(monkeypatch, "judge", *words.split())
    with pytest.raises(ValueError, match="tf_0/scratch-0 differs in options"):
        type_in(monkeypatch, "fit", *words.split())


def test_two_processes_share_the_cores(place, monkeypatch):
    asked, fitted = [], []
    monkeypatch.setattr(gue_table.torch, "set_num_threads", asked.append)
    monkeypatch.setattr(gue_table, "fit", lambda job, *_: fitted.append(job.start))
    words = "--gue gue --tasks tf_0 --run run --starts"
    type_in(monkeypatch, "fit", *words.split(), "./small")
    assert asked == []
    type_in(monkeypatch, "fit", *words.split(), "scratch", "--threads", 1)
    assert asked == [1]
    assert fitted == ["./small", "./small", "scratch", "scratch"]
    with pytest.raises(SystemExit):
        type_in(monkeypatch, "fit", *words.split(), "scratch", "--threads", 0)


def test_a_stopped_fit_says_which_model(place, monkeypatch):
    def stopped(*_, **__):
        raise KeyboardInterrupt("Stopped in epoch 1.")

    monkeypatch.setattr(gue_table, "kept_model", stopped)
    words = "--gue gue --tasks tf_0 --run run --starts scratch"
    with pytest.raises(SystemExit, match=r"task='tf_0'.*: Stopped in epoch 1\."):
        type_in(monkeypatch, "fit", *words.split())


def check_records(scores, source, shared):
    """Hold the AUROC of a task's models against what its records say."""
    docs = Path(gue_table.__file__).parents[1] / "docs"
    kept = scores[scores["metric"] == "auroc"].set_index(
        ["task", "model", "seed", "split"]
    )["value"]
    data = gue_table.read(source.name, shared / "data" / source)
    jobs = list(gue_table.jobs((source.name,), gue_table.STARTS))
    records = (docs / "gue" / source.name).glob("*.npz")
    assert {job.record(docs) for job in jobs} == set(records)
    for job in jobs:
        start = gue_table.start_of(job.start)
        facts = learning_facts(start, gue_table.options(data, job.seed), data=data)
        model = read_record(job.record(docs), data, made_from=facts)
        for title, rows in {"dev": data, **gue_table._judged(data)}.items():
            split = "dev" if title == "dev" else "test"
            found = evaluate_labels(model, rows, split=split, resamples=0)
            value = found.table.loc["auroc", "value"]
            name = (source.name, job.start, job.seed, title)
            assert kept[name] == pytest.approx(value, abs=1e-6)


def overlap(test, chosen):
    """Say whether the intervals of some models meet those of 3-5-mers on each task."""
    ends = test.set_index(["task", "model"])[["low", "high"]]
    pairs = [(ends.loc[one], ends.loc[one[0], gue_table.KMERS]) for one in chosen]
    return all(a["low"] < b["high"] and b["low"] < a["high"] for a, b in pairs)


def test_the_page_of_gue_holds_what_the_records_say(shared):
    docs = Path(gue_table.__file__).parents[1] / "docs"
    scores = pd.read_csv(docs / "gue" / "scores.tsv", sep="\t")
    tasks = list(gue_table.TASKS)
    for task in tasks:
        check_records(scores, Path("gue", task), shared)
    others = gue_table.published(shared / "data" / "gue", tasks)
    ours = pd.concat([gue_table.over_seeds(scores), others])
    assert (docs / "gue.md").read_text(encoding="utf-8") == gue_table.gue_page(ours)
    readme = (docs.parent / "README.md").read_text(encoding="utf-8")
    for task, row in gue_table.summary(ours).iterrows():
        numbers = [cell for cell in row if not isinstance(cell, str)]
        assert f"| {task} | {' | '.join(f'{each:.3f}' for each in numbers)} |" in readme
    # What the words below the tables say, here and in README.
    test = ours[(ours["metric"] == "auroc") & (ours["split"] == "test")]
    values = test.pivot(index="task", columns="model", values="value").round(3)
    frozen, kmers = values[gue_table.FROZEN], values[gue_table.KMERS]
    scratch = values["scratch"][values["scratch"] < frozen]
    assert scratch.to_dict() == {"prom_300_tata": 0.664}
    chosen = gue_table.summary(ours)
    short = chosen["fine-tuned"].round(3) < kmers[chosen.index]
    assert short[short].index.tolist() == ["tf_2"]
    together = chosen["start, together"] + gue_table.TOGETHER
    for name in (chosen["start"], together):
        assert overlap(test, name.items())
    # What notebook 08 says, and the numbers of others that it has.
    pretrained = ("yeast-1k", "demo-synthetic")
    above = {name: (values[name] > kmers).sum() for name in values}
    assert [above[name] for name in (*pretrained, "scratch")] == [6, 5, 1]
    assert values["scratch"]["prom_core_notata"] > kmers["prom_core_notata"]
    for name in pretrained:
        assert (values[name] > frozen).all()
        assert (values[name] > values["scratch"]).all()
        assert overlap(test, ((task, name) for task in tasks))
    notebook = docs.parent / "notebooks" / "08_fine_tuning.ipynb"
    typed = re.findall(r'\\"(\w+)\\": (0\.\d{3})', notebook.read_text(encoding="utf-8"))
    assert {task: float(number) for task, number in typed} == frozen.to_dict()


def test_the_page_of_ienhancer_holds_what_the_records_say(shared, monkeypatch):
    docs = Path(gue_table.__file__).parents[1] / "docs"
    scores = pd.read_csv(docs / "gue" / "scores-ienhancer.tsv", sep="\t")
    source = {gue_table.IENHANCER: shared / "data" / gue_table.IENHANCER}

    def quick(model, rows, *, split, resamples):
        return evaluate_labels(model, rows, split=split, resamples=0)

    monkeypatch.setattr(gue_table, "evaluate_labels", quick)
    again = gue_table.judge(source, docs, gue_table.STARTS)
    same = ["task", "model", "seed", "split", "metric", "value", "rows"]
    pd.testing.assert_frame_equal(again[same], scores[same], rtol=0, atol=1e-3)
    ours = gue_table.over_seeds(scores)
    page = (docs / "ienhancer.md").read_text(encoding="utf-8")
    assert page == gue_table.ienhancer_page(ours)
    # What the words below the tables say.
    data = gue_table.read(gue_table.IENHANCER, shared / "data" / gue_table.IENHANCER)
    assert data.splits.count("train") == 2_672
    auroc = ours[ours["metric"] == "auroc"]
    values = auroc.pivot(index="model", columns="split", values="value")
    assert set(values.pop("dev").round(2)) == {0.88, 0.89}
    wide = (auroc["high"] - auroc["low"])[auroc["split"] != "dev"].min()
    assert (values.max() - values.min()).max() < 0.01 < wide / 7
    accuracy = ours[(ours["metric"] == "accuracy") & (ours["split"] != "dev")]
    right = accuracy.pivot(index="model", columns="split", values="value")
    whole, clean = "test, 400 rows", "test without leaked, 300 rows"
    for start in ("yeast-1k", "demo-synthetic"):
        assert (right.loc[start] < right.loc[gue_table.KMERS]).all()
        assert right.loc[start, clean] < right.loc["scratch", clean]
    both = auroc[auroc["model"].str.endswith(gue_table.TOGETHER)]
    dev = both[both["split"] == "dev"].set_index("model")["value"]
    assert dev.idxmax() == "yeast-1k + 3-5-mers"
    lost = values.loc[gue_table.KMERS, whole] - values.loc[gue_table.KMERS, clean]
    leak = values.loc[gue_table.KMERS, whole] - values.loc[gue_table.UNLEAKED, whole]
    assert abs(leak) < lost / 2
    readme = (docs.parent / "README.md").read_text(encoding="utf-8")
    best = values.loc["yeast-1k + 3-5-mers"].round(3)
    kmers = values.loc[gue_table.KMERS].round(3)
    said = f"{best[whole]} on all of it and {best[clean]} without"
    assert f"{said} (3-5-mers {kmers[whole]} and {kmers[clean]})" in " ".join(
        readme.split()
    )


def test_the_hundred_leaked_rows_of_the_published_set(shared):
    data = gue_table.read("ienhancer", shared / "data" / "ienhancer")
    exact = split_leakage(data).counts().set_index(["source_split", "split"])["exact"]
    assert exact["train", "test"] + exact["dev", "test"] == 100
    whole, clean = gue_table._judged(data).values()
    assert (whole.splits.count("test"), clean.splits.count("test")) == (400, 300)
    assert clean.counts().loc["test"].to_dict() == {"0": 200, "1": 100}
    table = pd.read_csv(shared / "data" / "ienhancer" / "test.tsv.gz", sep="\t")
    learned = pd.read_csv(shared / "data" / "ienhancer" / "train.tsv.gz", sep="\t")
    leaked = table["sequence"].isin(learned["sequence"])
    assert set(table.loc[leaked, "strength"]) == {"strong"}
    assert not (table.loc[~leaked, "strength"] == "strong").any()
    fresh = gue_table._unleaked(data)
    assert len(data) - len(fresh) == 100
    assert fresh.split("test").sequences == data.split("test").sequences
    assert not set(fresh.split("train").sequences) & set(table["sequence"])
