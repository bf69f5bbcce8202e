"""What a model shall compute along a genome, and how one stretch of it is computed.

Seconds of one core with ``demo-synthetic``, both strands: mutagenesis of 64 bp takes
0.4 with a window of 128 bp and 1.4 with 512, 256 bp take 1.8 and 5.6; 512 bp of
``"conditional"`` or ``"log_prob"`` 0.1 at most; 256 bp, read within 1,024, of saliency
0.15, of DeepLIFT SHAP 1.5 and of integrated gradients 3.
"""

import threading
from dataclasses import dataclass, replace
from typing import Literal, get_args

import torch

from hyenascope._typing import Strands, StrPath
from hyenascope.data.fasta import FastaReader
from hyenascope.data.interval import Interval
from hyenascope.data.track_data import TrackData
from hyenascope.interpret.additive_attribution import (
    deep_lift_shap,
    integrated_gradients,
)
from hyenascope.interpret.gradient import saliency
from hyenascope.interpret.gradient_targets import LogLikelihood, Target
from hyenascope.interpret.head_output import HeadOutput
from hyenascope.interpret.ism import conditional_map, saturation_mutagenesis
from hyenascope.interpret.ism_plan import IsmScore, default_score
from hyenascope.interpret.likelihood_track import log_prob_track
from hyenascope.interpret.model_output import ModelOutput
from hyenascope.models.model_checks import (
    AnyModel,
    weight_versions,
    window_context,
)
from hyenascope.models.predict import check_strands
from hyenascope.models.wrappers.any_model import native
from hyenascope.models.wrappers.protocol import WrappedModel

TrackKind = Literal[
    "ism",
    "conditional",
    "log_prob",
    "saliency",
    "integrated_gradients",
    "deep_lift_shap",
]
"""What a model can compute along a genome."""

ATTRIBUTIONS: tuple[TrackKind, ...] = (
    "saliency",
    "integrated_gradients",
    "deep_lift_shap",
)
"""Kinds that explain one number of one window."""

_MOST_EXPLAINED = 1024  # bases that an attribution reads unless told otherwise
_MUTATED = 64  # bases mutated between two chances to cancel

# `borrow` and captum change a model and put it back: one thread at a time.
_MODEL_IN_USE = threading.Lock()


def possible_kinds(model: AnyModel) -> tuple[TrackKind, ...]:
    """Return what a model can compute: of a wrapped one what it offers.

    Raises
    ------
    TypeError
        If it is no model.
    """
    model = native(model)
    kinds: tuple[TrackKind, ...] = get_args(TrackKind)
    if not isinstance(model, WrappedModel):
        return kinds
    found: list[TrackKind] = ["ism"]
    if "log_probs" in model.offers:
        found.append("conditional")
    if "gradients" in model.offers:
        found += ATTRIBUTIONS
    return tuple(kind for kind in kinds if kind in found)


@dataclass(frozen=True, eq=False)
class TrackRecipe:
    """A kind of numbers, the model and genome, and every option they depend on.

    Parameters and errors are those of `ComputedTrack`, which adds what is kept.

    Examples
    --------
    >>> from hyenascope.data.example import example_locus
    >>> from hyenascope.models.hyena import HyenaConfig, HyenaLM
    >>> model = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    >>> recipe = TrackRecipe("log_prob", model, example_locus().fasta)
    >>> recipe.names, recipe.units, recipe.chunk_width
    (('both', 'forward', 'reverse'), 'log p (nats)', 16)
    >>> recipe.run(Interval("chrDemo", 160, 176)).values.shape
    (16, 3)
    """

    kind: TrackKind
    model: AnyModel
    genome: FastaReader | StrPath
    strands: Strands = "both"
    context: int | None = None
    window: int | None = None
    score: IsmScore | HeadOutput | ModelOutput | None = None
    chunk: int | None = None
    steps: int = 32
    shuffles: int = 5
    device: str | torch.device | None = None

    def __post_init__(self) -> None:
        if self.kind not in get_args(TrackKind):
            kinds = ", ".join(get_args(TrackKind))
            raise ValueError(f"kind must be one of {kinds}; got {self.kind!r}.")
        check_strands(self.strands)
        object.__setattr__(self, "model", native(self.model))
        if self.kind not in possible_kinds(self.model):
            kinds = ", ".join(possible_kinds(self.model))
            raise ValueError(
                f"kind must be one of {kinds} for {self.model.name}; got {self.kind!r}."
            )
        window_context(self.model, self.context)
        self._check_score()
        for name in ("chunk", "steps", "shuffles"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1; got {value}.")
        if self.added_up is not None and not 1 <= self.added_up < self.reads:
            raise ValueError(
                f"window must be 1 to {self.reads - 1}, less than the context; "
                f"got {self.added_up}."
            )
        if not isinstance(self.genome, FastaReader):
            object.__setattr__(self, "genome", FastaReader(self.genome))

    @property
    def reader(self) -> FastaReader:
        """The genome, open."""
        assert isinstance(self.genome, FastaReader)
        return self.genome

    @property
    def reads(self) -> int:
        """Bases that the model reads at once."""
        longest = window_context(self.model, self.context)
        fixed = isinstance(self.model, WrappedModel) and self.model.fixed_length
        if self.context is None and self.kind in ATTRIBUTIONS and not fixed:
            return min(longest, _MOST_EXPLAINED)
        return longest

    @property
    def added_up(self) -> int | None:
        """``window`` where it has a meaning, else None."""
        score = default_score(self.model) if self.score is None else self.score
        is_downstream = self.kind == "ism" and score == "downstream"
        return self.window if is_downstream else None

    @property
    def chunk_width(self) -> int:
        """Bases of one chunk; the last of a contig may hold fewer."""
        if self.chunk is not None:
            return self.chunk
        if self.kind == "log_prob":
            return self.reads // 2  # where its own windows begin
        if self.kind in ATTRIBUTIONS:
            return max(1, self.reads // 4)
        if self.kind == "conditional" or self.score == "conditional":
            return max(1, (self.reads - 1) // 2)  # the grid of its windows
        return min(_MUTATED, max(1, self.reads // 2))

    @property
    def names(self) -> tuple[str, ...]:
        """Of the tracks."""
        if self.kind != "log_prob":
            return ("A", "C", "G", "T")
        both = ("both", "forward", "reverse")
        return both if self.strands == "both" else (self.strands,)

    @property
    def units(self) -> str:
        """Of the numbers."""
        if isinstance(self.score, HeadOutput):
            return self.score.units
        if isinstance(self.model, WrappedModel) and self._asks_an_output:
            return self.model.units
        if self.kind == "ism":
            return "Δ log p (nats)"
        return LogLikelihood.units if self.kind in ATTRIBUTIONS else "log p (nats)"

    @property
    def _asks_an_output(self) -> bool:
        """Whether the numbers are of an output of a wrapped model."""
        if self.kind in ATTRIBUTIONS:
            return isinstance(self.model, WrappedModel)
        score = default_score(self.model) if self.score is None else self.score
        return self.kind == "ism" and isinstance(score, ModelOutput)

    @property
    def key(self) -> tuple[object, ...]:
        """Everything that numbers depend on; genome and head by identity.

        The model by identity and by how often its weights were changed in place.
        """
        options = (self.kind, self.strands, self.reads, self.added_up, self.score)
        method = (self.steps, self.shuffles, self.chunk_width)
        weights = weight_versions(self.model)
        return (self.model, weights, self.genome, *options, *method)

    def run(self, place: Interval) -> TrackData:
        """Compute one stretch in one call, while no other thread computes.

        Raises
        ------
        ValueError
            What the method of `hyenascope.interpret` raises, and `NothingScoredError`
            where mutagenesis has nothing to score.
        """
        with _MODEL_IN_USE:
            if self.kind in ATTRIBUTIONS:
                window = self.window_around(place)
                return self._explained(window).slice(place)
            return self._read(place)

    def explain(self, region: Interval) -> TrackData:
        """Attribute the likelihood of a region to all bases of the window around it.

        Raises
        ------
        ValueError
            If the kind is no attribution, or the region is longer than the context.
        """
        if self.kind not in ATTRIBUTIONS:
            raise ValueError(
                f"kind must be one of {', '.join(ATTRIBUTIONS)}; got {self.kind!r}."
            )
        place = self.reader.inside(region)
        if place.length > self.reads:
            raise ValueError(
                f"region must fit the context of {self.reads:,} bp; "
                f"got {place.length:,} bp."
            )
        with _MODEL_IN_USE:
            return self._explained(self.window_around(place), place)

    def window_around(self, place: Interval) -> Interval:
        """Return the bases read with a place in the middle, pushed onto the contig."""
        size = self.reader.contigs[place.chrom]
        length = min(size, max(self.reads, place.length))
        start = max(0, min(place.center - length // 2, size - length))
        return Interval(place.chrom, start, start + length)

    def _read(self, place: Interval) -> TrackData:
        if self.kind == "log_prob":
            assert not isinstance(self.model, WrappedModel)  # no such kind of it
            track = log_prob_track(
                self.model,
                self.reader,
                self._on_its_windows(place),
                context=self.reads,
                strands=self.strands,
                device=self.device,
            )
            return track.slice(place)
        if self.kind == "conditional":
            return conditional_map(
                self.model,
                self.reader,
                place,
                context=self.reads,
                strands=self.strands,
                device=self.device,
            )
        return saturation_mutagenesis(
            self.model,
            self.reader,
            place,
            score=self.score,
            window=self.added_up,
            context=self.reads,
            strands=self.strands,
            device=self.device,
        )

    def _on_its_windows(self, place: Interval) -> Interval:
        """Widen a place so that it is read as it is when the whole contig is.

        `log_prob_track` lays its windows from where it begins, half a context apart;
        one that the end of the contig pushes back also reads what is left of it.
        """
        half = self.reads // 2
        size = self.reader.contigs[place.chrom]
        end = -(-place.end // half) * half
        return Interval(
            place.chrom,
            place.start // half * half,
            size if end + half > size else end,
        )

    def _target(self, region: Interval | None) -> Target | ModelOutput:
        if isinstance(self.model, WrappedModel):
            output = (
                self.score if isinstance(self.score, ModelOutput) else ModelOutput()
            )
            if region is None or self.model.bin_size is None:
                return output
            return replace(output, region=region, width=None)
        if isinstance(self.score, HeadOutput):
            return self.score
        return LogLikelihood(region)

    def _explained(self, window: Interval, region: Interval | None = None) -> TrackData:
        target = self._target(region)
        if self.kind == "saliency":
            return saliency(
                self.model,
                self.reader,
                window,
                target=target,
                strands=self.strands,
                device=self.device,
            )
        if self.kind == "deep_lift_shap":
            return deep_lift_shap(
                self.model,
                self.reader,
                window,
                target=target,
                shuffles=self.shuffles,
                tolerance=float("inf"),  # the record says by how much a sum misses
                strands=self.strands,
                device=self.device,
            )
        return integrated_gradients(
            self.model,
            self.reader,
            window,
            target=target,
            baseline="uniform",
            steps=self.steps,
            tolerance=float("inf"),
            strands=self.strands,
            device=self.device,
        )

    def _check_score(self) -> None:
        if self.score is None:
            return
        is_head = isinstance(self.score, HeadOutput | ModelOutput)
        named = self.kind == "ism" and self.score in get_args(IsmScore)
        if not named and not (is_head and self.kind in ("ism", *ATTRIBUTIONS)):
            raise ValueError(
                "score must be 'conditional', 'downstream' or 'full' for 'ism', a "
                "HeadOutput or ModelOutput for 'ism' and attributions, and None for "
                f"the others; got {self.score!r} for {self.kind!r}."
            )
