"""Labelled sequences from CSV, TSV, parquet or a DataFrame, with one label or many."""

from collections.abc import Mapping, Sequence

from hyenascope.data._table_rows import (
    Columns,
    TableSource,
    collect_rows,
    finish,
    parts_of,
)
from hyenascope.data.labelled_sequences import LabelledSequences, Task


def read_label_table(
    source: TableSource | Mapping[str, TableSource],
    *,
    sequence: str = "sequence",
    labels: str | Sequence[str] = "label",
    split: str | None = None,
    identifier: str | None = None,
    task: Task | None = None,
    name: str | None = None,
) -> LabelledSequences:
    """Read a table with a column of DNA and one or more columns of labels.

    Parameters
    ----------
    source
        A CSV, TSV (both plain or gzip) or parquet path or a DataFrame, or a mapping
        from split to one of them. Text is split at tabs if its first line has any.
    sequence
        Column of the DNA.
    labels
        One column of classes, whose names are sorted (as numbers, if all are); or
        several columns, or a pattern such as ``"y_*"``, of 0 and 1.
    split
        Column of splits. Without it and without a mapping, the name of the file says
        the split if it is train, dev, val, valid, validation or test; else all rows
        are of one split, ``"all"``. ``val``, ``valid`` and ``validation`` become dev.
    identifier
        Column of names of rows.
    task
        ``"regression"`` if labels are numbers; the rest shows.
    name
        By default the name of the first file, or its folder if the file is called
        as a split.

    Raises
    ------
    LabelError
        If a column is missing or there twice, a row has more or fewer cells than the
        first line, a sequence is empty or no DNA, a label is missing or does not fit,
        or a split has no row of some class; with the file and its 1-based line (of
        parquet and a DataFrame, 1-based row).

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"dna": ["ACG", "TTT"], "kind": ["weak", "strong"]})
    >>> data = read_label_table(table, sequence="dna", labels="kind")
    >>> data.label_names, data.labels.tolist()
    (('strong', 'weak'), [1, 0])
    """
    parts = parts_of(source)
    columns = Columns(sequence, labels, split, identifier)
    return finish(collect_rows(parts, columns, task), parts, name, "table")
