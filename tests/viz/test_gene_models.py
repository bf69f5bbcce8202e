"""Genes as shapes: right coordinates, no overlaps, exons counted along the strand."""

import re
from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyenascope.data.gene import Gene, Transcript
from hyenascope.data.interval import Interval
from hyenascope.viz import gene_models
from hyenascope.viz.view import View


def boxes(path: str) -> list[tuple[float, float]]:
    """Return left and right of each closed box of a path."""
    found = re.findall(r"M([-\d.]+),[-\d.]+L([-\d.]+),[^Z]*Z", path)
    return [(float(left), float(right)) for left, right in found]


def test_exons_fill_their_base_cells(make_gene, locus):
    model = gene_models.collapse(make_gene("G", 1010, 10, 20, 5))
    intron, exons, coding = gene_models.body_shapes([model], [0], View(locus))
    assert boxes(exons["path"]) == [(1010.5, 1020.5), (1040.5, 1045.5)]
    assert boxes(coding["path"]) == [(1011.5, 1020.5), (1040.5, 1044.5)]
    assert intron["path"].startswith("M1010.5,")
    assert "L1045.5," in intron["path"]


def test_what_lies_outside_is_cut(make_gene, locus):
    model = gene_models.collapse(make_gene("G", 900, 150, 20, 500))
    _, exons, _ = gene_models.body_shapes([model], [0], View(locus))
    assert boxes(exons["path"]) == [(1000.5, 1050.5), (1070.5, 1100.5)]


def test_merged_transcripts_cover_all_exons():
    def part(start: int, end: int) -> Interval:
        return Interval("chr1", start, end, "-")

    whole = part(0, 100)
    short = Transcript("t1", whole, (part(0, 10), part(50, 100)), (part(5, 10),))
    long = Transcript("t2", whole, (part(8, 30), part(50, 60)), (part(8, 20),))
    model = gene_models.collapse(Gene("G", "g1", whole, (short, long)))
    assert model.exons == ((0, 30), (50, 100))
    assert model.cds == ((5, 20),)
    assert model.introns == ((30, 50),)


def test_a_gene_without_transcripts_is_one_block():
    gene = Gene("G", "g1", Interval("chr1", 5, 9))
    assert gene_models.collapse(gene).exons == ((5, 9),)
    assert gene_models.each(gene) == [gene_models.collapse(gene)]


@pytest.mark.parametrize(
    ("strand", "first"), [("+", "exon 1 of 2"), ("-", "exon 2 of 2")]
)
def test_exons_are_counted_as_the_gene_is_read(make_gene, locus, strand, first):
    model = gene_models.collapse(make_gene("G", 1010, 10, 20, 5, strand=strand))
    [trace] = gene_models.hover_traces([model], [0], View(locus))
    [texts] = trace.hovertext
    assert list(trace.x) == [1010.5, 1020.5, 1040.5, 1045.5]
    assert f"{first}: 1,011-1,020 · 10 bp" in texts[0]
    assert "intron 1 of 1: 1,021-1,040 · 20 bp" in texts[1]
    assert texts[0].startswith(f"<b>G</b> ({strand})<br>G-id<br>protein_coding")


def test_air_between_genes_says_nothing(make_gene, locus):
    models = [
        gene_models.collapse(make_gene("A", 1010, 10)),
        gene_models.collapse(make_gene("B", 1050, 10)),
    ]
    [trace] = gene_models.hover_traces(models, [0, 0], View(locus))
    assert list(trace.x) == [1010.5, 1020.5, 1050.5, 1060.5]
    assert list(trace.z[0]) == [0.0, None, 0.0]


def test_names_from_files_are_text(make_gene, payload, locus):
    model = gene_models.collapse(make_gene(payload, 1010, 10))
    [hover] = gene_models.hover_traces([model], [0], View(locus))
    label = gene_models.label_trace([model], [0], View(locus))
    assert "<img" not in hover.hovertext[0][0]
    assert label.text[0].startswith("&lt;img src=x")


@pytest.mark.parametrize(("start", "rightward"), [(1010, True), (1098, False)])
def test_labels_grow_into_the_figure(make_gene, locus, start, rightward):
    view = View(locus, pixels=400)
    model = gene_models.collapse(make_gene("LONGNAME", start, 2))
    anchor, grows_right = gene_models.label_anchor(model, view)
    assert grows_right is rightward
    left, _ = gene_models.extent(model, view)
    assert view.left <= left <= anchor <= view.right


def test_chevrons_point_the_way_the_gene_is_read(make_gene, locus):
    forward = gene_models.collapse(make_gene("A", 1000, 5, 40, 5))
    reverse = gene_models.collapse(make_gene("B", 1050, 5, 40, 5, strand="-"))
    trace = gene_models.chevron_trace([forward, reverse], [0, 0], View(locus))
    for x, angle in zip(trace.x, trace.marker.angle, strict=True):
        assert angle == (90 if x < 1050 else -90)
        assert 1005.5 < x < 1045.5 or 1055.5 < x < 1095.5


def test_chevrons_are_capped(make_gene):
    view = View(Interval("chr1", 0, 100_000), pixels=100_000)
    models = [gene_models.collapse(make_gene("A", 0, 5, 99_000, 5))]
    assert 100 < len(gene_models.chevron_trace(models, [0], view).x) <= 240


extents = st.tuples(st.floats(0, 100), st.floats(0.1, 40)).map(
    lambda pair: (pair[0], pair[0] + pair[1])
)


@given(st.lists(extents, max_size=30))
def test_packed_rows_never_overlap(spans):
    rows = gene_models.pack_rows(spans)
    assert len(rows) == len(spans)
    assert set(rows) == set(range(max(rows, default=-1) + 1))
    for (one, row), (other, other_row) in combinations(
        zip(spans, rows, strict=True), 2
    ):
        if row == other_row:
            assert one[1] <= other[0] or other[1] <= one[0]


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)), max_size=12))
def test_merged_spans_hold_the_same_bases(pairs):
    spans = [(start, start + length) for start, length in pairs]
    merged = gene_models.merge_spans(spans)
    bases = {base for start, end in spans for base in range(start, end)}
    assert {base for start, end in merged for base in range(start, end)} == bases
    assert all(left[1] < right[0] for left, right in pairwise(merged))
