"""What people type, as a table; and what they are told when it leads nowhere."""

import pandas as pd
import pytest

from hyenascope.data.gene import Gene, Transcript
from hyenascope.data.gene_index import GeneIndex
from hyenascope.data.interval import Interval
from hyenascope.widgets.place_search import Found, PlaceError, find_place

CONTIGS = {
    "chr1": 248_956_422,
    "chr17": 81_195_210,
    "chrX": 156_040_895,
    "chrM": 16_569,
    "HLA-A*01:01": 3_503,
    "tiny": 12,
}
BRCA1 = Interval("17", 41_196_311, 41_277_500, "-")
GENES = GeneIndex(
    [
        Gene(
            "BRCA1",
            "ENSG00000012048.15",
            BRCA1,
            (Transcript("NM_007294.3", Interval("17", 41_196_311, 41_276_131), ()),),
        ),
        Gene("BRCA2", "ENSG00000139618", Interval("chr13", 100, 200, "+")),
        Gene("NKX2-5", "ENSG00000183072", Interval("chr1", 5_000, 6_000)),
        Gene("SHOX", "SHOX_X", Interval("chrX", 624_343, 659_411, "+")),
        Gene("SHOX", "SHOX_1", Interval("chr1", 500, 600, "+")),
        Gene("LONG", "LONG", Interval("chrM", 10, 20_000, "+")),
    ]
)
VARIANTS = pd.DataFrame(
    [
        ("17", 41_197_312, "A", "G", "rs1"),
        ("17", 41_197_312, "A", "T", "rs1"),
        ("chr1", 100, "C", "CT", "rs2;COSV7"),
        ("chr1", 200, "C", "T", "twice"),
        ("chrX", 300, "C", "T", "twice"),
        ("chr9", 300, "C", "T", "rs9"),
    ],
    columns=["chrom", "pos", "ref", "alt", "id"],
)
WINDOW = Interval("chr17", 1_000, 2_000)


def find(query: str, **options: object) -> Found:
    known = {"genes": GENES, "variants": VARIANTS, "current": WINDOW, **options}
    return find_place(query, contigs=CONTIGS, **known)


def place(query: str, **options: object) -> str:
    found = find(query, **options)
    assert found.interval is not None
    return str(found.interval)


@pytest.mark.parametrize(
    "query",
    [
        "chr17:41,196,312-41,277,500",
        "chr17:41196312-41277500",
        "17:41196312-41277500",
        "CHR17:41196312-41277500",
        "  chr17 : 41,196,312 – 41,277,500  ",
        "chr17:41,196,312—41,277,500",
        "chr17:41.196312Mb−41.2775Mb",
        "chr17:41196312..41277500",
        "chr17:41196312…41277500",
        "chr17:41196312:41277500",
        "chr17 41196312 41277500",
        "chr17\t41196312\t41277500",
        "17-41196312-41277500",
        "chr17 41 196 312 to 41 277 500",
        "chr17：４１１９６３１２-41277500",
        "chr17:41'196'312-41_277_500",
        "chr17:41,196,312-41,277,500:-",
        '"chr17:41,196,312-41,277,500",',
        "41,196,312-41,277,500",
        "41196312..41277500",
    ],
)
def test_a_range_in_many_spellings(query):
    found = find(query)
    assert str(found.interval) == "chr17:41,196,312-41,277,500"
    assert (found.message, found.mark) == ("", None)
    assert found.choices[0].label == "chr17:41,196,312-41,277,500"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("chr17:81,195,000-", "chr17:81,195,000-81,195,210"),
        ("chr1:10-20kb", "chr1:10,000-20,000"),
        ("chr1:1.5-2.5 Mb", "chr1:1,500,000-2,500,000"),
        ("chr17", "chr17:1-81,195,210"),
        ("17", "chr17:1-81,195,210"),  # a contig wins over a position
        ("mt", "chrM:1-16,569"),
        ("HLA-A*01:01", "HLA-A*01:01:1-3,503"),
        ("HLA-A*01:01:5-104", "HLA-A*01:01:5-104"),
        ("chr1:1-50000000", "chr1:1-50,000,000"),
        ("10 kb", "chr17:1-10,000"),  # about 1,501, pushed onto the contig
        ("100bp", "chr17:1,451-1,550"),
        ("3 bp", "chr17:1,491-1,510"),
    ],
)
def test_other_places(query, expected):
    assert place(query) == expected


@pytest.mark.parametrize(
    ("query", "mark"),
    [
        ("chr17:41196312", "chr17:41,196,312-41,196,312"),
        ("17 41196312", "chr17:41,196,312-41,196,312"),
        ("41,196,312", "chr17:41,196,312-41,196,312"),
        ("41 196 312", "chr17:41,196,312-41,196,312"),
        ("chrX:41.2M", "chrX:41,200,000-41,200,000"),
    ],
)
def test_a_position_keeps_the_width_of_the_window(query, mark):
    found = find(query)
    assert found.interval is not None
    assert str(found.mark) == mark
    assert found.interval.length == WINDOW.length
    assert found.interval.center == found.mark.start


def test_windows_around_a_position():
    assert place("chr17:5000", current=None) == "chr17:4,900-5,099"
    whole = Interval("chr17", 0, 81_195_210)
    found = find("chr17:5,000,000", current=whole)
    assert found.interval is not None
    assert found.interval.length == 100_000  # in all of it nothing would be seen
    assert place("chr17:5000±50") == "chr17:4,950-5,050"
    assert place("chr17:5000 +/- 1kb") == "chr17:4,000-6,000"
    assert place("chr17:7") == "chr17:1-1,000"
    assert place("chr17:81195210") == "chr17:81,194,211-81,195,210"


def test_trouble_with_a_range_is_put_right_and_said():
    found = find("chr17:900-100")
    assert str(found.interval) == "chr17:100-900"
    assert found.message == "Start and end were swapped."
    found = find("chr17:81,195,000-90,000,000")
    assert str(found.interval) == "chr17:81,195,000-81,195,210"
    assert found.message == "chr17 ends at 81,195,210."
    found = find("chrM:-500-20000")
    assert str(found.interval) == "chrM:1-16,569"
    assert found.message == "Positions begin at 1. chrM ends at 16,569."


def test_a_narrow_range_is_widened_and_marked():
    found = find("chr17:500-500")
    assert str(found.interval) == "chr17:490-509"
    assert str(found.mark) == "chr17:500-500"
    assert found.message == "1 bp, shown in 20 bp."
    assert str(find("chr17:1-2").interval) == "chr17:1-20"
    assert str(find("tiny:5-6").interval) == "tiny:1-12"
    assert find("tiny:1-12").message == ""


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("chr17:90,000,000", "chr17 has 81,195,210 bp; 90,000,000 lies beyond its end"),
        (
            "chr17:90,000,000-91,000,000",
            "chr17 has 81,195,210 bp; 90,000,000 lies beyond its end",
        ),
        ("chr17:0", "Positions of chr17 begin at 1; 0 is before it"),
        ("chr17:-10--5", "Nothing is called"),
        ("chr17:90,000,000:A>G", "90,000,000 lies beyond its end"),
        ("", "Type a place such as"),
        (" ,, ", "Type a place such as"),
        ("chr71:5-10", "no contig 'chr71'; close names: .*chr17"),
        ("chr71:5:A>G", "no contig 'chr71'; close names: .*chr17"),
        ("BRAC1", r"Nothing is called BRAC1\. Did you mean BRCA1 or BRCA2\?"),
        ("chr71", r"Nothing is called chr71\. Did you mean chr1 or chr17\?"),
        ("qqqqqq", "and no gene has a name like it"),
        ("q" * 99, r"Nothing is called q{39}…"),
        ("9" * 5000, r"Nothing is called 9{39}…"),
        ("BRCA2", r"BRCA2 lies at chr13:101-200:\+ .* has no such contig"),
        ("LONG", r"chrM has 16,569 bp here\. Is the annotation of another assembly"),
        ("rs12345", "rs12345 is not among the variants that are loaded"),
        ("rs9", "rs9 lies on no contig of this genome"),
    ],
)
def test_what_leads_nowhere_is_refused_kindly(query, message):
    with pytest.raises(PlaceError, match=message):
        find(query)


def test_refusals_say_what_is_not_loaded():
    with pytest.raises(PlaceError, match="no variants are loaded"):
        find("rs1", variants=None)
    with pytest.raises(PlaceError, match="no genes are loaded"):
        find("XYZ", genes=None)
    with pytest.raises(PlaceError, match=r"Say on which contig, as in chr17:5,000\."):
        find("5,000", current=None)
    with pytest.raises(PlaceError, match="10kb is a width; say where"):
        find("10kb", current=None)
    one = find_place("5,000", contigs={"chrI": 9_000})
    assert str(one.interval) == "chrI:4,900-5,099"


def test_genes_by_any_name_with_a_margin():
    found = find("brca1")
    assert str(found.mark) == "chr17:41,196,312-41,277,500"
    assert str(found.interval) == "chr17:41,192,253-41,281,559"
    assert found.choices[0].label == (
        "BRCA1 (ENSG00000012048.15) chr17:41,196,312-41,277,500, reverse strand"
    )
    assert find("ENSG00000012048").mark == found.mark
    assert str(find("nm_007294").mark) == "chr17:41,196,312-41,276,131"
    assert str(find("NKX2-5").mark) == "chr1:5,001-6,000"  # a dash is no range


def test_two_genes_of_one_name_are_choices():
    found = find("SHOX")
    assert found.interval is None
    assert found.message == "2 places are called SHOX."
    assert [choice.label.split()[2] for choice in found.choices] == [
        "chrX:624,344-659,411,",
        "chr1:501-600,",
    ]


def test_coordinates_do_not_wait_for_the_annotation(tmp_path):
    genes = GeneIndex(tmp_path / "missing.gtf")
    assert place("chr17:1-100", genes=genes) == "chr17:1-100"
    assert not genes.is_loaded
    with pytest.raises(PlaceError, match=r"annotation cannot be read: .*not exist"):
        find("TP53", genes=genes)


@pytest.mark.parametrize(
    "query",
    [
        "chr17:41197312:A>G",
        "17:41,197,312:a:g",
        "17-41197312-A-G",
        "chr17-41197312-A-G",
        "chr17 41197312 A G",
        "chr17:41197312 A/G",
        "chr17:g.41197312A>G",
    ],
)
def test_a_change_in_many_spellings(query):
    found = find(query)
    assert str(found.mark) == "chr17:41,197,312-41,197,312"
    assert found.interval is not None
    assert found.interval.length == WINDOW.length
    assert found.interval.center == 41_197_311
    assert found.choices[0].label == "chr17:41,197,312 A>G"
    assert found.message == ""  # it is among those that are loaded


def test_a_change_that_is_not_loaded_is_found_all_the_same():
    found = find("chr17:41197312:A>C")
    assert found.message == "This variant is not among those that are loaded."
    assert find("chr17:41197312:A>C", variants=None).message == ""
    deletion = find("chr1:1000:" + "A" * 30 + ">A", current=None)
    assert str(deletion.mark) == "chr1:1,000-1,029"


def test_variants_by_identifier():
    found = find("RS1")
    assert str(found.mark) == "chr17:41,197,312-41,197,312"
    assert found.choices[0].label == "RS1 chr17:41,197,312 A>G, A>T"
    for name in ("rs2", "cosv7"):
        assert str(find(name).mark) == "chr1:100-100"
    assert [choice.label for choice in find("twice").choices] == [
        "twice chr1:200 C>T",
        "twice chrX:300 C>T",
    ]
    plain = VARIANTS.drop(columns="id")
    with pytest.raises(PlaceError, match="rs1 is not among"):
        find("rs1", variants=plain)
    assert find("17:41197312:A>G", variants=plain).message == ""


def test_every_place_reads_back_as_typed():
    """What the box shows after a search finds the same place again."""
    for query in ("chr1:1,000-2,000", "BRCA1", "chrM", "HLA-A*01:01:5-104", "rs2"):
        interval = find(query).interval
        assert place(str(interval)) == str(interval)


def test_an_empty_contig_is_refused():
    with pytest.raises(PlaceError, match=r"void has no bases\."):
        find_place("void", contigs={"void": 0})
