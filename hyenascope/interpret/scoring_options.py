"""What is asked of every variant, filled in and checked."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

import pandas as pd

from hyenascope._typing import Strands
from hyenascope.interpret.haplotype import grid_stride
from hyenascope.interpret.model_output import ModelOutput
from hyenascope.interpret.score_formulas import DISTANCES, state_pools
from hyenascope.interpret.scores import (
    MASKED,
    SCORES,
    BaselineName,
    ScoreDefinition,
    ScoreName,
)
from hyenascope.interpret.wrapped_variants import MASKED_SCORES
from hyenascope.models.model_checks import (
    AnyModel,
    require_causal,
    window_context,
)
from hyenascope.models.wrappers.any_model import sees_left
from hyenascope.models.wrappers.protocol import WrappedModel


@dataclass(frozen=True)
class ScoringOptions:
    """What is asked of every variant, checked: see `hyenascope.score_variants`."""

    context: int
    stride: int
    scores: tuple[ScoreName, ...]
    strands: Strands
    baselines: tuple[BaselineName, ...]
    markov_order: int
    max_ambiguous: float
    downstream_window: int
    outputs: tuple[tuple[str, ModelOutput], ...] = ()
    units: str = ""
    sees_left: bool = True

    @classmethod
    def of(
        cls,
        model: AnyModel,
        *,
        context: int | None,
        scores: Sequence[ScoreName | ModelOutput] | None,
        strands: Strands,
        baselines: Sequence[BaselineName],
        markov_order: int,
        max_ambiguous: float,
        downstream_window: int,
        window_stride: int | None,
    ) -> "ScoringOptions":
        """Fill in what depends on the model.

        Raises
        ------
        ValueError
            If the model is two-sided or an option out of range.
        """
        context = window_context(model, context)
        if isinstance(scores, str | ModelOutput):
            raise TypeError(f"scores must be a list; got {scores!r} alone.")
        asked = _default_scores(model) if scores is None else tuple(scores)
        if isinstance(model, WrappedModel):
            # Nothing is shared among variants, so each is in the middle.
            window_stride = 1 if window_stride is None else window_stride
            max_ambiguous = max_ambiguous if "N" in model.alphabet else 0.0
        outputs = [each for each in asked if isinstance(each, ModelOutput)]
        named = tuple(each for each in asked if not isinstance(each, ModelOutput))
        _check_offers(model, named, outputs)
        return cls(
            outputs=tuple(dict(_columns_of(model, outputs)).items()),
            units=model.units if isinstance(model, WrappedModel) else "",
            sees_left=sees_left(model),
            context=context,
            stride=grid_stride(window_stride, context),
            scores=tuple(dict.fromkeys(named)),
            strands=strands,
            baselines=tuple(dict.fromkeys(baselines)),
            markov_order=markov_order,
            max_ambiguous=max_ambiguous,
            downstream_window=downstream_window,
        )

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "ScoringOptions":
        """Read what `provenance` gave, from JSON too."""
        return cls(
            context=record["context"],
            stride=record["window_stride"],
            scores=tuple(record["scores"]),
            strands=record["strands"],
            baselines=tuple(record["baselines"]),
            markov_order=record["markov_order"],
            max_ambiguous=record["max_ambiguous"],
            downstream_window=record["downstream_window"],
        )

    def __post_init__(self) -> None:
        _one_of("scores", self.scores, get_args(ScoreName))
        _one_of("baselines", self.baselines, get_args(BaselineName))
        _one_of("strands", (self.strands,), get_args(Strands))
        if not self.names:
            raise ValueError("scores must name at least one score; got none.")
        keys = Counter(key for key, _ in self._keys())
        if clash := [key for key, count in keys.items() if count > 1]:
            raise ValueError(
                "scores must give columns of their own, beside strands and baselines; "
                f"got {clash[0]!r} twice."
            )
        if not 0 <= self.max_ambiguous <= 1:
            raise ValueError(
                f"max_ambiguous must lie between 0 and 1; got {self.max_ambiguous}."
            )
        if self.downstream_window < 1:
            raise ValueError(
                f"downstream_window must be at least 1; got {self.downstream_window}."
            )

    @property
    def names(self) -> tuple[str, ...]:
        """Every score of the model: of likelihoods, states and outputs."""
        return (*self.scores, *(name for name, _ in self.outputs))

    def definitions(self) -> dict[str, ScoreDefinition]:
        """Say what each score and baseline is."""
        known = SCORES if self.sees_left else SCORES | MASKED
        found: dict[str, ScoreDefinition] = {
            name: known[name] for name in (*self.scores, *self.baselines)
        }
        for column, output in self.outputs:
            found[column] = ScoreDefinition(
                column,
                f"{output}, alternate − reference",
                self.units,
                "Negative: the change lowers this output of the model.",
                source="the model's own output",
            )
        return found

    @property
    def downstream(self) -> int:
        """Bases that the downstream score adds up: what every window holds."""
        room = self.context // 2 - self.stride // 2
        return max(1, min(self.downstream_window, room))

    @property
    def sides(self) -> tuple[str, ...]:
        """Strands that get columns of their own beside the mean."""
        return ("forward", "reverse") if self.strands == "both" else ()

    def _keys(self) -> Iterator[tuple[str, tuple[str, str]]]:
        """Yield the name of every column with its score and strand."""
        for name in self.names:
            yield name, (name, self.strands)
            for strand in self.sides:
                yield f"{name}_{strand}", (name, strand)
        for name in self.baselines:
            yield name, (name, "both")

    def columns(self) -> pd.DataFrame:
        """Return a row per score: what it is, its strand, unit, and how to read it."""
        rows = list(self._keys())
        frame = pd.DataFrame(
            [where for _, where in rows],
            index=[key for key, _ in rows],
            columns=["score", "strand"],
        )
        known = self.definitions()
        for field in ("formula", "unit", "reading", "signed", "source"):
            frame[field] = [getattr(known[score], field) for score in frame["score"]]
        frame["kind"] = [
            "baseline" if score in self.baselines else "model"
            for score in frame["score"]
        ]
        return frame

    def provenance(self) -> dict[str, object]:
        """Return the options as a result carries them."""
        return {
            "context": self.context,
            "window_stride": self.stride,
            "strands": self.strands,
            "scores": list(self.names),
            "baselines": list(self.baselines),
            "markov_order": self.markov_order,
            "max_ambiguous": self.max_ambiguous,
            "downstream_window": self.downstream,
        }


def _default_scores(model: AnyModel) -> tuple[ScoreName | ModelOutput, ...]:
    """Every output of a model that predicts; else what its likelihoods cheaply say."""
    if isinstance(model, WrappedModel) and "log_probs" not in model.offers:
        return tuple(ModelOutput(i) for i in range(len(model.outputs)))
    return ("conditional", "likelihood") if sees_left(model) else ("conditional",)


def _check_offers(
    model: AnyModel, scores: Sequence[ScoreName], outputs: Sequence[ModelOutput]
) -> None:
    if not isinstance(model, WrappedModel):
        require_causal(model)
        if outputs:
            raise ValueError(
                "scores must be names for our own model; got a ModelOutput, which is "
                "of a wrapped model that predicts."
            )
        return
    if any(name not in DISTANCES for name in scores):
        model.require("log_probs")
    if state_pools(scores):
        model.require("embed")
    if scores and not model.causal:
        _one_of("scores of a model that fills masks", scores, MASKED_SCORES)


def _columns_of(
    model: AnyModel, outputs: Sequence[ModelOutput]
) -> Iterator[tuple[str, ModelOutput]]:
    assert isinstance(model, WrappedModel) or not outputs
    for output in outputs:
        assert isinstance(model, WrappedModel)
        name = model.outputs[output.index(model)]
        yield output.column(model), replace(output, output=name)


def _one_of(name: str, given: Sequence[str], allowed: Sequence[str]) -> None:
    for item in given:
        if item not in allowed:
            raise ValueError(
                f"{name} must be among {', '.join(allowed)}; got {item!r}."
            )
