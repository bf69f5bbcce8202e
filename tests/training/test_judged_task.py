"""One task is judged as `compare` judges it, and never by half a baseline."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from hyenascope.data.labelled_sequences import LabelledSequences
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.sequence_model import SequenceModel
from hyenascope.models.sequence_task import SequenceTask
from hyenascope.training import judged_task as home
from hyenascope.training.baselines import compare
from hyenascope.training.benchmark_recipes import find_recipes
from hyenascope.training.cnn_baseline import fit_cnn
from hyenascope.training.finetune_options import FinetuneOptions
from hyenascope.training.judged_task import JudgedTask
from tests.training.hearing import Hearing

OPTIONS = FinetuneOptions(epochs=2, patience=None, batch_size=16)


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    texts = tuple("".join(rng.choice(list("ACGT"), 24)) for _ in range(60))
    splits = ("train",) * 40 + ("test",) * 20
    return LabelledSequences(
        "H3", texts, np.arange(60) % 2, ("no", "yes"), splits, "binary"
    )


def model(seed=0):
    config = HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34)
    generator = torch.Generator().manual_seed(seed)
    task = SequenceTask("binary", ("no", "yes"))
    backbone = HyenaLM(config, generator=generator)
    return SequenceModel(backbone, task, generator=generator).eval()


@pytest.fixture
def task(data):
    (recipe,) = find_recipes("nucleotide_transformer/H3")
    models = {("small", 0): model(0), ("small", 4): model(4)}
    baselines = ("kmer", "cnn")
    return JudgedTask(recipe, data, models, baselines, OPTIONS, (0, 4), "keep", 0)


def test_the_table_is_that_of_compare(task):
    found = task.table(device="cpu", progress=False)
    expected = compare(
        task.rows,
        models={"a": model(0), "b": model(4)},
        baselines=("kmer", "cnn"),
        options=OPTIONS,
        seeds=(0, 4),
        resamples=0,
        device="cpu",
        published=task.recipe.others(),
    )
    for name, seed in {"a": 0, "b": 4}.items():
        rows = expected["model"] == name
        expected.loc[rows, ["model", "seed"]] = ["small", seed]
    keys = ["metric", "model", "seed"]
    pd.testing.assert_frame_equal(
        found.sort_values(keys, ignore_index=True),
        expected.sort_values(keys, ignore_index=True),
        check_dtype=False,
    )


def test_all_that_decides_the_numbers_is_told(task):
    told = task.made_from()
    assert (
        json.loads(json.dumps(told))
        == JudgedTask(
            **{**vars(task), "models": {("small", 0): model(0), ("small", 4): model(4)}}
        ).made_from()
    )
    shorter = replace(task.rows, sequences=("ACGT", *task.rows.sequences[1:]))
    changes = {
        "rows": shorter,
        "models": {("small", 0): model(1), ("small", 4): model(4)},
        "baselines": ("kmer",),
        "options": replace(OPTIONS, epochs=3),
        "seeds": (0,),
        "duplicates": "drop",
        "resamples": 7,
        "recipe": replace(task.recipe, rerun=0.5),
    }
    for field, value in changes.items():
        other = replace(task, **{field: value}).made_from()
        differs = [key for key in told if told[key] != other[key]]
        assert differs == ["published" if field == "recipe" else field]


def test_a_cnn_that_was_stopped_is_not_judged(task, monkeypatch):
    stopped = lambda data, **how: fit_cnn(data, monitor=Hearing(stop_at=1), **how)  # noqa: E731
    monkeypatch.setattr(home, "fit_cnn", stopped)
    with pytest.raises(KeyboardInterrupt, match="Stopped in epoch 1"):
        task.table(device="cpu", progress=False)
