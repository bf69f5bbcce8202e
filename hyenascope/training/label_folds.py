"""Labelled rows in folds, each to be judged once by a model that has not seen it."""

from typing import Literal

import numpy as np
from jaxtyping import Int64

from hyenascope.data.labelled_sequences import LabelError, LabelledSequences
from hyenascope.sequence.dna import either_strand


def label_folds(
    data: LabelledSequences,
    folds: int,
    *,
    together: Literal["sequence", "chrom"] = "sequence",
    seed: int = 0,
) -> Int64[np.ndarray, " rows"]:
    """Return the fold of each row, from 0.

    Folds have about the same number of rows of each class.

    Parameters
    ----------
    data
        Splits are not looked at.
    folds
        How many, at least two.
    together
        Rows that share a fold: those of one ``"sequence"``, on either strand, or those
        of one ``"chrom"``, for intervals that lie close to one another.
    seed
        Decides who goes where.

    Raises
    ------
    LabelError
        If there are fewer groups of rows than folds, or no intervals for ``"chrom"``.

    Examples
    --------
    >>> data = LabelledSequences(
    ...     "toy",
    ...     ("AC", "GT", "AA", "CC"),  # AC and GT are one DNA
    ...     np.array([0, 0, 1, 1]),
    ...     ("no", "yes"),
    ...     ("all",) * 4,
    ...     "binary",
    ... )
    >>> found = label_folds(data, 2)
    >>> bool(found[0] == found[1]), sorted(set(found.tolist()))
    (True, [0, 1])
    """
    if folds < 2:
        raise LabelError(f"folds must be at least 2; got {folds}.")
    names = _groups(data, together)
    groups, member = np.unique(names, return_inverse=True)
    if len(groups) < folds:
        raise LabelError(
            f"folds must be at most the number of different {together}s, "
            f"{len(groups)}; got {folds}."
        )
    classes = data.labels if data.labels.ndim == 1 else np.zeros(len(data), np.int64)
    counts = np.zeros((len(groups), int(classes.max()) + 1), np.int64)
    np.add.at(counts, (member, classes), 1)
    order = np.random.default_rng([seed, 10]).permutation(len(groups))
    order = order[np.argsort(-counts[order].sum(axis=1), kind="stable")]  # large first
    held = np.zeros((folds, counts.shape[1]), np.int64)
    fold_of = np.zeros(len(groups), np.int64)
    for group in order:
        # Where its classes are the fewest so far, and then where rows are.
        crowd = held @ counts[group]
        fold = int(np.lexsort((held.sum(axis=1), crowd))[0])
        fold_of[group] = fold
        held[fold] += counts[group]
    return fold_of[member]


def _groups(
    data: LabelledSequences, together: Literal["sequence", "chrom"]
) -> list[str]:
    if together == "sequence":
        return list(map(either_strand, data.sequences))
    if not data.intervals:
        raise LabelError(
            f"data must have intervals for together='chrom'; {data.name} has none."
        )
    return [place.chrom for place in data.intervals]
