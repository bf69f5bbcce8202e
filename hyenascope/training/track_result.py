"""What a fine-tuning on tracks leaves behind."""

from dataclasses import dataclass

from hyenascope.models.track_model import TrackModel
from hyenascope.training.outcome import Outcome


@dataclass(frozen=True, eq=False, kw_only=True)
class TrackResult(Outcome):
    """A model of tracks and how it went, see `Outcome`.

    Parameters
    ----------
    model
        In eval mode on the CPU, calibrated, with the weights of ``best_epoch``.
    """

    model: TrackModel
