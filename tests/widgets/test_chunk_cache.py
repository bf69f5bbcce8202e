import numpy as np
import pytest

from hyenascope.widgets.chunk_cache import Chunk, ChunkCache


def chunk(fill: float = 0.0, runs: int = 0) -> Chunk:
    run = {"strand": "both", "start": 0, "end": 1, "reason": "why"}
    return Chunk(np.full((64, 4), fill), {}, (run,) * runs)


SIZE = chunk().size


def test_the_longest_unused_goes_first():
    cache = ChunkCache(limit=3 * SIZE)
    for key in "abc":
        cache.put(key, chunk())
    assert "a" in cache  # asking is no use,
    cache.get("a")  # getting is
    cache.put("d", chunk())
    assert [key in cache for key in "abcd"] == [True, False, True, True]
    assert (len(cache), cache.size) == (3, 3 * SIZE)


def test_a_key_is_kept_once():
    cache = ChunkCache()
    cache.put("a", chunk(1.0))
    cache.put("a", chunk(2.0, runs=1))
    found = cache.get("a")
    assert found is not None
    assert found.values[0, 0] == 2.0
    assert (len(cache), cache.size) == (1, found.size)
    assert found.size > SIZE


def test_what_is_larger_than_the_limit_is_not_kept():
    cache = ChunkCache(limit=SIZE - 1)
    cache.put("a", chunk())
    assert (len(cache), cache.size, cache.get("a")) == (0, 0, None)


def test_clear_and_unknown_keys():
    cache = ChunkCache()
    cache.put("a", chunk())
    cache.clear()
    assert (len(cache), cache.size, cache.get("a"), "a" in cache) == (0, 0, None, False)


def test_values_are_read_only():
    with pytest.raises(ValueError, match="read-only"):
        chunk().values[0, 0] = 1.0


def test_the_limit_is_checked():
    with pytest.raises(ValueError, match=r"limit must not be negative; got -1\."):
        ChunkCache(limit=-1)
