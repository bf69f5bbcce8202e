"""All that decides the numbers of a fine-tuning run on tracks."""

from dataclasses import dataclass

from hyenascope._typing import Strands
from hyenascope.training.learning_options import LearningOptions


@dataclass(frozen=True)
class TrackOptions(LearningOptions):
    """How to learn tracks: with the same data, device and threads, the same weights.

    Parameters
    ----------
    epochs, patience, select_by, batch_size, learning_rate, layer_decay, frozen
        As in `hyenascope.training.learning_options.LearningOptions`, and so are the
        next five. An epoch is as many windows as cover the known bases once.
    weight_decay, dropout, warmup, clip, seed
        ``dropout`` is of the states.
    reverse_complement
        Turn each window by a fair coin. Only for tracks that do not know strands:
        their values are turned along.
    strands
        Whose states the head gets, see `hyenascope.models.track_model.TrackModel`.
    window
        Bases that are read at a time; the context if None.
    bin_size
        Bases that share a value; divides the window. Only a ``"regression"`` has bins.
    margin
        Bases on either side that a judged base sees at least, a multiple of
        ``bin_size``; a quarter of the window if None.
    most_judged
        Bases that validation looks at; of more, windows spread evenly.

    Raises
    ------
    ValueError
        If a number is out of range.
    """

    epochs: int = 10
    batch_size: int = 8
    reverse_complement: bool = False
    strands: Strands = "both"
    window: int | None = None
    bin_size: int = 1
    margin: int | None = None
    most_judged: int = 1_000_000

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("bin_size", "most_judged"):
            if (value := getattr(self, name)) < 1:
                raise ValueError(f"{name} must be at least 1; got {value}.")
        if self.window is not None and self.window < 1:
            raise ValueError(f"window must be at least 1; got {self.window}.")
