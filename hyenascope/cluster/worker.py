"""What a worker does: open the model and the genome once, then shard after shard."""

import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any, Protocol, runtime_checkable

import anndata as ad
import pandas as pd
import torch

from hyenascope._device import resolve_device
from hyenascope.cluster._dask import get_worker
from hyenascope.cluster.manifest import Manifest, ManifestError
from hyenascope.cluster.result_store import write_shard
from hyenascope.cluster.run_folder import RunFolder, ShardRecord, disk_errors
from hyenascope.data.fasta import FastaReader
from hyenascope.models.batching import BatchSize
from hyenascope.models.checkpoint import load_pretrained
from hyenascope.models.hyena import HyenaLM

_BUSY = Lock()  # a worker of several threads still has one model


@dataclass(frozen=True)
class Setting:
    """Where a worker finds the run, and how it may go about it.

    Nothing in here changes a number.

    Parameters
    ----------
    folder
        Of the run.
    run
        Tells this run from an earlier one in the same folder.
    genome
        FASTA path.
    device, batch_size, max_memory
        As in `hyenascope.score_variants`.
    spread
        Whether workers are numbered, and share the GPUs of this machine by number.
    """

    folder: str
    run: str
    genome: str
    device: str | None = None
    batch_size: BatchSize = "auto"
    max_memory: int = 2 * 2**30
    spread: bool = False


@dataclass(frozen=True)
class ShardResult:
    """The rows of a shard, done, and what was counted on the way."""

    data: ad.AnnData
    facts: dict[str, Any] = field(default_factory=dict)


@runtime_checkable
class ShardTask(Protocol):
    """A verb with its model and its files open."""

    def run(self, rows: pd.DataFrame) -> ShardResult:
        """Do the rows of one shard, in their order."""


class OpenRun:
    """What a task needs of its run: the options, the files and where to compute.

    Parameters
    ----------
    setting, manifest
        Of the run.
    """

    def __init__(self, setting: Setting, manifest: Manifest) -> None:
        self.setting, self.manifest = setting, manifest
        self.options = manifest.options
        self.folder = RunFolder(Path(setting.folder))
        self.device = resolve_device(worker_device(setting))
        self.genome = FastaReader(setting.genome)

    def model(self) -> HyenaLM:
        """Load the model as it was given: its name, and its type of numbers."""
        facts = self.manifest.model
        model = load_pretrained(self.folder.model, device=self.device)
        model.name = facts["model"]
        return model.to(getattr(torch, facts.get("dtype", "float32")))


Opener = Callable[[OpenRun], ShardTask]


def do_shard(opener: Opener, setting: Setting, shard: int) -> None:
    """Compute one shard, unless it is whole."""
    folder = RunFolder(Path(setting.folder), setting.run)
    with _BUSY:
        if folder.is_whole(shard):  # by a worker that was given up too early
            return
        manifest, task = _opened(opener, setting)
        began = time.perf_counter()
        result = task.run(pd.read_parquet(folder.input(shard)))
    # While it was at work the folder may have been given to another run.
    if Manifest.read(folder.path).digest != setting.run:
        raise ManifestError(f"{folder.path} holds another run by now.")
    with disk_errors(folder.path):
        files = write_shard(folder, shard, shard * manifest.shard_size, result.data)
        record = ShardRecord(
            shard=shard,
            run=setting.run,
            rows=len(result.data),
            files=folder.hashes(files),
            facts=result.facts,
            seconds=time.perf_counter() - began,
            worker=f"{platform.node()}:{os.getpid()}",
            finished=time.time(),
        )
        folder.write_record(record)


def no_rows(opener: Opener, setting: Setting) -> ad.AnnData:
    """Return the first row's result without the row: columns and types of them all."""
    first = pd.read_parquet(RunFolder(Path(setting.folder)).input(0)).head(1)
    if "end" in first:  # a base of a place will do
        first = first.assign(end=first["start"] + 1)
    with _BUSY:
        _, task = _opened(opener, setting)
        return task.run(first).data[:0].copy()


def worker_device(setting: Setting) -> str | None:
    """Return the device asked for, or of several GPUs the one of this worker.

    Workers of a scheduler that is not ours are told by ``CUDA_VISIBLE_DEVICES``.
    """
    count = torch.cuda.device_count()
    if setting.device not in (None, "cuda") or not setting.spread or count < 2:
        return setting.device
    try:
        name = get_worker().name
    except ValueError:  # not on a worker
        return None
    return f"cuda:{name % count}" if isinstance(name, int) else None


@lru_cache(maxsize=1)
def _opened(opener: Opener, setting: Setting) -> tuple[Manifest, ShardTask]:
    manifest = Manifest.read(Path(setting.folder))
    return manifest, opener(OpenRun(setting, manifest))
