"""Edited windows against full passes."""

import numpy as np
import pytest
import torch

from hyenascope.data.interval import Interval
from hyenascope.interpret.edits import Edit, edit_changes
from hyenascope.interpret.strand_windows import StrandWindow
from hyenascope.models.incremental import ReferencePass
from hyenascope.models.mutant_passes import FullPasses
from hyenascope.models.predict import base_log_probs
from hyenascope.sequence.tokenizer import reverse_complement_tokens, tokenize
from tests.interpret.test_ism import random_text
from tests.models.test_incremental import random_model


def item(text: str, *, reverse: bool = False) -> StrandWindow:
    tokens = tokenize(text)
    whole = Interval("I", 0, len(text))
    if reverse:
        tokens = reverse_complement_tokens(tokens)
    return StrandWindow(whole, whole, reverse, tokens)


def table(model, tokens: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        return base_log_probs(model(torch.from_numpy(tokens)[None]))[0].numpy()


def changes(model, window, haplotypes, spans, **options):
    with torch.inference_mode():
        return edit_changes(
            model, window, haplotypes, spans, kind=ReferencePass, **options
        )


@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
def test_a_deletion_is_paired_by_coordinate(reverse):
    model, text = random_model(dtype=torch.float64), random_text(80)
    window = item(text, reverse=reverse)
    edit = Edit(40, 43, "")
    first = window.index(40 if reverse else 42) + 1
    found = changes(model, window, [[edit]], [(first, first + 15)])[0]
    new = tokenize(edit.apply(text))
    if reverse:
        new = reverse_complement_tokens(new)
    before, after = table(model, window.tokens), table(model, new)
    expected = sum(
        after[p - 3, window.tokens[p] - 7] - before[p, window.tokens[p] - 7]
        for p in range(first, first + 15)
    )
    assert found == pytest.approx(expected, abs=1e-10)


def test_an_insertion_pushes_bases_on():
    model, text = random_model(dtype=torch.float64), random_text(80, 1)
    window = item(text)
    found = changes(model, window, [[Edit(30, 30, "ACG")]], [(30, 40)])[0]
    new = tokenize(text[:30] + "ACG" + text[30:])[:80]
    before, after = table(model, window.tokens), table(model, new)
    expected = sum(
        after[p + 3, window.tokens[p] - 7] - before[p, window.tokens[p] - 7]
        for p in range(30, 40)
    )
    assert found == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("counted", [True, False])
def test_substituted_bases_count_if_asked(counted):
    model, text = random_model(dtype=torch.float64), random_text(60, 2)
    window = item(text)
    other = text[:20] + "TTTT" + text[24:]
    found = changes(
        model,
        window,
        [[Edit(20, 24, "TTTT")]],
        [(20, 50)],
        count_substituted=counted,
    )[0]
    before, after = (table(model, tokenize(t)) for t in (text, other))
    new = tokenize(other)
    expected = sum(
        after[p, new[p] - 7] - before[p, window.tokens[p] - 7]
        for p in range(20 if counted else 24, 50)
    )
    assert found == pytest.approx(expected, abs=1e-10)


def test_n_has_no_log_p_and_its_neighbours_do():
    model, text = random_model(dtype=torch.float64), random_text(60, 3)
    window = item(text)
    found = changes(model, window, [[Edit(20, 24, "NNNN")]], [(20, 50)])[0]
    new = tokenize(text[:20] + "NNNN" + text[24:])
    before, after = table(model, window.tokens), table(model, new)
    expected = sum(after[p, new[p] - 7] - before[p, new[p] - 7] for p in range(24, 50))
    assert found == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
def test_two_snvs_in_either_order_are_their_haplotype(reverse):
    """Each step has a reference of its own; the sums must meet."""
    model, text = random_model(dtype=torch.float64), random_text(60, 4)
    one, two = (
        Edit(p, p + 1, "ACGT"[("ACGT".index(text[p]) + 1) % 4]) for p in (20, 25)
    )
    first = item(text, reverse=reverse).index(25 if reverse else 20)
    span = (first, first + 20)

    def step(before: str, *edits: Edit) -> float:
        return changes(model, item(before, reverse=reverse), [edits], [span])[0]

    joint = step(text, one, two)
    assert step(text, one) + step(one.apply(text), two) == pytest.approx(
        joint, abs=1e-9
    )
    assert step(text, two) + step(two.apply(text), one) == pytest.approx(
        joint, abs=1e-9
    )
    assert abs(joint) > 1e-3


def test_no_edit_and_an_identity_edit_give_zero():
    text = random_text(60, 5)
    found = changes(
        random_model(), item(text), [[], [Edit(20, 23, text[20:23])]], [(20, 50)] * 2
    )
    np.testing.assert_array_equal(found, 0)


@pytest.mark.parametrize(
    "edit", [Edit(30, 31, "A"), Edit(30, 33, ""), Edit(30, 30, "C")]
)
def test_bases_before_an_edit_do_not_change_at_all(edit):
    text = random_text(60, 8)
    found = changes(random_model(), item(text), [[edit]], [(5, 30)])
    np.testing.assert_array_equal(found, 0)


def test_many_haplotypes_and_full_passes_agree():
    model, text = random_model(dtype=torch.float64), random_text(90, 6)
    rng = np.random.default_rng(0)
    haplotypes, spans = [], []
    for _ in range(25):
        start = int(rng.integers(1, 60))
        end = start + int(rng.integers(0, 4))
        new = random_text(int(rng.integers(0, 5)), int(rng.integers(99)))
        haplotypes.append([Edit(start, end, new), Edit(70, 71, "G")])
        spans.append((start, int(rng.integers(62, 89))))
    window = item(text)
    fast = changes(model, window, haplotypes, spans)
    with torch.inference_mode():
        slow = edit_changes(model, window, haplotypes, spans, kind=FullPasses)
    np.testing.assert_allclose(fast, slow, atol=1e-10)


def test_the_first_base_has_no_score():
    text = "A" + random_text(30, 7)
    found = changes(random_model(), item(text), [[Edit(0, 1, "C")]], [(0, 20)])
    assert np.isnan(found).all()


def test_refusals():
    window = item(random_text(30))
    overlapping = [Edit(5, 9, "A"), Edit(8, 10, "C")]
    with pytest.raises(ValueError, match="edits must not overlap; got"):
        changes(random_model(), window, [overlapping], [(0, 9)])
    with pytest.raises(ValueError, match="edits must lie in I:1-30; got"):
        changes(random_model(), window, [[Edit(29, 31, "A")]], [(0, 9)])
    with pytest.raises(ValueError, match="start must be at least 0 and not exceed"):
        Edit(5, 4, "A")
