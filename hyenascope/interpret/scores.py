"""What the columns of a variant table mean, and the tables people take away."""

from dataclasses import dataclass, replace
from typing import Literal

import anndata as ad
import numpy as np
import pandas as pd

ScoreName = Literal[
    "conditional",
    "likelihood",
    "downstream",
    "full_sum",
    "full_mean",
    "embedding_l2",
    "embedding_cosine",
    "last_l2",
    "last_cosine",
    "last_inner",
    "variant_cosine",
]
BaselineName = Literal["markov", "cpg", "trinucleotide"]

TIDY_COLUMNS = (
    *("variant", "chrom", "pos", "ref", "alt", "id", "status", "reason"),
    *("score", "strand", "value", "ref_value", "alt_value", "unit"),
)


@dataclass(frozen=True)
class ScoreDefinition:
    """A score in words.

    Parameters
    ----------
    name
        Column and argument.
    formula, unit
        What is computed.
    reading
        How to read the number, in a sentence.
    signed
        Whether the sign says which allele the score favours.
    source
        Which publication or benchmark defines it.
    """

    name: str
    formula: str
    unit: str
    reading: str
    signed: bool = True
    source: str = "hyenascope"


_DISTANCE = (
    "Zero: no change inside the model. Never negative, says nothing of direction."
)
_LAST = "at the last base read"

_DEFINITIONS = (
    ScoreDefinition(
        "conditional",
        "log p(alt | left) − log p(ref | left), added over the changed bases; for an "
        "indel of k bases over the next k bases of either haplotype",
        "nats",
        "Negative: the model expects the alternate less than the reference, "
        "judging by the bases read before it.",
        source="DART-Eval task 5: with the variant's token masked all other terms of "
        "a causal model cancel",
    ),
    ScoreDefinition(
        "likelihood",
        "Σ log p(base | left) over the alleles and the bases after them to the "
        "window's end, paired by coordinate, alternate − reference; a base that one "
        "allele lacks counts as the window's mean",
        "nats",
        "Negative: the window with the change is less likely as a whole. Noisier "
        "than conditional; sees what the change does to the bases after it.",
    ),
    ScoreDefinition(
        "downstream",
        "Σ log p(base | left) over the W bases from the change on, paired by "
        "coordinate, alternate − reference; none on a strand on which the contig "
        "ends before the W bases do",
        "nats",
        "Negative: the change and the bases after it are less likely than before. "
        "W is a choice: too small a W misses effects further on.",
    ),
    ScoreDefinition(
        "full",
        "Σ log p(base | left) from the change to the window's end, alternate − "
        "reference",
        "nats",
        "Negative: the window with the change is less likely as a whole. The longer "
        "the window, the more noise is added up.",
    ),
    ScoreDefinition(
        "full_sum",
        "Σ log p(base | left) over the whole window, alternate − reference, without "
        "pairing or compensation",
        "nats",
        "Negative: the window with the change is less likely as a whole. For indels "
        "it also counts the bases that move in or out at the window's end.",
        source="TraitGym, log-likelihood ratio",
    ),
    ScoreDefinition(
        "full_mean",
        "mean log p(base | left) over the whole window, alternate − reference",
        "nats per base",
        "Negative: the window with the change is less likely per base. For SNVs it "
        "ranks as full_sum does: the same number over the window's length.",
        source="GPN-MSA analysis of HyenaDNA",
    ),
    ScoreDefinition(
        "embedding_l2",
        "‖mean hidden state of the alternate window − the reference window's‖₂",
        "hidden units",
        _DISTANCE,
        signed=False,
        source="DART-Eval, mean-pooled embeddings",
    ),
    ScoreDefinition(
        "embedding_cosine",
        "1 − cosine of the two mean hidden states",
        "1",
        "Zero: same direction. Never negative, says nothing of direction.",
        signed=False,
        source="DART-Eval, mean-pooled embeddings",
    ),
    ScoreDefinition(
        "last_l2",
        f"‖hidden state of the alternate − the reference's‖₂ {_LAST}",
        "hidden units",
        f"{_DISTANCE} Sees only what reaches the window's end.",
        signed=False,
        source="TraitGym, L2 distance (there after a closing [SEP] token)",
    ),
    ScoreDefinition(
        "last_cosine",
        f"1 − cosine of the two hidden states {_LAST}",
        "1",
        f"{_DISTANCE} Sees only what reaches the window's end.",
        signed=False,
        source="TraitGym, cosine distance (there after a closing [SEP] token)",
    ),
    ScoreDefinition(
        "last_inner",
        f"inner product of the two hidden states {_LAST}",
        "hidden units²",
        "Larger: the states are longer or more alike. It depends on the window more "
        "than on the change; compare variants with care.",
        signed=False,
        source="TraitGym, inner product (there after a closing [SEP] token)",
    ),
    ScoreDefinition(
        "variant_cosine",
        "1 − cosine of the two hidden states at the first changed base",
        "1",
        f"{_DISTANCE} Sees the change and the bases read before it, none after.",
        signed=False,
        source="BEND, cosine distance",
    ),
    ScoreDefinition(
        "markov",
        "log-likelihood ratio of an interpolated order-k Markov model of the same "
        "genome, both strands, alternate − reference",
        "nats",
        "What k-mer counts alone say: a model score that is no better than this "
        "one has learnt k-mers.",
    ),
    ScoreDefinition(
        "cpg",
        "CpG dinucleotides with the change − without it",
        "CpGs",
        "Negative: a CpG is lost, the most frequent mutation in mammals.",
    ),
    ScoreDefinition(
        "trinucleotide",
        "log frequency of the trinucleotides over the change in this genome, both "
        "strands, alternate − reference",
        "nats",
        "Negative: the change makes a rarer three-letter context.",
    ),
)

SCORES: dict[str, ScoreDefinition] = {each.name: each for each in _DEFINITIONS}
"""Every score and baseline; ``"full"`` is of `saturation_mutagenesis` alone."""

_ALL_OTHERS = "log p(base | all other bases)"

MASKED: dict[str, ScoreDefinition] = {
    "conditional": ScoreDefinition(
        "conditional",
        "log p(alt | all other bases) − log p(ref | all other bases), added over the "
        "changed bases; for an indel of k bases over the next k bases of either "
        "haplotype",
        "nats",
        "Negative: the model expects the alternate less than the reference, judging by "
        "the bases on both sides.",
        source="GPN, log-likelihood ratio",
    ),
    "full_sum": ScoreDefinition(
        "full_sum",
        f"Σ {_ALL_OTHERS} over the whole window, alternate − reference",
        "nats",
        "Negative: the window with the change has a lower pseudo-log-likelihood.",
        source="Salazar et al. 2020, arXiv 1910.14659",
    ),
    "full_mean": ScoreDefinition(
        "full_mean",
        f"mean {_ALL_OTHERS} over the whole window, alternate − reference",
        "nats per base",
        "Negative: the window with the change has a lower pseudo-log-likelihood.",
        source="Salazar et al. 2020, arXiv 1910.14659",
    ),
    "variant_cosine": replace(
        SCORES["variant_cosine"],
        reading=f"{_DISTANCE} Sees the change and the bases on both sides.",
    ),
}
"""What scores mean of a model that fills masks, where it is another thing."""

PUBLISHED: dict[str, tuple[ScoreName, ...]] = {
    "traitgym": ("full_sum", "last_l2", "last_cosine", "last_inner"),
    "gpn_msa": ("full_mean",),
    "bend": ("variant_cosine",),
    "dart_eval": ("conditional", "embedding_l2", "embedding_cosine"),
}
"""The scores that four benchmarks give HyenaDNA: ``scores=PUBLISHED["traitgym"]``."""


def tidy(scores: ad.AnnData) -> pd.DataFrame:
    """Return one row per variant and score.

    Columns are ``variant chrom pos ref alt id status reason score strand value
    ref_value alt_value unit``; ``pos`` is 1-based; ``value`` is alternate −
    reference, NaN where the variant is flagged.

    Parameters
    ----------
    scores
        What `hyenascope.score_variants` returns.

    Examples
    --------
    >>> obs = pd.DataFrame({"chrom": ["chr1"], "pos": [7]}, index=["chr1:7:A>G"])
    >>> var = pd.DataFrame({"score": ["cpg"], "strand": ["both"]}, index=["cpg"])
    >>> tidy(ad.AnnData(np.array([[-1.0]]), obs, var))[["variant", "value"]]
          variant  value
    0  chr1:7:A>G   -1.0
    """
    rows, columns = scores.shape
    obs = scores.obs.reindex(columns=TIDY_COLUMNS[1:8])
    frame = obs.loc[obs.index.repeat(columns)].reset_index(drop=True)
    frame.insert(0, "variant", np.repeat(scores.obs_names, columns))
    for column in ("score", "strand"):
        frame[column] = np.tile(np.asarray(scores.var[column], dtype=object), rows)
    blank = np.full(scores.shape, np.nan)
    frame["value"] = np.asarray(scores.X).ravel()
    frame["ref_value"] = np.asarray(scores.layers.get("ref", blank)).ravel()
    frame["alt_value"] = np.asarray(scores.layers.get("alt", blank)).ravel()
    if "unit" in scores.var:
        frame["unit"] = np.tile(np.asarray(scores.var["unit"], dtype=object), rows)
    return frame


def wide(scores: ad.AnnData) -> pd.DataFrame:
    """Return one row per variant: ``.obs`` and then a column per score.

    Percentiles, if there are any, follow as ``conditional_percentile`` and so on.

    Examples
    --------
    >>> obs = pd.DataFrame({"chrom": ["chr1"], "pos": [7]}, index=["chr1:7:A>G"])
    >>> var = pd.DataFrame({"score": ["cpg"]}, index=["cpg"])
    >>> list(wide(ad.AnnData(np.array([[-1.0]]), obs, var)).columns)
    ['chrom', 'pos', 'cpg']
    """
    values = pd.DataFrame(
        np.asarray(scores.X), index=scores.obs_names, columns=scores.var_names
    )
    parts = [scores.obs, values]
    if "percentile" in scores.layers:
        ranks = np.asarray(scores.layers["percentile"])
        names = [f"{name}_percentile" for name in scores.var_names]
        parts.append(pd.DataFrame(ranks, index=scores.obs_names, columns=names))
    return pd.concat(parts, axis=1)
