"""The tables that generate a synthetic genome: chain, motifs and codons.

Every base is drawn from exactly one of three kinds of factor:

* *chain*: p(base | the three bases to its left), used between features, in
  introns and untranslated regions. It forbids nothing and is poor in CpG. Its
  stationary law is the same on both strands.
* *column*: one column of a motif (promoter A and B, splice donor and acceptor),
  independent of its neighbours.
* *codon*: three bases of one reading frame at once, also when an intron lies
  between them.

A change of one base therefore changes only the factors that hold it, and its
true effect is a difference of table entries.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from hyenascope.sequence.tokenizer import BASE_TOKENS, tokenize

CODON_BASES = "TCAG"
GENETIC_CODE = "FFLLSSSSYY**CC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG"
"""The standard genetic code, codons in the order TTT, TTC, TTA, TTG, TCT, ..."""

AMINO_ACIDS = {
    "L": 20, "K": 14, "S": 13, "A": 11, "E": 10, "G": 8, "D": 6, "V": 5, "I": 4, "T": 3,
    "N": 2, "P": 2, "R": 2, "F": 2, "Q": 1, "Y": 1, "H": 1, "M": 1, "C": 1, "W": 1,
}  # fmt: skip
"""How often each amino acid is written, in arbitrary units."""

THIRD_BASE = {
    "A": (0.05, 0.76, 0.03, 0.16),
    "C": (0.03, 0.12, 0.79, 0.06),
    "G": (0.10, 0.05, 0.05, 0.80),
    "T": (0.04, 0.77, 0.14, 0.05),
}
"""Preference for A, C, G, T as the third base, by the first base of the codon."""

STOPS = {"TAA": 0.55, "TAG": 0.10, "TGA": 0.35}

START, SENSE, STOP = range(3)
"""Which codon table; add 3 for a gene on the minus strand."""

_MOTIFS = {
    "A": ("TATAAAAG", (0.85, 0.97, 0.94, 0.97, 0.80, 0.94, 0.70, 0.75)),
    "B": (
        "AGGTCACGCT",
        (0.75, 0.94, 0.97, 0.85, 0.97, 0.91, 0.88, 0.94, 0.80, 0.70),
    ),
    "donor": ("GTAAGT", (1.0, 1.0, 0.75, 0.82, 0.88, 0.64)),
}
_PYRIMIDINE = (0.08, 0.36, 0.06, 0.50)
_ACCEPTOR = (
    *([_PYRIMIDINE] * 10),
    (0.25, 0.25, 0.25, 0.25),
    (0.05, 0.70, 0.02, 0.23),
    (1.0, 0.0, 0.0, 0.0),
    (0.0, 0.0, 1.0, 0.0),
)
_CPG_PENALTY = 0.2
_CHAIN_SPREAD = 0.6
_CHAIN_SEED = 20250


@dataclass(frozen=True, eq=False)
class Grammar:
    """Probabilities of a synthetic genome, and how often its parts occur.

    Bases are indexed A 0, C 1, G 2, T 3. ``chain`` holds probabilities for the
    next base (last axis) after three bases (first axes, leftmost base first);
    index 4 on a context axis means "before the contig begins". ``motifs`` holds
    position probabilities in the motif's own direction. ``codons`` holds the
    start, sense and stop tables over three bases in coding direction.

    A start other than ATG, a stop inside the frame, a sense codon for a stop and
    a splice core other than GT…AG are never generated. So that the effect of
    such a change is large but finite, each gets the probability ``floor`` when
    log-probabilities are asked for, taken from the allowed entries in
    proportion.

    Parameters
    ----------
    chain, motifs, codons
        The tables; see above.
    floor
        Stands in for probability 0.
    spacings, spacing_probabilities
        Bases between promoter A and B, and how often each occurs.
    promoter_distance
        Bases between promoter B and the first base of the transcript.
    utr_lengths
        Bases before the start codon and after the stop codon.
    intron_probabilities
        How often a gene has 0, 1, 2, ... introns.
    mean_codons, mean_intron, mean_gap
        Mean of the exponential that is added to the least number of codons in a gene
        and of bases in an intron and between genes.
    decoy_probability
        How often the gap before a gene holds a promoter motif without a gene.

    Examples
    --------
    >>> grammar = Grammar.default()
    >>> grammar.order
    3
    >>> grammar.motifs["donor"][:2].argmax(axis=1)  # G, T
    array([2, 3])
    """

    chain: Float[np.ndarray, "5 5 5 4"]
    motifs: dict[str, Float[np.ndarray, "_ 4"]]
    codons: Float[np.ndarray, "3 4 4 4"]
    floor: float = 1e-4
    spacings: tuple[int, ...] = (8, 12, 17)
    spacing_probabilities: tuple[float, ...] = (0.2, 0.6, 0.2)
    promoter_distance: int = 12
    utr_lengths: tuple[int, int] = (24, 30)
    intron_probabilities: tuple[float, ...] = (0.4, 0.3, 0.2, 0.1)
    mean_codons: int = 130
    mean_intron: int = 60
    mean_gap: int = 650
    decoy_probability: float = 0.25

    @classmethod
    def default(cls) -> "Grammar":
        """Return the one grammar that demo genomes and demo weights share."""
        motifs = {name: _columns(*motif) for name, motif in _MOTIFS.items()}
        motifs["acceptor"] = np.array(_ACCEPTOR)
        return cls(_default_chain(), motifs, _default_codons())

    @property
    def order(self) -> int:
        """How many bases to the left the chain looks at."""
        return self.chain.ndim - 1

    @cached_property
    def log_chain(self) -> Float[np.ndarray, "contexts 4"]:
        """Log-probabilities in nats; the row is the context read in base 5."""
        with np.errstate(divide="ignore"):
            return np.log(self.chain).reshape(-1, 4)

    @cached_property
    def column_starts(self) -> dict[tuple[str, str], int]:
        """First row of ``columns`` for a (motif name, strand)."""
        starts, row = {}, 0
        for name, matrix in self.motifs.items():
            for strand in "+-":
                starts[name, strand] = row
                row += len(matrix)
        return starts

    @cached_property
    def columns(self) -> Float[np.ndarray, "rows 4"]:
        """Every motif as it reads on the forward strand, for a gene on + and on −."""
        both = [(matrix, matrix[::-1, ::-1]) for matrix in self.motifs.values()]
        return np.concatenate([matrix for pair in both for matrix in pair])

    @cached_property
    def log_columns(self) -> Float[np.ndarray, "rows 4"]:
        """Log of ``columns`` in nats, zeros replaced by ``floor``."""
        return np.log(_floored(self.columns, self.floor))

    @cached_property
    def forward_codons(self) -> Float[np.ndarray, "6 4 4 4"]:
        """Codon tables as read on the forward strand: three for +, three for −."""
        minus = self.codons.transpose(0, 3, 2, 1)[:, ::-1, ::-1, ::-1]
        return np.concatenate([self.codons, minus])

    @cached_property
    def log_codons(self) -> Float[np.ndarray, "6 4 4 4"]:
        """Log of ``forward_codons`` in nats, zeros replaced by ``floor``."""
        flat = _floored(self.forward_codons.reshape(6, 64), self.floor)
        return np.log(flat).reshape(6, 4, 4, 4)

    @cached_property
    def log_codon_steps(self) -> Float[np.ndarray, "6 3 4 4 4"]:
        """Codon tables as three left-to-right steps, log-probabilities in nats.

        Axes: table, place in the codon on the forward strand, its first base, its
        second base, the base asked for. Bases not yet read do not matter.
        """
        joint = np.exp(self.log_codons)
        first, pair = joint.sum((2, 3)), joint.sum(3)
        steps = np.empty((6, 3, 4, 4, 4))
        steps[:, 0] = first[:, None, None, :]
        steps[:, 1] = (pair / first[:, :, None])[:, :, None, :]
        steps[:, 2] = joint / pair[..., None]
        return np.log(steps)


def encode_bases(sequence: str) -> Int[np.ndarray, " length"]:
    """Return A 0, C 1, G 2, T 3 and 4 for an ambiguity code, as int8.

    Examples
    --------
    >>> encode_bases("ACGTN")
    array([0, 1, 2, 3, 4], dtype=int8)
    """
    return (tokenize(sequence) - BASE_TOKENS[0]).astype(np.int8)


def _floored(
    p: Float[np.ndarray, "rows entries"], floor: float
) -> Float[np.ndarray, "rows entries"]:
    zero = p == 0
    return np.where(zero, floor, p * (1 - floor * zero.sum(1, keepdims=True)))


def _columns(
    consensus: str, agreement: tuple[float, ...]
) -> Float[np.ndarray, "columns 4"]:
    """Give the consensus base its probability and share the rest equally."""
    p = np.array(agreement)[:, None]
    matrix = np.repeat((1 - p) / 3, 4, axis=1)
    matrix[np.arange(len(p)), encode_bases(consensus)] = p[:, 0]
    return matrix


def _default_codons() -> Float[np.ndarray, "3 4 4 4"]:
    tables = np.zeros((3, 4, 4, 4))
    tables[START][tuple(encode_bases("ATG"))] = 1
    for codon, p in STOPS.items():
        tables[STOP][tuple(encode_bases(codon))] = p
    families: dict[str, list[str]] = {}
    for i, amino_acid in enumerate(GENETIC_CODE):
        codon = CODON_BASES[i // 16] + CODON_BASES[i // 4 % 4] + CODON_BASES[i % 4]
        families.setdefault(amino_acid, []).append(codon)
    for amino_acid, frequency in AMINO_ACIDS.items():
        family = families[amino_acid]
        weights = [THIRD_BASE[c[0]]["ACGT".index(c[2])] for c in family]
        for codon, weight in zip(family, weights, strict=True):
            p = frequency * weight / sum(weights) / sum(AMINO_ACIDS.values())
            tables[SENSE][tuple(encode_bases(codon))] = p
    return tables


def _default_chain() -> Float[np.ndarray, "5 5 5 4"]:
    """Order-3 chain whose 4-mer law equals its own reverse complement.

    The chain is the Gibbs measure of 4-mer weights that are equal for a 4-mer and
    its reverse complement; its transition probabilities follow from the leading
    left and right eigenvectors of the transfer matrix.
    """
    law = _stationary_law(_chain_weights())
    chain = np.full((5, 5, 5, 4), np.nan)
    chain[:4, :4, :4] = law / law.sum(-1, keepdims=True)
    for missing in range(1, 4):
        law = law.sum(0)
        context = (4,) * missing + (slice(4),) * (3 - missing)
        chain[context] = law / law.sum(-1, keepdims=True)
    return chain


def _chain_weights() -> Float[np.ndarray, "4 4 4 4"]:
    spread = np.random.default_rng(_CHAIN_SEED).random((4,) * 4) * 2 - 1
    spread += spread.transpose(3, 2, 1, 0)[::-1, ::-1, ::-1, ::-1]
    weights = np.exp(_CHAIN_SPREAD * spread)
    penalty = _CPG_PENALTY ** (1 / 3)  # a CpG is seen by three overlapping 4-mers
    weights[1, 2, :, :] *= penalty
    weights[:, 1, 2, :] *= penalty
    weights[:, :, 1, 2] *= penalty
    return weights


def _stationary_law(
    weights: Float[np.ndarray, "4 4 4 4"],
) -> Float[np.ndarray, "4 4 4 4"]:
    left = right = np.ones((4, 4, 4))
    for _ in range(500):
        right = np.einsum("abcd,bcd->abc", weights, right)
        left = np.einsum("abc,abcd->bcd", left, weights)
        right, left = right / right.sum(), left / left.sum()
    law = left[..., None] * weights * right[None]
    return law / law.sum()
