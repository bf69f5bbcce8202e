"""Heights of letters: one per base, four stacked, or what probabilities say."""

from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float, Int64

from hyenascope.sequence.dna import BASES

LogoKind = Literal["attribution", "probability", "information"]
"""Numbers of any sign; probabilities, which add up to one; bits."""

LETTERS = BASES + "N"
"""Columns of heights: the four bases, and perhaps N for every other letter."""

_TOLERANCE = 0.01  # of the sum of probabilities, enough for half precision


class Stacks(NamedTuple):
    """Letters of equal x stand upon one another; order is by x.

    Attributes
    ----------
    row
        0-based row of each letter.
    base
        Which of `LETTERS` it is.
    bottom, top
        Where it stands and ends; with ``top < bottom`` it hangs upside down.
    """

    row: Int64[np.ndarray, " letters"]
    base: Int64[np.ndarray, " letters"]
    bottom: Float[np.ndarray, " letters"]
    top: Float[np.ndarray, " letters"]


def stack_letters(heights: Float[np.ndarray, "length letter"]) -> Stacks:
    """Stack the letters of each row, the largest farthest from zero.

    Positive ones stand on the axis with the largest on top, negative ones hang below
    it with the most negative lowest, the order of logomaker (Tareen & Kinney 2020,
    Bioinformatics 36:2272). NaN and zero take no room.

    Examples
    --------
    >>> stacks = stack_letters(np.array([[1.0, -3.0, 2.0, 0.0]]))
    >>> stacks.base, stacks.bottom, stacks.top
    (array([1, 0, 2]), array([0., 0., 1.]), array([-3.,  1.,  3.]))
    """
    known = np.nan_to_num(heights, nan=0.0, posinf=0.0, neginf=0.0)
    order = np.argsort(known, axis=1, kind="stable")
    ranked = np.take_along_axis(known, order, axis=1)
    above = np.cumsum(np.maximum(ranked, 0.0), axis=1)
    below = np.cumsum(np.minimum(ranked, 0.0)[:, ::-1], axis=1)[:, ::-1]
    end = np.where(ranked > 0, above, below)
    row, column = np.nonzero(ranked)
    top = end[row, column]
    return Stacks(row, order[row, column], top - ranked[row, column], top)


def reach(
    heights: Float[np.ndarray, "length letter"], *, summed: bool = True
) -> list[Float[np.ndarray, " length"]]:
    """Return how far the letters of each row reach up and how far down.

    With ``summed`` false, the one number is the highest single letter. Rows without
    any letter but with a NaN are NaN.

    Examples
    --------
    >>> reach(np.array([[1.0, -3.0, 2.0, 0.0], [np.nan] * 4]))
    [array([ 3., nan]), array([-3., nan])]
    """
    known = np.nan_to_num(heights, nan=0.0)
    gaps = np.isnan(heights).any(axis=1) & ~known.any(axis=1)
    if summed:
        sides = [np.maximum(known, 0.0).sum(axis=1), np.minimum(known, 0.0).sum(axis=1)]
    else:
        sides = [known.max(axis=1)]
    return [np.where(gaps, np.nan, side) for side in sides]


def as_probabilities(
    values: Float[np.ndarray, "length 4"],
) -> Float[np.ndarray, "length 4"]:
    """Return probabilities of A, C, G, T, from those or from their natural logarithms.

    Which of the two they are shows in their signs. Logarithms are scaled so that each
    row adds up to one: the mean over two strands does not by itself. A row with a NaN
    is NaN throughout.

    Raises
    ------
    ValueError
        If there are numbers of both signs, or probabilities do not add up to one.

    Examples
    --------
    >>> as_probabilities(np.log([[0.5, 0.25, 0.125, 0.125]]))
    array([[0.5  , 0.25 , 0.125, 0.125]])
    """
    known = values[~np.isnan(values).any(axis=1)]
    low, high = known.min(initial=0.0), known.max(initial=0.0)
    if low < 0 < high:
        raise ValueError(
            "track_data must hold probabilities or their natural logarithms; got "
            f"numbers from {low:.4g} to {high:.4g}."
        )
    weights = np.exp(values) if high <= 0 else values
    total = weights.sum(axis=1, keepdims=True)
    off = np.abs(total - 1) > _TOLERANCE
    if high > 0 and off.any():
        raise ValueError(
            "track_data must hold probabilities that add up to one at every base; "
            f"got {total[off][0]:.4g}."
        )
    return weights / total


def information(
    probabilities: Float[np.ndarray, "length 4"],
) -> Float[np.ndarray, " length"]:
    """Return the information of each row in bits, 2 + Σ p log₂ p, from 0 to 2.

    Schneider & Stephens 1990, Nucleic Acids Research 18:6097, without their
    correction for small samples: a model's probabilities are no counts.

    Examples
    --------
    >>> information(np.array([[1.0, 0.0, 0.0, 0.0], [0.25, 0.25, 0.25, 0.25]]))
    array([2., 0.])
    """
    logs = np.log2(np.where(probabilities > 0, probabilities, 1.0))
    bits = np.log2(len(BASES)) + (probabilities * logs).sum(axis=1)
    return np.where(np.isnan(bits), np.nan, np.maximum(bits, 0.0))


def one_letter_heights(
    values: Float[np.ndarray, " length"], bases: str
) -> Float[np.ndarray, "length 5"]:
    """Give each value to the letter that stands there, the last column to N.

    Examples
    --------
    >>> one_letter_heights(np.array([0.5, -1.0]), "CN")
    array([[ 0. ,  0.5,  0. ,  0. ,  0. ],
           [ 0. ,  0. ,  0. ,  0. , -1. ]])
    """
    columns = np.full(256, len(BASES))
    columns[np.frombuffer(BASES.encode(), np.uint8)] = range(len(BASES))
    letters = np.frombuffer(bases.upper().encode("ascii"), np.uint8)
    heights = np.zeros((len(values), len(LETTERS)), values.dtype)
    heights[np.arange(len(values)), columns[letters]] = values
    return heights
