import numpy as np
import pytest
import torch

from hyenascope.models import batching
from hyenascope.models.batching import map_batches
from hyenascope.models.hyena import HyenaConfig, HyenaLM

ROWS = [np.full(n, 7, dtype=np.int64) for n in (5, 1, 9, 3, 9)]


@pytest.fixture
def model() -> HyenaLM:
    return HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=8, l_max=34))


def shapes(seen):
    def function(_model, tokens, mask):
        seen.append(tuple(tokens.shape))
        return mask.sum(1)

    return function


@pytest.mark.parametrize(
    ("batch_size", "expected"),
    [
        (2, [(2, 3), (2, 9), (1, 9)]),
        (5, [(5, 9)]),
        ("auto", [(5, 9)]),
    ],
)
def test_rows_are_batched_by_length_and_come_back_in_order(model, batch_size, expected):
    seen = []
    found = map_batches(
        model, ROWS, shapes(seen), batch_size=batch_size, per_position=False
    )
    assert seen == expected
    assert [int(length) for length in found] == [5, 1, 9, 3, 9]


def test_auto_keeps_to_the_budget(model, monkeypatch):
    monkeypatch.setattr(batching, "_TOKENS_PER_BATCH", 12)
    seen = []
    map_batches(model, ROWS, shapes(seen), per_position=False)
    assert seen == [(2, 3), (1, 5), (1, 9), (1, 9)]


def test_out_of_memory_halves_the_batch(model):
    seen = []

    def greedy(_model, tokens, mask):
        if len(tokens) > 2:
            raise torch.OutOfMemoryError
        seen.append(len(tokens))
        return mask.sum(1)

    found = map_batches(model, ROWS, greedy, batch_size=5, per_position=False)
    assert [int(length) for length in found] == [5, 1, 9, 3, 9]
    assert max(seen) == 2


def test_a_single_row_that_does_not_fit_is_said(model):
    def hungry(_model, tokens, mask):
        raise torch.OutOfMemoryError("too large")

    with pytest.raises(torch.OutOfMemoryError, match="too large"):
        map_batches(model, ROWS[:1], hungry)


def test_padding_is_cut_off_again(model):
    found = map_batches(model, ROWS, lambda m, tokens, mask: tokens)
    assert [len(row) for row in found] == [5, 1, 9, 3, 9]


def test_several_tensors_come_back_as_tuples(model):
    found = map_batches(model, ROWS, lambda m, tokens, mask: (mask.sum(1), tokens))
    assert [int(length) for length, _ in found] == [5, 1, 9, 3, 9]


@pytest.mark.parametrize("batch_size", [0, -1])
def test_refuses_a_batch_size(model, batch_size):
    with pytest.raises(ValueError, match="batch_size must be 'auto' or a positive"):
        map_batches(model, ROWS, shapes([]), batch_size=batch_size)
