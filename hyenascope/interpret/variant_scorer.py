"""Score one list of variants after another on the same model, genome and options.

Variants are grouped by the grid window they share (`hyenascope.interpret.haplotype`):
one reference pass per window and strand serves them all, and an SNV's
`conditional` score comes from that pass alone. For every other score only what the
change touches is computed again.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import anndata as ad
import numpy as np
import pandas as pd
import torch
from jaxtyping import Float64

from hyenascope.data.fasta import FastaReader
from hyenascope.data.interval import Interval
from hyenascope.data.variant import Variant
from hyenascope.interpret.baselines import Baselines, context_label
from hyenascope.interpret.haplotype import grid_window, strand_text
from hyenascope.interpret.provenance import provenance_of
from hyenascope.interpret.score_formulas import (
    Sides,
    can_be_judged,
    is_cut_off,
)
from hyenascope.interpret.scoring_options import ScoringOptions
from hyenascope.interpret.unscored import contig_ends
from hyenascope.interpret.variant_checks import (
    CheckedVariant,
    check_variant,
    raise_first,
    ref_agreement,
)
from hyenascope.interpret.variant_passes import VariantPasses
from hyenascope.interpret.window_rows import Job, PassPlan
from hyenascope.interpret.wrapped_variants import (
    WrappedPasses,
    can_be_read,
    has_strange_letters,
    is_too_short,
)
from hyenascope.models.batching import BatchSize
from hyenascope.models.model_checks import AnyModel
from hyenascope.models.predict import mean_known
from hyenascope.models.wrappers.protocol import WrappedModel
from hyenascope.sequence.dna import BASES


class VariantScorer:
    """What `hyenascope.score_variants` does, ready to be done again and again.

    The baselines are fitted once, when they are first needed.

    Parameters
    ----------
    model
        A causal model; borrowed at each call and put back.
    genome
        Open reader.
    options
        What is asked.
    batch_size, max_memory
        As in `hyenascope.score_variants`.
    device
        Where to run.
    baselines
        Word counts of the genome that are at hand already.
    """

    def __init__(
        self,
        model: AnyModel,
        genome: FastaReader,
        options: ScoringOptions,
        *,
        batch_size: BatchSize,
        max_memory: int,
        device: torch.device,
        baselines: Baselines | None = None,
    ) -> None:
        self.model = model
        self.genome = genome
        self.options = options
        self.device = device
        self._baselines = baselines
        self._plan = PassPlan(
            options.scores, options.strands, options.downstream, batch_size, max_memory
        )

    @cached_property
    def baselines(self) -> Baselines:
        """Word counts of the genome."""
        if self._baselines is not None:
            return self._baselines
        return Baselines.fit(self.genome, markov_order=self.options.markov_order)

    @cached_property
    def columns(self) -> pd.DataFrame:
        """One row per score: what it is, its strand, unit, and how to read it."""
        return self.options.columns()

    @cached_property
    def provenance(self) -> dict[str, object]:
        """Model, genome and options."""
        return provenance_of(self.model, self.genome, **self.options.provenance())

    def score(
        self, given: Sequence[Variant], *, strict: bool = False, progress: bool = False
    ) -> ad.AnnData:
        """Score variants in their order, as `hyenascope.score_variants` says.

        Raises
        ------
        VariantError
            With ``strict``, if a variant cannot be scored.
        """
        windowed = [_window(variant, self.genome, self.options) for variant in given]
        checked = [item.checked for item in windowed]
        if strict:
            raise_first(checked)
        jobs = [
            Job(row, item.checked.variant, item.window)
            for row, item in enumerate(windowed)
            if item.checked.ok and item.window is not None
        ]
        table = _Table(len(given), self.columns, self.options)
        placed = {job.row: job for job in jobs}
        passes = self._passes()
        failures = passes.failures if isinstance(passes, WrappedPasses) else {}
        for row, sides in passes.run(jobs, progress=progress):
            table.put_sides(row, sides)
            silent = _silent_strands(
                sides, placed[row], self.genome, self._plan, self.model, failures
            )
            windowed[row] = windowed[row].noted(silent, scored=table.is_scored(row))
            if strict:
                raise_first([windowed[row].checked])
        facts = {
            "baseline_bases": self._fill_baselines(table, jobs),
            "ref_agreement": ref_agreement(checked),
            "engine": passes.engine,
        }
        return ad.AnnData(
            table.value,
            _obs(given, windowed, self.genome),
            self.columns,
            layers={"ref": table.ref, "alt": table.alt},
            uns={"hyenascope": self.provenance | facts},
        )

    def _passes(self) -> VariantPasses | WrappedPasses:
        if not isinstance(self.model, WrappedModel):
            return VariantPasses(self.model, self.genome, self._plan, self.device)
        return WrappedPasses(
            self.model,
            self.genome,
            scores=self.options.scores,
            outputs={
                name: output.on(self.genome) for name, output in self.options.outputs
            },
            sides=self._plan.sides,
            window=self.options.downstream,
            device=str(self.device),
        )

    def _fill_baselines(self, table: "_Table", jobs: Sequence[Job]) -> int:
        """Fill the columns that need no model; return the bases they rest on."""
        if not self.options.baselines or not jobs:
            return 0
        for job in jobs:
            width = self.baselines.flank(job.variant)
            left, right = _flanks(self.genome, job.variant, width)
            found = self.baselines.judge(job.variant, left, right)
            for name in self.options.baselines:
                table.put(job.row, name, *found[name])
        return self.baselines.fitted_bases


@dataclass(frozen=True)
class _Windowed:
    """A checked variant with its window and the N in it."""

    checked: CheckedVariant
    window: Interval | None = None
    ambiguous: int = 0

    def noted(self, silent: str, *, scored: bool) -> "_Windowed":
        """Add what the passes found: which strands have no number, or that none has."""
        if not silent:
            return self
        status = self.checked.status if scored else "no_score"
        return replace(
            self, checked=replace(self.checked, status=status, reason=silent)
        )


class _Table:
    """Three matrices "variant score", NaN until filled."""

    def __init__(
        self, rows: int, columns: pd.DataFrame, options: ScoringOptions
    ) -> None:
        self.columns = columns
        self._index = {name: i for i, name in enumerate(columns.index)}
        self.value, self.ref, self.alt = np.full((3, rows, len(columns)), np.nan)
        self._names = options.names
        self._mean = [self._index[name] for name in options.names]
        self._sides = {
            side: [self._index[f"{name}_{side}"] for name in options.names]
            for side in options.sides
        }

    def put(self, row: int, name: str, ref: float, alt: float) -> None:
        self._fill(row, [self._index[name]], np.array([[ref, alt]]))

    def put_sides(self, row: int, sides: dict[str, Sides]) -> None:
        pairs = np.array(
            [[found[name] for name in self._names] for found in sides.values()],
            np.float64,
        )
        whole = pairs.copy()
        whole[np.isnan(pairs).any(axis=2)] = np.nan  # a strand counts whole
        self._fill(row, self._mean, mean_known(whole))
        for side, pair in zip(sides, pairs, strict=True):
            if side in self._sides:
                self._fill(row, self._sides[side], pair)

    def is_scored(self, row: int) -> bool:
        """Whether any score of the model has a number."""
        return not np.isnan(self.value[row, self._mean]).all()

    def _fill(
        self, row: int, columns: list[int], pairs: Float64[np.ndarray, "columns 2"]
    ) -> None:
        self.ref[row, columns], self.alt[row, columns] = pairs.T
        self.value[row, columns] = pairs[:, 1] - pairs[:, 0]


def _window(
    variant: Variant, genome: FastaReader, options: ScoringOptions
) -> _Windowed:
    longest = max(1, options.context // 4)
    checked = check_variant(variant, genome, longest_allele=longest)
    if not checked.ok:
        return _Windowed(checked)
    window = grid_window(
        checked.variant,
        genome.contigs[checked.variant.chrom],
        context=options.context,
        stride=options.stride,
    )
    text = genome.fetch(window)
    ambiguous = len(text) - sum(text.count(base) for base in BASES)
    if ambiguous > options.max_ambiguous * len(text):
        checked = replace(
            checked,
            status="ambiguous_window",
            reason=f"at most {options.max_ambiguous:.0%} of the window may be N or "
            f"IUPAC codes; got {ambiguous:,} of {len(text):,} bp",
        )
    return _Windowed(checked, window, ambiguous)


def _flanks(genome: FastaReader, variant: Variant, width: int) -> tuple[str, str]:
    """Up to ``width`` known-contig bases on each side of the reference allele."""
    size = genome.contigs[variant.chrom]
    start, end = max(0, variant.start - width), min(size, variant.end + width)
    return (
        genome.fetch_region(variant.chrom, start, variant.start),
        genome.fetch_region(variant.chrom, variant.end, end),
    )


def _silent_strands(
    sides: dict[str, Sides],
    job: Job,
    genome: FastaReader,
    plan: PassPlan,
    model: AnyModel,
    failures: Mapping[tuple[int, str], str],
) -> str:
    """Say which strands have no number: the mean then rests on the other."""
    reasons: dict[str, list[str]] = {}
    for strand, found in sides.items():
        if any(math.isnan(each) for pair in found.values() for each in pair):
            reason = failures.get((job.row, strand))
            reason = reason or _silence(strand, job, genome, plan, model)
            reasons.setdefault(reason, []).append(strand)
    return "; ".join(
        f"{' and '.join(strands)}: {reason}" for reason, strands in reasons.items()
    )


def _silence(
    strand: str, job: Job, genome: FastaReader, plan: PassPlan, model: AnyModel
) -> str:
    """Say why a strand has no number."""
    room = len(job.variant.ref)
    text = strand_text(genome, job.window, reverse=strand == "reverse", room=room)
    reading = text.read(job.variant)
    if isinstance(model, WrappedModel) and is_too_short(model, reading):
        return f"the contig must hold the {model.context_length:,} bp that are read"
    if isinstance(model, WrappedModel) and has_strange_letters(model, reading):
        return f"N in what is read, which {model.name} has no letter for"
    if isinstance(model, WrappedModel) and can_be_read(model, reading):
        if "log_probs" in model.offers:
            return "N in the change, or no token that spells it"
        return f"no bin that is asked for of {model.name} lies at the variant"
    cut_off = "downstream" in plan.scores and is_cut_off(reading, plan.window)
    if not cut_off or not can_be_judged(reading):
        return "nothing before the change, or N in it"
    return f"no downstream score, {contig_ends(plan.window)}"


def _obs(
    given: Sequence[Variant],
    windowed: Sequence[_Windowed],
    genome: FastaReader,
) -> pd.DataFrame:
    """One row per variant as the file gave it, with what was found about it."""
    rows = [_obs_row(v, item, genome) for v, item in zip(given, windowed, strict=True)]
    frame = pd.DataFrame(rows, index=list(unique_names(map(str, given))))
    whole = ["pos", "window_start", "window_end", "ambiguous_bases"]
    return frame.astype(dict.fromkeys(whole, "int64"))


def _obs_row(
    variant: Variant, item: _Windowed, genome: FastaReader
) -> dict[str, object]:
    label = ""
    if item.checked.ok or item.checked.status == "no_score":
        left, right = _flanks(genome, item.checked.variant, 1)
        label = context_label(item.checked.variant, left, right)
    return {
        "chrom": variant.chrom,
        "pos": variant.pos,
        "ref": variant.ref,
        "alt": variant.alt,
        "id": variant.id,
        "kind": variant.kind,
        "status": item.checked.status,
        "reason": item.checked.reason,
        "trinucleotide_context": label,
        "window_start": -1 if item.window is None else item.window.start,
        "window_end": -1 if item.window is None else item.window.end,
        "ambiguous_bases": item.ambiguous,
    }


def unique_names(names: Iterable[str]) -> Iterator[str]:
    """Mark second and later appearances: AnnData needs unique names.

    Examples
    --------
    >>> list(unique_names(["chr1:7:A>G", "chr1:9:T>C", "chr1:7:A>G"]))
    ['chr1:7:A>G', 'chr1:9:T>C', 'chr1:7:A>G#2']
    """
    seen: Counter[str] = Counter()
    for name in names:
        seen[name] += 1
        yield name if seen[name] == 1 else f"{name}#{seen[name]}"
