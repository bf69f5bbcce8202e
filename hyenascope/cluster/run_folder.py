"""Where the files of a run lie, and which of its shards are whole.

::

    manifest.json               what was asked (`hyenascope.cluster.manifest`)
    model/                      the weights, as the workers load them
    baselines.npz               words of the genome, if variants are scored
    background.h5ad             scores of random SNVs, if some were given
    size.json                   rows and shards
    inputs/000000.parquet       what a shard has to do
    shards/000000.json          its record: sha256 of every file it wrote; the last one
    result.parquet/             a file per shard
    result.zarr/                an AnnData; the rows of a shard are one chunk

A shard without a record, or with a file that is not what the record says, counts for
nothing and is computed again.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from hyenascope.data.atomic import DISK_ERRNOS, atomic_path
from hyenascope.data.file_sha256 import file_sha256
from hyenascope.data.json_text import parse_json


@dataclass(frozen=True)
class ShardRecord:
    """What a shard that is whole says of itself.

    Parameters
    ----------
    shard
        Its number.
    run
        `Manifest.digest` of the run that it is of.
    rows
        Rows of the result.
    files
        sha256 by path within the folder.
    facts
        What the verb counted in it.
    seconds
        Of wall time on the worker.
    worker
        Name of the machine.
    finished
        Seconds since 1970.
    """

    shard: int
    run: str
    rows: int
    files: dict[str, str]
    facts: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    worker: str = ""
    finished: float = 0.0


@dataclass(frozen=True)
class RunFolder:
    """Names of the files of a run, on a disk that all workers see.

    Parameters
    ----------
    path
        The folder.
    run
        `Manifest.digest`; records of other runs count for nothing. Any, if empty.
    """

    path: Path
    run: str = ""

    @property
    def model(self) -> Path:
        """Folder of the weights."""
        return self.path / "model"

    @property
    def baselines(self) -> Path:
        """Path of the word counts of the genome."""
        return self.path / "baselines.npz"

    @property
    def background(self) -> Path:
        """Path of the scores of random SNVs, of a run that has some."""
        return self.path / "background.h5ad"

    @property
    def inputs(self) -> Path:
        """Folder of the rows that are to be done."""
        return self.path / "inputs"

    @property
    def zarr(self) -> Path:
        """Folder of the AnnData."""
        return self.path / "result.zarr"

    @property
    def parquet(self) -> Path:
        """Folder of the tables."""
        return self.path / "result.parquet"

    def write_size(self, rows: int, shard_size: int) -> None:
        """Keep how large the result will be."""
        size = {"rows": rows, "shards": -(-rows // shard_size)}
        with atomic_path(self.path / "size.json") as temporary:
            temporary.write_text(json.dumps(size), encoding="utf-8")

    @cached_property
    def _size(self) -> dict[str, int]:
        path = self.path / "size.json"
        try:
            found = parse_json(path.read_text(encoding="utf-8"))
            size = {name: found[name] for name in ("rows", "shards")}
        except (ValueError, KeyError, TypeError) as err:
            raise ValueError(f"{path} must give rows and shards: {err}.") from err
        if not all(_is_count(number) for number in size.values()):
            raise ValueError(f"{path} must give whole numbers; got {size}.")
        return size

    @property
    def rows(self) -> int:
        """Rows of the result."""
        return self._size["rows"]

    @property
    def shards(self) -> int:
        """How many shards there are."""
        return self._size["shards"]

    def input(self, shard: int) -> Path:
        """Path of the rows of a shard."""
        return self.inputs / f"{shard:06d}.parquet"

    def table(self, shard: int) -> Path:
        """Path of the result of a shard as a table."""
        return self.parquet / f"{shard:06d}.parquet"

    def record_path(self, shard: int) -> Path:
        """Path of the record of a shard, once it is whole."""
        return self.path / "shards" / f"{shard:06d}.json"

    def write_record(self, record: ShardRecord) -> None:
        """Declare a shard whole: the last thing that a worker does with it."""
        path = self.record_path(record.shard)
        path.parent.mkdir(exist_ok=True)
        with atomic_path(path) as temporary:
            temporary.write_text(json.dumps(asdict(record)), encoding="utf-8")

    def record(self, shard: int) -> ShardRecord | None:
        """Return the record of a shard; None if it is not there or damaged."""
        try:
            text = self.record_path(shard).read_text(encoding="utf-8")
            found = ShardRecord(**parse_json(text))
        except (OSError, ValueError, TypeError):
            return None
        sound = found.shard == shard and _is_sound(found)
        return found if sound and self.run in ("", found.run) else None

    def records(self) -> Iterator[ShardRecord]:
        """Yield the records that are there, in order."""
        for shard in self._recorded():
            found = self.record(shard)
            if found is not None:
                yield found

    def _recorded(self) -> list[int]:
        """Return the shards that have a file: few, whatever the size says."""
        names = (path.stem for path in self.record_path(0).parent.glob("*.json"))
        found = {int(name) for name in names if name.isdecimal()}
        return sorted(shard for shard in found if shard < self.shards)

    def is_whole(self, shard: int) -> bool:
        """Whether a shard has a record and every file is what it says."""
        found = self.record(shard)
        if found is None or not found.files:
            return False
        return all(
            file_hash(self.path / name) == digest
            for name, digest in found.files.items()
        )

    def hashes(self, files: Iterable[Path]) -> dict[str, str]:
        """Return the sha256 of files by their path within the folder."""
        return {
            file.relative_to(self.path).as_posix(): file_hash(file) for file in files
        }


def _is_sound(found: ShardRecord) -> bool:
    """Whether a record that anybody may have written has values of the right kinds."""
    return (
        _is_count(found.rows)
        and isinstance(found.files, dict)
        and all(_is_within(name) for name in found.files)
        and isinstance(found.facts, dict)
        and isinstance(status := found.facts.get("status", {}), dict)
        and all(_is_count(rows) for rows in status.values())
        and all(_is_time(it) for it in (found.seconds, found.finished))
    )


def _is_within(name: str) -> bool:
    """Whether a path stays in the folder that it is relative to."""
    path = PurePosixPath(name)
    plain = not {"\\", ":", "\0"} & set(name)
    return plain and not path.is_absolute() and ".." not in path.parts


def _is_count(value: object) -> bool:
    return type(value) is int and value >= 0


def _is_time(value: object) -> bool:
    """Whether it is seconds, at most those of the year 2200."""
    return isinstance(value, int | float) and 0 <= value <= 7.3e9


@contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """Let what the disk refuses say which run it was, and what became of it.

    Raises
    ------
    OSError
        With the ``errno`` of the disk's own.
    """
    try:
        yield
    except OSError as err:
        if err.errno not in DISK_ERRNOS or str(folder) in str(err):
            raise
        raise OSError(
            err.errno,
            f"cannot write {folder}: {err.strerror}. The shards that are done are "
            "kept: the same call goes on from there.",
        ) from err


def file_hash(path: Path) -> str:
    """Return the sha256 of a file in hexadecimal, empty if there is none.

    Examples
    --------
    >>> file_hash(Path("no such file"))
    ''
    """
    try:
        return file_sha256(path)
    except OSError:
        return ""
