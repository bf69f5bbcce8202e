"""Genes over an interval: rows, names, files, and what is refused."""

import pytest

from hyenascope.data.gene import Gene
from hyenascope.data.interval import Interval
from hyenascope.viz.components import Genes
from hyenascope.viz.style import DARK
from hyenascope.viz.view import View


def names(lane) -> tuple[str, ...]:
    return lane.traces[-1].text


def test_overlapping_genes_take_rows_of_their_own(make_gene, locus):
    genes = [make_gene(name, 1010 + n, 50) for n, name in enumerate("ABC")]
    lane = Genes(genes).draw(View(locus))
    assert lane.yaxis["range"] == [-3, 0]
    assert lane.height > Genes(genes[:1]).draw(View(locus)).height


def test_only_genes_inside_are_drawn(make_gene, locus):
    genes = [make_gene("IN", 1050, 10), make_gene("OUT", 1100, 10)]
    assert names(Genes(genes).draw(View(locus))) == ("IN →",)


def test_rows_beyond_the_limit_are_counted(make_gene, locus):
    genes = [make_gene(f"G{n}", 1010, 50) for n in range(5)]
    lane = Genes(genes, max_rows=2).draw(View(locus))
    assert lane.note == "3 more in rows not shown"
    assert len(names(lane)) == 2
    assert not lane.complete


def test_transcripts_one_by_one(make_gene, locus):
    lane = Genes([make_gene("A", 1010, 50)], detail="transcript").draw(View(locus))
    assert names(lane) == ("A-201 →",)


@pytest.mark.parametrize(
    ("display", "rows", "named"), [("pack", 2, 2), ("squish", 2, 0), ("dense", 1, 1)]
)
def test_displays(make_gene, locus, display, rows, named):
    genes = [make_gene("A", 1010, 50), make_gene("B", 1012, 60)]
    lane = Genes(genes, display=display).draw(View(locus))
    assert lane.yaxis["range"] == [-rows, 0]
    assert len(names(lane)) == named


def test_few_elements_however_many_exons(make_gene):
    where = Interval("chr1", 0, 20_000)
    lane = Genes([make_gene("TTN", 10, *[5] * 999)]).draw(View(where))
    assert len(lane.shapes) <= 5
    assert len(lane.traces) <= 3


def test_many_chevrons_are_paths_and_then_a_closer_look_is_worth_it(make_gene):
    where = Interval("chr1", 0, 1000)
    genes = [make_gene(f"G{n}", 0, 5, 990, 5) for n in range(9)]
    lane = Genes(genes).draw(View(where))
    assert len(lane.shapes) == 4
    assert "markers" not in {getattr(trace, "mode", None) for trace in lane.traces}
    assert not lane.complete
    assert Genes(genes[:1]).draw(View(where)).complete


def test_a_gene_without_transcripts_is_a_plain_body(locus):
    gene = Gene("G", "g1", Interval("chr1", 1010, 1050, "-"))
    lane = Genes([gene]).draw(View(locus))
    assert "M1010.5," in lane.shapes[1]["path"]
    assert names(lane) == ("← G",)


def test_colours_follow_the_theme(make_gene, locus):
    lane = Genes([make_gene("A", 1010, 50)]).draw(View(locus, theme=DARK))
    assert lane.shapes[-1]["fillcolor"] == DARK.coding
    assert lane.traces[-1].textfont.color == DARK.ink


def test_a_file_is_read_where_one_looks(tmp_path, locus):
    path = tmp_path / "tiny.gff3"
    path.write_text("chr1\tx\tgene\t1011\t1050\t.\t-\t.\tID=g1;Name=ONE\n")
    assert names(Genes(path).draw(View(locus))) == ("← ONE",)
    assert names(Genes(str(path)).draw(View(Interval("1", 1000, 1100)))) == ("← ONE",)
    elsewhere = Genes(path).draw(View(Interval("chr2", 0, 100)))
    assert elsewhere.note == "none annotated here"


def test_a_file_without_any_gene_is_an_empty_lane(tmp_path, locus):
    path = tmp_path / "none.gtf"
    path.write_text('chr1\tx\tintron\t1011\t1050\t.\t-\t.\tgene_id "g";\n')
    assert Genes(path).draw(View(locus)).note == "none annotated here"


def test_names_are_found_for_a_search(make_gene):
    genes = [make_gene("A", 1010, 50), make_gene("B", 5000, 9)]
    found = list(Genes(genes).places(Interval("1", 0, 2000)))
    assert found == [("A", Interval("1", 1010, 1060))]


def test_refuses_genes_of_another_contig(make_gene):
    with pytest.raises(ValueError, match=r"genes must lie on chr2.*got chr1"):
        Genes([make_gene("A", 0, 5)]).draw(View(Interval("chr2", 0, 10)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_rows": 0}, "max_rows must be at least 1; got 0"),
    ],
)
def test_refuses(options, message):
    with pytest.raises(ValueError, match=message):
        Genes((), **options)


def test_refuses_a_path_without_a_file(tmp_path):
    with pytest.raises(ValueError, match=r"genes must be a GTF or GFF3 file.*no\.gtf"):
        Genes(tmp_path / "no.gtf")
