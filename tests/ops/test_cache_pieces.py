import pytest
import torch

from hyenascope.ops import cache_pieces as home
from hyenascope.ops.cache_pieces import cache_pieces


@pytest.mark.parametrize(
    ("total", "row_bytes", "least", "sizes"),
    [
        (0, 10, 1, []),
        (1, 10, 1, [1]),
        (5, 50, 1, [2, 2, 1]),
        (5, 1000, 1, [1] * 5),
        (5, 1000, 3, [3, 2]),
        (5, 0, 1, [5]),
    ],
)
def test_pieces_follow_one_another_and_fit(monkeypatch, total, row_bytes, least, sizes):
    monkeypatch.setattr(home, "_CACHE_BYTES", 100)
    found = cache_pieces(torch.zeros(1), total, row_bytes, least=least)
    assert [piece.stop - piece.start for piece in found] == sizes
    assert [i for piece in found for i in range(total)[piece]] == list(range(total))


def test_a_gpu_gets_one_piece():
    assert cache_pieces(torch.zeros(1, device="meta"), 5, 2**30) == [slice(0, 5)]
