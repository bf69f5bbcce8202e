import pytest
import torch

from hyenascope.ops import cache_pieces as home
from hyenascope.ops.cache_pieces import cache_pieces


@pytest.mark.parametrize(
    ("total", "row_bytes", "more", "sizes"),
    [
        (0, 10, {}, []),
        (1, 10, {}, [1]),
        (5, 50, {}, [2, 2, 1]),
        (5, 1000, {}, [1] * 5),
        (5, 1000, {"least": 3}, [3, 2]),
        (5, 0, {}, [5]),
        (20, 10, {"lead": 2}, [8, 8, 4]),
        (10, 10, {"lead": 2}, [10]),
        (21, 10, {}, [10, 11]),  # one that is left over
        (22, 10, {}, [10, 10, 2]),
    ],
)
def test_pieces_follow_one_another_and_fit(monkeypatch, total, row_bytes, more, sizes):
    monkeypatch.setattr(home, "_CACHE_BYTES", 100)
    found = cache_pieces(torch.zeros(1), total, row_bytes, **more)
    assert [piece.stop - piece.start for piece in found] == sizes
    assert [i for piece in found for i in range(total)[piece]] == list(range(total))


def test_a_gpu_gets_one_piece():
    assert cache_pieces(torch.zeros(1, device="meta"), 5, 2**30) == [slice(0, 5)]
