"""What every attribution does around its method: window, strands, memory, record.

A method sees one strand of a window at a time (`Side`) and gives one number per base
and letter; here they come back to genome order and forward letters, bases that are
not known become NaN, and the record of how it was made is written.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from os import PathLike
from types import ModuleType

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Float64
from torch import Tensor, nn

from hyenascope._device import borrow
from hyenascope._typing import Strands
from hyenascope.data.fasta import FastaReader, opened
from hyenascope.data.interval import Interval
from hyenascope.data.track_data import TrackData
from hyenascope.interpret.attribution_window import Window
from hyenascope.interpret.gradient_targets import Target
from hyenascope.interpret.model_output import ModelOutput
from hyenascope.interpret.provenance import provenance_of
from hyenascope.interpret.unscored import NOT_A_BASE
from hyenascope.interpret.wrapped_gradients import OutputNetwork, check_target
from hyenascope.models.gradient_memory import plan_gradients
from hyenascope.models.hyena import HyenaLM
from hyenascope.models.model_checks import AnyModel, longest_input, require_model
from hyenascope.models.one_hot_module import OneHotLM, frozen, recomputed
from hyenascope.models.predict import check_strands
from hyenascope.models.wrappers.hyena_model import HyenaModel
from hyenascope.models.wrappers.one_hot_model import dtype_of
from hyenascope.models.wrappers.protocol import WrappedModel
from hyenascope.sequence.one_hot import one_hot

SequenceOrGenome = str | FastaReader | PathLike[str]
"""DNA text of the interval; or a genome, as a reader or a `pathlib.Path`."""


@dataclass(frozen=True)
class Side:
    """One strand of a window, as the model reads it.

    ``net`` turns rows ``batch extent 4`` into one number each, at most ``batch`` of
    them per pass; ``rows`` is the sequence, up to the last base that can matter.
    """

    net: nn.Module
    rows: Float[Tensor, "1 extent 4"]
    batch: int
    reverse: bool

    def oriented(
        self, rows: Float32[np.ndarray, "baselines length 4"]
    ) -> Float[Tensor, "baselines extent 4"]:
        """Bring rows in genome order to this strand, extent and device."""
        read = rows[:, ::-1, ::-1] if self.reverse else rows
        return torch.tensor(read[:, : self.rows.shape[1]].copy()).to(self.rows)

    def values(
        self, rows: Float[Tensor, "sequences extent 4"]
    ) -> Float64[Tensor, " sequences"]:
        """Return the target's number of each sequence."""
        with torch.no_grad():
            parts = [self.net(part) for part in rows.split(self.batch)]
        return torch.cat(parts).double()


@dataclass(frozen=True)
class Balance:
    """What contributions must add up to, and by how much they miss it.

    Target on the sequence and on its baselines (mean), and the largest miss of any
    baseline: absolute, and relative to the largest difference of any.
    """

    target: float
    baseline: float
    miss: float
    relative: float


@dataclass(frozen=True)
class Outcome:
    """What a method gives for one side: numbers per base, and their balance."""

    values: Float[Tensor, "extent 4"]
    balance: Balance | None = None


@dataclass(frozen=True)
class Request:
    """What the caller of any method asks for."""

    model: AnyModel
    sequence: SequenceOrGenome
    interval: Interval
    target: Target | ModelOutput
    strands: Strands
    max_memory: int | None
    device: str | torch.device | None

    def __post_init__(self) -> None:
        if isinstance(self.model, HyenaModel):
            object.__setattr__(self, "model", self.model.model)
        if isinstance(self.model, WrappedModel):
            check_target(self.model, self.target)
            check_strands(self.strands)
            return
        require_model(self.model)
        if not isinstance(self.target, Target):
            raise TypeError(
                "target must be a LogLikelihood, BaseScore, EmbeddingDirection or "
                f"HeadOutput; got {self.target!r}."
            )
        check_strands(self.strands)

    @cached_property
    def window(self) -> "WindowText":
        """What the model reads; a path is opened once and closed."""
        return window_text(self.sequence, self.interval)

    @property
    def output(self) -> ModelOutput:
        """What is asked of a wrapped model, its region under the genome's names."""
        assert isinstance(self.target, ModelOutput)
        genome = self.window.genome
        return self.target if genome is None else self.target.on(genome)

    def encode(self, text: str) -> Float32[np.ndarray, "length 4"]:
        """Return one-hot rows as the model has them."""
        if isinstance(self.model, WrappedModel):
            return self.model.rows(text)
        return one_hot(text)


@dataclass(frozen=True)
class WindowText:
    """Bases of a window, forward strand, where they lie, and the genome if any.

    The genome is for the record: one that came as a path is closed.
    """

    bases: str
    interval: Interval
    genome: FastaReader | None = None


def attribute(
    request: Request,
    method: Callable[[Side], Outcome],
    *,
    record: Mapping[str, object],
    least: int = 1,
) -> TrackData:
    """Run a method on the strands asked for and return tracks A, C, G, T.

    Parameters
    ----------
    request
        From the caller.
    method
        Sees one side; it runs with the model in eval mode and parameters frozen.
    record
        What the method adds to the provenance.
    least
        Sequences that one pass must hold.

    Raises
    ------
    ValueError
        If text and interval do not fit each other or the model's context, or the
        target is not inside the window.
    """
    text, interval = request.window.bases, request.window.interval
    check_window(request.model, len(text))
    names = ("forward", "reverse") if request.strands == "both" else (request.strands,)
    tables, balances = [], []
    for name in names:
        with _side(request, text, interval, name == "reverse", least) as side:
            outcome = method(side)
        tables.append(_in_genome_order(outcome.values, len(text), side.reverse))
        balances.append(outcome.balance)
    values = np.mean(tables, axis=0)
    unknown = one_hot(text).sum(axis=1) == 0
    values[unknown] = np.nan
    provenance = _provenance(request, unknown)
    return TrackData(
        values,
        tuple("ACGT"),
        interval,
        _units(request),
        provenance={**provenance, **record, **_summed(balances)},
    )


def window_text(sequence: SequenceOrGenome, interval: Interval) -> WindowText:
    """Return the bases of an interval, forward strand, and where they lie.

    Raises
    ------
    ValueError
        If the interval is empty, leaves its contig, or has not the text's length,
        or the reader keeps soft-masked bases in lower case.

    Examples
    --------
    >>> window_text("ACGT", Interval("I", 10, 14, "-")).interval
    Interval(chrom='I', start=10, end=14, strand='.')
    """
    if not isinstance(sequence, str):
        with opened(sequence) as reader:
            place = reader.inside(interval)
            return WindowText(reader.fetch(place), place, reader)
    if interval.length == 0:
        raise ValueError(f"interval must hold at least one base; got {interval}.")
    if len(sequence) != interval.length:
        raise ValueError(
            f"sequence must have the {interval.length:,} bp of {interval}, or be a "
            f"genome as FastaReader or pathlib.Path; got text of {len(sequence):,}."
        )
    return WindowText(sequence, Interval(interval.chrom, interval.start, interval.end))


def captum() -> ModuleType:
    """Return ``captum.attr``, which is an extra.

    Raises
    ------
    ImportError
        If Captum is not installed.
    """
    try:
        return import_module("captum.attr")
    except ImportError as err:
        raise ImportError(
            "captum must be installed for this method "
            "(pip install hyenascope[attribution]); got none."
        ) from err


def warn_of_miss(track: TrackData, tolerance: float) -> None:
    """Warn if contributions miss what they must add up to by more than tolerated."""
    found = track.provenance["convergence_relative"]
    if isinstance(found, float) and found > tolerance:
        warnings.warn(
            f"contributions must add up within {tolerance:g} of the difference of the "
            f"target; got {found:.2g}. See provenance['convergence_delta'].",
            stacklevel=4,
        )


def check_window(model: AnyModel, length: int) -> None:
    """Refuse a window that the model cannot read.

    Raises
    ------
    ValueError
        If it is too long, or not of the one length that the model reads.
    """
    longest = longest_input(model)
    if isinstance(model, WrappedModel) and model.fixed_length and length != longest:
        raise ValueError(
            f"interval must have the {longest:,} bp that {model.name} reads; "
            f"got {length:,}."
        )
    if length > longest:
        raise ValueError(
            f"interval must fit the context of {longest:,} bp; got {length:,}."
        )


def _units(request: Request) -> str:
    if isinstance(request.model, WrappedModel):
        return request.model.units
    assert not isinstance(request.target, ModelOutput)
    return request.target.units


@contextmanager
def _side(
    request: Request, text: str, interval: Interval, reverse: bool, least: int
) -> Iterator[Side]:
    """Borrow model and head, freeze and plan, for one strand of a window."""
    model = request.model
    if isinstance(model, WrappedModel):
        with _wrapped_side(request, model, text, interval, reverse, least) as side:
            yield side
        return
    assert not isinstance(request.target, ModelOutput)
    rows = one_hot(text)
    rows = rows[::-1, ::-1].copy() if reverse else rows
    with ExitStack() as stack:
        device = stack.enter_context(borrow(model, request.device))
        dtype = _working_dtype(model)
        read = torch.tensor(rows, device=device, dtype=dtype)
        reading = request.target.read(model, Window(interval, reverse), read)
        stack.enter_context(borrow(reading.readout, device))
        plan = plan_gradients(
            model.config,
            reading.reach,
            device=device,
            dtype=dtype,
            max_memory=request.max_memory,
            least=least,
        )
        stack.enter_context(recomputed(model, plan.recompute))
        net = OneHotLM(model, reading.readout, reach=reading.reach)
        stack.enter_context(frozen(net))
        # A copy, not a view: it is the leaf whose gradient is asked for.
        seen = read[None, : reading.extent].clone().requires_grad_()
        yield Side(net, seen, plan.batch, reverse)


@contextmanager
def _wrapped_side(
    request: Request,
    model: WrappedModel,
    text: str,
    interval: Interval,
    reverse: bool,
    least: int,
) -> Iterator[Side]:
    rows = request.encode(text)
    rows = rows[::-1, ::-1].copy() if reverse else rows
    with model.borrowed(request.device) as device:
        net = OutputNetwork(model, request.output, interval, reverse=reverse)
        with frozen(net):
            read = torch.tensor(rows[None], device=device, dtype=dtype_of(net))
            batch = max(model.batch_size, least)
            yield Side(net, read.requires_grad_(), batch, reverse)


def _working_dtype(model: HyenaLM) -> torch.dtype:
    dtype = model.backbone.embeddings.word_embeddings.weight.dtype
    return dtype if dtype == torch.float64 else torch.float32


def _in_genome_order(
    values: Float[Tensor, "extent 4"], length: int, reverse: bool
) -> Float64[np.ndarray, "length 4"]:
    """Fill up with zeros, where nothing can matter, and turn back a reverse strand."""
    table = np.zeros((length, 4))
    table[: len(values)] = values.detach().double().cpu().numpy()
    return table[::-1, ::-1] if reverse else table


def _provenance(
    request: Request, unknown: Bool[np.ndarray, " length"]
) -> dict[str, object]:
    interval = request.window.interval
    return provenance_of(
        request.model,
        request.window.genome,
        target=str(request.target),
        strands=request.strands,
        interval=str(interval),
        context=interval.length,
        unscored=_runs(unknown, interval.start),
    )


def _runs(unknown: Bool[np.ndarray, " length"], start: int) -> list[dict[str, object]]:
    """Return runs of bases without a number, 0-based half-open."""
    edges = np.flatnonzero(np.diff(np.r_[False, unknown, False]))
    return [
        {
            "strand": "both",
            "start": start + int(first),
            "end": start + int(stop),
            "reason": NOT_A_BASE,
        }
        for first, stop in edges.reshape(-1, 2)
    ]


def _summed(balances: list[Balance | None]) -> dict[str, object]:
    known = [balance for balance in balances if balance is not None]
    if not known:
        return {"convergence_delta": None}  # nothing that should add up
    return {
        "target_value": float(np.mean([b.target for b in known])),
        "baseline_value": float(np.mean([b.baseline for b in known])),
        "convergence_delta": max(b.miss for b in known),
        "convergence_relative": max(b.relative for b in known),
    }
