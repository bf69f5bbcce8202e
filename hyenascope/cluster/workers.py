"""Processes that compute: some of this machine's own, or those of a Dask scheduler."""

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TypeAlias

from hyenascope.cluster._dask import (
    CPU_COUNT,
    Client,
    KilledWorker,
    LocalCluster,
    Security,
    dask_config,
)

Scheduler: TypeAlias = str | Client
"""Address of a Dask scheduler, or a client that is connected to one."""

_LOGGER = logging.getLogger("hyenascope")
_PATIENCE = 300.0  # seconds for a scheduler to come back
_UNSEEN = 30.0  # seconds without a worker before a word is said
_START = 120.0  # seconds for one of our own to come up
_DEATHS = 10  # of workers that a shard may be on before it counts as their cause


class WorkersError(ConnectionError):
    """Workers that are not there, or that a shard ends again and again."""


class Workers:
    """A connection to workers, made again where it can be.

    Make one with `connect`.

    Parameters
    ----------
    client
        Connected.
    address
        Of a scheduler that we may connect to again; None for a client that is the
        caller's.
    own
        Processes that we have started, and are to start again.
    wanted
        How many.
    """

    def __init__(
        self,
        client: Client,
        address: str | None = None,
        own: LocalCluster | None = None,
        wanted: int = 0,
    ) -> None:
        self.client = client
        self._address = address
        self._own, self._wanted = own, wanted
        self._seen, self._told = time.monotonic(), False

    def count(self) -> int:
        """Return how many shards can be computed at once; 0 if there is no worker.

        Own workers that are lost for good are replaced, under the same number: dask
        starts one again that died at work, but not one that died as it started.

        Raises
        ------
        WorkersError
            If own workers do not come up at all.
        """
        found = len(self.client.nthreads())  # a worker does one at a time
        now = time.monotonic()
        if found:
            self._seen, self._told = now, False
        elif now - self._seen > _UNSEEN and not self._told:
            _LOGGER.warning("No worker is there; waiting for one.")
            self._told = True
        if self._own is None or found >= self._wanted:
            return found
        if not found and now - self._seen > _START:
            raise WorkersError(
                f"worker processes must start within {_START:.0f} s; none did. A "
                "script must call this below `if __name__ == '__main__':`, for its "
                "workers import it again. What is done is kept."
            )
        self._own.sync(_forget_failed, self._own)
        self._own.scale(self._wanted)
        return found

    def ask(self, function: Callable[..., Any], *inputs: object) -> Any:  # noqa: ANN401
        """Call a function on a worker, and wait for what it gives.

        Raises
        ------
        WorkersError
            If it ends one worker after another, or there is none.
        """
        future = self.client.submit(function, *inputs, pure=False)
        while future.status == "pending":
            self.count()
            time.sleep(0.2)
        try:
            return future.result()
        except KilledWorker as err:
            raise WorkersError(
                "the first row ended the worker it was on, time and again; look at the "
                "memory of the workers."
            ) from err

    def restore(self) -> None:
        """Wait for the scheduler, or connect to the one that took its place.

        Raises
        ------
        WorkersError
            If none comes within five minutes.
        """
        deadline = time.monotonic() + _PATIENCE
        if self.client.status == "closed" and self._address is None:
            raise WorkersError(
                "scheduler must be a client that is connected; got one that is closed. "
                "What is done is kept."
            )
        _LOGGER.warning("The scheduler is gone; waiting for it to come back.")
        while time.monotonic() < deadline:
            if self.client.status == "running":
                return
            if self._address is not None and self.client.status == "closed":
                try:
                    self.client = Client(self._address, timeout="10s")
                except OSError:
                    continue
                return
            time.sleep(0.2)
        raise WorkersError(
            f"the scheduler did not come back within {_PATIENCE:.0f} s. What is done "
            "is kept: the same call goes on from there."
        )


@contextmanager
def connect(scheduler: Scheduler | None, workers: int | None) -> Iterator[Workers]:
    """Connect to a scheduler, or start worker processes for as long as it takes.

    Own workers share the cores of the machine among them, and of several GPUs each
    takes one. They listen on 127.0.0.1 and speak TLS with a key made for the run, so
    that other users of the machine cannot; the dashboard, which shows but does nothing,
    has no key. A scheduler of someone else's is as safe as they made it.

    Parameters
    ----------
    scheduler
        An address such as ``tcp://10.0.0.1:8786``, a client, or None for processes of
        our own.
    workers
        How many of our own; one per GPU, or one, if None.

    Raises
    ------
    WorkersError
        If the scheduler does not answer.
    ValueError
        If both are given, or ``workers`` is less than one.
    """
    check_workers(scheduler, workers)
    with ExitStack() as stack:
        if isinstance(scheduler, Client):
            found = Workers(scheduler)
            if scheduler.status != "running":
                found.restore()
        elif scheduler is not None:
            found = Workers(_client(scheduler), scheduler)
            stack.callback(lambda: found.client.close())
        else:
            found = stack.enter_context(_own(workers or _gpus() or 1))
        _LOGGER.info("Dask dashboard: %s", found.client.dashboard_link)
        yield found


def check_workers(scheduler: Scheduler | None, workers: int | None) -> None:
    """Refuse what contradicts itself.

    Raises
    ------
    ValueError
        If both are given, or ``workers`` is less than one.
    """
    if scheduler is not None and workers is not None:
        raise ValueError(
            "workers must be left out where a scheduler has its own; got "
            f"workers={workers}."
        )
    if workers is not None and workers < 1:
        raise ValueError(f"workers must be at least 1; got {workers}.")


def own_threads(workers: int | None) -> int:
    """Return how many threads each of our own workers computes with.

    Its share of the cores, unless the user's OMP_NUM_THREADS says otherwise.
    """
    asked = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    if asked.isdecimal() and int(asked):
        return int(asked)
    return max(1, CPU_COUNT // (workers or _gpus() or 1))


def _client(address: str) -> Client:
    try:
        return Client(address, timeout="30s")
    except (OSError, ValueError) as err:
        raise WorkersError(
            f"scheduler must be the address of a Dask scheduler that runs; got "
            f"{address}: {err}"
        ) from err


@contextmanager
def _own(workers: int) -> Iterator[Workers]:
    threads = str(own_threads(workers))
    settings = {
        # Before a worker starts, for it imports a script that may import torch.
        "distributed.nanny.pre-spawn-environ.OMP_NUM_THREADS": threads,
        "distributed.nanny.pre-spawn-environ.MKL_NUM_THREADS": threads,
        "distributed.scheduler.allowed-failures": _DEATHS,
        "distributed.deploy.lost-worker-timeout": "10s",
        # A model is far more than dask thinks a worker should hold.
        "distributed.worker.memory.terminate": False,
        "distributed.worker.memory.pause": False,
    }
    with (
        _hushed(logging.getLogger("distributed")),
        dask_config.set(settings),
        LocalCluster(
            n_workers=0,
            threads_per_worker=1,
            processes=True,
            memory_limit=None,
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.CRITICAL,
            security=_own_security(),
        ) as cluster,
        Client(cluster) as client,
    ):
        cluster.scale(workers)
        yield Workers(client, own=cluster, wanted=workers)


async def _forget_failed(cluster: LocalCluster) -> None:
    """Let the cluster start those again that it holds for started."""
    for number, worker in list(cluster.workers.items()):
        if worker.status.name in ("failed", "closed"):
            del cluster.workers[number]


def _own_security() -> Security:
    """Make a key that we and our workers have, and no other user of the machine.

    A port is open to all users of it, and whoever may speak to a scheduler or a worker
    runs code as the one who started it.
    """
    try:
        return Security.temporary()
    except ImportError as err:
        raise ImportError(
            "own workers need a package for their keys: pip install cryptography"
        ) from err


@contextmanager
def _hushed(logger: logging.Logger) -> Iterator[None]:
    """Keep what dask says of its own processes, as they come and go, off a shell."""
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def _gpus() -> int:
    import torch

    return torch.cuda.device_count()
