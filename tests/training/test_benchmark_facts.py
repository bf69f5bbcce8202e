"""What is to be known of rows is counted, written and said."""

import logging

import numpy as np
import pandas as pd

from hyenascope.data.labelled_sequences import LabelledSequences
from hyenascope.training.benchmark_facts import LEAKS_FILE, note_facts
from hyenascope.training.benchmark_recipes import find_recipes


def test_leaks_and_lengths_and_other_counts_are_said_once_each(tmp_path, caplog):
    (recipe,) = find_recipes("nucleotide_transformer/H3")
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(list("ACGT"), 30)) for _ in range(6)]
    texts[4], texts[5] = texts[0], "ACGT" * 10
    data = LabelledSequences(
        "H3",
        tuple(texts),
        np.array([0, 1] * 3),
        ("no", "yes"),
        ("train",) * 3 + ("test",) * 3,
        "binary",
    )
    with caplog.at_level(logging.WARNING, logger="hyenascope"):
        note_facts(recipe, data, tmp_path / "H3", 39)
    leaks = pd.read_csv(tmp_path / "H3" / LEAKS_FILE, sep="\t").iloc[0]
    assert (leaks["exact"], leaks["leaked"], leaks["rows"]) == (1, 1, 3)
    assert [record.getMessage() for record in caplog.records] == [
        "H3: 1 of 3 rows of test are in train too, or nearly.",
        "H3: train has 3 rows; published were 13468.",
        "H3: 1 of 6 sequences are longer than the 39 bp that are read.",
    ]
