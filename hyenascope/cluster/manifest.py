"""What a run was asked to do; a folder holds one run and refuses another."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, get_origin

from hyenascope.data.atomic import atomic_path
from hyenascope.data.json_text import parse_json

MANIFEST = "manifest.json"


class ManifestError(ValueError):
    """A folder that holds another run, or none."""


@dataclass(frozen=True)
class Manifest:
    """All that decides the numbers of a run, and how it is cut.

    What does not, such as the device, the number of workers or where a file lies, is
    left out: it may change from one call to the next.

    Parameters
    ----------
    verb
        The function that a shard calls.
    inputs
        By argument: name, size and sha256 of the file.
    model
        Name, and hash of its weights.
    options
        As JSON has them.
    version
        Of hyenascope.
    shard_size
        Rows of the result in a shard.
    """

    verb: str
    inputs: dict[str, Any]
    model: dict[str, Any]
    options: dict[str, Any]
    version: str
    shard_size: int

    @classmethod
    def read(cls, folder: Path) -> "Manifest":
        """Read the manifest of a run.

        Raises
        ------
        ManifestError
            If there is none, or it cannot be read.
        """
        path = folder / MANIFEST
        if not path.is_file():
            raise ManifestError(f"{folder} must be the folder of a run; it holds none.")
        try:
            found = cls(**parse_json(path.read_text(encoding="utf-8")))
            found._check()
        except (ValueError, TypeError) as err:
            raise ManifestError(f"{path} must be the manifest of a run: {err}") from err
        return found

    def _check(self) -> None:
        """Refuse values of a wrong kind: a file may hold any."""
        for each in fields(self):
            kind: Any = get_origin(each.type) or each.type
            value = getattr(self, each.name)
            if type(value) is not kind:
                raise TypeError(
                    f"{each.name} must be {kind.__name__}; got {type(value).__name__}."
                )
        if self.shard_size < 1:
            raise ValueError(f"shard_size must be at least 1; got {self.shard_size}.")

    @property
    def digest(self) -> str:
        """sha256 of all of it: tells this run from another in the same folder."""
        text = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def write(self, folder: Path) -> None:
        """Write it to the folder, whole or not at all."""
        text = json.dumps(asdict(self), indent=2, sort_keys=True)
        with atomic_path(folder / MANIFEST) as path:
            path.write_text(text + "\n", encoding="utf-8")

    def agrees(self, folder: Path) -> bool:
        """Whether the folder holds this run; False if it holds none yet.

        Raises
        ------
        ManifestError
            If it holds another, with each difference on a line.
        """
        if not (folder / MANIFEST).is_file():
            return False
        known = Manifest.read(folder)
        lines = list(_differences(asdict(known), asdict(self)))
        if lines:
            raise ManifestError(
                f"out must be the folder of this run, or a new one; got {folder}, "
                "which holds a run of something else. Different:\n  "
                + "\n  ".join(lines)
            )
        return True


def _differences(
    known: Mapping[str, Any], asked: Mapping[str, Any], where: str = ""
) -> Iterator[str]:
    """Yield a line per leaf that differs: ``options.context: 512 → 1024``."""
    for key in sorted({*known, *asked}):
        old, new = known.get(key), asked.get(key)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from _differences(old, new, f"{where}{key}.")
        elif json.dumps(old) != json.dumps(new):
            yield f"{where}{key}: {_shown(old)} → {_shown(new)}"


def _shown(value: object) -> str:
    text = "none" if value is None else json.dumps(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
