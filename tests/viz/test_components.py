"""Each component over an interval: places, thinning, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from hyenascope.data.fasta import FastaReader
from hyenascope.data.interval import Interval
from hyenascope.viz.components import Sequence, Variants
from hyenascope.viz.view import View


class TestVariants:
    def test_stands_over_its_one_based_position(self, variants, locus):
        view = View(locus)
        stems, heads, unscored = Variants(variants).draw(view).traces
        drawn = dict(zip(heads.x, heads.y, strict=True))
        assert drawn == {1001: -2.0, 1050: 0.5, 1060: 1.0, 1070: 0.25}
        assert (unscored.x, unscored.y) == ((1100,), (0.0,))
        assert (view.left, view.right) == (1000.5, 1100.5)
        assert sorted(stems.x[::3]) == [1001, 1050, 1060, 1070]

    def test_head_says_kind_and_score(self, variants, locus):
        lane = Variants(variants).draw(View(locus))
        _, heads, unscored = lane.traces
        symbol = dict(zip(heads.x, heads.marker.symbol, strict=True))
        assert symbol[1001] == "circle"
        assert symbol[1050] == "triangle-up"
        assert symbol[1060] == "triangle-down"
        assert symbol[1070] == "square"
        assert heads.marker.color == heads.y
        assert heads.marker.coloraxis == "coloraxis"
        assert unscored.marker.symbol == ("cross-open",)
        assert "not scored:</b> ALT is symbolic: &lt;DEL&gt;" in unscored.hovertext[0]

    def test_strong_ones_lie_on_top(self, variants, locus):
        _, heads, _ = Variants(variants).draw(View(locus)).traces
        assert np.abs(heads.y).tolist() == sorted(np.abs(heads.y))

    def test_both_ends_of_the_interval_are_inside_and_no_more(self, variants):
        lane = Variants(variants).draw(View(Interval("chr1", 1000, 1050)))
        assert sorted(lane.traces[1].x) == [1001, 1050]
        lane = Variants(variants).draw(View(Interval("chr1", 1001, 1049)))
        assert len(lane.traces[1].x) == 0

    def test_contig_spelled_otherwise_is_the_same(self, variants):
        lane = Variants(variants).draw(View(Interval("1", 1000, 1100)))
        assert len(lane.traces[1].x) == 4

    def test_infinite_scores_are_not_drawn_as_numbers(self, variants, locus):
        variants.loc[0, "conditional"] = -np.inf
        lane = Variants(variants).draw(View(locus))
        assert set(lane.traces[2].x) == {1001, 1100}
        assert np.isfinite(lane.coloraxis["cmin"])

    def test_beyond_a_thousand_the_strongest_keep_their_heads(self):
        where = Interval("chr1", 0, 3000)
        frame = pd.DataFrame({"chrom": "chr1", "pos": range(1, 3001)})
        scores = np.random.default_rng(0).normal(size=3000)
        frame = frame.assign(ref="A", alt="G", conditional=scores)
        stems, heads, _ = (lane := Variants(frame).draw(View(where))).traces
        assert len(stems.x) == 9000
        assert np.abs(heads.y).min() == np.sort(np.abs(scores))[-1000]
        assert "2,000 weaker ones without a head" in lane.note

    def test_refuses_a_table_without_the_score(self, variants):
        with pytest.raises(ValueError, match="missing likelihood"):
            Variants(variants, score="likelihood")

    def test_refuses_a_score_of_words(self, variants):
        with pytest.raises(ValueError, match="id must be numeric"):
            Variants(variants, score="id")

    def test_refuses_variants_of_another_contig(self, variants):
        with pytest.raises(ValueError, match=r"variants must lie on chr2.*got chr1"):
            Variants(variants).draw(View(Interval("chr2", 0, 10)))


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
        where = Interval("chr1", 0, 6000)
        lane = Sequence("GC" * 3000).draw(View(where))
        assert lane.note.startswith("GC content of every 6 bp")
        assert set(lane.traces[0].z[0]) == {1.0}

    def test_refuses_another_length(self, locus):
        with pytest.raises(
            ValueError, match=r"source must be as long.*100 bp; got 4 bp"
        ):
            Sequence("ACGT").draw(View(locus))

    def test_refuses_what_is_not_dna(self):
        with pytest.raises(ValueError, match="source must be IUPAC bases; got '<b>'"):
            Sequence("<b>")
