"""Pairs of substitutions."""

import numpy as np
import pytest
import torch

from hyenascope.data.interval import Interval
from hyenascope.interpret.epistasis import pairwise_mutagenesis
from tests.interpret.test_ism import likelihood, random_text, write
from tests.models.test_incremental import random_model
from tests.toy_models import first_order


def test_joint_less_singles_by_full_passes(tmp_path):
    model, text = random_model(dtype=torch.float64), random_text(80)
    genome = write(tmp_path, text)
    found = pairwise_mutagenesis(
        model, genome, Interval("I", 40, 44), window=10, strands="forward"
    )
    assert found.shape == (12, 12)

    def change(*edits: tuple[int, str]) -> float:
        new = list(text)
        for position, base in edits:
            new[position] = base
        return likelihood(model, "".join(new), 40, 54) - likelihood(model, text, 40, 54)

    for i, j in [(0, 4), (2, 11), (7, 3)]:
        one, two = (
            (int(found.obs["pos"].iloc[k]) - 1, found.obs["alt"].iloc[k])
            for k in (i, j)
        )
        assert found.obs["single"].iloc[i] == pytest.approx(change(one), abs=1e-9)
        assert found.layers["joint"][i, j] == pytest.approx(change(one, two), abs=1e-9)
        expected = change(one, two) - change(one) - change(two)
        assert found.X[i, j] == pytest.approx(expected, abs=1e-9)
    np.testing.assert_array_equal(found.X, found.X.T)
    assert np.isnan(found.X[:3, :3]).all()
    assert found.obs_names[0].startswith("I:41")


def test_a_first_order_model_has_epistasis_between_neighbours_alone(tmp_path):
    genome = write(tmp_path, random_text(60, 1))
    with pytest.warns(UserWarning, match="FirstOrderLM"):
        found = pairwise_mutagenesis(
            first_order(), genome, Interval("I", 20, 25), window=5
        )
    position = found.obs["pos"].to_numpy()
    distance = np.abs(position[:, None] - position[None])
    np.testing.assert_allclose(found.X[distance > 1], 0, atol=1e-9)
    assert np.abs(found.X[distance == 1]).max() > 0.1


@pytest.mark.parametrize("start", [0, 5, 51, 55])
def test_contig_ends_on_both_strands(tmp_path, start):
    """A strand that lacks a single or the window takes no part in a pair."""
    model, text = random_model(dtype=torch.float64), random_text(60, 3)
    genome = write(tmp_path, text)
    found = pairwise_mutagenesis(
        model, genome, Interval("I", start, start + 4), window=5
    )
    sides = [
        pairwise_mutagenesis(
            model, genome, Interval("I", start, start + 4), window=5, strands=strand
        ).X
        for strand in ("forward", "reverse")
        if (start >= 5 or strand == "forward") and (start < 55 or strand == "reverse")
    ]
    known = np.stack(sides)
    count = (~np.isnan(known)).sum(axis=0)
    expected = np.nansum(known, axis=0) / np.maximum(count, 1)
    np.testing.assert_allclose(found.X[count > 0], expected[count > 0], atol=1e-12)
    assert np.isnan(found.X[count == 0]).all()


def test_a_contig_too_short_for_the_window_is_refused(tmp_path):
    genome = write(tmp_path, random_text(9, 4))
    with pytest.raises(ValueError, match="must leave 8 bp of its contig on a side"):
        pairwise_mutagenesis(random_model(), genome, Interval("I", 3, 6), window=8)


def test_n_takes_no_part(tmp_path):
    text = random_text(60, 2)
    genome = write(tmp_path, text[:21] + "N" + text[22:])
    found = pairwise_mutagenesis(
        random_model(), genome, Interval("I", 20, 24), window=5
    )
    assert set(found.obs["pos"]) == {21, 23, 24}


@pytest.mark.parametrize(
    ("interval", "window", "message"),
    [
        (Interval("I", 20, 30), 70, "window must fit the context of 138 bp"),
        (Interval("I", 20, 30), -1, "got -1"),
        (Interval("I", 20, 21), 5, "interval must hold two bases"),
        (Interval("I", 90, 99), 5, "interval must hold bases of I"),
    ],
)
def test_refusals(tmp_path, interval, window, message):
    genome = write(tmp_path, random_text(60))
    with pytest.raises(ValueError, match=message):
        pairwise_mutagenesis(random_model(), genome, interval, window=window)
