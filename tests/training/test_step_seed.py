"""The same numbers, the same draws; the caller's generator is not touched."""

import pytest
import torch

from hyenascope.training.step_seed import step_seed

CPU = torch.device("cpu")


def draws(words):
    with step_seed(words, CPU):
        return torch.rand(4).tolist()


def test_draws_follow_from_the_words_alone():
    torch.manual_seed(0)
    one = draws([1, 2, 3])
    torch.manual_seed(9)
    assert draws([1, 2, 3]) == one
    assert len({tuple(draws(words)) for words in ([1, 2], [2, 1], [1, 2, 3])}) == 3


def test_the_callers_state_stays_also_after_an_error():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    draws([1])
    with pytest.raises(ZeroDivisionError), step_seed([1], CPU):
        torch.rand(1 // 0)
    assert torch.equal(torch.get_rng_state(), before)


def test_no_other_device_is_seeded(monkeypatch):
    def refuse(_):
        raise AssertionError("the generators of CUDA devices are the caller's")

    monkeypatch.setattr(torch.cuda, "manual_seed_all", refuse)
    monkeypatch.setattr(torch.cuda, "manual_seed", refuse)
    assert len(draws([1])) == 4
