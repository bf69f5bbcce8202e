"""Score phased haplotypes: what the variants of one chromosome copy do together.

Variants that one sample has on one copy in the same grid window are applied
jointly, scored, and compared with the sum of what each does alone: the difference
is epistasis in the eyes of the model.
"""

from collections.abc import Iterator, Sequence
from itertools import tee
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import torch
from tqdm.auto import tqdm

from hyenascope._device import borrow
from hyenascope._typing import Strands, StrPath
from hyenascope.data.fasta import FastaReader, opened
from hyenascope.data.genotypes import read_genotypes
from hyenascope.data.interval import Interval
from hyenascope.interpret.haplotype import StrandText, grid_stride, strand_text
from hyenascope.interpret.joint_reading import (
    JointReading,
    joint_change,
    read_jointly,
)
from hyenascope.interpret.provenance import provenance_of
from hyenascope.interpret.sample_haplotypes import (
    Haplotype,
    HaplotypeTable,
    Variants,
)
from hyenascope.interpret.scores import ScoreDefinition
from hyenascope.interpret.variant_passes import warn_if_half
from hyenascope.interpret.window_passes import WindowReader
from hyenascope.models.batching import BatchSize
from hyenascope.models.hyena import HyenaLM
from hyenascope.models.incremental import Mutant, bytes_per_place, tokens_for
from hyenascope.models.model_checks import require_causal, window_context
from hyenascope.models.mutant_passes import (
    READER_NAMES,
    FullPasses,
    Reader,
    choose_reader,
)
from hyenascope.models.predict import check_strands, mean_known

HAPLOTYPE_SCORES: dict[str, ScoreDefinition] = {
    "haplotype": ScoreDefinition(
        "haplotype",
        "likelihood score of all its variants at once: Σ log p(base | left) to the "
        "window's end, paired by coordinate, haplotype − reference; a base that one "
        "side lacks counts as the window's mean",
        "nats",
        "Negative: the window with all the changes is less likely than the reference.",
    ),
    "singles": ScoreDefinition(
        "singles",
        "sum of the likelihood scores of its variants, each alone on the reference",
        "nats",
        "What the haplotype would score if its variants did not meet.",
    ),
    "epistasis": ScoreDefinition(
        "epistasis",
        "haplotype − singles",
        "nats",
        "Negative: together the variants are less likely than apart; zero: they do "
        "not meet. Exactly zero for one variant.",
    ),
}
"""What the columns of `score_haplotypes` mean."""


def score_haplotypes(
    model: HyenaLM,
    vcf: StrPath,
    genome: FastaReader | StrPath,
    *,
    samples: Sequence[str] | None = None,
    region: Interval | str | None = None,
    context: int | None = None,
    strands: Strands = "both",
    window_stride: int | None = None,
    max_ambiguous: float = 0.25,
    batch_size: BatchSize = "auto",
    max_memory: int = 2 * 2**30,
    device: str | torch.device | None = None,
    progress: bool = False,
) -> ad.AnnData:
    """Score the distinct haplotypes of every window of a VCF with genotypes.

    A window takes in the variants of one step of the grid; each copy of each sample
    is one haplotype of it. Homozygous variants are on both copies. One heterozygous
    variant needs no phase, several need one phase set; where they have none, the
    sample gets one flagged row with all of them. Missing alleles count as reference,
    and so does what lies in the neighbouring step.

    Parameters
    ----------
    model
        A causal model; borrowed and put back.
    vcf
        VCF or BCF with sample columns; PS is heeded.
    genome
        Reader or FASTA path.
    samples
        Names to keep; all if None.
    region
        Only records that overlap it: 1-based text or a 0-based `Interval`. Large
        files should be read by region: calls are held in memory.
    context, strands, max_ambiguous, batch_size, max_memory, device, progress
        As in `hyenascope.score_variants`.
    window_stride
        Bases that a haplotype may span, a quarter of the context by default, at
        most half.

    Returns
    -------
    anndata.AnnData
        ``.obs`` one row per distinct haplotype: ``chrom start end`` (what is read,
        0-based half-open), ``variants`` (``;`` between them), ``n_variants``,
        ``carriers`` (``sample:copy``, copies counted from 1, ``?`` where the phase is
        not known), ``n_carriers``, ``status``, ``reason``. ``.var`` ``haplotype``,
        ``singles`` and ``epistasis``, with both strands also for each. ``.X`` in nats;
        NaN where flagged: a variant that cannot be scored, ``overlapping`` variants,
        ``unphased`` ones. Where one strand cannot judge, the mean is the other's and
        ``reason`` says so.

    Raises
    ------
    ValueError
        If an option is out of range, the model is two-sided, the file has no such
        samples or cannot be read, or nobody carries anything.

    Examples
    --------
    >>> import tempfile
    >>> from hyenascope.models.hyena import HyenaConfig
    >>> model = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    >>> lines = [
    ...     "##fileformat=VCFv4.3",
    ...     "#CHROM POS ID REF ALT QUAL FILTER INFO FORMAT NA1",
    ...     "I 50 . C A . . . GT 1|0",
    ...     "I 51 . G T . . . GT 1|0",
    ... ]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     fasta, vcf = Path(folder) / "tiny.fa", Path(folder) / "tiny.vcf"
    ...     _ = fasta.write_text(f">I{chr(10)}{'ACGT' * 30}")
    ...     _ = vcf.write_text(chr(10).join(lines).replace(" ", chr(9)) + chr(10))
    ...     found = score_haplotypes(model, vcf, fasta)
    >>> found.obs[["variants", "carriers"]].iloc[0].tolist()
    ['I:50:C>A;I:51:G>T', 'NA1:1']
    """
    require_causal(model)
    check_strands(strands)
    warn_if_half(model)
    context = window_context(model, context)
    stride = grid_stride(window_stride, context)
    sides = ("forward", "reverse") if strands == "both" else (strands,)
    with opened(genome) as reader:
        table = HaplotypeTable(
            reader, context=context, stride=stride, max_ambiguous=max_ambiguous
        )
        for record in read_genotypes(vcf, samples=samples, region=region):
            table.add(record)
        windows = list(table.haplotypes())
        if not windows:
            raise ValueError(f"vcf must hold a carried variant; got none in {vcf}.")
        passes = _Windows(model, reader, sides, batch_size, max_memory)
        rows = []
        with borrow(model, device):
            for haplotypes in tqdm(windows, disable=not progress, unit="window"):
                rows.append(passes.read(haplotypes))
        details = provenance_of(
            model,
            reader,
            method="score_haplotypes",
            vcf=Path(vcf).name,
            context=context,
            window_stride=stride,
            strands=strands,
            max_ambiguous=max_ambiguous,
            engine=passes.engine,
        )
    every = [haplotype for haplotypes in windows for haplotype in haplotypes]
    return ad.AnnData(
        np.concatenate(rows), _obs(every), _var(strands), uns={"hyenascope": details}
    )


class _Windows:
    """Read the haplotypes of one window after another."""

    def __init__(
        self,
        model: HyenaLM,
        genome: FastaReader,
        sides: Sequence[str],
        batch_size: BatchSize,
        max_memory: int,
    ) -> None:
        self.model = model
        self.genome = genome
        self.sides = sides
        self.batch_size = batch_size
        self.max_memory = max_memory
        self._kind: Reader | None = None
        self._used: set[str] = set()

    @property
    def engine(self) -> str:
        return " and ".join(sorted(self._used)) or "none"

    @torch.inference_mode()
    def read(self, haplotypes: Sequence[Haplotype]) -> np.ndarray:
        """Return rows "haplotypes columns": the mean, and then each strand."""
        scored = [each for each in haplotypes if each.ok]
        changes = {side: self._changes(side, scored) for side in self.sides}
        result = np.full((len(haplotypes), len(self.sides), 3), np.nan)
        for row, haplotype in enumerate(haplotypes):
            for side, name in enumerate(self.sides):
                if haplotype.ok:
                    found = _three(haplotype.variants, changes[name])
                    result[row, side] = found
                    if np.isnan(found[0]):
                        haplotype.silent(name)
        columns = [mean_known(result.swapaxes(0, 1))[:, :, None]]
        if len(self.sides) > 1:
            columns.append(result.swapaxes(1, 2))
        return np.concatenate(columns, axis=2).reshape(len(haplotypes), -1)

    def _changes(
        self, side: str, haplotypes: Sequence[Haplotype]
    ) -> dict[Variants, float]:
        """Score haplotypes, and their variants alone, from one reference pass."""
        if not haplotypes:
            return {}
        window = haplotypes[0].window
        assert window is not None
        wanted = dict.fromkeys(each.variants for each in haplotypes)
        wanted |= {(variant,): None for each in haplotypes for variant in each.variants}
        room = max(sum(len(v.ref) for v in variants) for variants in wanted)
        text = strand_text(self.genome, window, reverse=side == "reverse", room=room)
        firsts = {}
        for variants in wanted:
            reading = read_jointly(text, variants)
            # The first base of a strand has nothing to its left.
            if reading.is_seen and reading.first > 0:
                firsts[variants] = reading.first
        return self._run(text, sorted(firsts, key=firsts.__getitem__), firsts)

    def _run(
        self, text: StrandText, order: Sequence[Variants], firsts: dict[Variants, int]
    ) -> dict[Variants, float]:
        if not order:
            return {}
        tokens = tokens_for(self.model, text.reference)
        start, end = firsts[order[0]], firsts[order[-1]] + 1
        kind = self._reader(tokens, places=len(tokens) - start + end - start)
        reader = WindowReader(
            kind(self.model, tokens, start=start, end=end, window=len(tokens) - start)
        )
        readings, again = tee(read_jointly(text, variants) for variants in order)
        alternates = reader.alternates(_mutants(again), batch_size=self.batch_size)
        return {
            variants: joint_change(reading, reader.picked, alternate.picked)
            for variants, reading, alternate in zip(
                order, readings, alternates, strict=True
            )
        }

    def _reader(self, tokens: torch.Tensor, *, places: int) -> Reader:
        if self._kind is None:
            self._kind = choose_reader(self.model, tokens)
        kind = self._kind
        if places * bytes_per_place(self.model) > self.max_memory:
            kind = FullPasses
        self._used.add(READER_NAMES[kind])
        return kind


def _mutants(readings: Iterator[JointReading]) -> Iterator[Mutant]:
    for reading in readings:
        rest = reading.alternate[reading.first :]
        yield Mutant(reading.first, rest, reading.changed)


def _three(
    variants: Variants, changes: dict[Variants, float]
) -> tuple[float, float, float]:
    """Return joint score, sum of singles and epistasis of one strand."""
    joint = changes.get(variants, np.nan)
    singles = sum(changes.get((variant,), np.nan) for variant in variants)
    if np.isnan(joint) or np.isnan(singles):  # a strand counts whole
        return np.nan, np.nan, np.nan
    return joint, singles, joint - singles


def _var(strands: Strands) -> pd.DataFrame:
    kinds = (strands, "forward", "reverse") if strands == "both" else (strands,)
    rows = {
        name if kind == strands else f"{name}_{kind}": {
            "score": name,
            "strand": kind,
            "formula": score.formula,
            "unit": score.unit,
            "reading": score.reading,
            "signed": score.signed,
            "source": score.source,
        }
        for name, score in HAPLOTYPE_SCORES.items()
        for kind in kinds
    }
    return pd.DataFrame(rows.values(), index=list(rows))


def _obs(haplotypes: Sequence[Haplotype]) -> pd.DataFrame:
    rows: dict[str, dict[str, object]] = {}
    for haplotype in haplotypes:
        window, variants = haplotype.window, haplotype.variants
        row = {
            "chrom": variants[0].chrom,
            "start": -1 if window is None else window.start,
            "end": -1 if window is None else window.end,
            "variants": ";".join(map(str, variants)),
            "n_variants": len(variants),
            "carriers": ",".join(haplotype.carriers),
            "n_carriers": len(haplotype.carriers),
            "status": haplotype.status,
            "reason": haplotype.reason,
        }
        rows[f"{row['chrom']}:{row['start']}-{row['end']}#{len(rows) + 1}"] = row
    return pd.DataFrame(rows.values(), index=list(rows))
