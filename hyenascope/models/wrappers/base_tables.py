"""From a model's odds over tokens to its odds over the four bases.

Of a causal model p(base at i | bases before i): the tokens before i's own are given,
and of i's own its bases before i; odds are added up over all tokens that begin with
these bases and then the one in question. Where all tokens have one length this is
exact: the log p of a token's bases add up to that of the token among all DNA tokens.

Of a masked model p(base at i | all others): with i's token masked, odds of the tokens
that spell the other bases as they are and one of the four at i. Where the vocabulary
lacks one of the four (BPE), all tokens count that could stand there, of any length that
reaches i, so long as they spell what follows.
"""

import numpy as np
from jaxtyping import Float64

from hyenascope.models.wrappers.token_bases import TokenMap

_BASES = "ACGT"

Logits = Float64[np.ndarray, " vocab"]


def causal_row(
    odds: Logits, tokens: TokenMap, before: str
) -> Float64[np.ndarray, " 4"]:
    """Return log p of the four bases after ``before``, the token's own first bases.

    In nats; NaN for a base that no token has there.

    Parameters
    ----------
    odds
        Logits of the token in which the base lies.
    tokens
        The vocabulary.
    before
        Bases of this token before the one in question.
    """
    sums = [_log_sum(odds, tokens.starting(before + base)) for base in _BASES]
    return _normalised(np.array(sums))


def masked_row(
    odds: Logits, tokens: TokenMap, text: str, start: int, stop: int, at: int
) -> Float64[np.ndarray, " 4"]:
    """Return log p of the four bases at ``at``, in the token ``[start, stop)``.

    In nats; NaN for a base that no token has there.

    Parameters
    ----------
    odds
        Logits of the token, masked.
    tokens
        The vocabulary.
    text
        The whole sequence; all indices are of it.
    start, stop, at
        Where the token begins and ends, and the base in question.
    """
    edited = [text[start:at] + base + text[at + 1 : stop] for base in _BASES]
    if all(word in tokens.by_text for word in edited):
        same = [_log_sum(odds, tokens.by_text[word]) for word in edited]
        return _normalised(np.array(same))
    sums = []
    for base in _BASES:
        after = text[at + 1 : start + tokens.longest]
        word = text[start:at] + base
        ids = []
        for letter in ("", *after):
            word += letter
            ids += tokens.by_text.get(word, [])
        sums.append(_log_sum(odds, ids))
    return _normalised(np.array(sums))


def _log_sum(odds: Logits, ids: list[int]) -> float:
    return float(np.logaddexp.reduce(odds[ids])) if ids else float("nan")


def _normalised(scores: Float64[np.ndarray, " 4"]) -> Float64[np.ndarray, " 4"]:
    known = ~np.isnan(scores)
    if known.sum() < 2:  # one alone would be certain
        return np.full(4, np.nan)
    return scores - np.logaddexp.reduce(scores[known])
