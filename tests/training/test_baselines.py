"""Models, baselines and published numbers in one table."""

import numpy as np
import pandas as pd
import pytest

from hyenascope.data.labelled_sequences import LabelledSequences
from hyenascope.models.hyena import HyenaConfig
from hyenascope.training import baselines
from hyenascope.training.baselines import COLUMNS, compare
from hyenascope.training.cnn_baseline import fit_cnn
from hyenascope.training.finetune import finetune
from hyenascope.training.finetune_options import FinetuneOptions
from hyenascope.training.kmer_baseline import fit_kmers
from hyenascope.training.label_evaluation import evaluate_labels
from tests.training.hearing import Hearing

OPTIONS = FinetuneOptions(epochs=1, batch_size=16)
SMALL = HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34)


def data(*, dev=True):
    rng = np.random.default_rng(0)
    labels = np.arange(90) % 2
    sequences = tuple(
        "".join(rng.choice(list("ACGT"), 30, p=p))
        for p in np.array([[0.25] * 4, [0.3, 0.25, 0.2, 0.25]])[labels]
    )
    turns = ("train", "train", "dev" if dev else "train", "test")
    splits = tuple(turns[n // 2 % 4] for n in range(90))
    return LabelledSequences("toy", sequences, labels, ("no", "yes"), splits, "binary")


def only(table, **wanted):
    for column, value in wanted.items():
        table = table[table[column] == value]
    return table.set_index("metric")[["value", "low", "high"]].sort_index()


def test_each_baseline_is_trained_and_judged_as_by_hand():
    toy = data()
    table = compare(
        toy, options=OPTIONS, scratch=SMALL, seeds=(0, 1), resamples=20, device="cpu"
    )
    assert tuple(table.columns) == COLUMNS
    assert set(table["task"]) == {"toy"}
    assert set(table["rows"]) == {22}
    seeds = table.groupby("model")["seed"].agg(lambda column: sorted(set(column)))
    assert seeds.to_dict() == {"kmer": [0], "cnn": [0, 1], "scratch": [0, 1]}
    second = FinetuneOptions(epochs=1, batch_size=16, seed=1)
    how = {"options": second, "device": "cpu", "progress": False}
    by_hand = {
        ("kmer", 0): fit_kmers(toy),
        ("cnn", 1): fit_cnn(toy, **how),
        ("scratch", 1): finetune(SMALL, toy, **how).model,
    }
    for (name, seed), model in by_hand.items():
        expected = evaluate_labels(model, toy, resamples=20).table
        found = only(table, model=name, seed=seed)
        pd.testing.assert_frame_equal(
            found, expected[["value", "low", "high"]].sort_index(), check_names=False
        )


def test_models_and_published_rows_stand_beside_them_sorted():
    toy = data(dev=False)
    mine = fit_kmers(toy, k=(1,))
    published = pd.DataFrame(
        {
            "task": ["toy", "other", "toy"],
            "model": ["DNABERT-2", "DNABERT-2", "oracle"],
            "metric": ["auroc", "auroc", "auroc"],
            "value": [0.01, 0.2, 1],
            "source": ["Zhou 2024", "Zhou 2024", None],
            "remark": ["left out"] * 3,
        }
    )
    table = compare(
        toy,
        models={"mine": mine},
        baselines=("kmer",),
        seeds=(3, 4),
        published=published,
        resamples=0,
    )
    assert tuple(table.columns) == COLUMNS
    assert table["metric"].unique().tolist()[0] == "accuracy"
    auroc = table[table["metric"] == "auroc"]
    assert auroc["value"].is_monotonic_decreasing
    assert auroc["model"].tolist()[0] == "oracle"
    assert auroc["model"].tolist()[-1] == "DNABERT-2"
    assert auroc["source"].tolist()[-1] == "Zhou 2024"
    assert auroc["source"].tolist()[0] == "published"
    assert len(auroc) == 5  # one model, two seeds, two published
    ours = auroc[auroc["source"] == "measured"]
    assert ours["seed"].isna().sum() == 1
    assert sorted(ours["seed"].dropna()) == [3, 4]


def test_the_least_squared_error_comes_first():
    toy = data()
    numbers = np.array([[float(text.count("A"))] for text in toy.sequences])
    names = ("a",)
    toy = LabelledSequences(
        "n", toy.sequences, numbers, names, toy.splits, "regression"
    )
    published = pd.DataFrame(
        {"model": ["bad", "best"], "metric": ["mse"] * 2, "value": [900.0, -1.0]}
    )
    table = compare(toy, baselines=("kmer",), published=published, resamples=0)
    mse = table[table["metric"] == "mse"]
    assert mse["model"].tolist() == ["best", "kmer", "bad"]
    assert mse["task"].tolist() == ["n"] * 3


def test_names_that_clash_or_are_unknown_are_refused():
    toy, model = data(), fit_kmers(data(), k=(1,))
    with pytest.raises(ValueError, match="different names; got kmer, kmer"):
        compare(toy, models={"kmer": model}, baselines=("kmer",))
    with pytest.raises(ValueError, match="name something; got neither"):
        compare(toy, baselines=())
    with pytest.raises(ValueError, match="model, metric and value; got who"):
        compare(
            toy,
            models={"mine": model},
            baselines=(),
            published=pd.DataFrame({"who": ["a"]}),
            resamples=0,
        )


def test_a_baseline_that_was_stopped_is_not_judged(monkeypatch):
    stopped = lambda *what, **how: finetune(*what, monitor=Hearing(stop_at=1), **how)  # noqa: E731
    monkeypatch.setattr(baselines, "finetune", stopped)
    with pytest.raises(KeyboardInterrupt, match="Stopped in epoch 1"):
        compare(
            data(), baselines=("scratch",), options=OPTIONS, scratch=SMALL, device="cpu"
        )
