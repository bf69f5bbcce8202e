"""Tasks of GUE, the Genome Understanding Evaluation of DNABERT-2.

A task is a folder with ``train.csv``, ``dev.csv`` and ``test.csv``, each with columns
``sequence`` and ``label`` (https://github.com/MAGICS-LAB/DNABERT_2).
"""

from pathlib import Path

from hyenascope._typing import StrPath
from hyenascope.data._split_files import split_files
from hyenascope.data._table_rows import Columns, collect_rows, finish
from hyenascope.data.labelled_sequences import LabelledSequences


def read_gue(folder: StrPath, *, name: str | None = None) -> LabelledSequences:
    r"""Read one task of GUE; files may be gzip.

    The published splits are kept, and a missing dev file stays missing.

    Parameters
    ----------
    folder
        The folder of one task, such as ``GUE/prom/prom_core_tata``.
    name
        By default the name of the folder, with that above it if it is a number.

    Raises
    ------
    LabelError
        As `read_label_table`, or if there is no train or test file.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for split in ("train", "test"):
    ...         path = Path(folder) / f"{split}.csv"
    ...         _ = path.write_text("sequence,label\nACGT,1\nTTTT,0\n")
    ...     read_gue(folder, name="toy")
    LabelledSequences('toy', binary, 2 labels; train 2, test 2)
    """
    files = split_files(folder, (".csv",))
    rows = collect_rows(files, Columns(), None)
    return finish(rows, files, name or _title(Path(folder)), "GUE")


def _title(folder: Path) -> str:
    parts = folder.resolve().parts
    return "/".join(parts[-2:]) if parts[-1].isdecimal() else parts[-1]
