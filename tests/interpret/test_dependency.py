"""Dependency maps against their definition and a model known by hand."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import torch

from hyenascope.data.interval import Interval
from hyenascope.interpret.dependency import (
    dependency_blocks,
    dependency_map,
    influence_track,
)
from hyenascope.models.predict import base_log_probs
from hyenascope.sequence.dna import reverse_complement
from hyenascope.sequence.tokenizer import tokenize
from tests.interpret.test_ism import random_text, write
from tests.models.test_incremental import random_model
from tests.toy_models import NEXT, first_order


def odds(model, text: str) -> np.ndarray:
    with torch.inference_mode():
        tokens = torch.from_numpy(tokenize(text))[None]
        p = base_log_probs(model(tokens))[0].exp().numpy()
    return np.log2(p / (1 - p))


def by_definition(model, text: str, i: int, j: int) -> float:
    expected = odds(model, text)[j]
    changed = [odds(model, text[:i] + b + text[i + 1 :])[j] for b in "ACGT"]
    return max(np.abs(c - expected).max() for c in changed)


def test_entries_are_the_largest_change_of_log_odds(tmp_path):
    model, text = random_model(dtype=torch.float64), random_text(60)
    genome = write(tmp_path, text)
    found = dependency_map(model, genome, Interval("I", 20, 32))
    flipped = reverse_complement(text)
    for i, j in [(0, 1), (0, 11), (5, 6), (3, 9)]:
        expected = by_definition(model, text, 20 + i, 20 + j)
        assert found.X[i, j] == pytest.approx(expected, abs=1e-9)
        expected = by_definition(model, flipped, 59 - 20 - j, 59 - 20 - i)
        assert found.X[j, i] == pytest.approx(expected, abs=1e-9)
    assert np.isnan(np.diag(found.X)).all()
    assert np.isnan(found.X).sum() == 12
    assert found.uns["hyenascope"]["engine"] == "incremental"


def test_a_first_order_model_depends_on_its_neighbour_alone(tmp_path):
    genome = write(tmp_path, random_text(40, 1))
    with pytest.warns(UserWarning, match="FirstOrderLM"):
        found = dependency_map(
            first_order(), genome, Interval("I", 10, 20), strands="forward"
        )
    table = np.log2(NEXT.numpy() / (1 - NEXT.numpy()))
    for i in range(9):
        base = "ACGT".index(genome.fetch_region("I", 10 + i, 11 + i))
        expected = np.abs(table - table[base]).max()
        assert found.X[i, i + 1] == pytest.approx(expected, abs=1e-6)
    above = found.X[np.triu_indices(10, k=2)]
    np.testing.assert_allclose(above, 0, atol=1e-9)
    assert np.isnan(found.X[np.tril_indices(10)]).all()


def test_the_band_limits_the_work_and_nothing_else(tmp_path):
    model, genome = random_model(), write(tmp_path, random_text(80, 2))
    place = Interval("I", 20, 50)
    whole = dependency_map(model, genome, place).X
    band = dependency_map(model, genome, place, band=4).X
    distance = np.abs(np.subtract.outer(np.arange(30), np.arange(30)))
    inside = (distance > 0) & (distance <= 4)
    np.testing.assert_allclose(band[inside], whole[inside], atol=1e-4)
    assert np.isnan(band[~inside]).all()


def test_n_has_no_entries_and_its_neighbours_do(tmp_path):
    text = random_text(50, 3)
    genome = write(tmp_path, text[:25] + "N" + text[26:])
    found = dependency_map(random_model(), genome, Interval("I", 20, 30)).X
    missing = np.isnan(found)
    assert missing[5].all()
    assert missing[:, 5].all()
    assert missing.sum() == 19 + 9


def test_n_is_named(tmp_path):
    text = random_text(50, 3)
    genome = write(tmp_path, text[:25] + "N" + text[26:])
    found = dependency_map(random_model(), genome, Interval("I", 20, 30))
    assert found.uns["hyenascope"]["unscored"] == [
        "I:26: the reference is not A, C, G or T"
    ]


def test_influence_is_the_mean_of_rows_and_columns(tmp_path):
    genome = write(tmp_path, random_text(50, 4))
    found = dependency_map(random_model(), genome, Interval("I", 20, 30))
    track = influence_track(found)
    np.testing.assert_allclose(track.track("influence"), np.nanmean(found.X, axis=1))
    np.testing.assert_allclose(track.track("dependence"), np.nanmean(found.X, axis=0))
    assert track.interval == Interval("I", 20, 30)
    assert track.provenance["method"] == "dependency_map"


def planted() -> ad.AnnData:
    """Weak noise, one element of eight bases, and a stem of five pairs."""
    rng = np.random.default_rng(0)
    values = rng.uniform(0, 0.1, (60, 60))
    values[5:13, 5:13] += 2
    for k in range(5):
        values[20 + k, 50 - k] += 4
    np.fill_diagonal(values, np.nan)
    places = pd.DataFrame({"chrom": "I", "pos": np.arange(101, 161)})
    places.index = places.index.astype(str)
    return ad.AnnData(values, places, places.copy())


def test_blocks_are_called_where_they_were_planted():
    blocks = dependency_blocks(planted(), min_pairs=5)
    corners = blocks[["first_start", "first_end", "second_start", "second_end"]]
    assert corners.to_numpy().tolist() == [[120, 125, 146, 151], [105, 112, 106, 113]]
    assert blocks["pairs"].tolist() == [5, 28]
    assert (blocks["max"] > 1).all()


def test_noise_alone_gives_no_block():
    found = planted()
    found.X[5:13, 5:13] = 0.05
    found.X[20:25, 46:51] = 0.05
    assert dependency_blocks(found).empty


def test_a_map_survives_a_file(tmp_path):
    genome = write(tmp_path, random_text(50, 5))
    found = dependency_map(random_model(), genome, Interval("I", 20, 30))
    found.write_h5ad(tmp_path / "map.h5ad")
    back = ad.read_h5ad(tmp_path / "map.h5ad")
    np.testing.assert_array_equal(back.X, found.X)
    assert back.uns["hyenascope"]["band"] == 9


@pytest.mark.parametrize(
    ("interval", "options", "message"),
    [
        (Interval("I", 0, 9), {"band": 0}, "band must be at least 1; got 0"),
        (Interval("I", 0, 60), {"context": 50}, "interval must fit the context of 50"),
        (Interval("I", 60, 90), {}, "interval must hold bases of I"),
    ],
)
def test_refusals(tmp_path, interval, options, message):
    genome = write(tmp_path, random_text(80))
    with pytest.raises(ValueError, match=message):
        dependency_map(random_model(), genome, interval, **options)


def test_blocks_refuse_what_holds_no_pair():
    empty = planted()
    empty.X[:] = np.nan
    with pytest.raises(ValueError, match="must hold a pair of bases"):
        dependency_blocks(empty)
    with pytest.raises(ValueError, match="min_pairs at least 1; got 1, 0"):
        dependency_blocks(planted(), min_pairs=0)
