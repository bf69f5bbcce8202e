"""A view as files: numbers read back, pictures and pages that say what they are."""

import io
import re
import zipfile
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyBigWig
import pytest

from hyenascope.data.bigwig import write_bigwig
from hyenascope.data.interval import Interval
from hyenascope.data.track_data import TrackData
from hyenascope.viz.components import BigWig, Heatmap, Line, Sequence
from hyenascope.widgets.track_list import Track
from hyenascope.widgets.view_files import (
    format_of,
    only_file,
    signal_table,
    view_bytes,
)
from tests.chromium import require_chromium

WHERE = Interval("chr1", 100, 120)
LENGTHS = {"chr1": 400, "chr2": 90}
BASES = Sequence("ACGT" * 5)


def track(*names: str, interval: Interval = WHERE, seed: int = 1) -> TrackData:
    values = np.random.default_rng(seed).normal(size=(interval.length, len(names)))
    return TrackData(values, names, interval, "nats")


@dataclass
class Known:
    """Tells the same numbers whatever is drawn, as a lane of a model does."""

    data: TrackData | None
    label: str = "known"

    def draw(self, view):
        return Line(self.data).draw(view)

    def signals(self, interval: Interval) -> TrackData | None:
        return self.data


def saved(components, file_format, interval: Interval = WHERE) -> tuple[str, bytes]:
    return view_bytes(components, interval, file_format, contig_lengths=LENGTHS)


def table_of(components, interval: Interval = WHERE) -> pd.DataFrame:
    name, data = saved(components, "tsv", interval)
    assert name == f"chr1_{interval.start + 1}-{interval.end}.tsv"
    return pd.read_csv(io.BytesIO(data), sep="\t")


def bigwigs(components, tmp_path, interval: Interval = WHERE) -> dict[str, np.ndarray]:
    """Write, unpack, and read every value of the interval with pyBigWig."""
    name, data = saved(components, "bigwig", interval)
    assert name == f"chr1_{interval.start + 1}-{interval.end}.bigwig.zip"
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert len(set(archive.namelist())) == len(archive.namelist())
        archive.extractall(tmp_path)
        names = archive.namelist()
    found = {}
    for each in names:
        with pyBigWig.open(str(tmp_path / each)) as file:
            assert file.chroms() == LENGTHS
            values = file.values("chr1", interval.start, interval.end)
            found[each] = np.array(values)
    return found


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a.png", "png"),
        ("a.b.SVG", "svg"),
        ("a.pdf", "pdf"),
        ("a.htm", "html"),
        ("a.html", "html"),
        ("a.bw", "bigwig"),
        ("a.bigWig", "bigwig"),
        ("a.zip", "bigwig"),
        ("a.tsv", "tsv"),
    ],
)
def test_a_suffix_means_a_format(path, expected, tmp_path):
    assert format_of(path) == format_of(tmp_path / path) == expected


@pytest.mark.parametrize("path", ["a", "a.gif", "a.tsv.gz", "png", ".png", ""])
def test_other_suffixes_are_refused(path):
    with pytest.raises(ValueError, match=r"path must end in \.png.*got"):
        format_of(path)


def test_a_table_has_a_row_per_base_and_the_numbers_of_the_track():
    data = track("gc", "depth")
    table = table_of([BASES, Line(data)])
    assert list(table.columns) == ["chrom", "pos", "gc", "depth"]
    assert table["pos"].tolist() == list(range(101, 121))
    assert set(table["chrom"]) == {"chr1"}
    np.testing.assert_allclose(table[["gc", "depth"]].to_numpy(), data.values)


def test_only_what_is_shown_is_written():
    data = track("gc")
    table = table_of([Line(data)], Interval("chr1", 110, 130))
    assert table["pos"].tolist() == list(range(111, 121))
    np.testing.assert_allclose(table["gc"], data.values[10:, 0])


def test_a_contig_has_the_name_that_the_genome_gives_it():
    plain, other = track("gc"), track("at", interval=Interval("1", 100, 120, "-"))
    table = table_of([Line(plain), Line(other)])
    assert set(table["chrom"]) == {"chr1"}
    assert len(table) == 20
    np.testing.assert_allclose(table["at"], other.values[:, 0])


def test_signals_of_several_places_share_one_table():
    left, right = (
        track("left", interval=Interval("chr1", 100, 112)),
        track("right", interval=Interval("chr1", 108, 120)),
    )
    table = table_of([Line(right), Line(left)]).set_index("pos")
    assert table.index.tolist() == list(range(101, 121))
    assert table["left"].isna().tolist() == [False] * 12 + [True] * 8
    assert table["right"].isna().tolist() == [True] * 8 + [False] * 12
    assert table.loc[109, "right"] == pytest.approx(right.values[0, 0])


def test_columns_of_several_tracks_say_whose_they_are():
    ism, bits = track(*"ACGT"), track(*"ACGT", seed=2)
    table = table_of([Heatmap(ism, label="mutagenesis"), Known(bits, "expected bases")])
    names = [f"{a} {b}" for a in ("mutagenesis", "expected bases") for b in "ACGT"]
    assert list(table.columns) == ["chrom", "pos", *names]
    np.testing.assert_allclose(table[names[:4]].to_numpy(), ism.values)
    np.testing.assert_allclose(table[names[4:]].to_numpy(), bits.values)


def test_names_that_are_taken_are_numbered():
    one, two = track("x"), track("x", seed=2)
    table = table_of([Line(one), Line(two), Line(one)])
    assert list(table.columns) == ["chrom", "pos", "x", "x_2", "x_3"]
    np.testing.assert_allclose(table["x_2"], two.values[:, 0])


def test_a_track_of_a_browser_tells_what_its_component_does():
    data = track("gc")
    wrapped = Track("gc-1", "gc", Line(data), scale=2.0)
    assert table_of([wrapped]).equals(table_of([Line(data)]))


def test_what_is_missing_or_infinite_stays_so_in_a_table():
    values = np.arange(20.0)
    values[3], values[4], values[5] = np.nan, np.inf, -np.inf
    table = table_of([Line(TrackData(values, ("x",), WHERE))])
    np.testing.assert_array_equal(table["x"], values)


def test_bigwig_files_read_back(tmp_path):
    data = track("gc", "read depth/1")
    found = bigwigs([BASES, Line(data)], tmp_path)
    assert list(found) == ["gc.bw", "read_depth_1.bw"]
    for values, column in zip(found.values(), data.values.T, strict=True):
        np.testing.assert_array_equal(values, column.astype(np.float32))


def test_bigwig_files_never_share_a_name(tmp_path):
    found = bigwigs([Line(track("a b", "a_b", "a/b"))], tmp_path)
    assert list(found) == ["a_b.bw", "a_b_2.bw", "a_b_3.bw"]


def test_bigwig_has_gaps_where_numbers_are_missing(tmp_path):
    values = np.arange(40.0).reshape(20, 2)
    values[5:9, 0] = np.nan
    values[:, 1] = np.nan
    found = bigwigs([Line(TrackData(values, ("x", "empty"), WHERE))], tmp_path)
    assert list(found) == ["x.bw"]
    np.testing.assert_array_equal(found["x.bw"], values[:, 0])


def test_bigwig_cannot_hold_infinity_and_says_where():
    values = np.zeros(20)
    values[7] = np.inf
    with pytest.raises(ValueError, match=r"values must be finite.*at chr1:108"):
        saved([Line(TrackData(values, ("x",), WHERE))], "bigwig")


def test_one_signal_is_one_file():
    data = track("gc")
    _, packed = saved([Line(data)], "bigwig")
    plain = only_file(packed)
    assert plain[:4] == bytes.fromhex("26fc8f88")  # bigWig, little endian
    _, packed = saved([Line(track("gc", "at"))], "bigwig")
    with pytest.raises(ValueError, match=r"\.zip for several signals.*gc\.bw, at\.bw"):
        only_file(packed)


@pytest.mark.parametrize("file_format", ["tsv", "bigwig"])
def test_a_chromosome_is_too_much_for_a_table(file_format):
    wide = Interval("chr1", 0, 5_000_001)
    with pytest.raises(ValueError, match=r"at most 5,000,000 bp .* got 5,000,001 bp"):
        saved([Line(track("gc"))], file_format, wide)


def test_contigs_may_have_names_that_mean_something_in_a_path():
    where = Interval("../HLA/A*01:01", 0, 4)
    data = TrackData(np.zeros(4), ("x",), where)
    name, page = view_bytes([Line(data)], where, "html", contig_lengths={})
    assert name == ".._HLA_A_01_01_1-4.html"
    assert b"../HLA/A*01:01:1-4" in page


NOWHERE = [
    [BASES],
    [Known(None)],
    [Line(track("gc", interval=Interval("chr2", 0, 20)))],
    [Line(track("gc", interval=Interval("chr1", 120, 140)))],
]


@pytest.mark.parametrize("components", NOWHERE, ids=["bases", "none", "contig", "off"])
@pytest.mark.parametrize("file_format", ["tsv", "bigwig"])
def test_a_view_without_numbers_has_none_to_write(components, file_format):
    with pytest.raises(ValueError, match="tracks must hold a signal at chr1:101-120"):
        saved(components, file_format)


def test_all_missing_is_nothing_for_bigwig():
    missing = Line(TrackData(np.full(20, np.nan), ("x",), WHERE))
    with pytest.raises(ValueError, match="tracks must hold a signal at chr1:101-120"):
        saved([missing], "bigwig")
    assert table_of([missing])["x"].isna().all()


def test_a_bigwig_file_as_a_track(tmp_path):
    path = tmp_path / "depth.bw"
    write_bigwig(path, np.arange(20.0), WHERE, contig_lengths=LENGTHS)
    np.testing.assert_array_equal(table_of([BigWig(path)])["depth"], np.arange(20.0))


def test_numbers_of_another_assembly_are_never_written(tmp_path):
    path = tmp_path / "depth.bw"
    write_bigwig(path, np.arange(20.0), WHERE, contig_lengths={"chr1": 999})
    other = BigWig(path, contig_lengths=LENGTHS)
    with pytest.raises(ValueError, match="Was it made for another assembly"):
        saved([Line(track("gc")), other], "tsv")


def test_a_bigwig_file_of_other_contigs_has_nothing_to_tell(tmp_path):
    path = tmp_path / "depth.bw"
    write_bigwig(path, np.arange(9.0), Interval("chr7", 0, 9))
    data = track("gc")
    table = signal_table([BigWig(path), Line(data)], WHERE)
    assert list(table.columns) == ["chrom", "pos", "gc"]


def test_a_page_holds_the_view():
    name, data = saved([BASES, Line(track("gc"))], "html")
    page = data.decode("utf-8")
    assert name == "chr1_101-120.html"
    assert page.lstrip().lower().startswith("<!doctype html>")
    assert "<h1>chr1:101-120</h1>" in page
    assert 'id="hs-pyramid"' in page
    markup = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert not re.search(r"(src|href)\s*=", markup)


def test_an_image_says_what_it_shows():
    require_chromium()
    away = Track("x-1", "x", Line(track("x", interval=Interval("chr2", 0, 5))))
    name, data = saved([Track("b-1", "b", BASES), away], "png")
    assert name == "chr1_101-120.png"
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    text = data[: data.index(b"IDAT")].decode("utf-8", "ignore")
    assert "Description" in text
    assert (
        "Genome tracks over chr1:101-120 (20 bp), from top to bottom: sequence" in text
    )
