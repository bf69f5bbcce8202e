"""Attributions that add up: integrated gradients, DeepLIFT and DeepLIFT SHAP.

Each finds multipliers m of a sequence x against a baseline x₀ such that
``Σ m (x − x₀) = target(x) − target(x₀)``. A base's contribution is the sum over the
four letters of ``m (x − x₀)`` at its position, and stands in the track of its
letter; the other three are zero, or with ``hypothetical`` what they would
contribute in its place under the same multipliers. Over several baselines it is
the mean.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from hyenascope._typing import Strands
from hyenascope.data.interval import Interval
from hyenascope.data.track_data import TrackData
from hyenascope.interpret.attribution import (
    Balance,
    Outcome,
    Request,
    SequenceOrGenome,
    Side,
    attribute,
    captum,
    warn_of_miss,
)
from hyenascope.interpret.attribution_baselines import (
    Baseline,
    baseline_name,
    baseline_rows,
)
from hyenascope.interpret.deep_lift_rules import deep_lift_rules
from hyenascope.interpret.gradient_targets import Target
from hyenascope.interpret.model_output import ModelOutput
from hyenascope.models.model_checks import AnyModel

_READING = (
    "Positive: this base raises the target above what it is with the baseline. "
    "All together they add up to target_value − baseline_value."
)

_Multipliers = Callable[[Side, Tensor], Tensor]
"""A side and baselines ``baselines extent 4`` to multipliers of the same shape."""


def integrated_gradients(
    model: AnyModel,
    sequence: SequenceOrGenome,
    interval: Interval,
    *,
    target: Target | ModelOutput,
    baseline: Baseline = "shuffle",
    shuffles: int = 10,
    steps: int = 64,
    hypothetical: bool = False,
    seed: int = 0,
    tolerance: float = 0.01,
    strands: Strands = "both",
    max_memory: int | None = None,
    device: str | torch.device | None = None,
) -> TrackData:
    """Share the target among the bases along the straight way from a baseline.

    The gradient of the target, averaged from baseline to sequence by Captum's
    Gauss-Legendre rule, times their difference (Sundararajan et al. 2017, arXiv
    1703.01365).

    Parameters
    ----------
    model
        Our own, or a wrapped one with gradients (`hyenascope.models.wrappers`);
        borrowed: used in eval mode on ``device`` and put back.
    sequence
        DNA text of the interval, forward strand; or a genome, as a `FastaReader` or
        a `pathlib.Path`.
    interval
        What the model reads, 0-based half-open; every base of it gets a number.
    target
        A `LogLikelihood`, `BaseScore`, `EmbeddingDirection` or `HeadOutput`; of a
        wrapped model a `ModelOutput`.
    baseline
        ``"n"``, ``"uniform"`` (a quarter of each base), ``"shuffle"`` (of
        dinucleotides), or rows ``length 4`` or ``baselines length 4``.
    shuffles, seed
        Number of shuffles and where their random numbers start.
    steps
        Points on the way.
    hypothetical
        Fill all four tracks.
    tolerance
        Warn when a sum misses its difference by a larger part of it; above 0.
    strands
        Which strand the model reads; ``"both"`` is the mean of the two.
    max_memory
        Bytes for activations. Blocks of the network are recomputed going backward
        where this needs it.
    device
        Where to run; CUDA if there is one.

    Returns
    -------
    TrackData
        ``length 4``, tracks A, C, G, T in genome order and forward letters, in
        units of the target; NaN where the sequence is N. ``provenance`` holds
        ``convergence_delta``, by how much a sum misses.

    Raises
    ------
    ImportError
        If Captum, ``pip install hyenascope[attribution]``, is missing.
    ValueError
        If an argument is out of its range or does not fit the others.

    Examples
    --------
    >>> from hyenascope.interpret.gradient_targets import LogLikelihood
    >>> from hyenascope.models.hyena import HyenaConfig, HyenaLM
    >>> model = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    >>> track = integrated_gradients(
    ...     model,
    ...     "ACGTTGCAAC",
    ...     Interval("I", 0, 10),
    ...     target=LogLikelihood(),
    ...     baseline="uniform",
    ... )
    >>> record = track.provenance
    >>> difference = record["target_value"] - record["baseline_value"]
    >>> bool(abs(track.values.sum() - difference) < 1e-5)
    True
    """
    if steps < 1:
        raise ValueError(f"steps must be at least 1; got {steps}.")
    request = Request(model, sequence, interval, target, strands, max_memory, device)

    def multipliers(side: Side, start: Tensor) -> Tensor:
        method = captum().IntegratedGradients(side.net, multiply_by_inputs=False)
        parts = [
            method.attribute(
                side.rows, one[None], n_steps=steps, internal_batch_size=side.batch
            )
            for one in start
        ]
        return torch.cat(parts)

    return _additive(
        request,
        multipliers,
        {"method": "integrated gradients", "steps": steps},
        baseline=baseline,
        shuffles=shuffles,
        seed=seed,
        hypothetical=hypothetical,
        tolerance=tolerance,
    )


def deep_lift(
    model: AnyModel,
    sequence: SequenceOrGenome,
    interval: Interval,
    *,
    target: Target | ModelOutput,
    baseline: Baseline = "n",
    hypothetical: bool = False,
    tolerance: float = 0.01,
    strands: Strands = "both",
    max_memory: int | None = None,
    device: str | torch.device | None = None,
) -> TrackData:
    """Share the target among the bases by DeepLIFT against one baseline.

    One pass forward and back with rules for gates, norms, activations and
    log-softmax (`deep_lift_rules`), so that contributions add up to rounding error
    (Shrikumar et al. 2017, arXiv 1704.02685). Needs no Captum.

    Parameters and errors are those of `integrated_gradients`; of ``"shuffle"``
    this takes one, with seed 0: `deep_lift_shap` averages over many.

    Examples
    --------
    >>> from hyenascope.interpret.gradient_targets import BaseScore
    >>> from hyenascope.models.hyena import HyenaConfig, HyenaLM
    >>> model = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    >>> place, target = Interval("I", 0, 6), BaseScore(4, "G")
    >>> track = deep_lift(model, "ACGTGC", place, target=target, strands="forward")
    >>> bool((track.values[4:] == 0).all())  # the model never looks right
    True
    """
    request = Request(model, sequence, interval, target, strands, max_memory, device)
    return _additive(
        request,
        _deep_lift_multipliers,
        {"method": "DeepLIFT"},
        baseline=baseline,
        shuffles=1,
        seed=0,
        hypothetical=hypothetical,
        tolerance=tolerance,
    )


def deep_lift_shap(
    model: AnyModel,
    sequence: SequenceOrGenome,
    interval: Interval,
    *,
    target: Target | ModelOutput,
    baseline: Baseline = "shuffle",
    shuffles: int = 20,
    hypothetical: bool = False,
    seed: int = 0,
    tolerance: float = 0.01,
    strands: Strands = "both",
    max_memory: int | None = None,
    device: str | torch.device | None = None,
) -> TrackData:
    """Return the mean of `deep_lift` over several baselines.

    Lundberg & Lee 2017, arXiv 1705.07874. Parameters and errors are those of
    `integrated_gradients`.

    Examples
    --------
    >>> from hyenascope.interpret.gradient_targets import LogLikelihood
    >>> from hyenascope.models.hyena import HyenaConfig, HyenaLM
    >>> model = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    >>> place = Interval("I", 0, 10)
    >>> track = deep_lift_shap(model, "ACGTTGCAAC", place, target=LogLikelihood())
    >>> track.provenance["convergence_delta"] < 1e-5
    True
    """
    request = Request(model, sequence, interval, target, strands, max_memory, device)
    return _additive(
        request,
        _deep_lift_multipliers,
        {"method": "DeepLIFT SHAP"},
        baseline=baseline,
        shuffles=shuffles,
        seed=seed,
        hypothetical=hypothetical,
        tolerance=tolerance,
    )


def _additive(
    request: Request,
    multipliers: _Multipliers,
    record: dict[str, object],
    *,
    baseline: Baseline,
    shuffles: int,
    seed: int,
    hypothetical: bool,
    tolerance: float,
) -> TrackData:
    if not tolerance > 0:
        raise ValueError(f"tolerance must be above 0; got {tolerance}.")
    text = request.window.bases
    rows = baseline_rows(
        baseline, text, shuffles=shuffles, seed=seed, encode=request.encode
    )

    def method(side: Side) -> Outcome:
        start = side.oriented(rows)
        found = multipliers(side, start).detach()
        values = _contributions(found, side.rows, start, hypothetical=hypothetical)
        return Outcome(values, _balance(side, start, found))

    track = attribute(
        request,
        method,
        record={
            **record,
            "baseline": baseline_name(baseline),
            "baselines": len(rows),
            "seed": seed if baseline_name(baseline) == "shuffle" else None,
            "hypothetical": hypothetical,
            "reading": _READING,
        },
        least=2,
    )
    warn_of_miss(track, tolerance)
    return track


def _deep_lift_multipliers(
    side: Side, start: Float[Tensor, "baselines extent 4"]
) -> Float[Tensor, "baselines extent 4"]:
    """One pass forward and back over the sequence beside each baseline."""
    parts = []
    with deep_lift_rules(side.net):
        for part in start.split(max(1, side.batch // 2)):
            pairs = torch.cat([side.rows.expand_as(part), part])
            pairs = pairs.detach().requires_grad_()
            slope = torch.autograd.grad(side.net(pairs).sum(), pairs)[0]
            parts.append(slope[: len(part)])
    return torch.cat(parts)


def _contributions(
    multipliers: Float[Tensor, "baselines extent 4"],
    rows: Float[Tensor, "1 extent 4"],
    start: Float[Tensor, "baselines extent 4"],
    *,
    hypothetical: bool,
) -> Float[Tensor, "extent 4"]:
    """``Σ m (letter − x₀)`` for the letter that is there, or for each of the four."""
    shared = (multipliers * start).sum(dim=-1, keepdim=True)
    mean = (multipliers - shared).mean(dim=0)
    return mean if hypothetical else mean * rows[0].detach()


def _balance(
    side: Side,
    start: Float[Tensor, "baselines extent 4"],
    multipliers: Float[Tensor, "baselines extent 4"],
) -> Balance:
    here = side.values(side.rows.detach())
    there = side.values(start)
    difference = here - there
    total = (multipliers * (side.rows.detach() - start)).double().sum(dim=(1, 2))
    miss = float((total - difference).abs().max())
    # Where the target hardly differs, rounding alone is a large part of it.
    scale = max(float(difference.abs().max()), 1e-6 * float(here.abs()), 1e-30)
    return Balance(float(here), float(there.mean()), miss, miss / scale)
