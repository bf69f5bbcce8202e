"""Cut work into pieces that stay in the cache of a CPU.

Large temporaries are mapped and zeroed anew each time, which costs as much as the
arithmetic on them.
"""

from itertools import pairwise

from torch import Tensor

_CACHE_BYTES = 2 * 2**20  # widest activation of one piece


def cache_pieces(
    x: Tensor, total: int, row_bytes: int, *, least: int = 1, lead: int = 0
) -> list[slice]:
    """Cut ``range(total)``, rows of ``row_bytes``, so that a piece stays in cache.

    ``x`` says where it runs: on a GPU there is one piece. ``lead`` rows in front of a
    piece are to stay in cache with it. A few rows that are left over go to the last
    piece: they would take as many calls.

    Examples
    --------
    >>> import torch
    >>> cache_pieces(torch.zeros(1), 5, 2**20)
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    if x.device.type != "cpu":
        return [slice(0, total)]
    fit = cut_to_cache(total, row_bytes)
    step = max(least, fit if fit == total else max(1, fit - lead))
    cuts = list(range(0, total, step))
    if len(cuts) > 1 and total - cuts[-1] <= step // 8:
        cuts.pop()
    return [slice(i, j) for i, j in pairwise([*cuts, total])]


def cut_to_cache(total: int, row_bytes: int) -> int:
    """Return how many of ``total`` rows stay in cache together, at least one.

    Examples
    --------
    >>> cut_to_cache(5, 2**20), cut_to_cache(5, 2**23)
    (2, 1)
    """
    return max(1, min(total, _CACHE_BYTES // max(1, row_bytes)))
