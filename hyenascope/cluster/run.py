"""A run in a folder: begun, gone on with, looked at and read."""

import json
import os
import tempfile
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
from hyenascope.cluster.given_order import in_given_order
from hyenascope.cluster.manifest import Manifest, ManifestError
from hyenascope.cluster.run_folder import RunFolder
from hyenascope.cluster.store_check import check_store


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

    def shards(self) -> pd.DataFrame:
        """Return what each shard that is done says of itself, by its number.

        Columns: ``rows`` of the result, ``seconds`` on its ``worker`` (machine and
        process), and ``finished``, in UTC.
        """
        found = list(self.folder.records())
        return pd.DataFrame(
            {
                "rows": [it.rows for it in found],
                "seconds": [it.seconds for it in found],
                "worker": [it.worker for it in found],
                "finished": pd.to_datetime([it.finished for it in found], unit="s"),
            },
            index=pd.Index([it.shard for it in found], name="shard", dtype=int),
        )

    def read(self) -> ad.AnnData:
        """Return the rows that are done, all of them if the run is finished.

        Raises
        ------
        ManifestError
            If there is no result yet, or what is there is not of a run.
        """
        if not self.folder.zarr.is_dir():
            raise ManifestError(f"{self.folder.path} holds no result yet.")
        with warnings.catch_warnings():
            # Rows that are not there yet have one name, the empty one.
            warnings.filterwarnings("ignore", "Observation names are not unique")
            data = self._stored()
            done = np.zeros(len(data), bool)
            size = self.manifest.shard_size
            for record in self.folder.records():
                done[record.shard * size :][: min(record.rows, size)] = True
            data.uns["hyenascope"] = self.provenance
            return data if done.all() else data[done].copy()

    def _stored(self) -> ad.AnnData:
        """Return the result as it lies there, without running what it says."""
        path = self.folder.zarr
        try:
            check_store(path)
            data = ad.read_zarr(path)
        except OSError:
            raise
        except Exception as err:  # zarr and its codecs fail in many ways
            reason = (str(err).splitlines() or [type(err).__name__])[0]
            raise ManifestError(f"{path} must be what a run wrote; {reason}") from err
        if len(data) != self.folder.rows:
            raise ManifestError(
                f"{path} must have the {self.folder.rows:,} rows of the run; got "
                f"{len(data):,}."
            )
        return data

    def tables(self, *, as_given: bool = False) -> Iterator[pd.DataFrame]:
        """Yield what is done as tables of some thousand rows: constant memory.

        Columns are ``row`` (its name), those of ``.obs``, one per variable, and of a
        score ``…_ref``, ``…_alt`` and ``…_percentile``, if there are such layers.

        Parameters
        ----------
        as_given
            Rows as they stood in the input. Where that is not the order of the shards,
            they are sorted in the folder, or with other temporary files if it cannot
            be written, which takes as much disk again.
        """
        done = [self.folder.table(record.shard) for record in self.folder.records()]
        if as_given:
            path = self.folder.path
            scratch = path if os.access(path, os.W_OK) else Path(tempfile.gettempdir())
            yield from in_given_order(done, scratch)
        else:
            yield from map(pd.read_parquet, done)

    @property
    def provenance(self) -> dict[str, Any]:
        """What the result carries: model, files, options, and what was counted."""
        return provenance(self.manifest, total_facts(self.folder))


def provenance(manifest: Manifest, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a result carries: model, files, options, and what was counted."""
    genome = manifest.inputs["genome"]
    return {
        **manifest.model,
        "genome": genome["file"],
        "genome_fingerprint": genome["fingerprint"],
        "version": manifest.version,
        "verb": manifest.verb,
        **{
            name: value for name, value in manifest.options.items() if value is not None
        },
        **facts,
    }


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
