"""The folder of a run: checkpoints, the log of its steps, and what it was made from.

``checkpoints/step-00000500.pt`` hold all that a run needs to go on as if it had never
stopped; the last few and the best are kept. ``steps.tsv`` has a line per step. Every
file but this log, whose last line may be cut, appears whole or not at all, so whatever
kills a run leaves one to go on from.
"""

import csv
import json
import math
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TextIO

from hyenascope.data.atomic import atomic_path
from hyenascope.training.progress import StepReport

_COLUMNS = [field.name for field in fields(StepReport)]
_SHOWN = 20  # differences

# What a run writes by way of `atomic_path`, which names a file that is not whole yet
# after the one it is to become.
_FILES = (
    "checkpoints/step-*.pt",
    "checkpoints/best.pt",
    "steps.tsv",
    "model.safetensors",
    "config.json",
    "curves.tsv",
    "README.md",
)


@dataclass(frozen=True)
class RunFolder:
    """Where a run keeps what it has done.

    Parameters
    ----------
    path
        The folder; made when something is written.
    keep
        How many of the latest checkpoints stay.
    """

    path: Path
    keep: int = 2

    @property
    def log(self) -> Path:
        """The table of steps."""
        return self.path / "steps.tsv"

    @property
    def best(self) -> Path:
        """The checkpoint with the lowest validation loss."""
        return self.path / "checkpoints" / "best.pt"

    def claim(self) -> None:
        """Make the folder, and find out before the training what would be lost after.

        Raises
        ------
        ValueError
            If the folder holds a model, a card or a project, but no run.
        OSError
            If it cannot be written to.
        """
        kept = ("README.md", "model.safetensors", "config.json")
        there = [name for name in kept if (self.path / name).exists()]
        if there and not (self.path / "checkpoints").is_dir():
            raise ValueError(
                f"out must be a new folder or that of a run; got {self.path}, where "
                f"{', '.join(there)} would be replaced."
            )
        (self.path / "checkpoints").mkdir(parents=True, exist_ok=True)
        self._forget_half_written()
        # Processes that torchrun starts claim one folder at the same time.
        with atomic_path(self.path / "checkpoints" / ".writable") as path:
            path.write_text("yes")
        (self.path / "checkpoints" / ".writable").unlink(missing_ok=True)

    def _forget_half_written(self) -> None:
        """Remove what killed processes have left of files; they would pile up."""
        for name in _FILES:
            place = self.path / name
            for left in place.parent.glob(f".{'[0-9a-f]' * 8}.{place.name}"):
                left.unlink(missing_ok=True)

    def checkpoints(self) -> list[Path]:
        """Return the checkpoints by step, the latest last."""
        return sorted((self.path / "checkpoints").glob("step-*.pt"))

    def latest(self) -> Path | None:
        """Return the latest checkpoint, None if there is none."""
        found = self.checkpoints()
        return found[-1] if found else None

    def save(
        self,
        step: int,
        write: Callable[[Path], None],
        *,
        main: bool = True,
        best: bool = False,
    ) -> Path:
        """Write the checkpoint of a step, then drop those too old to keep.

        Every process calls ``write``, since a model may be shared out among them; the
        ``main`` one looks after the files. The ``best`` one so far is kept twice.

        Raises
        ------
        OSError
            If the disk refuses; older checkpoints are untouched.
        """
        path = self.path / "checkpoints" / f"step-{step:08d}.pt"
        if not main:
            write(path)
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as temporary:
            write(temporary)
            if best:  # first: no checkpoint tells of a best one that is not there
                self._save_best(temporary)
        for old in self.checkpoints()[: -self.keep]:
            old.unlink()
        return path

    def _save_best(self, checkpoint: Path) -> None:
        with atomic_path(self.best) as temporary:
            temporary.write_bytes(checkpoint.read_bytes())

    def append(self, reports: Iterable[StepReport]) -> None:
        """Add lines to the log."""
        size = self.log.stat().st_size if self.log.exists() else 0
        try:
            with self.log.open("a", newline="", encoding="utf-8") as file:
                _write(file, reports, header=not size)
        except OSError:
            if self.log.exists():  # no half a line for the next one to go on from
                os.truncate(self.log, size)
            raise

    def past(self, step: int) -> list[StepReport]:
        """Return what the log says of the steps up to ``step``, and forget the rest.

        A process that was killed may have logged steps after its last checkpoint.
        """
        if not self.log.exists():
            return []
        with self.log.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
        reports = [_report(row) for row in rows if _whole(row)]
        kept = [report for report in reports if report.step <= step]
        with (
            atomic_path(self.log) as temporary,
            temporary.open("w", newline="", encoding="utf-8") as file,
        ):
            _write(file, kept, header=True)
        return kept


def refuse_other(
    found: Mapping[str, Any], wanted: Mapping[str, Any], source: Path
) -> None:
    """Refuse to go on from a checkpoint that was made from something else.

    Raises
    ------
    ValueError
        If any value differs; the message lists each with what is there and what came.

    Examples
    --------
    >>> refuse_other({"seed": 1}, {"seed": 2}, Path("run"))
    Traceback (most recent call last):
    ...
    ValueError: run must be continued with what it was begun with; ...
      seed: 1 there, 2 here
    Give another folder for another run.
    """
    there, here = _flat(found), _flat(wanted)
    lines = [
        f"  {name}: {there.get(name, 'absent')} there, {here.get(name, 'absent')} here"
        for name in sorted(there | here)
        if not _same(there.get(name), here.get(name))
    ]
    if not lines:
        return
    more = [f"  and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
    raise ValueError(
        f"{source} must be continued with what it was begun with; these differ:\n"
        + "\n".join(lines[:_SHOWN] + more)
        + "\nGive another folder for another run."
    )


def _same(one: object, other: object) -> bool:
    return json.dumps(one) == json.dumps(other)  # tuples and lists are one


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def _write(file: TextIO, reports: Iterable[StepReport], *, header: bool) -> None:
    writer = csv.DictWriter(file, _COLUMNS, delimiter="\t", lineterminator="\n")
    if header:
        writer.writeheader()
    for report in reports:
        row = asdict(report)
        row["validation"] = "" if report.validation is None else report.validation
        writer.writerow(row)


def _whole(row: Mapping[str, str | None]) -> bool:
    # The last line of a process that was killed may be cut short.
    return all(row.get(name) is not None for name in _COLUMNS) and row["memory"] != ""


def _report(row: Mapping[str, str]) -> StepReport:
    whole = ("step", "tokens", "length", "memory")
    values: dict[str, Any] = {
        name: int(row[name]) if name in whole else float(row[name])
        for name in _COLUMNS
        if name not in ("validation", "skipped")
    }
    validation = float(row["validation"]) if row["validation"] else None
    return StepReport(**values, validation=validation, skipped=row["skipped"])


def is_better(loss: float, best: float | None) -> bool:
    """Whether a validation loss is the lowest so far.

    Examples
    --------
    >>> is_better(1.3, None), is_better(1.4, 1.3), is_better(math.nan, 1.3)
    (True, False, False)
    """
    return math.isfinite(loss) and (best is None or loss < best)
