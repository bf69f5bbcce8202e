"""Which variants lie in which gene."""

import numpy as np
import pandas as pd
import pytest

from hyenascope.viz.variant_figures.gene_labels import rows_by_column, rows_by_gene
from hyenascope.viz.variant_figures.table import VariantTable


def test_overlap_is_what_intervals_say(make_gene):
    generator = np.random.default_rng(0)
    refs = np.array(["A", "ACGT", "A" * 30])[generator.integers(0, 3, 300)]
    pos = generator.integers(1, 1000, 300)
    frame = pd.DataFrame({"chrom": "1", "pos": pos, "ref": refs, "llr": 0.5})
    genes = [make_gene("a", 100, 50), make_gene("b", 140, 300), make_gene("c", 600, 3)]
    found = rows_by_gene(VariantTable(frame), genes)
    for gene in genes:
        inside = [
            row
            for row, (start, ref) in enumerate(zip(pos - 1, refs, strict=True))
            if start < gene.interval.end and start + len(ref) > gene.interval.start
        ]
        assert found[gene.name].tolist() == inside


def test_genes_of_one_name_are_told_apart(make_gene):
    frame = pd.DataFrame({"chrom": "chr1", "pos": [105, 905], "llr": [0.0, 1.0]})
    genes = [make_gene("U6", 100, 50), make_gene("U6", 900, 50)]
    found = rows_by_gene(VariantTable(frame), genes)
    assert {name: rows.tolist() for name, rows in found.items()} == {
        "U6 (chr1:101)": [0],
        "U6 (chr1:901)": [1],
    }


def test_a_column_may_leave_variants_without_a_gene():
    frame = pd.DataFrame({"llr": np.zeros(5), "gene": ["b", "a", None, ".", "b"]})
    found = rows_by_column(VariantTable(frame), "gene")
    assert {name: rows.tolist() for name, rows in found.items()} == {
        "a": [1],
        "b": [0, 4],
    }


def test_refuses_a_column_that_is_not_there():
    table = VariantTable(pd.DataFrame({"llr": [0.0]}))
    with pytest.raises(ValueError, match="missing symbol among llr"):
        rows_by_column(table, "symbol")
