"""Which variants belong to which gene."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from jaxtyping import Int64

from hyenascope.data.contigs import contig_key
from hyenascope.data.gene import Gene
from hyenascope.viz.text import is_missing
from hyenascope.viz.variant_figures.table import VariantTable

Rows = Int64[np.ndarray, " _"]  # of any number of variants
_NONE = {"", ".", "nan", "None", "<NA>"}


def rows_by_column(table: VariantTable, column: str) -> dict[str, Rows]:
    """Return the rows of each gene that a column names; "" and ``.`` are no gene.

    Raises
    ------
    ValueError
        If there is no such column.
    """
    table.require(column)
    named = table.frame[column].astype(object)
    found = named.groupby(named.to_numpy(), observed=True).indices
    return {
        str(name): np.sort(np.asarray(rows, dtype=np.int64))
        for name, rows in found.items()
        if not is_missing(name) and str(name) not in _NONE
    }


def rows_by_gene(table: VariantTable, genes: Sequence[Gene]) -> dict[str, Rows]:
    """Return the rows whose reference allele overlaps each gene, introns included.

    A variant in two genes counts for both. Genes of one name at several places are
    told apart by where they start (1-based); genes without a variant are left out.

    Raises
    ------
    ValueError
        If the variants have no ``chrom`` and ``pos``.
    """
    table.require("chrom", "pos")
    starts = table.positions() - 1
    lengths = (
        table.frame["ref"].astype(str).str.len().to_numpy(dtype=np.int64)
        if "ref" in table.frame
        else np.ones(len(table), dtype=np.int64)
    )
    keys = table.frame["chrom"].astype(str).map(contig_key).to_numpy(dtype=object)
    repeated = Counter(gene.name for gene in genes)
    by_contig: dict[str, list[Gene]] = {}
    for gene in genes:
        by_contig.setdefault(contig_key(gene.chrom), []).append(gene)
    found: dict[str, Rows] = {}
    for key, members in by_contig.items():
        rows = np.flatnonzero(keys == key)
        rows = rows[np.argsort(starts[rows], kind="stable")]
        for gene in members:
            inside = _overlapping(gene, rows, starts, lengths)
            if len(inside):
                found[_name(gene, repeated)] = np.sort(inside)
    return found


def _overlapping(gene: Gene, rows: Rows, starts: Rows, lengths: Rows) -> Rows:
    """Return those of ``rows``, sorted by start, that overlap the gene."""
    longest = int(lengths[rows].max(initial=1))
    first, last = np.searchsorted(
        starts[rows], [gene.interval.start - longest, gene.interval.end]
    )
    near = rows[first:last]
    return near[starts[near] + lengths[near] > gene.interval.start]


def _name(gene: Gene, repeated: Counter[str]) -> str:
    if repeated[gene.name] == 1:
        return gene.name
    return f"{gene.name} ({gene.chrom}:{gene.interval.start + 1:,})"
