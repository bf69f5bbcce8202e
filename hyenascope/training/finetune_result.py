"""What fine-tuning leaves behind: a model, how it went, and what it was made from."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from hyenascope.data.provenance import Provenance
from hyenascope.models.sequence_model import SequenceModel
from hyenascope.training.finetune_options import FinetuneOptions
from hyenascope.training.label_loop import EpochReport, epoch_table
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
    options: FinetuneOptions
    device: str
    versions: Mapping[str, str] = field(default_factory=software_versions)
    commit: str | None = field(default_factory=git_commit)


@dataclass(frozen=True, eq=False)
class FinetuneResult:
    """A fine-tuned model and how it went.

    Parameters
    ----------
    model
        In eval mode on the CPU, calibrated, with the weights of ``best_epoch``.
    reports
        One per epoch.
    best_epoch
        1 for the first; 0 if the run was stopped in its first epoch.
    scores
        Of the validation rows, with bootstrap intervals of 95 %. They chose the epoch
        and the temperature, so they flatter.
    finished
        False if the run was stopped, by patience not counted.
    message
        How it ended, in a sentence.
    reliability
        Of the validation rows after calibration, as
        `hyenascope.training.calibration.reliability` gives it; None of a regression
        and of a prompt.
    facts
        What the model was made from; None of a prompt.
    """

    model: SequenceModel
    reports: tuple[EpochReport, ...]
    best_epoch: int
    scores: pd.DataFrame
    finished: bool
    message: str
    reliability: pd.DataFrame | None = None
    facts: FinetuneFacts | None = None

    @property
    def history(self) -> pd.DataFrame:
        """One row per epoch: losses, seconds, and a column per metric."""
        return epoch_table(self.reports)
