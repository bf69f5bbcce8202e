"""Every explanation method on one locus, brought to one form.

What methods give differs, so one rule per kind of result, fixed in advance, makes
one importance per base and one predicted effect per substitution of it:

``effects``
    alternate − reference for three alternates. Importance: minus their mean, so that
    a base is important if the model would miss it.
``slopes``
    the gradient of four letters. Importance: the mean absolute slope. Effect: slope of
    the alternate − slope of the reference, which is first-order ISM.
``contributions``
    what the letter that is there adds to the target. Importance: that number. Effect,
    where all four letters have one: the alternate's − the reference's.
``losses``
    what is lost without the base. Importance: that number.

Where a method says nothing of the alternates, each of the three gets minus the
importance as its effect.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64

from hyenascope.data.fasta import FastaReader
from hyenascope.data.interval import Interval
from hyenascope.data.synthetic import SyntheticGenome
from hyenascope.data.track_data import TrackData
from hyenascope.data.variant import Variant
from hyenascope.interpret.additive_attribution import (
    deep_lift,
    deep_lift_shap,
    integrated_gradients,
)
from hyenascope.interpret.baselines import Baselines
from hyenascope.interpret.dependency import dependency_map, influence_track
from hyenascope.interpret.gradient import (
    first_order_ism,
    input_x_gradient,
    occlusion,
    saliency,
    smoothgrad,
)
from hyenascope.interpret.gradient_targets import LogLikelihood
from hyenascope.interpret.ism import saturation_mutagenesis
from hyenascope.interpret.ism_plan import IsmScore
from hyenascope.interpret.perturb import deletion_scan, occlusion_scan
from hyenascope.models.hyena import HyenaLM
from hyenascope.sequence.dna import BASES, reverse_complement
from hyenascope.sequence.one_hot import one_hot

Table = Float64[np.ndarray, "length 4"]
Column = Float64[np.ndarray, " length"]

WINDOW = 128
"""Bases that downstream ISM and the scans look at after a change."""

BAND = 64
"""How far apart two bases of the dependency map may be."""


@dataclass(frozen=True)
class Explanation:
    """Importance of each base and predicted effect of each letter there.

    Effects are alternate − reference, negative for harm, 0 at the reference.
    """

    importance: Column
    effects: Table


@dataclass(frozen=True)
class Case:
    """A model, the genome it reads and a locus of it, 0-based half-open."""

    model: HyenaLM
    reader: FastaReader
    locus: Interval

    @property
    def window(self) -> Interval:
        """The model's whole context around the locus, for methods that read one."""
        return self.locus.resize(self.model.config.context_length)

    @property
    def letters(self) -> Table:
        """One-hot letters of the locus."""
        return one_hot(self.reader.fetch(self.locus)).astype(np.float64)


Method = Callable[[Case], Explanation]


def of_effects(table: Table) -> Explanation:
    """Bring alternate − reference to the common form."""
    return Explanation(-table.sum(1) / 3, table)


def of_slopes(table: Table, letters: Table) -> Explanation:
    """Bring slopes of four letters to the common form."""
    return Explanation(np.abs(table).mean(1), _less_reference(table, letters))


def of_contributions(table: Table, letters: Table) -> Explanation:
    """Bring contributions of four letters to the common form."""
    return Explanation((table * letters).sum(1), _less_reference(table, letters))


def of_losses(column: Column, letters: Table) -> Explanation:
    """Bring one number per base to the common form."""
    return Explanation(column, -column[:, None] * (1 - letters))


def model_methods() -> Mapping[str, Method]:
    """Return what is asked of a model, by name; both strands throughout.

    Gradients, integrated gradients, DeepLIFT and occlusion explain the log-likelihood
    of the window; ISM and the scans what follows a change.
    """
    target = LogLikelihood()

    def ism(score: IsmScore, window: int | None = None) -> Method:
        return lambda case: of_effects(
            saturation_mutagenesis(
                case.model, case.reader, case.locus, score=score, window=window
            ).values
        )

    def slopes(method: Callable[..., TrackData]) -> Method:
        return lambda case: of_slopes(_windowed(case, method, target), case.letters)

    def additive(method: Callable[..., TrackData], **options: object) -> Method:
        return lambda case: of_contributions(
            _windowed(case, method, target, hypothetical=True, **options), case.letters
        )

    def lost(method: Callable[..., TrackData], **options: object) -> Method:
        return lambda case: of_losses(
            _windowed(case, method, target, **options).sum(1), case.letters
        )

    return {
        "ISM, conditional": ism("conditional"),
        f"ISM, downstream {WINDOW} bp": ism("downstream", WINDOW),
        "ISM, full window": ism("full"),
        "first-order ISM": lambda case: of_effects(
            _windowed(case, first_order_ism, target)
        ),
        "saliency": slopes(saliency),
        "SmoothGrad": slopes(smoothgrad),
        "input × gradient": lost(input_x_gradient),
        "integrated gradients": additive(
            integrated_gradients, shuffles=4, steps=16, tolerance=0.05
        ),
        "DeepLIFT, uniform": additive(deep_lift, baseline="uniform"),
        "DeepLIFT SHAP, shuffles": additive(deep_lift_shap, shuffles=10),
        "occlusion, 8 bp": lost(occlusion, window=8, stride=8),
        "deletion scan, 1 bp": _scan(deletion_scan, width=1, window=WINDOW),
        "occlusion scan, 8 bp": _scan(
            occlusion_scan, width=8, window=WINDOW, repeats=2
        ),
        "dependency map, influence": _dependency("influence"),
        "dependency map, dependence": _dependency("dependence"),
    }


def reference_methods(
    genome: SyntheticGenome, baselines: Baselines
) -> Mapping[str, Method]:
    """Return what needs no model, by name.

    ``baselines`` are of the text that the model was trained on. Oracles read the
    grammar and the layout, which nobody has for a real genome.
    """
    return {
        "random": _random,
        "Markov": lambda case: of_effects(_judged(case, baselines, "markov")),
        "Markov, log p of the base": lambda case: of_losses(
            _markov_log_p(case, baselines), case.letters
        ),
        "CpG": lambda case: of_effects(_judged(case, baselines, "cpg")),
        "trinucleotide": lambda case: of_effects(
            _judged(case, baselines, "trinucleotide")
        ),
        "oracle: conservation": lambda case: of_losses(
            _conservation(genome, case.locus), case.letters
        ),
        "oracle: true effects": lambda case: of_effects(
            genome.true_effects(case.locus)
        ),
    }


def _less_reference(table: Table, letters: Table) -> Table:
    return table - (table * letters).sum(1, keepdims=True)


def _windowed(
    case: Case, method: Callable[..., TrackData], target: LogLikelihood, **options: Any
) -> Table:
    """Explain the whole window and keep the locus."""
    track = method(case.model, case.reader, case.window, target=target, **options)
    return track.slice(case.locus).values


def _scan(scan: Callable[..., TrackData], *, width: int, **options: int) -> Method:
    """Give each base the mean loss over all stretches that cover it."""

    def method(case: Case) -> Explanation:
        place = case.locus
        wide = Interval(place.chrom, place.start - width + 1, place.end)
        track = scan(case.model, case.reader, wide, width=width, **options)
        spread = np.convolve(track.values[:, 0], np.full(width, 1 / width), "valid")
        return of_losses(-spread, case.letters)

    return method


def _dependency(name: str) -> Method:
    """Map a wider interval, so that bases at the ends have neighbours too."""

    def method(case: Case) -> Explanation:
        wide = case.locus.resize(case.locus.length + 2 * BAND)
        found = dependency_map(case.model, case.reader, wide, band=BAND)
        column = influence_track(found).slice(case.locus).track(name)
        return of_losses(column, case.letters)

    return method


def _random(case: Case) -> Explanation:
    generator = np.random.default_rng(case.locus.start)
    table = generator.normal(size=(case.locus.length, 4))
    return of_effects(table * (1 - case.letters))


def _judged(case: Case, baselines: Baselines, name: str) -> Table:
    """Alternate − reference of a baseline for every substitution."""
    place, flank = case.locus, baselines.markov.order + 1
    text = case.reader.fetch_region(place.chrom, place.start - flank, place.end + flank)
    table = np.zeros((place.length, 4))
    for i in range(place.length):
        at = i + flank
        left, ref, right = text[i:at], text[at], text[at + 1 : at + 1 + flank]
        for j, base in enumerate(BASES):
            if base != ref:
                variant = Variant(place.chrom, place.start + i + 1, ref, base)
                one, two = baselines.judge(variant, left, right)[name]
                table[i, j] = two - one
    return table


def _markov_log_p(case: Case, baselines: Baselines) -> Column:
    """Mean over strands of log p(base | the bases read before it)."""
    place, order = case.locus, baselines.markov.order
    text = case.reader.fetch_region(place.chrom, place.start - order, place.end + order)
    forward = baselines.markov.log_probs(text)
    reverse = baselines.markov.log_probs(reverse_complement(text))[::-1]
    return (forward + reverse)[order:-order].astype(np.float64) / 2


def _conservation(genome: SyntheticGenome, place: Interval) -> Column:
    """Information of the table that wrote each base: log 4 − entropy, in nats."""
    log_p = genome.true_log_probs(place)
    return np.log(4) + (np.exp(log_p) * log_p).sum(1)
