"""Slopes of a target at a sequence, and what taking bases away does.

`saliency`, `input_x_gradient`, `smoothgrad` and `first_order_ism` read the gradient
with respect to one-hot letters; `occlusion` needs none. `integrated_gradients`,
`deep_lift` and `deep_lift_shap` (`additive_attribution`) share a difference among
bases instead.

The gradient has a part that no sequence can follow: one that raises all four letters
of a position at once. ``center="mean4"`` takes it out by subtracting the mean over
the four (Majdandzic et al. 2023, Genome Biology 24:109).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from hyenascope._typing import Strands
from hyenascope.data.interval import Interval
from hyenascope.data.track_data import TrackData
from hyenascope.interpret.attribution import (
    Outcome,
    Request,
    SequenceOrGenome,
    Side,
    attribute,
    captum,
)
from hyenascope.interpret.attribution_baselines import baseline_rows
from hyenascope.interpret.gradient_targets import Target
from hyenascope.interpret.model_output import ModelOutput
from hyenascope.models.model_checks import AnyModel

GradientCenter = Literal["mean4"] | None
"""Subtract the mean over the four letters of a position, or nothing."""


def saliency(
    model: AnyModel,
    sequence: SequenceOrGenome,
    interval: Interval,
    *,
    target: Target | ModelOutput,
    center: GradientCenter = "mean4",
    strands: Strands = "both",
    max_memory: int | None = None,
    device: str | torch.device | None = None,
) -> TrackData:
    """Return the gradient of the target with respect to every letter.

    Parameters
    ----------
    model
        Our own, or a wrapped one with gradients (`hyenascope.models.wrappers`);
        borrowed: used in eval mode on ``device`` and put back.
    sequence
        DNA text of the interval, forward strand; or a genome, as a `FastaReader` or
        a `pathlib.Path`.
    interval
        What the model reads, 0-based half-open; every base of it gets numbers.
    target
        A `LogLikelihood`, `BaseScore`, `EmbeddingDirection` or `HeadOutput`; of a
        wrapped model a `ModelOutput`.
    center
        ``"mean4"`` or None, the plain gradient.
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
        units of the target; NaN where the sequence is N, zero where the target
        cannot see.

    Raises
    ------
    ValueError
        If an argument is out of its range or does not fit the others.

    Examples
    --------
    >>> from hyenascope.interpret.gradient_targets import BaseScore
    >>> from hyenascope.models.hyena import HyenaConfig, HyenaLM
    >>> model = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    >>> place = Interval("I", 100, 104)
    >>> saliency(model, "ACGT", place, target=BaseScore(102, "G")).names
    ('A', 'C', 'G', 'T')
    """
    _check_center(center)
    request = Request(model, sequence, interval, target, strands, max_memory, device)
    reading = (
        "Positive: more of this letter here, by a little, raises the target."
        " A slope, not the effect of a whole substitution."
    )
    return attribute(
        request,
        lambda side: Outcome(_centred(_gradient(side), center)),
        record={"method": "saliency", "center": center, "reading": reading},
    )


def input_x_gradient(
    model: AnyModel,
    sequence: SequenceOrGenome,
    interval: Interval,
    *,
    target: Target | ModelOutput,
    center: GradientCenter = "mean4",
    strands: Strands = "both",
    max_memory: int | None = None,
    device: str | torch.device | None = None,
) -> TrackData:
    """Return `saliency` at the letter that is there; the other three are zero.

    Parameters and errors are those of `saliency`.

    Examples
    --------
    >>> from hyenascope.interpret.gradient_targets import LogLikelihood
    >>> from hyenascope.models.hyena import HyenaConfig, HyenaLM
    >>> model = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    >>> place = Interval("I", 100, 104)
    >>> track = input_x_gradient(model, "ACGT", place, target=LogLikelihood())
    >>> (track.values != 0).sum(axis=1)
    array([1, 1, 1, 1])
    """
    _check_center(center)
    request = Request(model, sequence, interval, target, strands, max_memory, device)

    def method(side: Side) -> Outcome:
        return Outcome(_centred(_gradient(side), center) * side.rows[0].detach())

    reading = (
        "Positive: more of the letter that is there raises the target."
        " A slope, not the effect of losing it."
    )
    return attribute(
        request,
        method,
        record={"method": "input × gradient", "center": center, "reading": reading},
    )


def first_order_ism(
    model: AnyModel,
    sequence: SequenceOrGenome,
    interval: Interval,
    *,
    target: Target | ModelOutput,
    strands: Strands = "both",
    max_memory: int | None = None,
    device: str | torch.device | None = None,
) -> TrackData:
    """Estimate the effect of every substitution from one pass forward and back.

    The gradient of the alternate letter less that of the reference letter: the first
    term of the Taylor series of ``target(alternate) − target(reference)``, exact for
    a target that is linear in a position, a preview of `saturation_mutagenesis` for
    any other. Zero at the reference letter.

    Parameters and errors are those of `saliency`.

    Examples
    --------
    >>> from hyenascope.interpret.gradient_targets import LogLikelihood
    >>> from hyenascope.models.hyena import HyenaConfig, HyenaLM
    >>> model = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    >>> place = Interval("I", 100, 104)
    >>> track = first_order_ism(model, "ACGT", place, target=LogLikelihood())
    >>> track.values.diagonal()
    array([0., 0., 0., 0.])
    """
    request = Request(model, sequence, interval, target, strands, max_memory, device)

    def method(side: Side) -> Outcome:
        slope = _gradient(side)
        reference = (slope * side.rows[0].detach()).sum(dim=-1, keepdim=True)
        return Outcome(slope - reference)

    reading = (
        "Alternate − reference, estimated from slopes: negative means that the "
        "substitution lowers the target."
    )
    return attribute(
        request, method, record={"method": "first-order ISM", "reading": reading}
    )


def smoothgrad(
    model: AnyModel,
    sequence: SequenceOrGenome,
    interval: Interval,
    *,
    target: Target | ModelOutput,
    samples: int = 32,
    noise: float = 0.1,
    center: GradientCenter = "mean4",
    seed: int = 0,
    strands: Strands = "both",
    max_memory: int | None = None,
    device: str | torch.device | None = None,
) -> TrackData:
    """Return the mean of `saliency` over noisy copies of the sequence.

    By Captum's noise tunnel (Smilkov et al. 2017, arXiv 1706.03825).

    Parameters
    ----------
    samples, noise, seed
        Number of copies, standard deviation added to every one-hot entry, and where
        the random numbers start.
    model, sequence, interval, target, center, strands, max_memory, device
        As in `saliency`.

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
    >>> place = Interval("I", 100, 104)
    >>> track = smoothgrad(model, "ACGT", place, target=LogLikelihood(), samples=4)
    >>> track.provenance["samples"]
    4
    """
    _check_center(center)
    _at_least_one("samples", samples)
    if not noise > 0:
        raise ValueError(f"noise must be above 0; got {noise}.")
    request = Request(model, sequence, interval, target, strands, max_memory, device)
    attr = captum()

    def method(side: Side) -> Outcome:
        with _seeded(seed, side.rows.device):
            slopes = attr.NoiseTunnel(attr.Saliency(side.net)).attribute(
                side.rows,
                nt_type="smoothgrad",
                nt_samples=samples,
                nt_samples_batch_size=min(samples, side.batch),
                stdevs=noise,
                abs=False,
            )
        return Outcome(_centred(slopes[0].detach(), center))

    return attribute(
        request,
        method,
        record={
            "method": "SmoothGrad",
            "samples": samples,
            "noise": noise,
            "seed": seed,
            "center": center,
            "reading": "Positive: more of this letter here raises the target, "
            "averaged over the noisy neighbourhood of the sequence.",
        },
    )


def occlusion(
    model: AnyModel,
    sequence: SequenceOrGenome,
    interval: Interval,
    *,
    target: Target | ModelOutput,
    window: int = 1,
    stride: int = 1,
    baseline: Literal["n", "uniform"] = "n",
    strands: Strands = "both",
    max_memory: int | None = None,
    device: str | torch.device | None = None,
) -> TrackData:
    """Return what the target loses when a window of bases is blotted out.

    ``target(sequence) − target(occluded)`` by Captum, the mean over all windows that
    cover a base, in the track of the letter that is there. One pass per window.
    The sign is the opposite of `occlusion_scan`, which is alternate − reference.

    Parameters
    ----------
    window, stride
        Bases blotted out at once, and from one window to the next.
    baseline
        What stands there instead: N, or a quarter of each base.
    model, sequence, interval, target, strands, max_memory, device
        As in `saliency`.

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
    >>> place = Interval("I", 100, 104)
    >>> occlusion(model, "ACGT", place, target=LogLikelihood(), window=2).values.shape
    (4, 4)
    """
    _at_least_one("window", window)
    if not 1 <= stride <= window:
        raise ValueError(f"stride must be 1 to {window}, the window; got {stride}.")
    if baseline not in ("n", "uniform"):
        raise ValueError(f"baseline must be 'n' or 'uniform'; got {baseline!r}.")
    request = Request(model, sequence, interval, target, strands, max_memory, device)
    rows = baseline_rows(
        baseline, request.window.bases, shuffles=1, seed=0, encode=request.encode
    )
    attr = captum()

    def method(side: Side) -> Outcome:
        width = min(window, side.rows.shape[1])
        lost = attr.Occlusion(side.net).attribute(
            side.rows.detach(),
            sliding_window_shapes=(width, 4),
            strides=(min(stride, width), 4),
            baselines=side.oriented(rows),
            perturbations_per_eval=side.batch,
        )
        return Outcome(lost[0] * side.rows[0].detach())

    return attribute(
        request,
        method,
        record={
            "method": "occlusion",
            "window": window,
            "stride": stride,
            "baseline": baseline,
            "reading": "Positive: without this base, and those blotted out with it, "
            "the target is lower.",
        },
    )


def _gradient(side: Side) -> Float[Tensor, "extent 4"]:
    return torch.autograd.grad(side.net(side.rows).sum(), side.rows)[0][0]


def _centred(
    slope: Float[Tensor, "extent 4"], center: GradientCenter
) -> Float[Tensor, "extent 4"]:
    return slope if center is None else slope - slope.mean(dim=-1, keepdim=True)


@contextmanager
def _seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Give Captum, which draws from the global generator, one that starts at a seed."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


def _check_center(center: str | None) -> None:
    if center not in ("mean4", None):
        raise ValueError(f"center must be 'mean4' or None; got {center!r}.")


def _at_least_one(name: str, value: int) -> None:
    if value < 1:
        raise ValueError(f"{name} must be at least 1; got {value}.")
