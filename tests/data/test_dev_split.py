import numpy as np
import pytest

from hyenascope.data.dev_split import with_dev_split
from hyenascope.data.labelled_sequences import LabelError, LabelledSequences
from hyenascope.sequence.dna import reverse_complement


def _data(count=400, *, copies=1, splits=None, task="binary"):
    rng = np.random.default_rng(1)
    texts = ["".join(rng.choice(list("ACGT"), 30)) for _ in range(count // copies)]
    texts = [
        reverse_complement(text) if turned % 2 else text
        for text in texts
        for turned in range(copies)
    ]
    labels = (np.arange(count) // copies % 4 == 0).astype(int)
    names = ("no", "yes")
    if task == "regression":
        labels, names = labels[:, None] + 0.5, ("effect",)
    splits = splits or ("train",) * (count - 100) + ("test",) * 100
    return LabelledSequences("toy", tuple(texts), labels, names, splits, task)


def test_every_class_gives_its_share_and_test_is_not_touched():
    data = _data()
    found = with_dev_split(data, share=0.2, generator=np.random.default_rng(0))
    assert found.counts().loc["train"].to_dict() == {"no": 180, "yes": 60}
    assert found.counts().loc["dev"].to_dict() == {"no": 45, "yes": 15}
    assert found.sequences == data.sequences
    assert found.splits[300:] == data.splits[300:]
    assert found.provenance["dev"] == {"from": "train", "share": 0.2}
    again = with_dev_split(data, share=0.2, generator=np.random.default_rng(0))
    other = with_dev_split(data, share=0.2, generator=np.random.default_rng(1))
    assert again.splits == found.splits != other.splits


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_both_strands_of_a_sequence_stay_together(task):
    data = _data(copies=4, task=task)
    found = with_dev_split(data, share=0.3, generator=np.random.default_rng(0))
    sides = {}
    for text, split in zip(found.sequences, found.splits, strict=True):
        sides.setdefault(min(text, reverse_complement(text)), set()).add(split)
    assert all(len(side) == 1 for side in sides.values())
    assert 80 <= found.splits.count("dev") <= 100


def _copies(*counts):
    """Classes "no" and "yes" with as many copies of so many sequences, all train."""
    rng = np.random.default_rng(1)
    texts = ["".join(rng.choice(list("ACGT"), 30)) for _ in range(2 * len(counts))]
    rows = [(text, n) for text, n in zip(texts, counts * 2, strict=True)]
    labels = np.repeat([0, 1], sum(counts))
    sequences = tuple(text for text, n in rows for _ in range(n))
    splits = ("train",) * len(labels)
    return LabelledSequences("toy", sequences, labels, ("no", "yes"), splits, "binary")


@pytest.mark.parametrize("seed", range(8))
def test_a_sequence_with_many_copies_is_not_moved_where_few_rows_are_wanted(seed):
    rng = np.random.default_rng(seed)
    # Of 100 rows in each class ten are wanted; fifty copies of one are too many.
    found = with_dev_split(_copies(50, *[1] * 50), share=0.1, generator=rng)
    assert found.counts().loc["dev"].to_dict() == {"no": 10, "yes": 10}
    # If all are too many, the fewest are moved.
    found = with_dev_split(_copies(50, 30, 40), share=0.1, generator=rng)
    assert found.counts().loc["dev"].to_dict() == {"no": 30, "yes": 30}


def test_either_side_keeps_a_row():
    for share in (0.001, 0.999):
        found = with_dev_split(_data(), share=share, generator=np.random.default_rng(0))
        assert (found.counts() > 0).all(axis=None)


@pytest.mark.parametrize(
    ("options", "share", "message"),
    [
        ({"splits": ("dev", "train") * 200}, 0.1, "no dev split; got train, dev"),
        ({"splits": ("test",) * 400}, 0.1, "a train split and .*; got test"),
        ({}, 0.0, r"share must be between 0 and 1; got 0\.0"),
        ({"copies": 400}, 0.1, "two different sequences of yes in train.*; got 1"),
    ],
)
def test_refuses(options, share, message):
    with pytest.raises(LabelError, match=message):
        with_dev_split(
            _data(**options), share=share, generator=np.random.default_rng(0)
        )
