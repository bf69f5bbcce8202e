"""From what is asked of a map to the windows that are read for it."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal, get_args

from hyenascope._typing import Strands
from hyenascope.data.fasta import FastaReader
from hyenascope.data.interval import Interval
from hyenascope.interpret.head_output import HeadOutput
from hyenascope.interpret.ism_passes import MapPlan
from hyenascope.interpret.model_output import ModelOutput
from hyenascope.interpret.scores import MASKED, SCORES
from hyenascope.interpret.strand_windows import (
    StrandWindow,
    centred_windows,
    strand_windows,
)
from hyenascope.models.model_checks import (
    AnyModel,
    require_causal,
    window_context,
)
from hyenascope.models.wrappers.any_model import sees_left
from hyenascope.models.wrappers.protocol import WrappedModel

IsmScore = Literal["conditional", "downstream", "full"]
"""Scores of the language model itself."""

_DEFAULT_WINDOW = 512


def default_score(model: AnyModel) -> IsmScore | ModelOutput:
    """Return what is asked of a model if nobody says."""
    if isinstance(model, WrappedModel) and "log_probs" not in model.offers:
        return ModelOutput()
    return "downstream" if sees_left(model) else "conditional"


def named_score(
    score: IsmScore | HeadOutput | ModelOutput, model: AnyModel
) -> tuple[str, str, str]:
    """Name, unit and formula."""
    if isinstance(score, HeadOutput):
        name = score.name
        return name, name, f"{name}(alternate) − {name}(reference)"
    if isinstance(score, ModelOutput):
        _require_output(model, score)
        assert isinstance(model, WrappedModel)
        name = str(replace(score, output=model.outputs[score.index(model)]))
        return name, model.units, f"{name}, alternate − reference"
    if score not in get_args(IsmScore):
        raise ValueError(
            "score must be 'conditional', 'downstream', 'full', a HeadOutput or a "
            f"ModelOutput; got {score!r}."
        )
    # The tokens of others may change on the left of a base too: "full" is of all.
    whole = score == "full" and isinstance(model, WrappedModel)
    named = "full_sum" if whole else score
    known = SCORES if sees_left(model) else SCORES | MASKED
    return score, "Δ log p (nats)", known[named].formula


def map_windows(
    genome: FastaReader, place: Interval, plan: MapPlan, strands: Strands
) -> Iterator[StrandWindow]:
    """Yield the windows that a plan reads for an interval."""
    if plan.scores_windows:
        return centred_windows(genome, place, context=plan.context, strands=strands)
    whole = plan.span is None or not plan.sees_left
    room = plan.context // 2 if whole else plan.span
    assert room is not None
    return strand_windows(
        genome, place, context=plan.context, room=room, strands=strands
    )


def plan_map(
    model: AnyModel,
    place: Interval,
    size: int,
    score: IsmScore | HeadOutput | ModelOutput,
    window: int | None,
    context: int | None,
    max_memory: int,
) -> MapPlan:
    """Check what is asked against the model and the contig of ``size`` bases.

    Raises
    ------
    ValueError
        As `hyenascope.saturation_mutagenesis` says.
    """
    if isinstance(score, HeadOutput):
        if isinstance(model, WrappedModel):
            raise ValueError(
                "score must be a ModelOutput of a wrapped model, or a name; got a "
                "HeadOutput, which reads our own model's states."
            )
        score.check_model(model)
        context = place.length if context is None else context
    elif not isinstance(score, ModelOutput):
        require_likelihoods(model)
    context = window_context(model, context)
    require_contig(model, place, size)
    if isinstance(score, HeadOutput | ModelOutput) and place.length > context:
        raise ValueError(
            f"interval must fit the context of {context:,} bp; got {place.length:,} bp."
        )
    if score == "downstream" and not sees_left(model):
        raise ValueError(
            f"model must be causal for 'downstream'; got {model!r}, which fills masks."
        )
    if window is not None and score != "downstream":
        raise ValueError(f"window must come with score='downstream'; got {score!r}.")
    return MapPlan(
        context,
        _span(score, window, context, size),
        score if isinstance(score, HeadOutput) else None,
        max_memory,
        score if isinstance(score, ModelOutput) else None,
        sees_left(model),
        reads_n(model),
    )


def reads_n(model: AnyModel) -> bool:
    """Whether a model has a letter for N."""
    return not isinstance(model, WrappedModel) or "N" in model.alphabet


def require_contig(model: AnyModel, place: Interval, size: int) -> None:
    """Refuse a contig of ``size`` bases that a model of one length cannot read.

    Raises
    ------
    ValueError
        If it is too short.
    """
    if not isinstance(model, WrappedModel) or not model.fixed_length:
        return
    if size < model.context_length:
        raise ValueError(
            f"interval must lie on a contig of at least {model.context_length:,} bp, "
            f"all of which {model.name} reads; got {place.chrom}, {size:,} bp."
        )


def _require_output(model: AnyModel, score: ModelOutput) -> None:
    if not isinstance(model, WrappedModel):
        raise ValueError(
            "model must be a wrapped one that predicts for a ModelOutput; got "
            f"{type(model).__name__}: a HeadOutput is for our own."
        )
    score.index(model)


def require_likelihoods(model: AnyModel) -> None:
    """Refuse a model that has no likelihood for a base."""
    if isinstance(model, WrappedModel):
        model.require("log_probs")
    else:
        require_causal(model)


def _span(
    score: IsmScore | HeadOutput | ModelOutput,
    window: int | None,
    context: int,
    size: int,
) -> int | None:
    if score == "conditional":
        return 1
    if score != "downstream":
        return None
    if window is None:
        return max(1, min(_DEFAULT_WINDOW, context // 2, size // 2))
    if not 1 <= window < context:
        raise ValueError(
            f"window must be 1 to {context - 1}, less than the context; got {window}."
        )
    return window
