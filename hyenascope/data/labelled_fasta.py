"""FASTA files whose headers end in a label."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from hyenascope._typing import StrPath
from hyenascope.data._label_rows import LabelRows
from hyenascope.data._split_files import split_name, split_of_file
from hyenascope.data._table_rows import WHOLE, finish
from hyenascope.data._text_lines import check_file, numbered_lines
from hyenascope.data.labelled_sequences import LabelError, LabelledSequences, Task


def read_labelled_fasta(
    source: StrPath | Mapping[str, StrPath],
    *,
    separator: str = "|",
    labels: Sequence[str] | None = None,
    task: Task | None = None,
    name: str | None = None,
) -> LabelledSequences:
    r"""Read FASTA records whose header is ``>name|label``.

    Parameters
    ----------
    source
        A FASTA path, plain or gzip, or a mapping from split to path. The split of a
        single file is in its name, as for `read_label_table`.
    separator
        What stands between name and label; a name may hold it too.
    labels
        By default the last field of a header is its class. Names here mean that the
        last fields, as many as there are names, are labels of 0 and 1.
    task
        ``"regression"`` if labels are numbers; the rest shows.
    name
        By default the name of the first file.

    Raises
    ------
    LabelError
        If a header has no label, a sequence is empty or no DNA, a label does not fit,
        or a split has no row of some class; with the file and the 1-based line of the
        header.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "train.fna"
    ...     _ = path.write_text(">chr1_a|0\nACG\nT\n>chr1_b|1\nGG\n")
    ...     data = read_labelled_fasta(path)
    >>> data.ids, data.sequences, data.splits
    (('chr1_a', 'chr1_b'), ('ACGT', 'GG'), ('train', 'train'))
    """
    if isinstance(source, Mapping):
        parts = [(split_name(split), Path(path)) for split, path in source.items()]
    else:
        parts = [(split_of_file(Path(source)) or WHOLE, Path(source))]
    return read_fasta_parts(
        parts, separator, labels, task=task, name=name, layout="FASTA"
    )


def read_fasta_parts(
    parts: Sequence[tuple[str, Path]],
    separator: str,
    labels: Sequence[str] | None,
    *,
    task: Task | None,
    name: str | None,
    layout: str,
) -> LabelledSequences:
    """Read splits and their files; a split may have several."""
    if labels is None and task == "regression":
        labels = ["label"]
    rows = LabelRows(task, labels)
    for split, path in parts:
        for line, header, text in _records(path):
            try:
                identifier, fields = _fields(header, separator, len(labels or "1"))
                rows.add(split, text, fields, identifier=identifier)
            except ValueError as err:
                raise LabelError(f"{path}, line {line}: {err}") from None
            rows.came_from(split, str(path))
    return finish(rows, parts, name, layout)


def _records(path: Path) -> Iterator[tuple[int, str, str]]:
    """Yield the line of a header, the header and its sequence."""
    check_file(path, LabelError)
    header, at = "", 0
    lines: list[str] = []
    for number, raw in numbered_lines(path, LabelError):
        line = raw.strip()
        if line.startswith(">"):
            if at:
                yield at, header, "".join(lines)
            header, at, lines = line[1:].strip(), number, []
        elif at:
            lines.append(line)
        elif line:
            raise LabelError(
                f"{path}, line {number}: FASTA must begin with '>'; got {line[:40]!r}."
            )
    if at:
        yield at, header, "".join(lines)


def _fields(header: str, separator: str, count: int) -> tuple[str, list[str]]:
    name, *labels = header.rsplit(separator, count)
    if len(labels) < count:
        raise LabelError(
            f"header must end in {separator!r} and {count} label"
            f"{'s' if count > 1 else ''}; got {header[:60]!r}."
        )
    return name, labels
