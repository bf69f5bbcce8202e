"""Genes as shapes: right coordinates, nothing lost, exons counted along the strand."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyenascope.data.interval import Interval
from hyenascope.viz import gene_shapes
from hyenascope.viz.gene_models import collapse
from hyenascope.viz.rows import NAMED, Rows, arrange
from hyenascope.viz.view import View


def in_rows(*genes, rows=None, named=True, **options):
    rows = rows or [0] * len(genes)
    models = tuple(collapse(gene) for gene in genes)
    return Rows(models, tuple(rows), (named,) * len(genes), **options)


def boxes(path: str) -> list[tuple[float, float]]:
    """Return left and right of each closed box of a path."""
    found = re.findall(r"M([-\d.]+),[-\d.]+L([-\d.]+),[^Z]*Z", path)
    return [(float(left), float(right)) for left, right in found]


def test_exons_fill_their_base_cells(make_gene, locus):
    layout = in_rows(make_gene("G", 1010, 10, 20, 5))
    intron, exons, coding = gene_shapes.body_shapes(layout, View(locus))
    assert boxes(exons["path"]) == [(1010.5, 1020.5), (1040.5, 1045.5)]
    assert boxes(coding["path"]) == [(1011.5, 1020.5), (1040.5, 1044.5)]
    assert intron["path"].startswith("M1010.5,")
    assert "L1045.5," in intron["path"]


def test_what_lies_outside_is_cut(make_gene, locus):
    layout = in_rows(make_gene("G", 900, 150, 20, 500))
    _, exons, _ = gene_shapes.body_shapes(layout, View(locus))
    assert boxes(exons["path"]) == [(1000.5, 1050.5), (1070.5, 1100.5)]


def test_exons_below_a_pixel_are_a_pixel_wide(make_gene):
    where = Interval("chr1", 0, 1_000_000)
    layout = in_rows(make_gene("G", 500_000, 9, 50_000, 9))
    _, exons, _ = gene_shapes.body_shapes(layout, View(where, pixels=1000))
    widths = [right - left for left, right in boxes(exons["path"])]
    assert widths == pytest.approx([1000.0, 1000.0])
    assert not gene_shapes.all_wide(layout, View(where, pixels=1000))
    assert gene_shapes.all_wide(layout, View(Interval("chr1", 499_990, 500_990)))


spans = st.lists(
    st.tuples(st.integers(0, 9000), st.integers(1, 800)).map(
        lambda pair: (pair[0], pair[0] + pair[1])
    ),
    max_size=40,
)


@given(spans)
def test_seen_spans_are_apart_cover_all_and_are_no_more_than_pixels(found):
    view = View(Interval("chr1", 1000, 7000), pixels=100)
    edges = gene_shapes.visible_spans(found, view)
    assert (edges[1:, 0] > edges[:-1, 1]).all()
    assert (edges[:, 1] - edges[:, 0] >= 59.99).all()
    assert len(edges) <= view.pixels + 1
    for start, end in found:
        left, right = view.clip(start, end)
        if left < right:
            assert ((edges[:, 0] <= left) & (right <= edges[:, 1])).any()


@pytest.mark.parametrize(
    ("strand", "first"), [("+", "exon 1 of 2"), ("-", "exon 2 of 2")]
)
def test_exons_are_counted_as_the_gene_is_read(make_gene, locus, strand, first):
    layout = in_rows(make_gene("G", 1010, 10, 20, 5, strand=strand))
    [trace] = gene_shapes.hover_traces(layout, View(locus))
    [texts] = trace.hovertext
    assert list(trace.x) == [1010.5, 1020.5, 1040.5, 1045.5]
    assert f"{first}: 1,011-1,020 · 10 bp" in texts[0]
    assert "intron 1 of 1: 1,021-1,040 · 20 bp" in texts[1]
    assert texts[0].startswith(f"<b>G</b> ({strand})<br>G-id<br>protein_coding")


def test_a_narrow_gene_tells_only_of_itself(make_gene):
    layout = in_rows(make_gene("G", 1010, 10, 20, 5))
    [trace] = gene_shapes.hover_traces(layout, View(Interval("chr1", 0, 9000)))
    [[text]] = trace.hovertext
    assert "chr1:1,011-1,045 · 35 bp" in text
    assert "exon 1" not in text


def test_air_between_genes_says_nothing(make_gene, locus):
    layout = in_rows(make_gene("A", 1010, 10), make_gene("B", 1050, 10))
    [trace] = gene_shapes.hover_traces(layout, View(locus))
    assert list(trace.x) == [1010.5, 1020.5, 1050.5, 1060.5]
    assert list(trace.z[0]) == [0.0, None, 0.0]


def test_genes_on_top_of_one_another_are_all_told(make_gene, locus):
    genes = make_gene("A", 1010, 40), make_gene("B", 1030, 40), make_gene("C", 1080, 9)
    [trace] = gene_shapes.hover_traces(in_rows(*genes, crowded=True), View(locus))
    assert list(trace.x) == [1010.5, 1030.5, 1050.5, 1070.5, 1080.5, 1089.5]
    told = [
        [name for name in "ABC" if f"<b>{name}</b>" in t] for t in trace.hovertext[0]
    ]
    assert told == [["A"], ["A", "B"], ["B"], [], ["C"]]
    assert trace.z[0][3] is None


def test_names_from_files_are_text(make_gene, payload, locus):
    [hover] = gene_shapes.hover_traces(
        in_rows(make_gene(payload, 1010, 10)), View(locus)
    )
    assert "<img" not in hover.hovertext[0][0]


def test_chevrons_point_the_way_the_gene_is_read(make_gene, locus):
    layout = in_rows(
        make_gene("A", 1000, 5, 40, 5), make_gene("B", 1050, 5, 40, 5, strand="-")
    )
    found = gene_shapes.place_chevrons(layout, View(locus))
    introns = ~found.on_exon
    assert introns.any()
    for x, forward in zip(found.x[introns], found.forward[introns], strict=True):
        assert forward == (x < 1050)
        assert 1005.5 < x < 1045.5 or 1055.5 < x < 1095.5
    assert (found.y == -NAMED.body).all()


@pytest.mark.parametrize("forward", [True, False])
def test_both_forms_of_a_chevron_point_the_same_way(make_gene, locus, forward):
    gene = make_gene("A", 1000, 5, 40, 5, strand="+" if forward else "-")
    view = View(locus)
    found = gene_shapes.place_chevrons(in_rows(gene), view)
    marker = gene_shapes.chevron_trace(found, view).marker.symbol[0]
    assert marker == ("triangle-right" if forward else "triangle-left")
    path = gene_shapes.chevron_shapes(found, 36, view)[0]["path"]
    back, tip = map(float, re.match(r"M([\d.]+),.*?L([\d.]+),", path).groups())
    assert (tip > back) is forward
    assert (back + tip) / 2 == pytest.approx(found.x[0], abs=0.01)


def test_chevrons_stay_where_they_are_while_the_view_moves(make_gene):
    layout = in_rows(make_gene("A", 0, 5, 99_000, 5))
    views = [View(Interval("chr1", s, s + 10_000)) for s in (20_000, 23_456)]
    one, other = (set(gene_shapes.place_chevrons(layout, v).x.round(3)) for v in views)
    assert {x for x in one if 24_000 < x < 29_000} <= other
    assert np.diff(sorted(one)) == pytest.approx(30 * 10_000 / 640)


def test_wide_exons_carry_chevrons_in_the_colour_of_the_paper(make_gene, locus):
    view = View(locus)
    found = gene_shapes.place_chevrons(in_rows(make_gene("A", 1010, 60)), view)
    assert found.on_exon.all()
    [shape] = gene_shapes.chevron_shapes(found, 36, view)
    assert shape["fillcolor"] == view.theme.paper


def test_no_strand_no_chevron(make_gene, locus):
    layout = in_rows(make_gene("A", 1000, 5, 40, 5, strand="."))
    assert len(gene_shapes.place_chevrons(layout, View(locus)).x) == 0


def test_few_things_however_many_genes(make_gene):
    where = Interval("chr1", 0, 1_000_000)
    genes = [make_gene(f"G{n}", 1000 * n, 100, 50, 100) for n in range(999)]
    view = View(where, pixels=1000)
    layout = arrange([collapse(gene) for gene in genes], view)
    shapes = gene_shapes.body_shapes(layout, view)
    assert len(shapes) == 3
    assert sum(len(shape["path"]) for shape in shapes) < 200_000
