"""Hand shards to workers, a few at a time, until each has come back."""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from hyenascope.cluster._dask import Future, KilledWorker
from hyenascope.cluster.run_folder import RunFolder
from hyenascope.cluster.worker import Opener, Setting, do_shard
from hyenascope.cluster.workers import Workers, WorkersError

_AHEAD = 2  # shards per slot that wait at the workers
_KILLED = 3  # times that dask may give a shard up
_LOOK = 0.05  # seconds between two looks
_COUNT_AGAIN = 5.0  # seconds between two counts of the workers


def dispatch(
    workers: Workers,
    opener: Opener,
    setting: Setting,
    shards: Iterable[int],
    done: Callable[[int, int], None],
) -> None:
    """Compute shards in any order.

    Only as many are under way as the workers can soon take up, so that memory does not
    grow with their number. What was on a worker that died, or under way when the
    scheduler did, is handed out again.

    Parameters
    ----------
    workers
        Where.
    opener, setting
        As in `hyenascope.cluster.worker.do_shard`.
    shards
        Numbers; read as they are needed.
    done
        Called with the number of a shard and its rows, as each comes back.

    Raises
    ------
    WorkersError
        If a shard ends one worker after another, or the scheduler stays away.
    Exception
        What a shard raises; what is under way is given up.
    """
    under_way = _UnderWay(workers, opener, setting, iter(shards))
    try:
        while True:
            under_way.fill()
            for shard, rows in under_way.finished():
                done(shard, rows)
            if under_way.over:
                return
            time.sleep(_LOOK)
    finally:
        under_way.give_up()


class _UnderWay:
    """Shards that workers have, and those that are to be handed out."""

    def __init__(
        self, workers: Workers, opener: Opener, setting: Setting, more: Iterator[int]
    ) -> None:
        self._workers, self._opener, self._setting = workers, opener, setting
        self._folder = RunFolder(Path(setting.folder), setting.run)
        self._more, self._exhausted = more, False
        self._again = deque[int]()
        self._running: dict[Future, int] = {}
        self._killed: Counter[int] = Counter()
        self._counted, self._slots = -_COUNT_AGAIN, 0

    @property
    def over(self) -> bool:
        """Whether there is nothing left to hand out or to wait for."""
        return self._exhausted and not self._running and not self._again

    def fill(self) -> None:
        """Hand out as many as the workers can soon take up."""
        try:
            self._fill()
        except WorkersError:
            raise
        except OSError:  # the scheduler went between two looks
            return

    def _fill(self) -> None:
        if self._workers.client.status != "running":
            self._again.extend(self._running.values())
            self._running.clear()
            self._workers.restore()
        while len(self._running) < _AHEAD * self._room():
            if not self._again:
                more = next(self._more, None)
                if more is None:
                    self._exhausted = True
                    return
                self._again.append(more)
            shard = self._again[0]  # and stays there until it is on its way
            future = self._workers.client.submit(
                do_shard, self._opener, self._setting, shard, pure=False
            )
            self._running[future] = self._again.popleft()

    def finished(self) -> Iterator[tuple[int, int]]:
        """Yield number and rows of those that are whole; put the others back."""
        for future in [each for each in self._running if each.status != "pending"]:
            shard = self._running.pop(future)
            # What is on disk counts; asking the scheduler would need it alive.
            record = self._folder.record(shard)
            if future.status == "finished" and record is not None:
                yield shard, record.rows
                continue
            self._again.append(shard)
            if future.status == "error":
                self._judge(future.exception(), shard)
            elif future.status == "finished":
                self._unread(shard)

    def give_up(self) -> None:
        """Take back what is under way."""
        if self._workers.client.status == "running":
            self._workers.client.cancel(list(self._running))

    def _room(self) -> int:
        now = time.monotonic()
        if now - self._counted > _COUNT_AGAIN:
            self._slots, self._counted = self._workers.count(), now
        return max(1, self._slots)  # those that wait make a cluster grow

    def _unread(self, shard: int) -> None:
        """Raise if workers have done, time and again, what we cannot see."""
        self._killed[shard] += 1
        if self._killed[shard] >= _KILLED:
            raise WorkersError(
                f"{self._folder.record_path(shard)} must be readable here; a worker "
                "wrote it. All workers must see the folder under one path."
            )

    def _judge(self, error: BaseException, shard: int) -> None:
        """Raise unless it was the worker that ended, and not yet too often."""
        if not isinstance(error, KilledWorker):
            raise error
        self._killed[shard] += 1
        if self._killed[shard] >= _KILLED:
            raise WorkersError(
                f"shard {shard} ended the worker it was on, time and again; look at "
                f"its rows in inputs/{shard:06d}.parquet and at the memory of the "
                "workers. What is done is kept."
            ) from error
