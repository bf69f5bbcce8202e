"""Validation rows: class by class, twins together, nothing from the test split."""

import numpy as np
import pandas as pd
import pytest

from hyenascope.data.labelled_sequences import LabelError, LabelledSequences
from hyenascope.data.labelled_sources import collect_labelled
from hyenascope.sequence.dna import reverse_complement
from hyenascope.training.label_split import collect_both, learn_and_choose


def texts(count, seed=0):
    rng = np.random.default_rng(seed)
    return tuple("".join(rng.choice(list("ACGT"), 12)) for _ in range(count))


def labelled(labels, splits=None, names=("no", "yes"), task="binary", sequences=None):
    count = len(labels)
    return LabelledSequences(
        "toy",
        sequences or texts(count),
        np.array(labels),
        names,
        tuple(splits or ["all"] * count),
        task,
    )


def test_a_share_of_every_class():
    data = labelled([0] * 80 + [1] * 20)
    learn, choose = learn_and_choose(data, 0.1, seed=3)
    assert np.bincount(choose.labels).tolist() == [8, 2]
    assert np.bincount(learn.labels).tolist() == [72, 18]
    assert not set(learn.sequences) & set(choose.sequences)
    again = learn_and_choose(data, None, seed=3)[1]
    assert again.sequences == choose.sequences
    other = learn_and_choose(data, None, seed=4)[1]
    assert other.sequences != choose.sequences


def test_one_dna_is_never_on_both_sides():
    some = texts(30)
    twins = (*some, *(reverse_complement(text) for text in some))
    data = labelled([0, 1] * 30, sequences=twins)
    learn, choose = learn_and_choose(data, 0.2, seed=0)
    sides = [
        {min(text, reverse_complement(text)) for text in part.sequences}
        for part in (learn, choose)
    ]
    assert not sides[0] & sides[1]
    assert len(learn) + len(choose) == 60


def test_dev_is_for_choosing_and_test_for_neither():
    data = labelled([0, 1] * 3, ["train", "train", "dev", "dev", "test", "test"])
    learn, choose = learn_and_choose(data, None, seed=0)
    assert (learn.splits, choose.splits) == (("train",) * 2, ("dev",) * 2)
    larger = labelled([0, 1] * 20, ["train"] * 30 + ["dev"] * 6 + ["test"] * 4)
    learn, choose = learn_and_choose(larger, 0.2, seed=0)
    assert {*learn.sequences, *choose.sequences} == set(larger.sequences[:30])
    assert (len(learn), len(choose)) == (24, 6)


@pytest.mark.parametrize(
    ("data", "validation", "message"),
    [
        (labelled([0, 0, 0]), None, "training rows must be of two classes .* 'no'"),
        (labelled([0, 1] * 5), 1.0, "share must be between 0 and 1; got 1.0"),
        (labelled([0, 1] * 5), labelled([0, 0]), "validation rows must be of two"),
        (
            labelled([0, 1] * 5),
            labelled([0, 1], names=("yes", "no")),
            "binary no, yes; got binary yes, no",
        ),
        (labelled([0, 1], ["dev", "test"]), None, "must have a split 'train'"),
        (
            labelled([[1.0], [1.0]], names=("y",), task="regression"),
            0.5,
            "training rows must differ in 'y'",
        ),
        (
            labelled([0, 1], sequences=("ACGT", "AAAA")),
            0.5,
            "two different sequences of no in train",
        ),
    ],
)
def test_what_cannot_be_split(data, validation, message):
    with pytest.raises(LabelError, match=message):
        learn_and_choose(data, validation, seed=0)


def test_validation_rows_of_data_with_splits_are_its_dev_rows(caplog):
    data = labelled([0, 1] * 20, ["train"] * 20 + ["dev"] * 10 + ["test"] * 10)
    learn, choose = learn_and_choose(data, data, seed=0)
    assert (set(learn.splits), set(choose.splits)) == ({"train"}, {"dev"})
    assert not caplog.records
    lacking = labelled([0, 1] * 5, ["train"] * 5 + ["test"] * 5)
    with pytest.raises(LabelError, match="or a split 'dev'; got train, test"):
        learn_and_choose(data, lacking, seed=0)
    twins = data.split("train").take([0, 1])
    learn_and_choose(data, twins, seed=0)
    assert "2 of 2 validation rows are training rows too" in caplog.text


@pytest.mark.parametrize("form", ["table", "csv", "fasta", "texts"])
def test_validation_is_labelled_as_the_training_rows_are(tmp_path, form):
    table = pd.DataFrame({"sequence": texts(12), "y": np.linspace(0, 1, 12)})
    more = table.assign(sequence=texts(12, 1))
    source, extra, labels = table, more, "y"
    if form == "csv":
        source, extra = tmp_path / "t.csv", tmp_path / "v.csv"
        table.to_csv(source, index=False)
        more.to_csv(extra, index=False)
    if form == "texts":
        source, labels = list(table["sequence"]), list(table["y"])
        extra = collect_labelled(more, "y", task="regression")
    if form == "fasta":
        source, extra, labels = tmp_path / "t.fa", tmp_path / "v.fa", None
        for path, rows in ((source, table), (extra, more)):
            pairs = zip(rows["sequence"], rows["y"], strict=True)
            path.write_text("".join(f">a|{y}\n{text}\n" for text, y in pairs))
    data, given = collect_both(source, extra, labels=labels, task="regression")
    assert data.task == given.task == "regression"
    assert given.sequences == tuple(more["sequence"])
    wide = table.assign(a=[0, 1] * 6, b=[1, 1, 0] * 4)
    both = collect_both(wide, wide, labels=["a", "b"])
    assert both[1].label_names == ("a", "b")
    assert collect_both(data, 0.2)[1] == 0.2
