"""What the columns of a variant table mean, and the tables people take away."""

from dataclasses import dataclass
from typing import Literal

import anndata as ad
import numpy as np
import pandas as pd

ScoreName = Literal["conditional", "likelihood", "embedding_l2", "embedding_cosine"]
BaselineName = Literal["markov", "cpg", "trinucleotide"]

TIDY_COLUMNS = (
    *("variant", "chrom", "pos", "ref", "alt", "id", "status", "reason"),
    *("score", "strand", "value", "ref_value", "alt_value", "unit"),
)


@dataclass(frozen=True)
class ScoreDefinition:
    """A score in words: its formula, its unit, and how to read it."""

    name: str
    formula: str
    unit: str
    reading: str


SCORES: dict[str, ScoreDefinition] = {
    "conditional": ScoreDefinition(
        "conditional",
        "log p(alt | left) − log p(ref | left), added over the changed bases; for an "
        "indel of k bases over the next k bases of either haplotype",
        "nats",
        "Negative: the model expects the alternate less than the reference, "
        "judging by the bases read before it.",
    ),
    "likelihood": ScoreDefinition(
        "likelihood",
        "Σ log p(base | left) over the alleles and the bases after them to the "
        "window's end, paired by coordinate, alternate − reference; a base that one "
        "allele lacks counts as the window's mean",
        "nats",
        "Negative: the window with the change is less likely as a whole. Noisier "
        "than conditional; sees what the change does to the bases after it.",
    ),
    "downstream": ScoreDefinition(
        "downstream",
        "Σ log p(base | left) over the W bases from the change on, alternate − "
        "reference",
        "nats",
        "Negative: the change and the bases after it are less likely than before. "
        "The W bases are a choice: see how much of it the last tenth holds.",
    ),
    "full": ScoreDefinition(
        "full",
        "Σ log p(base | left) from the change to the window's end, alternate − "
        "reference",
        "nats",
        "Negative: the window with the change is less likely as a whole. The longer "
        "the window, the more noise is added up.",
    ),
    "embedding_l2": ScoreDefinition(
        "embedding_l2",
        "‖mean hidden state of the alternate window − the reference window's‖₂",
        "hidden units",
        "Zero: no change inside the model. Never negative, says nothing of direction.",
    ),
    "embedding_cosine": ScoreDefinition(
        "embedding_cosine",
        "1 − cosine of the two mean hidden states",
        "1",
        "Zero: same direction. Never negative, says nothing of direction.",
    ),
    "markov": ScoreDefinition(
        "markov",
        "log-likelihood ratio of an interpolated order-k Markov model of the same "
        "genome, both strands, alternate − reference",
        "nats",
        "What k-mer counts alone say: a model score that is no better than this "
        "one has learnt k-mers.",
    ),
    "cpg": ScoreDefinition(
        "cpg",
        "CpG dinucleotides with the change − without it",
        "CpGs",
        "Negative: a CpG is lost, the most frequent mutation in mammals.",
    ),
    "trinucleotide": ScoreDefinition(
        "trinucleotide",
        "log frequency of the trinucleotides over the change in this genome, both "
        "strands, alternate − reference",
        "nats",
        "Negative: the change makes a rarer three-letter context.",
    ),
}
"""Every score and baseline that `hyenascope.score_variants` can give."""


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
    return pd.concat([scores.obs, values], axis=1)
