"""What has been computed, kept as long as there is room."""

import threading
from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float64

_OVERHEAD, _RUN = 2_048, 256  # bytes that a chunk's record, and a run of it, take


@dataclass(frozen=True, eq=False)
class Chunk:
    """Numbers of a stretch, how they were made, and why some are missing.

    Parameters
    ----------
    values
        ``length track``, in genome order; made read-only.
    record
        Provenance.
    unscored
        Runs without a number: ``strand``, 0-based ``start`` and ``end``, ``reason``.
    """

    values: Float64[np.ndarray, "length track"]
    record: Mapping[str, object] = field(default_factory=dict)
    unscored: Sequence[Mapping[str, object]] = ()

    def __post_init__(self) -> None:
        self.values.flags.writeable = False

    @property
    def size(self) -> int:
        """Bytes of memory, about."""
        return self.values.nbytes + _OVERHEAD + _RUN * len(self.unscored)


class ChunkCache:
    """Chunks by key; the one that was used longest ago goes first.

    Threads may share it.

    Parameters
    ----------
    limit
        Bytes that are kept at most; a chunk that is larger than this is not kept.

    Raises
    ------
    ValueError
        If ``limit`` is negative.

    Examples
    --------
    >>> cache = ChunkCache()
    >>> cache.put("here", Chunk(np.zeros((64, 4))))
    >>> "here" in cache, "there" in cache, len(cache)
    (True, False, 1)
    """

    def __init__(self, limit: int = 128 * 2**20) -> None:
        if limit < 0:
            raise ValueError(f"limit must not be negative; got {limit}.")
        self._limit = limit
        self._lock = threading.Lock()
        self._chunks: OrderedDict[Hashable, Chunk] = OrderedDict()
        self._size = 0

    def __len__(self) -> int:
        """Return how many chunks are kept."""
        return len(self._chunks)

    def __contains__(self, key: Hashable) -> bool:
        """Whether a chunk is kept; asking does not count as use."""
        return key in self._chunks

    @property
    def size(self) -> int:
        """Bytes of memory, about."""
        return self._size

    def get(self, key: Hashable) -> Chunk | None:
        """Return a chunk, which counts as use, or None."""
        with self._lock:
            found = self._chunks.get(key)
            if found is not None:
                self._chunks.move_to_end(key)
            return found

    def put(self, key: Hashable, chunk: Chunk) -> None:
        """Keep a chunk, and drop others for it where there is no room."""
        with self._lock:
            self._drop(key)
            self._chunks[key] = chunk
            self._size += chunk.size
            while self._size > self._limit:
                self._drop(next(iter(self._chunks)))

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._chunks.clear()
            self._size = 0

    def _drop(self, key: Hashable) -> None:
        old = self._chunks.pop(key, None)
        self._size -= 0 if old is None else old.size
