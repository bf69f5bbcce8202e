"""A table of scores that is made once, and what it was made from beside it."""

import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from hyenascope.data.atomic import atomic_path
from hyenascope.data.file_sha256 import file_sha256
from hyenascope.data.json_text import parse_json

_LOGGER = logging.getLogger("hyenascope")

SCORES_FILE = "scores.tsv"
"""In the folder of a task: a table as of `hyenascope.training.baselines.compare`."""

FACTS_FILE = "scores.json"
"""Beside it: what the table was made from, and its sha256."""

_NUMBERS = dict.fromkeys(("value", "low", "high"), "float64")
_COUNTS = dict.fromkeys(("seed", "rows"), "Int64")


def kept_scores(
    folder: Path, made_from: Mapping[str, object], make: Callable[[], pd.DataFrame]
) -> pd.DataFrame:
    """Return the table of a folder; make it and put it there if it is another or none.

    Parameters
    ----------
    folder
        Of ``scores.tsv`` and ``scores.json``; both are written whole or not at all.
    made_from
        All that decides the numbers, as JSON can hold it.
    make
        Called if the table there was made from something else, or is damaged.

    Examples
    --------
    >>> import tempfile
    >>> table = pd.DataFrame({"model": ["mine"], "metric": ["mcc"], "value": [0.1]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     first = kept_scores(Path(folder), {"seed": 0}, lambda: table)
    ...     again = kept_scores(Path(folder), {"seed": 0}, lambda: table * 2)
    ...     other = kept_scores(Path(folder), {"seed": 1}, lambda: table * 2)
    >>> again.equals(first), other["value"].tolist()
    (True, [0.2])
    """
    table, record = folder / SCORES_FILE, folder / FACTS_FILE
    facts = json.loads(json.dumps(made_from))
    if _record(record) != {"made_from": facts, "sha256": _sha256(table)}:
        made = make()
        with atomic_path(table) as path:
            made.to_csv(path, sep="\t", index=False, lineterminator="\n")
        # Second: a kill between the two leaves a hash of another table.
        with atomic_path(record) as path:
            known = {"made_from": facts, "sha256": _sha256(table)}
            path.write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")
        _LOGGER.info("wrote %s", table)
    return _read(table)


def _record(path: Path) -> Any:  # noqa: ANN401
    try:
        return parse_json(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None


def _sha256(path: Path) -> str:
    return file_sha256(path) if path.is_file() else ""


def _read(path: Path) -> pd.DataFrame:
    """Read each column as the type it had, and each number to its last digit."""
    header = pd.read_csv(path, sep="\t", nrows=0).columns
    kinds = {name: (_NUMBERS | _COUNTS).get(name, "object") for name in header}
    return pd.read_csv(
        path,
        sep="\t",
        dtype=kinds,
        keep_default_na=False,  # a model may be called None
        na_values=[""],
        float_precision="round_trip",
    )
