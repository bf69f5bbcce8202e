"""What the two neighbours of a base say about a substitution: trinucleotides, CpG.

Much of what looks like constraint is mutation: CpG is lost ten times faster than
other dinucleotides. These are the simplest baselines for a variant score, and all
of them give the same answer on either strand.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np

from hyenascope.sequence.dna import BASES, is_dna, reverse_complement
from hyenascope.sequence.tokenizer import BASE_TOKENS, tokenize


def trinucleotide_context(
    left_base: str, ref: str, alt: str, right_base: str
) -> str | None:
    """Name a substitution by its trinucleotide, as seen from the pyrimidine.

    The convention of the COSMIC mutational signatures: if ``ref`` is a purine the
    change is read on the other strand, which leaves 96 labels such as
    ``ACG>ATG``. None if a base is not A, C, G or T, or ``ref`` equals ``alt``.

    Examples
    --------
    >>> trinucleotide_context("A", "C", "T", "G")
    'ACG>ATG'
    >>> trinucleotide_context("C", "G", "A", "T")  # the same, other strand
    'ACG>ATG'
    """
    before, after = (left_base + base + right_base for base in (ref, alt))
    if not _are_triplets(before, after) or ref.upper() == alt.upper():
        return None
    if ref.upper() in "AG":
        before, after = reverse_complement(before), reverse_complement(after)
    return f"{before}>{after}".upper()


def cpg_change(left_base: str, ref: str, alt: str, right_base: str) -> int:
    """Return how many CpG the substitution makes, less how many it destroys.

    From −1 to 1 for a single base. N and ambiguity codes are no C and no G. Flanks
    may be longer than a base or empty, and alleles may be longer than a base.

    Examples
    --------
    >>> cpg_change("A", "C", "T", "G"), cpg_change("C", "A", "G", "T")
    (-1, 1)
    """
    gained = (left_base[-1:] + alt + right_base[:1]).upper().count("CG")
    return gained - (left_base[-1:] + ref + right_base[:1]).upper().count("CG")


@dataclass(frozen=True)
class TrinucleotideFrequency:
    """How frequent each of the 64 trinucleotides is.

    Examples
    --------
    >>> frequency = TrinucleotideFrequency.fit(["ACGTACGTAAACCC"])
    >>> frequency.of["ACG"] / frequency.of["CGT"]
    1.0
    """

    of: Mapping[str, float]

    @classmethod
    def fit(
        cls, sequences: Iterable[str], *, both_strands: bool = True
    ) -> "TrinucleotideFrequency":
        """Count overlapping trinucleotides, with one pseudo-count for each.

        Parameters
        ----------
        sequences
            DNA in either case; trinucleotides that hold N are left out.
        both_strands
            Count a trinucleotide and its reverse complement together.

        Raises
        ------
        ValueError
            If a sequence holds anything but IUPAC letters of DNA.
        """
        counts = np.ones((4, 4, 4))
        for seq in sequences:
            codes = tokenize(seq) - BASE_TOKENS[0]
            triples = np.stack([codes[:-2], codes[1:-1], codes[2:]])
            triples = triples[:, (triples < 4).all(0)]
            words = np.ravel_multi_index(tuple(triples), (4, 4, 4))
            counts += np.bincount(words, minlength=64).reshape(4, 4, 4)
        if both_strands:
            counts = counts + counts.transpose(2, 1, 0)[::-1, ::-1, ::-1]
        names = map("".join, product(BASES, repeat=3))
        return cls(
            dict(zip(names, (counts / counts.sum()).ravel().tolist(), strict=True))
        )

    def log_ratio(self, left_base: str, ref: str, alt: str, right_base: str) -> float:
        """Return log f(left alt right) − log f(left ref right), in nats.

        NaN if a base is not one of A, C, G, T.

        Examples
        --------
        >>> frequency = TrinucleotideFrequency.fit(["AAAA" * 10])
        >>> frequency.log_ratio("A", "A", "C", "A") < 0
        True
        """
        before, after = ((left_base + base + right_base).upper() for base in (ref, alt))
        if not _are_triplets(before, after):
            return math.nan
        return math.log(self.of[after] / self.of[before])


def _are_triplets(*texts: str) -> bool:
    return all(len(text) == 3 and is_dna(text, alphabet=BASES) for text in texts)
