"""What a model said of rows, in a small file: judge it again without the model."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float32

from hyenascope.data.array_file import read_arrays
from hyenascope.data.atomic import atomic_path
from hyenascope.data.json_text import parse_json
from hyenascope.data.labelled_sequences import LabelledSequences
from hyenascope.data.rows_hash import rows_hash
from hyenascope.data.sequences import SequenceSource, collect_sequences
from hyenascope.models.sequence_task import SequenceTask
from hyenascope.training.kept_model import differing
from hyenascope.training.label_answers import checked_answers
from hyenascope.training.label_evaluation import Predictor, refuse_other_labels
from hyenascope.training.label_logits import label_logits

_FACTS = "facts"
_OF_SPLIT = "{} logits"
_FACTS_AND_HEADERS = 2**24  # bytes, 4 per letter of the facts


@dataclass(frozen=True, eq=False)
class RecordedModel:
    """The logits of a model for sequences that it has read once.

    Make one with `read_record`.

    Parameters
    ----------
    task
        Of the model.
    logits
        By sequence in upper case, one number per output, in nats; of a regression the
        numbers themselves.
    """

    task: SequenceTask
    logits: Mapping[str, Float32[np.ndarray, " outputs"]]

    def predict(self, sequences: SequenceSource) -> pd.DataFrame:
        """Return a row per sequence and a column per label.

        Raises
        ------
        ValueError
            If a sequence is none of those recorded.
        """
        named = collect_sequences(sequences)
        texts = [text.upper() for text in named.texts]
        unknown = [text for text in texts if text not in self.logits]
        if unknown:
            raise ValueError(
                f"sequences must be among those recorded; {len(unknown):,} of "
                f"{len(texts):,} are not, first {unknown[0][:20]!r}."
            )
        logits = np.stack([self.logits[text] for text in texts])
        answers = self.task.predictions(torch.from_numpy(logits.astype(np.float64)))
        labels = list(self.task.label_names)
        return pd.DataFrame(answers.numpy(), index=list(named.names), columns=labels)


def record_predictions(
    model: Predictor,
    data: LabelledSequences,
    path: Path,
    *,
    splits: tuple[str, ...],
    made_from: Mapping[str, object],
) -> None:
    """Write what a model says of the rows of splits.

    Parameters
    ----------
    model
        Anything with ``task`` and ``predict``.
    data
        Labelled as the model's task is.
    path
        Of an ``.npz`` file: an array of logits, rows x outputs in float32, for each
        split, and what they are of as JSON text. It is written whole or not at all.
    splits
        Which rows.
    made_from
        What decided the model and the rows, as JSON can hold it, such as
        `hyenascope.training.kept_model.learning_facts`.

    Raises
    ------
    LabelError
        If the labels are not those of the model, or there is no such split.
    ValueError
        If what the model says is no prediction.
    """
    refuse_other_labels(model.task, data)
    arrays: dict[str, Any] = {_FACTS: np.array(json.dumps(_facts(data, made_from)))}
    for split in splits:
        rows = data.split(split)
        answers = model.predict(list(rows.sequences))
        checked_answers(model.task, rows.labels, answers)
        logits = label_logits(model.task, answers)
        arrays[_OF_SPLIT.format(split)] = logits.astype(np.float32)
    with atomic_path(path) as place, place.open("wb") as file:
        np.savez_compressed(file, **arrays)


def read_record(
    path: Path, data: LabelledSequences, *, made_from: Mapping[str, object]
) -> RecordedModel:
    """Return the model that a file recorded, for the rows that it was recorded on.

    Parameters
    ----------
    path, data, made_from
        As for `record_predictions`.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, was made from something else, or recorded of other rows.

    Examples
    --------
    >>> import tempfile
    >>> from hyenascope.training.kmer_baseline import fit_kmers
    >>> texts = tuple(text * n for n in range(1, 5) for text in ("ACAC", "GTTT"))
    >>> splits = ("train",) * 4 + ("dev",) * 4
    >>> labels = np.array([0, 1] * 4)
    >>> data = LabelledSequences("toy", texts, labels, ("ac", "gt"), splits, "binary")
    >>> model = fit_kmers(data.split("train"), validation=data.split("dev"), k=(2,))
    >>> with tempfile.TemporaryDirectory() as place:
    ...     path = Path(place, "kmers.npz")
    ...     record_predictions(model, data, path, splits=("dev",), made_from={"k": 2})
    ...     again = read_record(path, data, made_from={"k": 2})
    >>> rows = list(data.split("dev").sequences)
    >>> bool(np.allclose(again.predict(rows), model.predict(rows), atol=1e-6))
    True
    """
    task = SequenceTask(data.task, data.label_names)
    wanted = json.loads(json.dumps(_facts(data, made_from)))
    made, arrays = _read(path, 4 * len(data.sequences) * task.outputs)
    other = differing(made, wanted) or differing(wanted, made)
    if other:
        raise ValueError(
            f"path must be a record of what these arguments would make; {path} differs "
            f"in {', '.join(other)}."
        )
    known: dict[str, np.ndarray] = {}
    for split in data.split_names:
        logits = arrays.get(_OF_SPLIT.format(split))
        if logits is None:
            continue
        texts = data.split(split).sequences
        shape = (len(texts), task.outputs)
        if logits.shape != shape or logits.dtype != np.float32:
            raise ValueError(
                f"path must have a row per sequence of {split}, {shape} float32; "
                f"{path} has {logits.shape} {logits.dtype}."
            )
        known.update(zip(texts, logits, strict=True))
    return RecordedModel(task, known)


def _facts(
    data: LabelledSequences, made_from: Mapping[str, object]
) -> dict[str, object]:
    task = [data.task, *data.label_names]
    return {**made_from, "task": task, "rows_hash": rows_hash(data)}


def _read(path: Path, logit_bytes: int) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return what the record is of, and its arrays, no larger than they can be."""
    try:
        arrays = read_arrays(path, most_bytes=logit_bytes + _FACTS_AND_HEADERS)
        made = parse_json(str(arrays.pop(_FACTS)))
        if not isinstance(made, dict):
            raise ValueError(f"facts must be an object; got {type(made).__name__}")
    except (ValueError, KeyError) as error:
        raise ValueError(
            f"path must be a whole record of predictions; {path} is damaged or "
            f"something else: {error}."
        ) from None
    return made, arrays
