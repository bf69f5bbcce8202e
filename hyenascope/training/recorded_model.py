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

from hyenascope.data.atomic import atomic_path
from hyenascope.data.labelled_sequences import LabelledSequences
from hyenascope.data.sequences import SequenceSource, collect_sequences
from hyenascope.models.sequence_task import SequenceTask
from hyenascope.training.label_evaluation import Predictor
from hyenascope.training.stacking import label_logits

_FACTS = "made_from"


@dataclass(frozen=True, eq=False)
class RecordedModel:
    """The logits of a model for sequences that it has read once.

    Make one with `read_record`.

    Parameters
    ----------
    task
        Of the model.
    logits
        By sequence, one number per output.
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
        unknown = [text for text in named.texts if text not in self.logits]
        if unknown:
            raise ValueError(
                f"sequences must be among those recorded; {len(unknown):,} of "
                f"{len(named.texts):,} are not, first {unknown[0][:20]!r}."
            )
        logits = np.stack([self.logits[text] for text in named.texts])
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
        split, and ``made_from`` as JSON text. It is written whole or not at all.
    splits
        Which rows.
    made_from
        All that decides the numbers, as JSON can hold it.
    """
    arrays: dict[str, Any] = {}
    for split in splits:
        answers = model.predict(list(data.split(split).sequences))
        arrays[split] = label_logits(model.task, answers).astype(np.float32)
    with atomic_path(path) as place, place.open("wb") as file:
        np.savez_compressed(file, **arrays, made_from=np.array(json.dumps(made_from)))


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
    ValueError
        If the file was made from something else, or has not as many rows as the data.

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
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    made = json.loads(str(arrays.pop(_FACTS)))
    wanted = json.loads(json.dumps(made_from))
    other = sorted(key for key in made | wanted if made.get(key) != wanted.get(key))
    if other:
        raise ValueError(
            f"path must be a record of what these arguments would make; {path} differs "
            f"in {', '.join(other).replace('_', ' ')}."
        )
    known: dict[str, np.ndarray] = {}
    for split, logits in arrays.items():
        texts = data.split(split).sequences
        if len(texts) != len(logits):
            raise ValueError(
                f"path must have a row per sequence of {split}, {len(texts):,}; {path} "
                f"has {len(logits):,}."
            )
        known.update(zip(texts, logits, strict=True))
    return RecordedModel(SequenceTask(data.task, data.label_names), known)
