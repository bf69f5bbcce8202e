"""Bases under a track, from text or from a genome."""

from hyenascope.data.fasta import FastaReader
from hyenascope.data.interval import Interval
from hyenascope.viz.reference_bases import reference_bases


def test_text_and_genome_agree(tmp_path):
    (tmp_path / "g.fa").write_text(">chr1\nacgTTTGA\n")
    where = Interval("1", 2, 8)
    with FastaReader(tmp_path / "g.fa", keep_case=True) as genome:
        read = reference_bases(genome, where, 4, 3)
    assert read == reference_bases("gTTTGA", where, 4, 3) == "TTG"


def test_nothing_says_nothing():
    assert reference_bases(None, Interval("1", 2, 8), 4, 3) is None
