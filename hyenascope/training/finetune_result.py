"""What fine-tuning leaves behind: a model, how it went, and what it was made from."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from hyenascope.data.provenance import Provenance
from hyenascope.models.sequence_model import SequenceModel
from hyenascope.training.finetune_options import FinetuneOptions
from hyenascope.training.outcome import Outcome
from hyenascope.training.software import git_commit, software_versions


@dataclass(frozen=True, eq=False)
class FinetuneFacts:
    """What a model was made from.

    Parameters
    ----------
    data
        Name of the data.
    provenance, validation
        Of the data, and of the rows that chose the epoch: files with their sha256.
    chosen_by
        Which rows those are, in words.
    rows
        By part of the data, ``training`` and ``validation`` first.
    counts
        A row per part and a column per class or label, as `LabelledSequences.counts`.
    backbone
        Its name, None if training began from scratch.
    begun_from
        Hash of the backbone's weights before training.
    rows_hash
        Of the data, see `hyenascope.data.rows_hash.rows_hash`.
    options
        All that decides the weights.
    device
        Where it was trained.
    versions, commit
        Of the software; by default what runs now.
    """

    data: str
    provenance: Provenance
    validation: Provenance
    chosen_by: str
    rows: Mapping[str, int]
    counts: pd.DataFrame
    backbone: str | None
    begun_from: str
    rows_hash: str
    options: FinetuneOptions
    device: str
    versions: Mapping[str, str] = field(default_factory=software_versions)
    commit: str | None = field(default_factory=git_commit)


@dataclass(frozen=True, eq=False, kw_only=True)
class FinetuneResult(Outcome):
    """A fine-tuned model and how it went, see `Outcome`.

    Parameters
    ----------
    model
        In eval mode on the CPU, calibrated, with the weights of ``best_epoch``.
    reliability
        Of the validation rows after calibration, as
        `hyenascope.training.calibration.reliability` gives it; None of a regression
        and of a prompt.
    facts
        What the model was made from; None of a prompt.
    """

    model: SequenceModel
    reliability: pd.DataFrame | None = None
    facts: FinetuneFacts | None = None
