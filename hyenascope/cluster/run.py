"""A run in a folder: begun, gone on with, looked at and read."""

import json
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd

from hyenascope._typing import StrPath
from hyenascope.cluster.manifest import Manifest, ManifestError
from hyenascope.cluster.run_folder import RunFolder


@dataclass(frozen=True)
class RunStatus:
    """How far a run is.

    Parameters
    ----------
    verb
        What it does.
    rows, rows_done
        Of the result.
    shards, shards_done
        Pieces of it.
    status
        Rows that are done by their ``status``; empty for verbs without one.
    seconds
        Of workers, all together.
    per_second
        Rows, between the first and the last shard that ended; NaN before that.
    """

    verb: str
    rows: int
    rows_done: int
    shards: int
    shards_done: int
    status: Mapping[str, int]
    seconds: float
    per_second: float

    @property
    def finished(self) -> bool:
        """Whether every shard is done."""
        return self.shards_done == self.shards


class Run:
    """The folder of a run, made by `hyenascope.cluster.jobs`.

    Parameters
    ----------
    path
        The folder.

    Raises
    ------
    ManifestError
        If there is no run in it.
    """

    def __init__(self, path: StrPath) -> None:
        self.manifest = Manifest.read(Path(path))
        self.folder = RunFolder(Path(path), self.manifest.digest)

    def __repr__(self) -> str:
        """Say what and how far."""
        found = self.status()
        return (
            f"Run({str(self.folder.path)!r}: {found.verb}, {found.rows_done:,} of "
            f"{found.rows:,} rows)"
        )

    def status(self) -> RunStatus:
        """Read how far the run is; files are not checked against their sha256."""
        done = rows_done = 0
        seconds, ends, counts = 0.0, [], Counter[str]()
        for record in self.folder.records():
            done, rows_done = done + 1, rows_done + record.rows
            seconds += record.seconds
            ends.append((record.finished, record.rows))
            counts.update(record.facts.get("status", {}))
        ends.sort()
        took = ends[-1][0] - ends[0][0] if len(ends) > 1 else 0.0
        later = sum(rows for _, rows in ends[1:])
        return RunStatus(
            verb=self.manifest.verb,
            rows=self.folder.rows,
            rows_done=rows_done,
            shards=self.folder.shards,
            shards_done=done,
            status=dict(counts.most_common()),
            seconds=seconds,
            per_second=later / took if took > 0 else float("nan"),
        )

    def read(self) -> ad.AnnData:
        """Return the rows that are done, all of them if the run is finished.

        Raises
        ------
        ManifestError
            If there is no result yet.
        """
        if not self.folder.zarr.is_dir():
            raise ManifestError(f"{self.folder.path} holds no result yet.")
        size = self.manifest.shard_size
        done = np.zeros(self.folder.rows, bool)
        for record in self.folder.records():
            done[record.shard * size :][: record.rows] = True
        with warnings.catch_warnings():
            # Rows that are not there yet have one name, the empty one.
            warnings.filterwarnings("ignore", "Observation names are not unique")
            data = ad.read_zarr(self.folder.zarr)
            return data if done.all() else data[done].copy()

    def tables(self) -> Iterator[pd.DataFrame]:
        """Yield the table of each shard that is done, in order: constant memory."""
        for record in self.folder.records():
            yield pd.read_parquet(self.folder.table(record.shard))


def total_facts(folder: RunFolder) -> dict[str, Any]:
    """Add up what the shards counted.

    Numbers are added, also within dicts; texts are joined, each once.
    """
    total: dict[str, Any] = {}
    for record in folder.records():
        _add(total, record.facts)
    return json.loads(json.dumps(total, default=_joined))


def _add(total: dict[str, Any], facts: Mapping[str, Any]) -> None:
    for name, value in facts.items():
        if isinstance(value, Mapping):
            _add(total.setdefault(name, {}), value)
        elif isinstance(value, str):
            total.setdefault(name, set()).add(value)
        else:
            total[name] = total.get(name, 0) + value


def _joined(texts: set[str]) -> str:
    return " and ".join(sorted(texts))
