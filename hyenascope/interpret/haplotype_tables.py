"""Tables about a haplotype: changes of kept bases, edited bases, sums, dependencies.

All from log p of four letters per reference base, under the reference and under the
haplotype, on each strand.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float64, Int64

from hyenascope.data.interval import Interval
from hyenascope.interpret.edited_window import Edits, kept_bases
from hyenascope.interpret.edits import Edit
from hyenascope.interpret.haplotype_passes import StrandChange
from hyenascope.models.predict import mean_known
from hyenascope.sequence.dna import BASES
from hyenascope.sequence.one_hot import one_hot


def kept_changes(
    interval: Interval, text: str, edits: Edits, sides: Mapping[str, StrandChange]
) -> dict[str, Float64[np.ndarray, " length"]]:
    """Return the change of every base that both hold, per strand and their mean."""
    bases = one_hot(text) > 0
    kept = kept_bases(interval, edits)
    columns = {}
    for name, side in sides.items():
        difference = np.where(bases, side.alternate - side.reference, 0.0).sum(axis=1)
        difference[~(kept & bases.any(axis=1))] = np.nan
        columns[name] = difference
    if len(columns) > 1:
        columns["both"] = mean_known(np.stack(list(columns.values())))
    return columns


def edited_table(
    interval: Interval, text: str, edits: Edits, sides: Mapping[str, StrandChange]
) -> pd.DataFrame:
    """Return one row per base that only one of the two holds, in genome order.

    ``pos`` (1-based; of an inserted base the one before it), ``kind``, ``ref``,
    ``alt``, and per strand log p(alt) − log p(ref) in nats, a missing allele
    counting 0.
    """
    rows: list[tuple[int, str, str, str]] = []
    changes: dict[str, list[float]] = {name: [] for name in sides}
    added = 0
    for edit in edits:
        old = text[edit.start - interval.start : edit.end - interval.start]
        substituted = len(old) == len(edit.text)
        for i, ref in enumerate(old):
            alt = edit.text if substituted else ""
            kind = "substituted" if substituted else "deleted"
            rows.append((edit.start + i + 1, kind, ref, alt))
            for name, side in sides.items():
                row = edit.start + i - interval.start
                change = -_of(side.reference[row], ref)
                if substituted:
                    change += _of(side.alternate[row], alt)
                changes[name].append(change)
        for alt in "" if substituted else edit.text:
            rows.append((edit.start, "inserted", "", alt))
            for name, side in sides.items():
                changes[name].append(_of(side.inserted[added], alt))
            added += 1
    frame = pd.DataFrame(rows, columns=["pos", "kind", "ref", "alt"])
    for name, values in changes.items():
        frame[name] = np.array(values, dtype=np.float64)
    if len(sides) > 1:
        frame["both"] = mean_known(frame[list(sides)].to_numpy().T)
    return frame


def totals_table(
    changes: Mapping[str, Float64[np.ndarray, " length"]], edited: pd.DataFrame
) -> pd.DataFrame:
    """Add up what `kept_changes` and `edited_table` say, per strand, in nats.

    ``both`` is the mean of the strands' sums.
    """
    kinds = edited["kind"].to_numpy()
    rows = []
    for name, values in changes.items():
        own = edited[name].to_numpy()
        sums = [
            float(np.nansum(own[kinds == kind]))
            for kind in ("substituted", "inserted", "deleted")
        ]
        rows.append([float(np.nansum(values)), *sums])
    names = ["downstream", "substituted", "inserted", "deleted"]
    frame = pd.DataFrame(rows, columns=names, index=pd.Index(changes, name="strand"))
    if "both" in frame.index:
        frame.loc["both"] = frame.to_numpy()[:-1].mean(axis=0)
    frame["total"] = frame.sum(axis=1)
    return frame


def arc_table(
    interval: Interval,
    text: str,
    alone: Sequence[tuple[Edit, Mapping[str, StrandChange]]],
    most: int,
) -> pd.DataFrame:
    """List the strongest effects of single edits on the odds of other bases.

    Parameters
    ----------
    interval, text
        What is looked at, and its reference bases.
    alone
        Edits, and what each does by itself.
    most
        Rows at most.

    Returns
    -------
    pandas.DataFrame
        Strongest first: ``pos_a`` (edited base; of a longer deletion the first, of an
        insertion the one before it), ``pos_b``, both 1-based; ``value``, ``base``
        and ``change`` as in `HaplotypeReading`. What does not change is left out.
    """
    known = (one_hot(text) > 0).any(axis=1)
    found = [
        _arcs(interval, known & kept_bases(interval, (edit,)), edit, side)
        for edit, sides in alone
        for side in sides.values()
    ]
    if not found:
        nowhere = np.empty(0, dtype=np.int64)
        found = [(np.empty((0, 2), dtype=np.int64), nowhere, np.empty(0))]
    pairs, bases, changes = (np.concatenate(part) for part in zip(*found, strict=True))
    top = np.argsort(-np.abs(changes), kind="stable")[:most]
    return pd.DataFrame(
        {
            "pos_a": pairs[top, 0],
            "pos_b": pairs[top, 1],
            "value": np.abs(changes[top]),
            "base": np.array(list(BASES))[bases[top]],
            "change": changes[top],
        }
    )


def _arcs(
    interval: Interval,
    counted: Bool[np.ndarray, " length"],
    edit: Edit,
    side: StrandChange,
) -> tuple[
    Int64[np.ndarray, "arcs 2"],
    Int64[np.ndarray, " arcs"],
    Float64[np.ndarray, " arcs"],
]:
    """Positions of both ends (1-based), the base that changes most, its change."""
    change = _log2_odds(side.alternate) - _log2_odds(side.reference)
    change[~counted] = 0.0
    change = np.nan_to_num(change)
    base = np.abs(change).argmax(axis=1)
    largest = change[np.arange(len(change)), base]
    rows = np.flatnonzero(largest)
    # The base before an insertion, if it is on the map.
    first = edit.start if edit.start == edit.end else edit.start + 1
    ends = np.full((len(rows), 2), max(first, interval.start + 1))
    ends[:, 1] = rows + interval.start + 1
    return ends, base[rows], largest[rows]


def _of(row: Float64[np.ndarray, " 4"], base: str) -> float:
    return float(row[BASES.index(base)]) if base in BASES else math.nan


def _log2_odds(
    table: Float64[np.ndarray, "length 4"],
) -> Float64[np.ndarray, "length 4"]:
    """log2 p / (1 − p) from log p in nats."""
    others = np.log(np.maximum(-np.expm1(table), 1e-300))
    return (table - others) / math.log(2)
