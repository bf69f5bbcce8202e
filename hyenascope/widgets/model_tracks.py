"""The tracks that a model contributes to a browser, under one set of options."""

import sys
from dataclasses import dataclass, field, replace
from typing import get_args

import torch

from hyenascope._typing import Strands
from hyenascope.data.fasta import FastaReader
from hyenascope.interpret.model_output import ModelOutput
from hyenascope.models.model_checks import AnyModel, window_context
from hyenascope.models.predict import check_strands
from hyenascope.models.wrappers.any_model import native
from hyenascope.models.wrappers.protocol import WrappedModel
from hyenascope.widgets.chunk_cache import ChunkCache
from hyenascope.widgets.computed_lane import KINDS, ComputedLane
from hyenascope.widgets.computed_track import ComputedTrack, TrackKind
from hyenascope.widgets.track_list import TrackList
from hyenascope.widgets.track_recipe import ATTRIBUTIONS, possible_kinds

DEFAULT_WINDOW = 128


@dataclass
class ModelTracks:
    """Makes lanes of a model, and makes them follow its options.

    Parameters
    ----------
    model
        None in a browser without one, where every lane is refused.
    genome
        What it reads.
    strands
        Which strand it reads.
    window
        Bases from the changed one on that mutagenesis adds up; None for 128, or as
        many as the model reads.
    device
        Where it runs.
    output
        What mutagenesis and attributions ask of a wrapped model that predicts; its
        first output if None.
    cache
        What it has computed, shared by all lanes: going back costs nothing.

    Raises
    ------
    ValueError
        If ``strands`` is unknown, ``window`` no number of bases the model can read, or
        ``output`` none of the model's or off the genome.
    TypeError
        If ``model`` is neither ours nor wrapped, or ``output`` no `ModelOutput`.
    """

    model: AnyModel | None
    genome: FastaReader
    strands: Strands
    window: int | None = None
    device: str | torch.device | None = None
    output: ModelOutput | None = None
    cache: ChunkCache = field(default_factory=ChunkCache)

    def __post_init__(self) -> None:
        check_strands(self.strands)
        if self.model is not None:
            self.model = native(self.model)
        self._check_output()
        if self.window is not None and not 1 <= self.window <= self.most:
            raise ValueError(
                f"window must be 1 to {self.most} bp, less than the context; "
                f"got {self.window}."
            )

    def _check_output(self) -> None:
        """Refuse here what would otherwise fail on a click."""
        if self.output is None:
            return
        if not isinstance(self.output, ModelOutput):
            raise TypeError(f"output must be a ModelOutput; got {self.output!r}.")
        if not isinstance(self.model, WrappedModel):
            given = "no model" if self.model is None else type(self.model).__name__
            raise ValueError(
                f"output must come with a wrapped model that predicts; got {given}."
            )
        self.output.index(self.model)
        try:
            self.output.on(self.genome)
        except ValueError as error:
            raise ValueError(
                f"output must ask for a region of the genome; got {self.output}: "
                f"{error}"
            ) from error

    @property
    def most(self) -> int:
        """Most bases that mutagenesis can add up."""
        longest = (
            sys.maxsize if self.model is None else window_context(self.model, None)
        )
        return longest - 1

    @property
    def added_up(self) -> int:
        """Bases that mutagenesis adds up."""
        return min(DEFAULT_WINDOW, self.most) if self.window is None else self.window

    def track(self, kind: str) -> ComputedTrack:
        """Return a track of the model.

        Raises
        ------
        ValueError
            If there is no such kind, or no model.
        """
        if kind not in KINDS:
            raise ValueError(f"tracks must be of {', '.join(KINDS)}; got {kind!r}.")
        if self.model is None:
            raise ValueError(f"model must be given for the track {kind!r}; got None.")
        return ComputedTrack(
            next(known for known in get_args(TrackKind) if known == kind),
            self.model,
            self.genome,
            strands=self.strands,
            window=self.added_up if kind == "ism" else None,
            score=self.output if kind in ("ism", *ATTRIBUTIONS) else None,
            cache=self.cache,
            device=self.device,
        )

    def lane(self, kind: str) -> ComputedLane:
        """Return a lane that draws `track`."""
        return ComputedLane(self.track(kind), self.genome)

    def follow(self, tracks: TrackList) -> None:
        """Put the present options into every lane of a list."""
        for lane in lanes_of(tracks, hidden=True):
            window = self.added_up if lane.computed.kind == "ism" else None
            lane.computed = replace(lane.computed, strands=self.strands, window=window)

    def addable(self, tracks: TrackList) -> list[TrackKind]:
        """Return the kinds that a list lacks."""
        if self.model is None:
            return []
        there = {lane.computed.kind for lane in lanes_of(tracks, hidden=True)}
        can = possible_kinds(self.model)
        return [kind for kind in KINDS if kind in can and kind not in there]


def lanes_of(tracks: TrackList, *, hidden: bool = False) -> list[ComputedLane]:
    """Return the lanes of a list that a model fills, hidden ones too if asked."""
    chosen = tracks.tracks if hidden else tracks.visible
    parts = [track.component for track in chosen]
    return [part for part in parts if isinstance(part, ComputedLane)]
