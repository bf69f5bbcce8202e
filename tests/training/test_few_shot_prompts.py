"""Prompts written by hand, and demonstrations drawn fairly."""

import numpy as np
import pytest

from hyenascope.data.labelled_sequences import LabelError
from hyenascope.data.labelled_sources import collect_labelled
from hyenascope.sequence.dna import reverse_complement
from hyenascope.training import few_shot_prompts
from hyenascope.training.few_shot_prompts import FewShot, few_shot_prompt

A, C, G, T, N, SEP = 7, 8, 9, 10, 11, 1
TEXTS = ["AAC", "CCA", "ACCCA", "GGT", "GTT", "TTGTG", "GTGT"]


def examples():
    return collect_labelled(TEXTS, ["ac"] * 3 + ["gt"] * 4)


def test_a_prompt_by_hand():
    pairs = [("AC", "A"), ("G", "N")]
    assert few_shot_prompt(pairs, "TT").tolist() == [
        *(A, C, SEP, A, SEP),
        *(G, SEP, N, SEP),
        *(T, T, SEP),
    ]
    bare = few_shot_prompt(pairs, "TT", separator=False)
    assert bare.tolist() == [A, C, A, G, N, T, T]
    assert few_shot_prompt([], "TT").tolist() == [T, T, SEP]


def test_the_letter_of_a_row_is_that_of_its_class():
    few = FewShot(examples(), letters="TC")
    assert few.prompt([3, 0], "A", reverse=True).tolist() == (
        few_shot_prompt([("ACC", "C"), ("GTT", "T")], "T").tolist()
    )


def test_every_class_is_drawn_as_often_and_the_query_never():
    few = FewShot(examples(), shots=2)
    rng = np.random.default_rng(0)
    draws = np.array([few.draw("ttg", rng) for _ in range(200)])
    gt = draws >= 3
    assert (gt.sum(axis=1) == 2).all()
    assert all(len(set(row)) == 4 for row in draws.tolist())
    assert set(draws.ravel().tolist()) == set(range(7))
    assert 0.3 < gt[:, 0].mean() < 0.7  # no class always comes first
    for query in (TEXTS[0], reverse_complement(TEXTS[0]), TEXTS[0].lower()):
        found = {row for _ in range(50) for row in few.draw(query, rng)}
        assert 0 not in found
        assert {1, 2} <= found


def test_too_few_examples_are_refused():
    few = FewShot(examples(), shots=3)
    few.draw("GGGG", np.random.default_rng(0))
    with pytest.raises(LabelError, match=r"3 of each class beside .* got 2 of 'ac'"):
        few.draw("AAC", np.random.default_rng(0))


@pytest.mark.parametrize("separator", [True, False])
def test_the_length_of_a_prompt_is_known_before_it_is_written(separator):
    few = FewShot(examples(), separator=separator)
    for rows in ([], [0, 5], [6, 1, 2]):
        assert few.length(rows, "ACGTA") == len(few.prompt(rows, "ACGTA"))


def test_a_sequence_is_turned_once_however_often_it_is_drawn_from(monkeypatch):
    turned = []
    either = few_shot_prompts.either_strand

    def counted(text):
        turned.append(text)
        return either(text)

    monkeypatch.setattr(few_shot_prompts, "either_strand", counted)
    few = FewShot(examples())
    for query in ("TTG", "ACA", "GTT"):
        few.draw(query, np.random.default_rng(0))
    assert len(turned) == len(TEXTS) + 3
