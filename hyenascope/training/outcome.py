"""How a run on labels ended, whatever it trained."""

from dataclasses import dataclass

import pandas as pd

from hyenascope.training.label_loop import EpochReport, epoch_table


@dataclass(frozen=True, eq=False, kw_only=True)
class Outcome:
    """What every run on labels leaves behind, beside its model.

    Parameters
    ----------
    reports
        One per epoch.
    best_epoch
        1 for the first; 0 if the run was stopped in its first epoch.
    scores
        Of the validation rows, a row per metric. They chose the epoch and the
        calibration, so they flatter. Of sequences with bootstrap intervals of 95 %;
        of bases without, for neighbours are no independent rows to draw from.
    finished
        False if the run was stopped, by patience not counted.
    message
        How it ended, in a sentence.
    """

    reports: tuple[EpochReport, ...]
    best_epoch: int
    scores: pd.DataFrame
    finished: bool
    message: str

    @property
    def history(self) -> pd.DataFrame:
        """One row per epoch: losses, seconds, and a column per metric."""
        return epoch_table(self.reports)
