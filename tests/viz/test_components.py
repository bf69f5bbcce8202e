"""Each component over an interval: places, thinning, and what is refused."""

import pytest

from hyenascope.data.fasta import FastaReader
from hyenascope.data.interval import Interval
from hyenascope.viz.components import Sequence
from hyenascope.viz.view import View


class TestSequence:
    def test_letters_only_where_they_have_room(self, locus):
        (letters,) = Sequence("ACGT" * 25).draw(View(locus)).letters
        assert letters.fit(View(locus, pixels=800))
        assert not letters.fit(View(locus, pixels=300))

    def test_reads_a_genome_where_it_stands(self, tmp_path):
        (tmp_path / "g.fa").write_text(">chr1\nACGTTTGA\n")
        lane = Sequence(FastaReader(tmp_path / "g.fa")).draw(
            View(Interval("chr1", 2, 6))
        )
        assert lane.letters[0].text == "GTTT"
        assert lane.letters[0].x.tolist() == [3, 4, 5, 6]

    def test_long_sequences_show_gc(self):
        where = Interval("chr1", 0, 60_000)
        lane = Sequence("GC" * 30_000).draw(View(where))
        assert lane.note.startswith("GC content of every 60 bp")
        assert set(lane.traces[0].z[0]) == {1.0}

    def test_refuses_another_length(self, locus):
        with pytest.raises(
            ValueError, match=r"source must be as long.*100 bp; got 4 bp"
        ):
            Sequence("ACGT").draw(View(locus))

    def test_refuses_what_is_not_dna(self):
        with pytest.raises(ValueError, match="source must be IUPAC bases; got '<b>'"):
            Sequence("<b>")
