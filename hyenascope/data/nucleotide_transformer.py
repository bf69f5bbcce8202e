"""Tasks of the Nucleotide Transformer benchmark, first and revised edition.

On the Hugging Face hub (``InstaDeepAI/nucleotide_transformer_downstream_tasks`` and
``…_revised``) a task is a folder with ``train`` and ``test`` as ``.fna``, whose headers
are ``>name|label``, and later also as parquet with columns ``sequence``, ``name``,
``label`` and ``task``. There is no dev split.
"""

from collections.abc import Mapping
from pathlib import Path

from hyenascope._typing import StrPath
from hyenascope.data._split_files import split_files, split_name
from hyenascope.data._table_rows import Columns, collect_rows, finish
from hyenascope.data._tables import Table, read_table
from hyenascope.data.labelled_fasta import read_fasta_parts
from hyenascope.data.labelled_sequences import LabelError, LabelledSequences

_FASTA = (".fna", ".fasta", ".fa")
_LAYOUT = "Nucleotide Transformer"


def read_nucleotide_transformer(
    source: StrPath | Mapping[str, StrPath],
    *,
    subset: str | None = None,
    name: str | None = None,
) -> LabelledSequences:
    r"""Read one task of the Nucleotide Transformer benchmark.

    Parameters
    ----------
    source
        The folder of a task, of whose files FASTA is taken before parquet and parquet
        before CSV; or a mapping from split to file.
    subset
        The task to take, of parquet or CSV files that hold several in a column
        ``task``.
    name
        By default the subset, or the name of the folder or first file.

    Raises
    ------
    LabelError
        As `read_label_table` and `read_labelled_fasta`; if files are missing; or if
        they hold several tasks and ``subset`` is none of them.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for split in ("train", "test"):
    ...         path = Path(folder) / f"{split}.fna"
    ...         _ = path.write_text(">a|0\nACGT\n>b|1\nGGGG\n>c|2\nTTTT\n")
    ...     read_nucleotide_transformer(folder, name="enhancers_types")
    LabelledSequences('enhancers_types', multiclass, 3 labels; train 3, test 3)
    """
    if isinstance(source, Mapping):
        parts = [(split_name(split), Path(path)) for split, path in source.items()]
        title = name or subset
    else:
        parts = split_files(source, (*_FASTA, ".parquet", ".csv"))
        title = name or subset or Path(source).resolve().name
    if not parts:
        raise LabelError("source must hold one file or more; got none.")
    if all(path.name.removesuffix(".gz").endswith(_FASTA) for _, path in parts):
        if subset is not None:
            raise LabelError(f"subset must be None of FASTA files; got {subset!r}.")
        return read_fasta_parts(parts, "|", None, task=None, name=title, layout=_LAYOUT)
    return finish(
        collect_rows(parts, _columns(parts, subset), None), parts, title, _LAYOUT
    )


def _columns(parts: list[tuple[str, Path]], subset: str | None) -> Columns:
    """Say which columns there are, once it is clear which task is meant."""
    tables = [read_table(path) for _, path in parts]
    identifier = "name" if all("name" in table.columns for table in tables) else None
    if not all("task" in table.columns for table in tables):
        if subset is not None:
            raise LabelError(
                f"subset must be None of files without a column 'task'; got {subset!r}."
            )
        return Columns(identifier=identifier)
    tasks = {task for table in tables for task in _tasks(table)}
    if subset is None and len(tasks) == 1:
        return Columns(identifier=identifier)
    if subset is None or subset not in tasks:
        raise LabelError(
            f"subset must be one of {', '.join(sorted(tasks))}; got {subset!r}."
        )
    return Columns(identifier=identifier, keep=("task", subset))


def _tasks(table: Table) -> set[str]:
    found: set[str] = set()
    at = table.columns.index("task")
    table.each(lambda cells: found.add(cells[at].strip()))
    return found
