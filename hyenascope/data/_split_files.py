"""Which file of a folder holds which split."""

import re
from collections.abc import Sequence
from pathlib import Path

from hyenascope._typing import StrPath
from hyenascope.data.labelled_sequences import SPLITS, LabelError

_DEV = {"val", "valid", "validation"}
# The Hugging Face hub numbers its shards: train-00000-of-00002-1a2b.parquet.
_STEM = re.compile(r"(train|dev|val|valid|validation|test)(-\d+-of-\d+(-\w+)?)?")


def split_name(text: str) -> str:
    """Return the usual name of a split: ``val``, ``valid`` and ``validation`` are dev.

    Examples
    --------
    >>> split_name("valid"), split_name("holdout")
    ('dev', 'holdout')
    """
    text = text.strip()
    return "dev" if text.lower() in _DEV else text


def split_of_file(path: Path) -> str | None:
    """Return the split that a file name says, or None if it says nothing.

    Examples
    --------
    >>> (
    ...     split_of_file(Path("train-00000-of-00001.parquet")),
    ...     split_of_file(Path("a.csv")),
    ... )
    ('train', None)
    """
    match = _STEM.fullmatch(path.name.partition(".")[0])
    return None if match is None else split_name(match[1])


def split_files(folder: StrPath, kinds: Sequence[str]) -> list[tuple[str, Path]]:
    """Return the split and path of the files of a folder, train first.

    Of several kinds the first that has ``train`` is taken, for all splits.

    Parameters
    ----------
    folder
        Where to look, and in its sub-folder ``data`` if it holds none itself.
    kinds
        Ends of file names, such as ``".csv"``; ``.gz`` may follow.

    Raises
    ------
    LabelError
        If there is no folder, or no train or test file in it.
    """
    root = Path(folder)
    if not root.is_dir():
        raise LabelError(f"folder must exist; got {root}.")
    for place in (root, root / "data"):
        for kind in kinds:
            found = _of_kind(place, kind)
            if "train" in dict(found):
                return _with_test(found, place)
    raise LabelError(
        f"folder must hold train and test files ending in {', '.join(kinds)}; "
        f"{root} has no train file."
    )


def _of_kind(folder: Path, kind: str) -> list[tuple[str, Path]]:
    if not folder.is_dir():
        return []
    named = [(split_of_file(path), path) for path in sorted(folder.iterdir())]
    found = [
        (split, path)
        for split, path in named
        if split is not None and path.name.endswith((kind, f"{kind}.gz"))
    ]
    return sorted(found, key=lambda pair: SPLITS.index(pair[0]))


def _with_test(found: list[tuple[str, Path]], folder: Path) -> list[tuple[str, Path]]:
    if "test" not in dict(found):
        raise LabelError(
            f"folder must hold train and test files; {folder} has "
            f"{', '.join(path.name for _, path in found)}."
        )
    names = [(split, path.name.removesuffix(".gz")) for split, path in found]
    twice = next((pair for pair in names if names.count(pair) > 1), None)
    if twice is not None:
        raise LabelError(
            f"folder must hold one file of a name; {folder} has {twice[1]} twice, "
            "with and without .gz."
        )
    return found
