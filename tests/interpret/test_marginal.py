"""Motifs in backgrounds."""

import numpy as np
import pytest
import torch

from hyenascope.interpret.marginal import (
    marginalize,
    shuffled_backgrounds,
    spacing_scan,
)
from hyenascope.sequence.dna import reverse_complement
from tests.interpret.test_ism import likelihood, random_text
from tests.models.test_incremental import random_model
from tests.toy_models import chain, first_order, step


def test_backgrounds_keep_dinucleotides_and_differ():
    text = random_text(60)
    one, two = shuffled_backgrounds(text, 2, seed=0)
    assert sorted(one) == sorted(text)
    assert one != two
    assert shuffled_backgrounds(text, 2, seed=0) == [one, two]


def test_a_motif_in_a_first_order_model():
    text = "ACGTACGTAC"
    with pytest.warns(UserWarning, match="FirstOrderLM"):
        row = marginalize(first_order(), [text], "GG", strands="forward").iloc[0]
    assert row["motif"] == pytest.approx(step("T", "G") + step("G", "G"))
    assert row["replaced"] == pytest.approx(chain("TAC"))
    assert row["after"] == pytest.approx(step("G", "G") - step("C", "G"))


def test_numbers_are_those_of_full_passes():
    model, text = random_model(dtype=torch.float64), random_text(60, 1)
    found = marginalize(model, [text], "TATAAA", position=20, window=15)
    new = text[:20] + "TATAAA" + text[26:]
    forward = found[found["strand"] == "forward"].iloc[0]
    assert forward["motif"] == pytest.approx(likelihood(model, new, 20, 26), abs=1e-9)
    expected = likelihood(model, new, 26, 41) - likelihood(model, text, 26, 41)
    assert forward["after"] == pytest.approx(expected, abs=1e-9)
    reverse = found[found["strand"] == "reverse"].iloc[0]
    flipped, old = reverse_complement(new), reverse_complement(text)
    assert reverse["motif"] == pytest.approx(
        likelihood(model, flipped, 34, 40), abs=1e-9
    )
    expected = likelihood(model, flipped, 40, 55) - likelihood(model, old, 40, 55)
    assert reverse["after"] == pytest.approx(expected, abs=1e-9)


def test_spacing_gain_is_a_difference_of_log_likelihoods():
    model, text = random_model(dtype=torch.float64), random_text(80, 2)
    found = spacing_scan(
        model, [text], "TATA", "GGC", spacings=[0, 7], orientations=["+-"]
    )
    at = (80 - 3) // 2
    base = text[:at] + "GCC" + text[at + 3 :]
    both = base[: at - 11] + "TATA" + base[at - 7 :]
    row = found[(found["strand"] == "forward") & (found["spacing"] == 7)].iloc[0]
    expected = likelihood(model, both, at, at + 3) - likelihood(model, base, at, at + 3)
    assert row["gain"] == pytest.approx(expected, abs=1e-9)

    at = (80 - 4) // 2
    base = text[:at] + "TATA" + text[at + 4 :]
    both = base[: at + 11] + "GCC" + base[at + 14 :]
    row = found[(found["strand"] == "reverse") & (found["spacing"] == 7)].iloc[0]
    flipped = [reverse_complement(t) for t in (both, base)]
    start = 80 - at - 4
    expected = np.subtract(*[likelihood(model, t, start, start + 4) for t in flipped])
    assert row["gain"] == pytest.approx(expected, abs=1e-9)
    assert len(found) == 4


def test_a_first_order_model_sees_no_motif_at_a_distance():
    with pytest.warns(UserWarning, match="FirstOrderLM"):
        found = spacing_scan(
            first_order(), [random_text(60, 3)], "CCCC", "GGGG", spacings=[0, 1, 5]
        )
    apart = found[found["spacing"] > 0]
    np.testing.assert_allclose(apart["gain"], 0, atol=1e-9)
    assert found[found["spacing"] == 0]["gain"].abs().max() > 0.01


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"position": 0}, "background 0 must hold the motif with a base on either"),
        ({"position": 17}, "at 1 to 15 .0-based.; got 17 in 20 bp"),
        ({"backgrounds": []}, "backgrounds must be a list of sequences"),
        ({"backgrounds": "ACGT"}, "backgrounds must be a list of sequences"),
        ({"window": 0}, "window must be at least 1; got 0"),
        ({"motif": ""}, "motif must have at least one base"),
        ({"motif": "TANA"}, "N"),
        ({"backgrounds": ["A" * 200]}, "background 0 must fit the context of 140 bp"),
    ],
)
def test_refusals(options, message):
    given = {"backgrounds": [random_text(20)], "motif": "TATA", **options}
    backgrounds, motif = given.pop("backgrounds"), given.pop("motif")
    with pytest.raises(ValueError, match=message):
        marginalize(random_model(), backgrounds, motif, **given)


def test_spacings_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="spacings must be whole numbers from 0 on"):
        spacing_scan(random_model(), ["ACGT" * 5], "A", "C", spacings=[-1])
    with pytest.raises(ValueError, match="background 0 must hold the motif"):
        spacing_scan(random_model(), ["ACGT" * 5], "A", "C", spacings=[30])
