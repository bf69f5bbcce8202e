"""Score variants with a causal language model, beside baselines that need none.

Variants are grouped by the grid window they share (`hyenascope.interpret.haplotype`):
one reference pass per window and strand serves them all, and an SNV's
`conditional` score comes from that pass alone. For every other score only what the
change touches is computed again.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import get_args

import anndata as ad
import numpy as np
import pandas as pd
import torch

from hyenascope._device import resolve_device
from hyenascope._typing import OnError, Strands, StrPath
from hyenascope.data.fasta import FastaReader, opened
from hyenascope.data.interval import Interval
from hyenascope.data.variant import Variant
from hyenascope.interpret.background import Background
from hyenascope.interpret.baselines import Baselines, context_label
from hyenascope.interpret.haplotype import grid_stride, grid_window, strand_text
from hyenascope.interpret.provenance import provenance_of
from hyenascope.interpret.score_formulas import Sides, can_be_judged, is_cut_off
from hyenascope.interpret.scores import SCORES, BaselineName, ScoreName
from hyenascope.interpret.unscored import contig_ends
from hyenascope.interpret.variant_checks import (
    CheckedVariant,
    check_variant,
    raise_first,
    ref_agreement,
)
from hyenascope.interpret.variant_passes import VariantPasses
from hyenascope.interpret.variant_sources import VariantSource, collect_variants
from hyenascope.interpret.window_rows import Job, PassPlan
from hyenascope.models.batching import BatchSize
from hyenascope.models.hyena import HyenaLM
from hyenascope.models.predict import (
    mean_known,
    require_causal,
    window_context,
)
from hyenascope.sequence.dna import BASES


def score_variants(
    model: HyenaLM,
    variants: VariantSource,
    genome: FastaReader | StrPath,
    *,
    context: int | None = None,
    scores: Sequence[ScoreName] = ("conditional", "likelihood"),
    strands: Strands = "both",
    baselines: Sequence[BaselineName] = ("markov", "cpg", "trinucleotide"),
    markov_order: int = 8,
    downstream_window: int = 512,
    window_stride: int | None = None,
    max_ambiguous: float = 0.25,
    region: Interval | str | None = None,
    background: Background | None = None,
    on_error: OnError = "flag",
    batch_size: BatchSize = "auto",
    max_memory: int = 2 * 2**30,
    device: str | torch.device | None = None,
    progress: bool = False,
) -> ad.AnnData:
    """Score what each variant changes in the eyes of the model.

    Every difference is alternate − reference: negative means the model likes
    the change less. Log-likelihoods are in nats, over A, C, G, T, added in
    float64; `hyenascope.interpret.scores.SCORES` holds each formula.

    Parameters
    ----------
    model
        A causal model; borrowed and put back.
    variants
        A VCF, BCF, TSV or CSV path, one variant or many, or a table with
        ``chrom``, ``pos`` (1-based), ``ref``, ``alt`` and optionally ``id``.
        Several alternates are several rows.
    genome
        Reader or FASTA path; ``chr1`` and ``1`` are one contig.
    context
        Window in bases; by default the model's, at most 16,384.
    scores
        Which model scores. ``"conditional"`` alone is the quickest. The numbers that
        benchmarks publish are in `hyenascope.interpret.scores.PUBLISHED`.
    strands
        ``"forward"``, ``"reverse"`` (the model reads the reverse complement), or
        ``"both"``: the mean, and each strand in a column of its own.
    baselines, markov_order
        Columns that need no model, fitted on this genome.
    downstream_window
        Bases that ``"downstream"`` adds up from the change on: the ``window`` of
        `saturation_mutagenesis`. At most what every window holds on either side,
        half the context less half the stride. A strand on which the contig has fewer
        gives NaN, and ``reason`` says so.
    window_stride
        Step of the window grid, a quarter of the context by default: more
        variants share a pass, each has 3/8 to 5/8 of the context on either side.
        1 centres every window.
    max_ambiguous
        Largest fraction of N and IUPAC codes in a window; they are read as N.
    region
        Only variants that overlap it: 1-based text or a 0-based `Interval`.
    background
        What `hyenascope.interpret.fit_background` made with the same model, genome
        and options: adds ``.layers["percentile"]``, see `Background.percentile`.
    on_error
        What a variant that cannot be scored does: ``"raise"``; ``"flag"`` keeps
        its row with NaN, a ``status`` and a ``reason``; ``"skip"`` leaves it out.
    max_memory
        Bytes that a reference pass may keep for its mutants. Less memory means more
        work, never other numbers.
    batch_size, device, progress
        As in `hyenascope.logits`.

    Returns
    -------
    anndata.AnnData
        ``.obs`` one row per variant (index ``chr1:7:A>G``), ``.var`` one row per
        score with its definition, unit, source and how to read it, ``.X`` alternate
        − reference, ``.layers["ref"]`` and ``["alt"]`` the two sides,
        ``.uns["hyenascope"]`` model, genome, options, REF agreement and the engine
        that read the mutants.

    Raises
    ------
    ValueError
        If an option is out of range, the model is two-sided, a file cannot be
        read, or there is no variant at all.
    VariantError
        With ``on_error="raise"``, if a variant cannot be scored.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from hyenascope.models.hyena import HyenaConfig
    >>> model = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "tiny.fa"
    ...     _ = path.write_text(f">I{chr(10)}{'ACGT' * 30}")
    ...     found = score_variants(model, Variant("I", 51, "G", "A"), path)
    >>> found.shape, found.obs["status"].iloc[0]
    ((1, 9), 'ok')
    """
    require_causal(model)
    context = window_context(model, context)
    options = _Options(
        context=context,
        stride=grid_stride(window_stride, context),
        scores=tuple(scores),
        strands=strands,
        baselines=tuple(baselines),
        markov_order=markov_order,
        max_ambiguous=max_ambiguous,
        downstream_window=downstream_window,
    )
    if on_error not in get_args(OnError):
        raise ValueError(f"on_error must be raise, flag or skip; got {on_error!r}.")
    given = collect_variants(variants, region=region)
    with opened(genome) as reader:
        provenance = provenance_of(model, reader, **options.provenance())
        if background is not None:  # said before the work, not after
            background.check(provenance, _columns(options))
        windowed = [_window(variant, reader, options) for variant in given]
        checked = [item.checked for item in windowed]
        if on_error == "raise":
            raise_first(checked)
        jobs = [
            Job(row, item.checked.variant, item.window)
            for row, item in enumerate(windowed)
            if item.checked.ok and item.window is not None
        ]
        table = _Table(len(given), _columns(options))
        placed = {job.row: job for job in jobs}
        notes: dict[int, str] = {}
        plan = PassPlan(
            options.scores, strands, options.downstream, batch_size, max_memory
        )
        passes = VariantPasses(model, reader, plan, resolve_device(device))
        for row, sides in passes.run(jobs, progress=progress):
            table.put_sides(row, sides, options)
            notes[row] = _silent_strands(sides, placed[row], reader, plan)
        provenance |= {
            "baseline_bases": _fill_baselines(table, jobs, reader, options),
            "ref_agreement": ref_agreement(checked),
            "engine": passes.engine,
        }
        obs = _obs(given, windowed, notes, reader)
    result = ad.AnnData(
        table.value,
        obs,
        table.columns,
        layers={"ref": table.ref, "alt": table.alt},
        uns={"hyenascope": provenance},
    )
    if background is not None:
        result = background.percentile(result)
    return _without_flagged(result) if on_error == "skip" else result


@dataclass(frozen=True)
class _Options:
    """What the caller asked for, checked."""

    context: int
    stride: int
    scores: tuple[ScoreName, ...]
    strands: Strands
    baselines: tuple[BaselineName, ...]
    markov_order: int
    max_ambiguous: float
    downstream_window: int

    def __post_init__(self) -> None:
        _one_of("scores", self.scores, get_args(ScoreName))
        _one_of("baselines", self.baselines, get_args(BaselineName))
        _one_of("strands", (self.strands,), get_args(Strands))
        if not self.scores:
            raise ValueError("scores must name at least one score; got none.")
        if not 0 <= self.max_ambiguous <= 1:
            raise ValueError(
                f"max_ambiguous must lie between 0 and 1; got {self.max_ambiguous}."
            )
        if self.downstream_window < 1:
            raise ValueError(
                f"downstream_window must be at least 1; got {self.downstream_window}."
            )

    @property
    def downstream(self) -> int:
        """Bases that the downstream score adds up: what every window holds."""
        room = self.context // 2 - self.stride // 2
        return max(1, min(self.downstream_window, room))

    @property
    def sides(self) -> tuple[str, ...]:
        """Strands that get columns of their own beside the mean."""
        return ("forward", "reverse") if self.strands == "both" else ()

    def provenance(self) -> dict[str, object]:
        return {
            "context": self.context,
            "window_stride": self.stride,
            "strands": self.strands,
            "scores": list(self.scores),
            "baselines": list(self.baselines),
            "markov_order": self.markov_order,
            "max_ambiguous": self.max_ambiguous,
            "downstream_window": self.downstream,
        }


@dataclass(frozen=True)
class _Windowed:
    """A checked variant with its window and the N in it."""

    checked: CheckedVariant
    window: Interval | None = None
    ambiguous: int = 0


class _Table:
    """Three matrices "variant score", NaN until filled."""

    def __init__(self, rows: int, columns: pd.DataFrame) -> None:
        self.columns = columns
        self._index = {name: i for i, name in enumerate(columns.index)}
        self.value, self.ref, self.alt = np.full((3, rows, len(columns)), np.nan)

    def put(self, row: int, name: str, ref: float, alt: float) -> None:
        i = self._index[name]
        self.ref[row, i], self.alt[row, i] = ref, alt
        self.value[row, i] = alt - ref

    def put_sides(self, row: int, sides: dict[str, Sides], options: _Options) -> None:
        for name in options.scores:
            pairs = np.array([found[name] for found in sides.values()], np.float64)
            pairs[np.isnan(pairs).any(axis=1)] = np.nan  # a strand counts whole
            ref, alt = mean_known(pairs)
            self.put(row, name, float(ref), float(alt))
            for strand in options.sides:
                self.put(row, f"{name}_{strand}", *sides[strand][name])


def _one_of(name: str, given: Sequence[str], allowed: Sequence[str]) -> None:
    for item in given:
        if item not in allowed:
            raise ValueError(
                f"{name} must be among {', '.join(allowed)}; got {item!r}."
            )


def _window(variant: Variant, genome: FastaReader, options: _Options) -> _Windowed:
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


def _columns(options: _Options) -> pd.DataFrame:
    """One row per score: what it is, its strand, unit, and how to read it."""
    rows: dict[str, tuple[str, str]] = {}
    for name in options.scores:
        rows[name] = (name, options.strands)
        rows |= {f"{name}_{strand}": (name, strand) for strand in options.sides}
    rows |= {name: (name, "both") for name in options.baselines}
    frame = pd.DataFrame(
        list(rows.values()), index=list(rows), columns=["score", "strand"]
    )
    for field in ("formula", "unit", "reading", "signed", "source"):
        frame[field] = [getattr(SCORES[score], field) for score in frame["score"]]
    frame["kind"] = [
        "baseline" if score in options.baselines else "model"
        for score in frame["score"]
    ]
    return frame


def _fill_baselines(
    table: _Table, jobs: Sequence[Job], genome: FastaReader, options: _Options
) -> int:
    """Fill the columns that need no model; return the bases they were fitted on."""
    if not options.baselines or not jobs:
        return 0
    baselines = Baselines.fit(genome, markov_order=options.markov_order)
    for job in jobs:
        left, right = _flanks(genome, job.variant, baselines.flank(job.variant))
        found = baselines.judge(job.variant, left, right)
        for name in options.baselines:
            table.put(job.row, name, *found[name])
    return baselines.fitted_bases


def _flanks(genome: FastaReader, variant: Variant, width: int) -> tuple[str, str]:
    """Up to ``width`` known-contig bases on each side of the reference allele."""
    size = genome.contigs[variant.chrom]
    start, end = max(0, variant.start - width), min(size, variant.end + width)
    return (
        genome.fetch_region(variant.chrom, start, variant.start),
        genome.fetch_region(variant.chrom, variant.end, end),
    )


def _without_flagged(scores: ad.AnnData) -> ad.AnnData:
    """Leave flagged rows out, but not the memory of how many there were."""
    status = scores.obs["status"]
    kept = scores[status == "ok"].copy()
    skipped = status[status != "ok"].value_counts()
    kept.uns["hyenascope"]["skipped"] = {str(k): int(n) for k, n in skipped.items()}
    return kept


def _silent_strands(
    sides: dict[str, Sides], job: Job, genome: FastaReader, plan: PassPlan
) -> str:
    """Say which strands have no number: the mean then rests on the other."""
    reasons: dict[str, list[str]] = {}
    for strand, found in sides.items():
        if any(np.isnan(pair).any() for pair in found.values()):
            reason = _silence(strand, job, genome, plan)
            reasons.setdefault(reason, []).append(strand)
    return "; ".join(
        f"{' and '.join(strands)}: {reason}" for reason, strands in reasons.items()
    )


def _silence(strand: str, job: Job, genome: FastaReader, plan: PassPlan) -> str:
    """Say why a strand has no number."""
    room = len(job.variant.ref)
    text = strand_text(genome, job.window, reverse=strand == "reverse", room=room)
    reading = text.read(job.variant)
    cut_off = "downstream" in plan.scores and is_cut_off(reading, plan.window)
    if not cut_off or not can_be_judged(reading):
        return "nothing before the change, or N in it"
    return f"no downstream score, {contig_ends(plan.window)}"


def _obs(
    given: Sequence[Variant],
    windowed: Sequence[_Windowed],
    notes: dict[int, str],
    genome: FastaReader,
) -> pd.DataFrame:
    """One row per variant as the file gave it, with what was found about it."""
    rows = [_obs_row(v, item, genome) for v, item in zip(given, windowed, strict=True)]
    for row, note in notes.items():
        rows[row]["reason"] = note
    frame = pd.DataFrame(rows, index=_unique([str(variant) for variant in given]))
    whole = ["pos", "window_start", "window_end", "ambiguous_bases"]
    return frame.astype(dict.fromkeys(whole, "int64"))


def _obs_row(
    variant: Variant, item: _Windowed, genome: FastaReader
) -> dict[str, object]:
    label = ""
    if item.checked.ok:
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


def _unique(names: list[str]) -> list[str]:
    """Mark second and later appearances: AnnData needs unique names."""
    seen: Counter[str] = Counter()
    result = []
    for name in names:
        seen[name] += 1
        result.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return result
