"""Contigs end to end."""

import numpy as np
import pandas as pd
import pytest

from hyenascope.viz.variant_figures.contig_order import lay_out, natural_order


def test_human_contigs_come_in_their_order():
    names = ["chrM", "chrY", "chr10", "chrX", "chr2", "chr1", "HLA-A", "chrUn_2"]
    assert natural_order(reversed(names)) == [
        *("chr1", "chr2", "chr10", "chrX", "chrY", "chrM", "HLA-A", "chrUn_2"),
    ]


def test_yeast_contigs_are_roman():
    names = ["IX", "X", "V", "II", "Mito", "IV", "I", "XVI", "XV"]
    expected = ["I", "II", "IV", "V", "IX", "X", "XV", "XVI", "Mito"]
    assert natural_order(names) == expected


def test_positions_of_contigs_do_not_overlap():
    chrom = pd.Series(["2", "chr1", "chr2", "1"])
    layout, contig = lay_out(chrom, np.array([1, 500, 40, 7]), None)
    assert (layout.names, layout.lengths.tolist()) == (("chr1", "2"), [500, 40])
    assert contig.tolist() == [1, 0, 1, 0]
    assert layout.offsets[1] >= 500
    assert layout.total == 540 + layout.gap


def test_lengths_of_another_assembly_are_said():
    chrom, pos = pd.Series(["1", "2"]), np.array([90, 1234])
    with pytest.raises(ValueError, match=r"got 2 of 1,000 bp and a variant at 1,234"):
        lay_out(chrom, pos, {"chr1": 100, "chr2": 1000})
    with pytest.raises(ValueError, match="lengths has no contig '2'"):
        lay_out(chrom, pos, {"chr1": 100})
    layout, _ = lay_out(chrom, pos, {"chr1": 100, "chr2": 2000})
    assert layout.lengths.tolist() == [100, 2000]
