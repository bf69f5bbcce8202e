import pytest

from hyenascope.data.interval import Interval
from hyenascope.data.labelled_sequences import LabelError
from hyenascope.data.saturation_mpra import (
    read_saturation_mpra,
    saturation_mpra_elements,
)

COLUMNS = "Chrom Pos Ref Alt Barcodes DNA RNA Coefficient pValue Element Release"
ROWS = [
    "2 101 A C 20 9 9 0.5 0.1 E1 GRCh38",
    "2 101 A - 5 9 9 -1.25 0.1 E1 GRCh38",
    "2 103 G T 30 9 9 1e-3 0.1 E1 GRCh38",
    "X 7 T G 12 9 9 0.0 0.1 E2 GRCh38",
    "2 901 A C 20 9 9 0.5 0.1 E1 GRCh37",
    "2 NA A C 20 9 9 0.5 0.1 E1 GRCh38",
]


@pytest.fixture
def table(tmp_path):
    def write(*rows):
        path = tmp_path / "elements.tsv"
        lines = [COLUMNS, *rows]
        path.write_text("".join(line.replace(" ", "\t") + "\n" for line in lines))
        return path

    return write


def test_each_row_is_the_element_with_one_change(table):
    data = read_saturation_mpra(table(*ROWS))
    # Position 102 was not measured.
    assert data.sequences == ("CNG", "NG", "ANT", "G")
    assert data.labels[:, 0].tolist() == [0.5, -1.25, 0.001, 0.0]
    assert data.ids[:2] == ("E1:2:101:A>C", "E1:2:101:A>-")
    assert data.intervals[0] == Interval("2", 100, 103)
    assert (data.task, set(data.splits)) == ("regression", {"all"})
    assert data.provenance["rows_without_position"] == 1


def test_elements_releases_and_barcodes(table):
    path = table(*ROWS)
    elements = saturation_mpra_elements(path)
    assert {name: each.sequence for name, each in elements.items()} == {
        "E1": "ANG",
        "E2": "T",
    }
    assert saturation_mpra_elements(path, release="GRCh37")["E1"].sequence == "A"
    few = read_saturation_mpra(path, elements=["E1"], min_barcodes=20)
    assert few.ids == ("E1:2:101:A>C", "E1:2:103:G>T")
    assert few.provenance["rows_with_few_barcodes"] == 1


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("2 101 C G 20 9 9 0.5 0.1 E1 GRCh38", "line 3: .*101 C, and before it 2 or A"),
        ("3 102 C G 20 9 9 0.5 0.1 E1 GRCh38", "line 3: E1 must have one contig"),
        ("2 102 N G 20 9 9 0.5 0.1 E1 GRCh38", "line 3: Ref must .* got 'N'"),
        ("2 102 C C 20 9 9 0.5 0.1 E1 GRCh38", "line 3: Alt must .* got 'C'"),
        ("2 x C G 20 9 9 0.5 0.1 E1 GRCh38", "line 3: Pos must .* got 'x'"),
        ("2 102 C G 2e1 9 9 0.5 0.1 E1 GRCh38", "line 3: Barcodes must .* got '2e1'"),
        ("2 102 C G 20 9 9 up 0.1 E1 GRCh38", "line 3: Coefficient must .* got 'up'"),
        ("2 102 C G 20 9 9 nan 0.1 E1 GRCh38", "must be a finite number; got 'nan'"),
    ],
)
def test_names_the_line(table, row, message):
    with pytest.raises(LabelError, match=message):
        read_saturation_mpra(table(ROWS[0], row))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"release": "hg38"}, "release must be one of GRCh37, GRCh38; got 'hg38'"),
        ({"elements": ["E9"]}, "elements must be of E1, E2; got E9"),
        ({"min_barcodes": 99}, "elements must hold rows; got none"),
    ],
)
def test_refuses_options(table, options, message):
    with pytest.raises(LabelError, match=message):
        read_saturation_mpra(table(*ROWS), **options)


def test_published_elements_and_tert_hotspots(shared):
    folder = shared / "data" / "mpra_satmut"
    path = folder / "satmut_mpra.tsv.gz"
    records = (folder / "elements.fa").read_text().split(">")[1:]
    expected = {}
    for record in records:
        head, *lines = record.splitlines()
        name, release = head.split()[0].split("|")
        if release == "GRCh37":
            expected[name] = "".join(lines)
    found = saturation_mpra_elements(path, release="GRCh37")
    assert {name: each.sequence for name, each in found.items()} == expected
    terts = sorted(name for name in expected if name.startswith("TERT"))
    data = read_saturation_mpra(path, release="GRCh37", elements=terts)
    at = [i for i, name in enumerate(data.ids) if ":1295228:G>A" in name]
    assert len(at) == 4  # C228T, in four experiments
    assert all(1.9 <= data.labels[i, 0] <= 3.0 for i in at)
