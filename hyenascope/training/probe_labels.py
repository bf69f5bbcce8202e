"""What a probe is to predict, read from the columns of a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import get_args

import numpy as np
import pandas as pd
from jaxtyping import Float64, Shaped

from hyenascope.data.labelled_sequences import Task
from hyenascope.models.sequence_task import SequenceTask


@dataclass(frozen=True, eq=False)
class ProbeLabels:
    """A task and the truth of every row.

    Parameters
    ----------
    task
        Kind of labels and their names.
    truth
        As `LabelledSequences.labels`: numbers of classes, or a column per label.
    """

    task: SequenceTask
    truth: Shaped[np.ndarray, "rows *labels"] = field(repr=False)

    def frame(self, index: pd.Index) -> pd.DataFrame:
        """Return the truth by name: a column ``label`` of classes, or one per label."""
        names = list(self.task.label_names)
        if self.truth.ndim == 1:
            said = np.array(names, dtype=object)[self.truth]
            classes = pd.Categorical(said, categories=names)
            return pd.DataFrame({"label": classes}, index=index)
        return pd.DataFrame(self.truth, index=index, columns=names)


def probe_labels(
    obs: pd.DataFrame,
    label: str | Sequence[str] | None = None,
    *,
    record: Mapping[str, object] | None = None,
) -> ProbeLabels:
    """Read labels from a table.

    Parameters
    ----------
    obs
        One row per sequence.
    label
        A column: floating-point numbers are a regression, all else is classes, whole
        numbers too. Or several columns: of 0 and 1, or False and True, labels that a
        row may have or not; else a regression of each. By default the columns that
        ``record`` names, or ``label``.
    record
        ``.uns["hyenascope"]`` of the table. It says what kind the columns are that it
        names.

    Raises
    ------
    ValueError
        If a column is missing or a value in it, one of several columns holds no
        numbers, or there is one class only.

    Examples
    --------
    >>> probe_labels(pd.DataFrame({"label": ["no", "yes", "no"]})).task
    SequenceTask(kind='binary', label_names=('no', 'yes'))
    >>> probe_labels(pd.DataFrame({"strength": [0.5, 1.5]}), "strength").task
    SequenceTask(kind='regression', label_names=('strength',))
    """
    columns, kind = _columns(label, record or {})
    for name in columns:
        if name not in obs:
            raise ValueError(
                f"label must be a column of data.obs; got {name!r}, there are "
                f"{', '.join(map(str, obs.columns))}."
            )
        missing = obs[name].isna().to_numpy()
        if missing.any():
            row = obs.index[int(missing.argmax())]
            raise ValueError(
                f"label {name!r} must be known in every row; not in {row}."
            )
    if kind in ("multilabel", "regression") or len(columns) > 1:
        return _several(obs[columns], kind)
    [only] = columns
    if pd.api.types.is_float_dtype(obs[only]):
        return _several(obs[columns], "regression")
    return _classes(obs[only], kind)


def _columns(
    label: str | Sequence[str] | None, record: Mapping[str, object]
) -> tuple[list[str], Task | None]:
    """Return columns, and the kind of task if they are those of the record."""
    if isinstance(label, str):
        return [label], None
    if label is None:
        names, kind = record.get("labels"), _kind(record)
        known = [] if names is None else [str(name) for name in np.asarray(names)]
        wide = kind in ("multilabel", "regression")
        return (known, kind) if wide and known else (["label"], None if wide else kind)
    if not label:
        raise ValueError("label must name at least one column; got none.")
    return list(label), None


def _kind(record: Mapping[str, object]) -> Task | None:
    return next((kind for kind in get_args(Task) if kind == record.get("task")), None)


def _classes(column: pd.Series, known: Task | None) -> ProbeLabels:
    if isinstance(column.dtype, pd.CategoricalDtype):
        found = column.cat
        names, numbers = found.categories, found.codes.to_numpy().astype(np.int64)
    else:
        numbers, names = pd.factorize(column, sort=True)
    if len(names) < 2:
        raise ValueError(
            f"label {column.name!r} must have two classes at least; got "
            f"{', '.join(map(str, names))}."
        )
    two = len(names) == 2 and known != "multiclass"
    kind: Task = "binary" if two else "multiclass"
    return ProbeLabels(SequenceTask(kind, tuple(map(str, names))), numbers)


def _several(columns: pd.DataFrame, known: Task | None) -> ProbeLabels:
    """Read one column per label; 0 and 1 are labels unless they are known not to be."""
    names = tuple(map(str, columns))
    values = np.stack([_numbers(columns[name]) for name in columns], axis=1)
    marked = np.isin(values, (0, 1))
    if known == "regression" or (known is None and not marked.all()):
        return ProbeLabels(SequenceTask("regression", names), values)
    if not marked.all():
        row, column = np.argwhere(~marked)[0]
        raise ValueError(
            f"label {names[column]!r} must hold 0 and 1, or False and True; got "
            f"{values[row, column]} in {columns.index[row]}."
        )
    return ProbeLabels(SequenceTask("multilabel", names), values.astype(np.int64))


def _numbers(column: pd.Series) -> Float64[np.ndarray, " rows"]:
    numbers = pd.to_numeric(column.astype(object), errors="coerce")
    wrong = numbers.isna().to_numpy()
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(
            f"label {column.name!r} must hold numbers, or False and True; got "
            f"{column.iloc[row]!r} in {column.index[row]}."
        )
    return numbers.to_numpy(dtype=np.float64)
