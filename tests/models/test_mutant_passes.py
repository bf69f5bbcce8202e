"""Choosing how mutants are read."""

import copy
import warnings

import numpy as np
import pytest
import torch

from hyenascope.models.incremental import Mutant, ReferencePass
from hyenascope.models.mutant_passes import (
    FullPasses,
    choose_reader,
    incremental_error,
)
from tests.models.test_incremental import random_model
from tests.toy_models import chain, first_order


@pytest.mark.parametrize("length", [1, 2, 3, 60])
def test_a_plain_model_is_read_incrementally(length):
    tokens = torch.from_numpy(np.random.default_rng(0).integers(7, 12, length))
    with torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("error")
        assert choose_reader(random_model(), tokens) is ReferencePass


def test_a_two_sided_model_falls_back_and_says_so():
    model = random_model(bidirectional=True)
    with torch.inference_mode(), pytest.warns(UserWarning, match="two-sided model"):
        assert choose_reader(model, torch.full((9,), 7)) is FullPasses


def test_a_hooked_model_is_found_out():
    """The engine never calls the mixer itself, so a hook on it goes unseen."""
    model = random_model()
    mixer = model.backbone.layers[1].mixer
    plain = mixer.operate
    mixer.operate = lambda *args: 2 * plain(*args)  # changes full passes only
    tokens = torch.from_numpy(np.random.default_rng(1).integers(7, 11, 60))
    with torch.inference_mode():
        assert incremental_error(model, tokens) > 1e-3
        with pytest.warns(UserWarning, match="the two differ by"):
            assert choose_reader(model, tokens) is FullPasses


def test_numbers_that_are_not_finite_are_found_out():
    model = random_model()
    with torch.no_grad():
        model.backbone.ln_f.weight[0] = torch.nan
    with torch.inference_mode():
        assert incremental_error(model, torch.full((9,), 7)) == float("inf")


def test_full_passes_give_the_closed_form():
    model = first_order()
    tokens = torch.tensor([7, 8, 9, 10, 7])  # A C G T A
    with torch.inference_mode():
        reader = FullPasses(model, tokens, start=0, end=5, window=3)
        table = reader.log_probs([Mutant(1, np.array([10, 9, 10]))])[0]
    found = table[[0, 1, 2], [3, 2, 3]]  # T at 1, G at 2, T at 3
    assert float(found.sum()) == pytest.approx(chain("ATGT"))


def test_both_readers_answer_alike():
    model = random_model(dtype=torch.float64)
    row = np.random.default_rng(2).integers(7, 11, 40)
    mutants = [Mutant(p, np.append([7], row[p + 1 :])) for p in (3, 20, 39)]
    with torch.inference_mode():
        readers = [
            kind(
                model,
                torch.from_numpy(row),
                start=0,
                end=40,
                window=40,
                keep_hidden=True,
            )
            for kind in (ReferencePass, FullPasses)
        ]
        fast, slow = (reader.hidden_rows(mutants) for reader in readers)
        torch.testing.assert_close(fast, slow, atol=1e-10, rtol=0)
        fast, slow = (reader.log_probs(mutants) for reader in readers)
        for a, b, mutant in zip(fast, slow, mutants, strict=True):
            count = len(mutant.tokens)
            torch.testing.assert_close(a[:count], b[:count], atol=1e-10, rtol=0)


def test_half_precision_is_as_far_from_float32_as_a_full_pass_is():
    wide = random_model()
    row = np.random.default_rng(3).integers(7, 11, 60)
    mutants = [
        Mutant(p, np.append([8], row[p + 1 :]), c) for p, c in ((9, 1), (20, 40))
    ]
    tables = {}
    with torch.inference_mode():
        for kind in (ReferencePass, FullPasses):
            half = copy.deepcopy(wide).bfloat16()
            reader = kind(half, torch.from_numpy(row), start=0, end=60, window=60)
            tables[kind] = reader.log_probs(mutants)
        exact = FullPasses(wide, torch.from_numpy(row), start=0, end=60, window=60)
        expected = exact.log_probs(mutants)
        for i, mutant in enumerate(mutants):
            count = len(mutant.tokens)
            error = {
                kind: (table[i, :count] - expected[i, :count]).abs().max()
                for kind, table in tables.items()
            }
            assert error[ReferencePass] < 2 * error[FullPasses]
