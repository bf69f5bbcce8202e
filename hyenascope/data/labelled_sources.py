"""Whatever a person has at hand, as labelled sequences."""

import reprlib
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
import pandas as pd
from anndata import AnnData

from hyenascope._typing import StrPath
from hyenascope.data._split_files import split_of_file
from hyenascope.data._tables import read_table
from hyenascope.data.fasta import FastaReader
from hyenascope.data.genomic_benchmarks import read_genomic_benchmark
from hyenascope.data.gue import read_gue
from hyenascope.data.label_tables import read_label_table
from hyenascope.data.labelled_fasta import read_labelled_fasta
from hyenascope.data.labelled_intervals import read_labelled_intervals
from hyenascope.data.labelled_sequences import LabelError, LabelledSequences, Task
from hyenascope.data.nucleotide_transformer import read_nucleotide_transformer
from hyenascope.data.sequences import FASTA_SUFFIXES

LabelledSource: TypeAlias = (
    LabelledSequences | StrPath | pd.DataFrame | AnnData | Sequence[str]
)
"""Labelled sequences, a file, a folder of splits, a table, or a list of DNA texts."""


@runtime_checkable
class ArrayLike(Protocol):
    """What numpy makes an array of: one of torch, a Series or a DataFrame."""

    def __array__(self) -> np.ndarray: ...


Labels: TypeAlias = (
    str
    | Sequence[str]
    | Sequence[int]
    | Sequence[float]
    | Sequence[Sequence[int]]
    | Sequence[Sequence[float]]
    | np.ndarray
    | ArrayLike
)
"""A column, several columns, or the labels of a list of texts."""


def collect_labelled(
    source: LabelledSource,
    labels: Labels | None = None,
    *,
    genome: FastaReader | StrPath | None = None,
    task: Task | None = None,
) -> LabelledSequences:
    """Read labelled sequences from anything that holds them.

    Parameters
    ----------
    source
        `LabelledSequences`; a list of DNA texts; a table, or an `AnnData` whose
        ``obs`` is one, with a column ``sequence``, or ``chrom``, ``start``, ``end``
        (0-based half-open) and ``genome``; a CSV, TSV or parquet path; FASTA with
        headers ``>name|label``; BED with ``genome``; the folder of a GUE, Nucleotide
        Transformer or Genomic Benchmarks data set (see `hyenascope.data.benchmarks`).
        A column ``split`` says which rows are for what.
    labels
        Of a list, a label for each text, or a row of them (an array, a tensor or a
        DataFrame, whose columns then name them). Of a table, the column of labels, or
        several columns; ``label`` if None (of BED the fourth column, and the fifth if
        labels are numbers). Of other sources None: they say it themselves.
    genome
        Where intervals are read from.
    task
        ``"regression"`` if labels are numbers; the rest shows. Folders hold classes.

    Raises
    ------
    LabelError
        If the source is none of these, what it holds cannot be used, or an argument
        does not apply to it.

    Examples
    --------
    >>> data = collect_labelled(["ACGT", "GGG"], ["weak", "strong"])
    >>> data.label_names, data.labels.tolist()
    (('strong', 'weak'), [1, 0])
    """
    if isinstance(source, LabelledSequences):
        _refuse_labels(labels, "LabelledSequences")
        return _with_task(source, task, "LabelledSequences")
    if isinstance(source, AnnData):
        source = source.obs
    if isinstance(source, pd.DataFrame):
        return _of_table(source, labels, genome, task)
    if isinstance(source, str | PathLike):
        return _of_path(Path(source), labels, genome, task)
    return _of_texts(source, labels, task)


def _of_table(
    table: pd.DataFrame | Path,
    labels: Labels | None,
    genome: FastaReader | StrPath | None,
    task: Task | None,
) -> LabelledSequences:
    columns = "label" if labels is None else _columns(labels)
    split = "split" if "split" in read_table(table).columns else None
    if genome is None:
        return read_label_table(table, labels=columns, split=split, task=task)
    return read_labelled_intervals(
        table, genome=genome, labels=columns, split=split, task=task
    )


def _of_path(
    path: Path,
    labels: Labels | None,
    genome: FastaReader | StrPath | None,
    task: Task | None,
) -> LabelledSequences:
    if path.is_dir():
        _refuse_labels(labels, f"the folder {path}")
        return _of_folder(path, genome, task)
    if not path.is_file():
        raise LabelError(
            f"source must be a file or folder, a table or a list of DNA; got {path}, "
            "which does not exist."
        )
    if path.name.endswith(FASTA_SUFFIXES):
        _refuse_labels(labels, f"the file {path}")
        return read_labelled_fasta(path, task=task)
    if ".bed" in path.suffixes:
        if genome is None:
            raise LabelError(f"genome must be given for the intervals of {path.name}.")
        usual = "score" if task == "regression" else "name"
        columns = usual if labels is None else _columns(labels)
        return read_labelled_intervals(path, genome=genome, labels=columns, task=task)
    return _of_table(path, labels, genome, task)


def _of_folder(
    path: Path, genome: FastaReader | StrPath | None, task: Task | None
) -> LabelledSequences:
    if task not in (None, "binary", "multiclass"):
        raise LabelError(
            f"task must be 'binary' or 'multiclass', or None, of the folder {path}, "
            f"whose labels are read as classes; got {task!r}."
        )
    if (path / "train").is_dir():
        data = read_genomic_benchmark(path, genome=genome)
    elif _has_csv(path):
        data = read_gue(path)
    else:
        data = read_nucleotide_transformer(path)
    return _with_task(data, task, f"the folder {path}")


def _has_csv(folder: Path) -> bool:
    places = [place for place in (folder, folder / "data") if place.is_dir()]
    return any(
        split_of_file(path) == "train" and path.name.endswith((".csv", ".csv.gz"))
        for place in places
        for path in place.iterdir()
    )


def _of_texts(
    texts: Sequence[str], labels: Labels | None, task: Task | None
) -> LabelledSequences:
    if labels is None or isinstance(labels, str):
        raise LabelError(
            f"labels must hold one label per sequence, {len(texts):,}; got {labels!r}."
        )
    wide = _label_frame(labels)
    if len(wide) != len(texts):
        raise LabelError(
            f"labels must hold one label per sequence, {len(texts):,}; got "
            f"{len(wide):,}."
        )
    names = [str(name) for name in wide.columns]
    several = len(names) != 1 or task == "multilabel"
    table = wide.set_axis(names, axis="columns").reset_index(drop=True)
    table.insert(0, "sequence", list(texts), allow_duplicates=True)
    return read_label_table(
        table, labels=names if several else names[0], task=task, name="sequences"
    )


def _label_frame(labels: Labels) -> pd.DataFrame:
    """Return labels as columns: their own, numbered ones, or one called label."""
    if isinstance(labels, pd.DataFrame):
        return labels
    try:
        values = np.asarray(labels)
    except ValueError:
        raise LabelError(
            "labels must hold as many labels for each sequence; got rows of "
            "different lengths."
        ) from None
    if values.ndim not in (1, 2):
        raise LabelError(
            "labels must hold one label or one row of labels per sequence; got an "
            f"array of shape {values.shape}."
        )
    # Of a list numpy makes one kind of what it holds: a gap among texts would be text.
    values = np.array(labels, dtype=object) if values.dtype.kind in "US" else values
    frame = pd.DataFrame(values)
    return frame.set_axis(["label"], axis="columns") if frame.shape[1] == 1 else frame


def _columns(labels: Labels) -> str | list[str]:
    return labels if isinstance(labels, str) else list(map(str, np.asarray(labels)))


def _refuse_labels(labels: Labels | None, what: str) -> None:
    if labels is not None:
        raise LabelError(
            f"labels must be None of {what}, where labels have their place; got "
            f"{reprlib.repr(labels)}."
        )


def _with_task(
    data: LabelledSequences, task: Task | None, what: str
) -> LabelledSequences:
    if task not in (None, data.task):
        raise LabelError(
            f"task must be None or {data.task!r}, which is that of {what}; got "
            f"{task!r}."
        )
    return data
