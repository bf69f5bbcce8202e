from dataclasses import replace

import numpy as np

from hyenascope.data.labelled_sequences import LabelledSequences
from hyenascope.data.rows_hash import rows_hash


def test_the_hash_is_of_sequences_labels_and_splits():
    data = LabelledSequences(
        "toy",
        ("ACGT", "ACG", "TTT", "GGG"),
        np.array([0, 1, 0, 1]),
        ("no", "yes"),
        ("train", "train", "test", "test"),
        "binary",
    )
    others = [
        replace(data, sequences=("ACG", "TACG", "TTT", "GGG")),
        replace(data, labels=np.array([1, 0, 0, 1])),
        replace(data, splits=("train", "test", "train", "test")),
        data.take([0, 1, 3, 2]),
        data.split("train"),
    ]
    hashes = {rows_hash(each) for each in (data, *others)}
    assert len(hashes) == 6
    assert rows_hash(replace(data, name="other")) == rows_hash(data)
