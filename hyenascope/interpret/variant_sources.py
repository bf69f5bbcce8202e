"""Variants from whatever people hold them in."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from hyenascope._typing import StrPath
from hyenascope.data.interval import Interval
from hyenascope.data.variant import Variant
from hyenascope.data.vcf import read_variants

VariantSource = StrPath | Variant | Iterable[Variant] | pd.DataFrame
"""A VCF, BCF, TSV or CSV path, variants, or a table: chrom pos ref alt [id]."""


def collect_variants(
    variants: VariantSource, *, region: Interval | str | None = None
) -> list[Variant]:
    """Return the variants of a path, a table or an iterable, in their order.

    Parameters
    ----------
    variants
        A VCF, BCF, TSV or CSV path, one variant or many, or a table with
        ``chrom``, ``pos`` (1-based), ``ref``, ``alt`` and optionally ``id``.
    region
        Only variants of a file that overlap it: 1-based text or a 0-based
        `Interval`.

    Raises
    ------
    ValueError
        If there is none, a row of the table has holes, or ``region`` comes without
        a file.

    Examples
    --------
    >>> [str(each) for each in collect_variants(Variant("I", 51, "G", "A"))]
    ['I:51:G>A']
    """
    if isinstance(variants, str | Path):
        found = list(read_variants(variants, region=region))
    elif region is not None:
        raise ValueError("region must come with a file of variants; got variants.")
    elif isinstance(variants, Variant):
        found = [variants]
    elif isinstance(variants, pd.DataFrame):
        found = _from_frame(variants)
    else:
        found = list(variants)  # type: ignore[arg-type]
    if not found:
        source = f" in {variants}" if isinstance(variants, str | Path) else ""
        where = f", region {region}" if region is not None else ""
        raise ValueError(f"variants must not be empty; got none{source}{where}.")
    return found


def _from_frame(frame: pd.DataFrame) -> list[Variant]:
    missing = {"chrom", "pos", "ref", "alt"} - set(frame.columns)
    if missing:
        raise ValueError(
            "a table of variants must have the columns chrom, pos, ref and alt; "
            f"got {list(frame.columns)}."
        )
    rows = frame.assign(id=frame.get("id", "."))
    cells = rows[["chrom", "pos", "ref", "alt", "id"]].itertuples(index=False)
    return [_from_cells(number, list(row)) for number, row in enumerate(cells)]


def _from_cells(number: int, cells: list[object]) -> Variant:
    chrom, pos, ref, alt, id_ = cells
    blank = [bool(pd.isna(cell)) for cell in (chrom, pos, ref, alt)]  # type: ignore[call-overload]
    if any(blank) or float(str(pos)) % 1:
        raise ValueError(
            f"row {number} of the table of variants must hold chrom, a whole pos, ref "
            f"and alt; got {cells[:4]}."
        )
    name = "." if pd.isna(id_) else str(id_)  # type: ignore[call-overload]
    return Variant(str(chrom), int(float(str(pos))), str(ref), str(alt), name)
