"""Whatever a person has at hand, as labelled sequences."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pandas as pd
from anndata import AnnData

from hyenascope._typing import StrPath
from hyenascope.data._tables import read_table
from hyenascope.data.fasta import FastaReader
from hyenascope.data.genomic_benchmarks import read_genomic_benchmark
from hyenascope.data.gue import read_gue
from hyenascope.data.label_tables import read_label_table
from hyenascope.data.labelled_fasta import read_labelled_fasta
from hyenascope.data.labelled_intervals import read_labelled_intervals
from hyenascope.data.labelled_sequences import LabelError, LabelledSequences, Task
from hyenascope.data.sequences import FASTA_SUFFIXES

LabelledSource: TypeAlias = (
    LabelledSequences | StrPath | pd.DataFrame | AnnData | Sequence[str]
)
"""Labelled sequences, a file, a folder of splits, a table, or a list of DNA texts."""

Labels = str | Sequence[str] | Sequence[int] | Sequence[float] | np.ndarray
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
        headers ``>name|label``; BED with ``genome``; the folder of a GUE or Genomic
        Benchmarks data set. A column ``split`` says which rows are for what.
    labels
        Of a list, a label for each text. Of a table, the column of labels, or several
        columns; ``label`` if None (of BED, the fourth column).
    genome
        Where intervals are read from.
    task
        ``"regression"`` if labels are numbers; the rest shows.

    Raises
    ------
    LabelError
        If the source is none of these, or what it holds cannot be used.

    Examples
    --------
    >>> data = collect_labelled(["ACGT", "GGG"], ["weak", "strong"])
    >>> data.label_names, data.labels.tolist()
    (('strong', 'weak'), [1, 0])
    """
    if isinstance(source, LabelledSequences):
        if labels is not None:
            raise LabelError("labels must not be given with LabelledSequences.")
        return source
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
    columns = _columns(labels) or "label"
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
        if (path / "train").is_dir():
            return read_genomic_benchmark(path, genome=genome)
        return read_gue(path)
    if not path.is_file():
        raise LabelError(
            f"train must be a file or folder, a table or a list of DNA; got {path}, "
            "which does not exist."
        )
    if path.name.endswith(FASTA_SUFFIXES):
        return read_labelled_fasta(path, task=task)
    if ".bed" in path.suffixes:
        if genome is None:
            raise LabelError(f"genome must be given for the intervals of {path.name}.")
        columns = _columns(labels) or "name"
        return read_labelled_intervals(path, genome=genome, labels=columns, task=task)
    return _of_table(path, labels, genome, task)


def _of_texts(
    texts: Sequence[str], labels: Labels | None, task: Task | None
) -> LabelledSequences:
    if labels is None or isinstance(labels, str):
        raise LabelError(
            f"labels must hold one label per sequence, {len(texts):,}; got {labels!r}."
        )
    if len(labels) != len(texts):
        raise LabelError(
            f"labels must hold one label per sequence, {len(texts):,}; got "
            f"{len(labels):,}."
        )
    table = pd.DataFrame({"sequence": list(texts), "label": list(labels)})
    return read_label_table(table, task=task, name="sequences")


def _columns(labels: Labels | None) -> str | list[str] | None:
    if labels is None or isinstance(labels, str):
        return labels
    names = [str(name) for name in labels]
    return names
