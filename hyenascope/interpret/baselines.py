"""What a variant looks like without a language model.

A small language model must be read against these: k-mer counts of the same
genome, the gain and loss of CpG, and how common the trinucleotide is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hyenascope._typing import StrPath
from hyenascope.data.array_file import read_arrays
from hyenascope.data.atomic import atomic_path
from hyenascope.data.fasta import FastaReader
from hyenascope.data.variant import Variant
from hyenascope.sequence.context import (
    TrinucleotideFrequency,
    trinucleotide_context,
)
from hyenascope.sequence.dna import reverse_complement
from hyenascope.sequence.markov import MarkovModel

_PIECE = 65_536  # bases read at a time


@dataclass(frozen=True)
class Baselines:
    """Counts of one genome, ready to judge its variants.

    ``fitted_bases`` is the number of A, C, G, T they were fitted on.
    """

    markov: MarkovModel
    trinucleotides: TrinucleotideFrequency
    fitted_bases: int

    @classmethod
    def fit(
        cls,
        genome: FastaReader | StrPath,
        *,
        markov_order: int = 8,
        max_bases: int = 20_000_000,
    ) -> "Baselines":
        """Fit on both strands of a genome.

        A genome of more than ``max_bases`` is sampled by pieces of 65,536 bp in a
        random order that is always the same. N is left out and does not count.

        Parameters
        ----------
        genome
            Reader or FASTA path.
        markov_order
            Bases of context of the interpolated Markov model.
        max_bases
            Reading stops after the piece that reaches this many known bases.
        """
        reader = genome if isinstance(genome, FastaReader) else FastaReader(genome)
        texts = list(_sample(reader, max_bases))
        bases = sum(len(text) - text.count("N") for text in texts)
        return cls(
            MarkovModel.fit(texts, markov_order),
            TrinucleotideFrequency.fit(texts),
            bases,
        )

    def save(self, path: StrPath) -> None:
        """Write the counts as ``.npz``, whole or not at all."""
        tables = {f"order_{k}": table for k, table in enumerate(self.markov.tables)}
        names = sorted(self.trinucleotides.of)
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.savez(
                file,
                **tables,  # type: ignore[arg-type]
                trinucleotides=np.array(names),
                frequencies=np.array([self.trinucleotides.of[name] for name in names]),
                fitted_bases=np.array(self.fitted_bases),
            )

    @classmethod
    def load(cls, path: StrPath) -> "Baselines":
        """Read what `save` wrote.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If the file is damaged or something else; the message starts with the path.
        """
        # `save` packs nothing, so no file holds more than its own size.
        arrays = read_arrays(path, most_bytes=Path(path).stat().st_size)
        orders = sum(name.startswith("order_") for name in arrays)
        try:
            tables = tuple(arrays[f"order_{k}"] for k in range(orders))
            names = arrays["trinucleotides"].tolist()
            of = dict(zip(names, arrays["frequencies"].tolist(), strict=True))
            bases = int(arrays["fitted_bases"])
        except (KeyError, TypeError, ValueError) as err:
            raise ValueError(
                f"{path} must be what Baselines.save wrote; {err}."
            ) from err
        shapes = [(table.shape, table.dtype.str) for table in tables]
        if not orders or shapes != [((4**k, 4), "<f4") for k in range(orders)]:
            raise ValueError(
                f"{path} must hold a table of 4 float32 per context for each order; "
                f"got {len(shapes)} tables, the first being {shapes[:1]}."
            )
        return cls(MarkovModel(tables), TrinucleotideFrequency(of), bases)

    def flank(self, variant: Variant) -> int:
        """Bases on each side of ``variant`` that `judge` wants to see."""
        return max(1, self.markov.order + max(len(variant.ref), len(variant.alt)))

    def judge(
        self, variant: Variant, left: str, right: str
    ) -> dict[str, tuple[float, float]]:
        """Return the reference and alternate side of each baseline.

        ``left`` and ``right`` are the flanks, forward strand, `flank` bases each
        (fewer at contig ends). ``markov`` is the mean of both strands'
        log-likelihood over the allele and the bases whose context holds it,
        equally many bases on both sides: where an allele is shorter, the flank
        moves in. ``cpg`` counts CpG; ``trinucleotide`` is a log frequency, NaN
        unless the change is an SNV.
        """
        ref, alt = variant.ref, variant.alt
        back_ref, back_alt, back_left, back_right = map(
            reverse_complement, (ref, alt, right, left)
        )
        forward = self._markov_pair(left, ref, alt, right)
        backward = self._markov_pair(back_left, back_ref, back_alt, back_right)
        return {
            "markov": (
                (forward[0] + backward[0]) / 2,
                (forward[1] + backward[1]) / 2,
            ),
            "cpg": (
                float(_count_cpg(left, ref, right)),
                float(_count_cpg(left, alt, right)),
            ),
            "trinucleotide": self._trinucleotide(variant, left, right),
        }

    def _markov_pair(
        self, left: str, ref: str, alt: str, right: str
    ) -> tuple[float, float]:
        left = left[max(0, len(left) - self.markov.order) :]
        shorter = min(len(ref), len(alt)) + len(right)
        length = min(max(len(ref), len(alt)) + self.markov.order, shorter)
        before, after = (
            self.markov.log_probs(left + (allele + right)[:length])[len(left) :]
            for allele in (ref, alt)
        )
        # What an indel pushes out or pulls in may be N: count equally many bases.
        known = min(np.isfinite(before).sum(), np.isfinite(after).sum())
        return (
            float(before[np.isfinite(before)][:known].sum()),
            float(after[np.isfinite(after)][:known].sum()),
        )

    def _trinucleotide(
        self, variant: Variant, left: str, right: str
    ) -> tuple[float, float]:
        if variant.kind != "snv":
            return np.nan, np.nan
        sides = (
            self.trinucleotides.of.get(left[-1:] + base + right[:1])
            for base in (variant.ref, variant.alt)
        )
        ref, alt = (np.nan if f is None else float(np.log(f)) for f in sides)
        return ref, alt


def _count_cpg(left: str, allele: str, right: str) -> int:
    return (left[-1:] + allele + right[:1]).count("CG")


def context_label(variant: Variant, left: str, right: str) -> str:
    """Name an SNV by its trinucleotide, pyrimidine first; empty for others.

    Examples
    --------
    >>> context_label(Variant("I", 2, "G", "A"), "C", "T")
    'ACG>ATG'
    """
    if variant.kind != "snv":
        return ""
    return trinucleotide_context(left[-1:], variant.ref, variant.alt, right[:1]) or ""


def _sample(reader: FastaReader, max_bases: int) -> Iterator[str]:
    pieces = [
        (chrom, start)
        for chrom, size in reader.contigs.items()
        for start in range(0, size, _PIECE)
    ]
    read = 0
    for i in np.random.default_rng(0).permutation(len(pieces)):
        chrom, start = pieces[i]
        end = min(start + _PIECE, reader.contigs[chrom])
        text = reader.fetch_region(chrom, start, end)
        known = len(text) - text.count("N")
        if known:
            yield text
        read += known
        if read >= max_bases:
            return
