import logging
import random

import numpy as np
import pytest

from hyenascope.data.gue import read_gue
from hyenascope.data.label_tables import read_label_table
from hyenascope.data.labelled_sequences import LabelError, LabelledSequences
from hyenascope.data.split_leakage import split_leakage, without_leaks
from hyenascope.sequence.dna import reverse_complement


def _dna(seed, length=200):
    return "".join(random.Random(seed).choices("ACGT", k=length))


def _data(rows, labels=None):
    splits, texts = zip(*rows, strict=True)
    labels = np.arange(len(rows)) % 2 if labels is None else np.array(labels)
    return LabelledSequences("toy", texts, labels, ("no", "yes"), splits, "binary")


def test_each_kind_of_leak_with_its_rows():
    one, two, three = _dna(1), _dna(2), _dna(3)
    changed = three[:100] + ("A" if three[100] != "A" else "C") + three[101:]
    data = _data(
        [
            ("test", one),
            ("train", _dna(4)),
            ("train", one),
            ("train", two),
            ("train", one),
            ("train", three),
            ("test", reverse_complement(two)),
            ("test", reverse_complement(changed)),
            ("test", _dna(5)),
        ],
        [0, 0, 0, 1, 1, 1, 0, 1, 1],
    )
    leaks = split_leakage(data, k=16, similarity=0.5).leaks
    told = [(x.row, x.source_row, x.kind, x.same_label) for x in leaks]
    assert told == [
        (0, 2, "exact", True),
        (6, 3, "reverse_complement", False),
        (7, 5, "near", True),
    ]
    # One changed letter is in 16 of the 185 windows.
    assert [x.similarity for x in leaks] == pytest.approx([1, 1, 169 / 185])


@pytest.mark.parametrize(("overlap", "leaks"), [(120, 1), (80, 0)])
def test_windows_of_one_locus_leak_from_half_on(overlap, leaks):
    locus = _dna(7, 400)
    data = _data(
        [("train", locus[:200]), ("test", locus[200 - overlap : 400 - overlap])]
    )
    found = split_leakage(data, k=16, similarity=0.5)
    assert len(found.leaks) == leaks
    # Of 185 windows of 16, those that lie in the overlap are shared.
    share = split_leakage(data, k=16, similarity=0.1).leaks[0].similarity
    assert share == pytest.approx((overlap - 15) / 185)


def test_every_pair_of_splits_is_counted():
    a, b, c = _dna(1), _dna(2), _dna(3)
    data = _data(
        [("train", a), ("train", b), ("dev", a), ("dev", c), ("test", a), ("test", c)]
    )
    counts = split_leakage(data).counts().set_index(["source_split", "split"])
    assert counts["exact"].to_dict() == {
        ("train", "dev"): 1,
        ("train", "test"): 1,
        ("dev", "test"): 2,
    }
    assert counts["leaked"].tolist() == counts["exact"].tolist()
    assert set(counts["rows"]) == {2}


def test_to_frame_has_a_row_per_leak_and_columns_without_any():
    a = _dna(1)
    frame = split_leakage(_data([("train", a), ("test", a)], [0, 1])).to_frame()
    assert frame.loc[0].to_dict() == {
        "split": "test",
        "row": 1,
        "source_split": "train",
        "source_row": 0,
        "kind": "exact",
        "similarity": 1.0,
        "same_label": False,
    }
    none = split_leakage(_data([("train", a), ("test", _dna(2))])).to_frame()
    assert list(none.columns) == list(frame.columns)
    assert none.empty


def test_sequences_shorter_than_k_are_compared_in_full():
    data = _data([("train", "ACCTGA"), ("test", "TCAGGT"), ("test", "ACCTGC")])
    leaks = split_leakage(data, k=16).leaks
    assert [(leak.row, leak.kind) for leak in leaks] == [(1, "reverse_complement")]


def test_without_leaks_drops_where_it_is_judged(caplog):
    a, b, c = _dna(1), _dna(2), _dna(3)
    data = _data(
        [("train", a), ("dev", a), ("dev", b), ("test", a), ("test", b), ("test", c)],
        [0, 0, 1, 0, 1, 0],
    )
    kept = without_leaks(data)
    assert kept.sequences == (a, a, b, c)
    assert kept.splits == ("train", "dev", "dev", "test")
    assert "test has no row of yes" in caplog.text
    assert without_leaks(data, splits=("dev", "test")).splits == (
        "train",
        "dev",
        "test",
    )
    assert len(without_leaks(data, kinds=("near",))) == len(data)
    assert not split_leakage(kept.take([0, 3])).leaks


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": 7}, "k must be from 8 to 20; got 7"),
        ({"k": 21}, "k must be from 8 to 20; got 21"),
        ({"similarity": 0.0}, r"similarity must be above 0 and at most 1; got 0\.0"),
        ({"similarity": 1.1}, r"at most 1; got 1\.1"),
    ],
)
def test_refuses_options(options, message):
    with pytest.raises(LabelError, match=message):
        split_leakage(_data([("train", "ACGT"), ("test", "ACGT")]), **options)


def test_refuses_one_split_other_data_and_unknown_splits():
    a = _dna(1)
    data = _data([("train", a), ("test", a)])
    with pytest.raises(LabelError, match="two splits or more; got train"):
        split_leakage(data.split("train"))
    with pytest.raises(LabelError, match="leakage must be of these data"):
        without_leaks(data.split("train"), split_leakage(data))
    with pytest.raises(LabelError, match="splits must be of train, test; got dev"):
        without_leaks(data, splits=("dev",))


def test_ienhancer_leaks_all_its_strong_test_enhancers(shared, caplog):
    folder = shared / "data" / "ienhancer"
    data = read_label_table(
        {split: folder / f"{split}.tsv.gz" for split in ("train", "test")},
        labels="strength",
    )
    leakage = split_leakage(data)
    exact = [leak for leak in leakage.leaks if leak.kind == "exact"]
    assert len(exact) == 100
    assert {data.label_names[data.labels[leak.row]] for leak in exact} == {"strong"}
    assert all(leak.same_label for leak in exact)
    with caplog.at_level(logging.WARNING, logger="hyenascope"):
        kept = without_leaks(data, leakage, kinds=("exact",))
    assert kept.counts().loc["test"].to_dict() == {"non": 200, "strong": 0, "weak": 100}
    assert kept.counts().loc["train"].equals(data.counts().loc["train"])
    assert "test has no row of strong" in caplog.text


@pytest.mark.parametrize(
    ("task", "distinct"), [("prom_core_tata", 16), ("prom_300_tata", 6), ("mouse_3", 0)]
)
def test_gue_has_the_known_duplicates(shared, task, distinct):
    data = read_gue(shared / "data" / "gue" / task)
    leaks = split_leakage(data).leaks
    exact = {
        data.sequences[leak.row]
        for leak in leaks
        if (leak.source_split, leak.split, leak.kind) == ("train", "test", "exact")
    }
    assert len(exact) == distinct
