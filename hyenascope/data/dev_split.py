"""A dev split where none was published, out of train and never out of test."""

import numpy as np
from jaxtyping import Int64

from hyenascope.data.labelled_sequences import LabelError, LabelledSequences
from hyenascope.data.provenance import Provenance
from hyenascope.sequence.dna import either_strand


def with_dev_split(
    data: LabelledSequences, *, share: float = 0.1, generator: np.random.Generator
) -> LabelledSequences:
    """Turn some rows of train into a dev split.

    Of every class about the same share is moved. Equal sequences and their reverse
    complements stay together, and many of one are left in train where they are more
    than is wanted; look for near ones with `split_leakage`. Rows keep their order, and
    other splits are not touched.

    Parameters
    ----------
    data
        Sequences with a train split and no dev split.
    share
        Share of train to move, between 0 and 1.
    generator
        Chooses the rows.

    Raises
    ------
    LabelError
        If there is a dev split or no train split, ``share`` is out of range, or a
        class has too few different sequences to leave one on either side.

    Examples
    --------
    >>> data = LabelledSequences(
    ...     "toy",
    ...     tuple(f"{a}{b}AC" for a in "ACGT" for b in "ACGT"),
    ...     np.arange(16) % 2,
    ...     ("no", "yes"),
    ...     ("train",) * 12 + ("test",) * 4,
    ...     "binary",
    ... )
    >>> split = with_dev_split(data, share=0.3, generator=np.random.default_rng(0))
    >>> split.counts().sum(axis=1).to_dict()
    {'train': 8, 'dev': 4, 'test': 4}
    """
    if "dev" in data.split_names or "train" not in data.split_names:
        raise LabelError(
            "data must have a train split and no dev split; got "
            f"{', '.join(data.split_names)}."
        )
    if not 0 < share < 1:
        raise LabelError(f"share must be between 0 and 1; got {share}.")
    classes = data.labels if data.labels.ndim == 1 else np.zeros(len(data), np.int64)
    groups: dict[int, dict[str, list[int]]] = {}
    seen: dict[str, int] = {}
    for row, (text, split) in enumerate(zip(data.sequences, data.splits, strict=True)):
        if split == "train":
            key = either_strand(text)
            # A sequence with two labels goes where it was first met.
            label = seen.setdefault(key, int(classes[row]))
            groups.setdefault(label, {}).setdefault(key, []).append(row)
    splits = list(data.splits)
    for label in sorted(groups):
        name = data.label_names[label] if data.labels.ndim == 1 else "train"
        for row in _chosen(list(groups[label].values()), name, share, generator):
            splits[row] = "dev"
    return LabelledSequences(
        data.name,
        data.sequences,
        data.labels,
        data.label_names,
        tuple(splits),
        data.task,
        data.ids,
        data.intervals,
        Provenance({**data.provenance, "dev": {"from": "train", "share": share}}),
    )


def _chosen(
    groups: list[list[int]], name: str, share: float, generator: np.random.Generator
) -> list[int]:
    """Return rows of whole groups, about a share of all, and never all or none."""
    if len(groups) < 2:
        raise LabelError(
            f"data must have two different sequences of {name} in train, to leave one "
            f"on either side; got {len(groups)}."
        )
    wanted = share * sum(map(len, groups))
    order: Int64[np.ndarray, " groups"] = generator.permutation(len(groups))
    dealt = [groups[at] for at in order.tolist()]
    rows: list[int] = []
    left = len(dealt)
    for group in dealt:
        # A group that overshoots by more than it fills stays, and others are tried.
        if left > 1 and len(rows) + len(group) / 2 <= wanted:
            rows += group
            left -= 1
    return rows or min(dealt, key=len)
