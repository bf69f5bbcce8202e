"""Begin a run or go on with it: plan, compute what is missing, check, finish."""

import errno
import logging
import multiprocessing
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

from tqdm.auto import tqdm

from hyenascope._device import resolve_device
from hyenascope._typing import StrPath
from hyenascope.cluster.dispatch import dispatch
from hyenascope.cluster.identity import genome_facts
from hyenascope.cluster.manifest import MANIFEST, Manifest, ManifestError
from hyenascope.cluster.result_store import create_store, finish_store
from hyenascope.cluster.run import Run, provenance, total_facts
from hyenascope.cluster.run_folder import RunFolder, disk_errors
from hyenascope.cluster.worker import Opener, Setting, no_rows
from hyenascope.cluster.workers import (
    Scheduler,
    Workers,
    WorkersError,
    check_workers,
    connect,
)
from hyenascope.data.fasta import FastaReader
from hyenascope.models.batching import BatchSize

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

_LOGGER = logging.getLogger("hyenascope")
_LOCK = ".hyenascope-run"  # the first file of a run
_ROUNDS = 3  # times that shards found damaged are computed again


class RunBusyError(OSError):
    """A folder that another process is at work in."""


@dataclass(frozen=True)
class Plan:
    """What a verb asks for, but for how it is cut and who computes it.

    Parameters
    ----------
    verb
        Its name.
    task
        Makes what a worker calls.
    inputs
        Facts of what comes in, by argument, but for the genome.
    model
        Facts of the weights.
    options
        All that changes a number, as JSON has it.
    rows
        Writes what every shard has to do to the folder, and returns the rows of the
        result.
    save
        Writes the weights to the folder, and what else the workers need.
    unit
        What a row is.
    """

    verb: str
    task: Opener
    inputs: dict[str, Any]
    model: dict[str, Any]
    options: dict[str, Any]
    rows: Callable[[RunFolder], int]
    save: Callable[[RunFolder], None]
    unit: str


def start(
    plan: Plan,
    genome: FastaReader,
    out: StrPath,
    *,
    shard_size: int,
    workers: int | None,
    scheduler: Scheduler | None,
    device: str | None,
    progress: bool,
    batch_size: BatchSize = "auto",
    max_memory: int = 2 * 2**30,
) -> Run:
    """Compute what is missing of a run, and return it.

    Parameters
    ----------
    plan
        What is asked.
    genome
        Where bases are read from.
    out
        Folder of the run, made if missing.
    shard_size
        Rows of the result to a shard.
    workers, scheduler
        As in `hyenascope.cluster.workers.connect`.
    device, batch_size, max_memory
        As in `hyenascope.cluster.worker.Setting`.
    progress
        Show a bar.

    Raises
    ------
    ManifestError
        If the folder holds another run, or other files.
    RunBusyError
        If another process is at work in it.
    WorkersError
        If workers or scheduler are not to be had, or a shard ends them.
    ValueError
        If an option is out of range, or there is no row.
    OSError
        If the disk refuses.
    """
    if shard_size < 1:
        raise ValueError(f"shard_size must be at least 1; got {shard_size}.")
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise WorkersError(
            "a script must call this below `if __name__ == '__main__':`, for its "
            "workers import it again."
        )
    check_workers(scheduler, workers)
    if device is not None and scheduler is None:
        resolve_device(device)
    manifest = Manifest(
        verb=plan.verb,
        inputs={**plan.inputs, "genome": genome_facts(genome)},
        model=plan.model,
        options=plan.options,
        version=version("hyenascope"),
        shard_size=shard_size,
    )
    path = Path(out)
    path.mkdir(parents=True, exist_ok=True)
    if any(path.iterdir()) and not (path / _LOCK).is_file():
        raise ManifestError(
            f"out must be a new folder, an empty one, or that of a run; got {path}, "
            "which holds other files."
        )
    folder = RunFolder(path, manifest.digest)
    setting = Setting(
        folder=str(path.resolve()),
        run=manifest.digest,
        genome=str(genome.path.resolve()),
        device=device,
        batch_size=batch_size,
        max_memory=max_memory,
        spread=scheduler is None,
    )
    if not os.access(path, os.W_OK):
        return _finished(manifest, folder)
    with _alone(path), disk_errors(path.resolve()):
        if not _is_planned(manifest, path):
            _begin(plan, manifest, folder)
        todo = [i for i in range(folder.shards) if not folder.is_whole(i)]
        if todo or not folder.zarr.is_dir():
            with connect(scheduler, workers) as crew:
                if not folder.zarr.is_dir():
                    _create(plan, manifest, folder, setting, crew)
                    todo = list(range(folder.shards))
                bar = tqdm(
                    total=folder.rows,
                    initial=folder.rows - _rows_of(todo, folder, shard_size),
                    unit=plan.unit,
                    disable=not progress,
                )
                with bar:
                    _compute(plan, folder, setting, todo, crew, bar)
        finish_store(folder.zarr, provenance(manifest, total_facts(folder)))
    return Run(path)


def _finished(manifest: Manifest, folder: RunFolder) -> Run:
    """Return a run that needs nothing more, from a folder that cannot be written."""
    done = manifest.agrees(folder.path)
    if done and all(folder.is_whole(shard) for shard in range(folder.shards)):
        return Run(folder.path)
    raise PermissionError(
        errno.EACCES,
        f"out must be a folder that can be written, unless its run is finished; got "
        f"{folder.path}",
    )


def _is_planned(manifest: Manifest, path: Path) -> bool:
    """Whether the folder holds this run; one that has done nothing yet gives way."""
    try:
        return manifest.agrees(path)
    except ManifestError:
        if any(path.glob("shards/*.json")):
            raise
        (path / MANIFEST).unlink()
        return False


def _begin(plan: Plan, manifest: Manifest, folder: RunFolder) -> None:
    """Write weights and rows, and then the manifest that says they are whole."""
    for old in (folder.zarr, folder.parquet, folder.path / "shards"):
        shutil.rmtree(old, ignore_errors=True)
    for made in (folder.baselines, folder.background):
        made.unlink(missing_ok=True)
    plan.save(folder)
    rows = plan.rows(folder)
    folder.write_size(rows, manifest.shard_size)
    manifest.write(folder.path)
    _LOGGER.info("%s: %s rows in %s shards.", folder.path, rows, folder.shards)


def _create(
    plan: Plan,
    manifest: Manifest,
    folder: RunFolder,
    setting: Setting,
    crew: Workers,
) -> None:
    """Ask a worker for the columns, so that this process needs no model."""
    template = crew.ask(no_rows, plan.task, setting)
    create_store(
        folder.zarr,
        template,
        rows=folder.rows,
        shard_size=manifest.shard_size,
        provenance=provenance(manifest, {}),
    )


def _compute(
    plan: Plan,
    folder: RunFolder,
    setting: Setting,
    todo: list[int],
    crew: Workers,
    bar: "tqdm[Any]",
) -> None:
    """Compute shards until all are what their records say."""
    for _ in range(_ROUNDS):
        for shard in todo:
            folder.record_path(shard).unlink(missing_ok=True)
        dispatch(crew, plan.task, setting, todo, lambda _shard, rows: bar.update(rows))
        todo = [i for i in range(folder.shards) if not folder.is_whole(i)]
        if not todo:
            return
        _LOGGER.warning("%d shards are not what they say; once more.", len(todo))
    raise WorkersError(
        f"shards {todo[:5]} of {folder.path} are not what their records say, after "
        f"{_ROUNDS} times; look at the disk."
    )


def _rows_of(shards: list[int], folder: RunFolder, size: int) -> int:
    """Count the rows of some shards."""
    return sum(min(size, folder.rows - shard * size) for shard in shards)


@contextmanager
def _alone(path: Path) -> Iterator[IO[str]]:
    """Keep a second process out of the folder; the system forgets it at our death."""
    with (path / _LOCK).open("w") as lock:
        if fcntl is not None:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as err:
                raise RunBusyError(
                    f"out must be a folder that no other process is at work in; got "
                    f"{path}."
                ) from err
            except OSError as err:  # some disks of clusters cannot lock
                _LOGGER.warning("%s cannot be locked: %s.", path, err.strerror)
        yield lock
