"""Rows of a test split that stand, or nearly stand, in what a model learns from."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Literal

import numpy as np
import pandas as pd

from hyenascope.data._shared_kmers import LONGEST, best_matches
from hyenascope.data.labelled_sequences import LabelError, LabelledSequences
from hyenascope.sequence.dna import reverse_complement

_LOGGER = logging.getLogger("hyenascope")

LeakKind = Literal["exact", "reverse_complement", "near"]
"""The same letters, the other strand of them, or many of the same k-mers."""

_KINDS: tuple[LeakKind, ...] = ("exact", "reverse_complement", "near")


@dataclass(frozen=True)
class Leak:
    """A row that an earlier split holds too.

    Parameters
    ----------
    split, row
        The later split, and the 0-based row in the whole data set.
    source_split, source_row
        The earlier split, and the row there that is most similar, the first of equals.
    kind
        How they agree.
    similarity
        Share of the k-mers of ``row`` that ``source_row`` holds; 1 for ``"exact"`` and
        ``"reverse_complement"``.
    same_label
        Whether both have the same label.
    """

    split: str
    row: int
    source_split: str
    source_row: int
    kind: LeakKind
    similarity: float
    same_label: bool


@dataclass(frozen=True)
class SplitLeakage:
    """What leaks from earlier splits into later ones.

    Parameters
    ----------
    name
        The data set.
    leaks
        At most one for each row and earlier split.
    sizes
        Rows of each split.
    k, similarity
        What counts as near.
    """

    name: str
    leaks: tuple[Leak, ...]
    sizes: tuple[tuple[str, int], ...]
    k: int
    similarity: float

    def to_frame(self) -> pd.DataFrame:
        """Return one row per leak, with the fields of `Leak`."""
        return pd.DataFrame(
            [asdict(leak) for leak in self.leaks], columns=list(Leak.__annotations__)
        )

    def counts(self) -> pd.DataFrame:
        """Return, for each pair of splits, rows of the later one by kind of leak."""
        rows = []
        for (source, _), (split, size) in combinations(self.sizes, 2):
            kinds = [
                leak.kind
                for leak in self.leaks
                if (leak.source_split, leak.split) == (source, split)
            ]
            by_kind = [kinds.count(kind) for kind in _KINDS]
            rows.append([source, split, *by_kind, len(kinds), size])
        columns = ["source_split", "split", *_KINDS, "leaked", "rows"]
        return pd.DataFrame(rows, columns=columns)


def split_leakage(
    data: LabelledSequences, *, k: int = 16, similarity: float = 0.5
) -> SplitLeakage:
    """Find rows of later splits that earlier splits hold too.

    Splits are compared in pairs, in the order train, dev, test. A row leaks if the
    earlier split has the same sequence, its reverse complement, or a sequence that
    holds at least ``similarity`` of the row's k-mers, with a k-mer and its reverse
    complement taken as one, each counted once, and none with an ambiguous letter. The
    search is exhaustive. By default half of the 16-mers: as of windows of one locus
    that overlap by half, or a copy with one letter in 24 changed at random. A row that
    is nothing but a repeat is near to all that hold enough of it.

    Parameters
    ----------
    data
        Sequences in two splits or more.
    k
        Length of k-mers, 8 to 20. Shorter sequences are only compared in full.
    similarity
        Share of the later row's k-mers, above 0 and at most 1.

    Raises
    ------
    LabelError
        If ``k`` or ``similarity`` is out of range, or there is only one split.

    Examples
    --------
    >>> data = LabelledSequences(
    ...     "toy",
    ...     ("AACCGGTTAA", "GATTACAGAT", "ATCTGTAATC", "CCCCCCCCCC"),
    ...     np.array([0, 1, 1, 0]),
    ...     ("no", "yes"),
    ...     ("train", "train", "test", "test"),
    ...     "binary",
    ... )
    >>> found = split_leakage(data, k=8)
    >>> found.leaks[0].kind, found.leaks[0].row, found.leaks[0].source_row
    ('reverse_complement', 2, 1)
    """
    if not 8 <= k <= LONGEST:
        raise LabelError(f"k must be from 8 to {LONGEST}; got {k}.")
    if not 0 < similarity <= 1:
        raise LabelError(f"similarity must be above 0 and at most 1; got {similarity}.")
    if len(data.split_names) < 2:
        raise LabelError(
            f"data must have two splits or more; got {', '.join(data.split_names)}."
        )
    splits = np.array(data.splits, dtype=object)
    rows = {name: np.flatnonzero(splits == name).tolist() for name in data.split_names}
    leaks: list[Leak] = []
    for at, source in enumerate(data.split_names[:-1], 1):
        later = [row for name in data.split_names[at:] for row in rows[name]]
        leaks += _from_source(data, rows[source], later, k, similarity)
    sizes = tuple((name, len(found)) for name, found in rows.items())
    return SplitLeakage(data.name, tuple(leaks), sizes, k, similarity)


def without_leaks(
    data: LabelledSequences,
    leakage: SplitLeakage | None = None,
    *,
    splits: Sequence[str] = ("test",),
    kinds: Iterable[LeakKind] = _KINDS,
) -> LabelledSequences:
    """Return the data without the leaked rows of a split.

    Rows are dropped where they are judged, not where they are learned from. A class
    that then has no row left is logged to the logger ``"hyenascope"``.

    Parameters
    ----------
    data
        The data that ``leakage`` was found in.
    leakage
        By default what `split_leakage` finds.
    splits
        Where to drop rows: of ``"test"`` those that train or dev hold.
    kinds
        Which leaks to drop.

    Raises
    ------
    LabelError
        If ``leakage`` is of other data, or there is no such split.
    """
    found = split_leakage(data) if leakage is None else leakage
    own = tuple((name, data.splits.count(name)) for name in data.split_names)
    if found.sizes != own or found.name != data.name:
        raise LabelError(
            f"leakage must be of these data, {data.name} with {own}; got {found.name} "
            f"with {found.sizes}."
        )
    unknown = [name for name in splits if name not in data.split_names]
    if unknown:
        raise LabelError(
            f"splits must be of {', '.join(data.split_names)}; "
            f"got {', '.join(unknown)}."
        )
    wanted = set(kinds)
    dropped = {
        leak.row for leak in found.leaks if leak.split in splits and leak.kind in wanted
    }
    kept = data.take([row for row in range(len(data)) if row not in dropped])
    _notice_empty(data, kept)
    return kept


def _from_source(
    data: LabelledSequences,
    source: list[int],
    later: list[int],
    k: int,
    similarity: float,
) -> list[Leak]:
    """Return the leaks from the rows of an earlier split to those of later ones."""
    texts = data.sequences
    first: dict[str, int] = {}
    for row in source:
        first.setdefault(texts[row], row)
    leaks, open_rows = [], []
    for row in later:
        other = first.get(texts[row])
        kind: LeakKind = "exact"
        if other is None:
            other, kind = (
                first.get(reverse_complement(texts[row])),
                "reverse_complement",
            )
        if other is None:
            open_rows.append(row)
        else:
            leaks.append(_leak(data, row, other, kind, 1.0))
    # Twins of a sequence in the earlier split would only be found again.
    distinct = list(first.values())
    found = best_matches(
        [texts[row] for row in open_rows],
        [texts[row] for row in distinct],
        k=k,
        least=similarity,
    )
    for row, at, share in zip(
        open_rows, found.rows.tolist(), found.shares.tolist(), strict=True
    ):
        if at >= 0:
            leaks.append(_leak(data, row, distinct[at], "near", share))
    order = {row: at for at, row in enumerate(later)}
    return sorted(leaks, key=lambda leak: order[leak.row])


def _leak(
    data: LabelledSequences, row: int, other: int, kind: LeakKind, share: float
) -> Leak:
    same = bool(np.array_equal(data.labels[row], data.labels[other]))
    return Leak(data.splits[row], row, data.splits[other], other, kind, share, same)


def _notice_empty(before: LabelledSequences, after: LabelledSequences) -> None:
    if before.task == "regression":
        return
    counts = after.counts().reindex(before.split_names, fill_value=0)
    gone = (before.counts() > 0) & (counts == 0)
    for split, row in gone.iterrows():
        for label in row.index[row]:
            _LOGGER.warning(
                "%s: without leaked rows, %s has no row of %s.",
                before.name,
                split,
                label,
            )
