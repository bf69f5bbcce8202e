"""What a probe is to predict, read from the columns of a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from jaxtyping import Shaped

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
        numbers too. Or several columns: of 0 and 1, or yes and no, labels that a row
        may have or not; else a regression of each. By default the columns that
        ``record`` names, or ``label``.
    record
        ``.uns["hyenascope"]`` of the table.

    Raises
    ------
    ValueError
        If a column is missing or a value in it, or there is one class only.

    Examples
    --------
    >>> probe_labels(pd.DataFrame({"label": ["no", "yes", "no"]})).task
    SequenceTask(kind='binary', label_names=('no', 'yes'))
    >>> probe_labels(pd.DataFrame({"strength": [0.5, 1.5]}), "strength").task
    SequenceTask(kind='regression', label_names=('strength',))
    """
    columns = _columns(obs, label, record or {})
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
    if len(columns) > 1:
        return _several(obs[columns])
    [only] = columns
    if pd.api.types.is_float_dtype(obs[only]):
        return _numbers(obs[columns])
    return _classes(obs[only])


def _columns(
    obs: pd.DataFrame, label: str | Sequence[str] | None, record: Mapping[str, object]
) -> list[str]:
    if isinstance(label, str):
        return [label]
    if label is None:
        names = record.get("labels")
        known = [] if names is None else [str(name) for name in np.asarray(names)]
        wide = record.get("task") in ("multilabel", "regression")
        return known if wide and known else ["label"]
    if not label:
        raise ValueError("label must name at least one column; got none.")
    return list(label)


def _classes(column: pd.Series) -> ProbeLabels:
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
    kind: Task = "binary" if len(names) == 2 else "multiclass"
    return ProbeLabels(SequenceTask(kind, tuple(map(str, names))), numbers)


def _several(columns: pd.DataFrame) -> ProbeLabels:
    values = columns.to_numpy()
    if not np.isin(values, (0, 1)).all():
        return _numbers(columns)
    task = SequenceTask("multilabel", tuple(map(str, columns)))
    return ProbeLabels(task, values.astype(np.int64))


def _numbers(columns: pd.DataFrame) -> ProbeLabels:
    task = SequenceTask("regression", tuple(map(str, columns)))
    return ProbeLabels(task, columns.to_numpy(dtype=np.float64))
