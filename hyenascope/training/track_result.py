"""What a fine-tuning on tracks leaves behind."""

from dataclasses import dataclass

import pandas as pd

from hyenascope.models.track_model import TrackModel
from hyenascope.training.label_loop import EpochReport, epoch_table


@dataclass(frozen=True, eq=False)
class TrackResult:
    """A model of tracks and how it went.

    Parameters
    ----------
    model
        In eval mode on the CPU, calibrated, with the weights of ``best_epoch``.
    reports
        One per epoch.
    best_epoch
        1 for the first; 0 if the run was stopped in its first epoch.
    scores
        Of the validation bases, a row per metric. They chose the epoch and the
        temperature, so they flatter. There are no intervals: neighbouring bases are
        no independent rows to draw from.
    finished
        False if the run was stopped, by patience not counted.
    message
        How it ended, in a sentence.
    """

    model: TrackModel
    reports: tuple[EpochReport, ...]
    best_epoch: int
    scores: pd.DataFrame
    finished: bool
    message: str

    @property
    def history(self) -> pd.DataFrame:
        """One row per epoch: losses, seconds, and a column per metric."""
        return epoch_table(self.reports)
