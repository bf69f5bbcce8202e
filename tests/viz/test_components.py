"""Each component over an interval: places, thinning, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from hyenascope.data.fasta import FastaReader
from hyenascope.data.interval import Interval
from hyenascope.data.track_data import TrackData
from hyenascope.viz.components import Genes, Line, Sequence, Variants
from hyenascope.viz.view import View


def track(interval: Interval, *names: str) -> TrackData:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(interval.length, len(names)))
    return TrackData(values, names, interval, "nats")


class TestLine:
    def test_value_stands_over_its_one_based_position(self, locus):
        data = track(Interval("chr1", 990, 1010), "log p")
        [trace] = Line(data).draw(View(locus)).traces
        np.testing.assert_array_equal(trace.x, np.arange(1001, 1011))
        np.testing.assert_array_equal(trace.y, data.values[10:, 0])

    def test_says_nothing_of_thinning_when_nothing_is_dropped(self, locus):
        assert Line(track(locus, "log p")).draw(View(locus)).note == ""

    def test_thinned_points_are_true_values_and_the_note_says_so(self):
        where = Interval("chr1", 5000, 15_000)
        data = track(where, "log p")
        lane = Line(data).draw(View(where, max_points=100))
        [trace] = lane.traces
        assert lane.note == "lowest and highest of every 200 bp"
        assert len(trace.x) <= 100
        np.testing.assert_array_equal(trace.y, data.values[trace.x - 5001, 0])

    def test_axis_holds_all_values_and_the_reference(self, locus):
        values = np.linspace(-3.0, -1.0, 100)
        values[5] = np.nan
        lane = Line(TrackData(values, ("p",), locus), reference=-4.0).draw(View(locus))
        low, high = lane.yaxis["range"]
        assert low < -4.0
        assert high > -1.0
        assert lane.shapes[0]["y0"] == -4.0
        assert lane.note == "dotted line at −4.000"

    def test_without_any_value_the_axis_is_still_drawn(self, locus):
        lane = Line(TrackData(np.full(100, np.nan), ("p",), locus)).draw(View(locus))
        assert np.isfinite(lane.yaxis["range"]).all()

    def test_several_tracks_are_told_apart_by_colour(self, locus):
        lane = Line(track(locus, "forward", "<b>")).draw(View(locus))
        colours = [trace.line.color for trace in lane.traces]
        assert len(set(colours)) == 2
        assert all(colour in lane.label for colour in colours)
        assert "&lt;b&gt;" in lane.label

    def test_contig_spelled_otherwise_is_the_same(self, locus):
        data = track(Interval("1", 1000, 1100), "log p")
        [trace] = Line(data).draw(View(locus)).traces
        assert len(trace.x) == 100

    @pytest.mark.parametrize(
        "elsewhere", [Interval("chr2", 1000, 1100), Interval("chr1", 0, 1000)]
    )
    def test_refuses_a_track_from_elsewhere(self, locus, elsewhere):
        with pytest.raises(ValueError, match=r"track_data must overlap.*1,001-1,100"):
            Line(track(elsewhere, "p")).draw(View(locus))


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


class TestGenes:
    def test_overlapping_genes_take_rows_of_their_own(self, make_gene, locus):
        genes = [make_gene(name, 1010 + n, 50) for n, name in enumerate("ABC")]
        lane = Genes(genes).draw(View(locus))
        assert lane.yaxis["range"] == [-3, 0]
        assert lane.height > Genes(genes[:1]).draw(View(locus)).height

    def test_only_genes_inside_are_drawn(self, make_gene, locus):
        genes = [make_gene("IN", 1050, 10), make_gene("OUT", 1100, 10)]
        labels = Genes(genes).draw(View(locus)).traces[-1].text
        assert labels == ("IN →",)

    def test_rows_beyond_the_limit_are_counted(self, make_gene, locus):
        genes = [make_gene(f"G{n}", 1010, 50) for n in range(5)]
        lane = Genes(genes, max_rows=2).draw(View(locus))
        assert lane.note == "3 more in rows not shown"
        assert len(lane.traces[-1].text) == 2

    def test_transcripts_one_by_one(self, make_gene, locus):
        lane = Genes([make_gene("A", 1010, 50)], detail="transcript").draw(View(locus))
        assert lane.traces[-1].text == ("A-201 →",)

    def test_few_elements_however_many_exons(self, make_gene):
        where = Interval("chr1", 0, 20_000)
        lengths = [5] * 999
        lane = Genes([make_gene("TTN", 10, *lengths)]).draw(View(where))
        assert len(lane.shapes) == 3
        assert len(lane.traces) == 3

    def test_refuses_genes_of_another_contig(self, make_gene):
        with pytest.raises(ValueError, match=r"genes must lie on chr2.*got chr1"):
            Genes([make_gene("A", 0, 5)]).draw(View(Interval("chr2", 0, 10)))


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
