"""bigWig signals: every base or bins, gaps, other assemblies, what is refused."""

import numpy as np
import pytest

from hyenascope.data.bigwig import write_bigwig
from hyenascope.data.interval import Interval
from hyenascope.viz.components import BigWig
from hyenascope.viz.view import NothingHereError, View

LENGTHS = {"chr1": 30_000, "chr2": 500}
WHERE = Interval("chr1", 1000, 21_000)


@pytest.fixture
def values():
    values = np.random.default_rng(0).normal(size=20_000)
    values[5000:9000] = np.nan
    values[12_345] = 40.0
    return values


@pytest.fixture
def path(tmp_path, values):
    write_bigwig(tmp_path / "signal.bw", values, WHERE, contig_lengths=LENGTHS)
    return tmp_path / "signal.bw"


def test_near_by_every_base_has_its_value(path, values):
    lane = BigWig(path).draw(View(Interval("1", 5990, 6010)))
    [line] = lane.traces
    np.testing.assert_array_equal(line.x, np.arange(5991, 6011))
    np.testing.assert_array_equal(line.y, values[4990:5010].astype(np.float32))
    assert (lane.label, lane.note, lane.complete) == ("signal", "", True)


def test_from_afar_bins_span_their_values(path, values):
    lane = BigWig(path).draw(View(WHERE, max_points=300))
    ground, line = lane.traces
    assert lane.note == "mean and range of every 200 bp"
    assert len(line.x) == 100
    parts = values.reshape(100, 200)
    known = ~np.isnan(parts).all(axis=1)
    np.testing.assert_array_equal(np.isfinite(line.y), known)
    np.testing.assert_allclose(line.y[known], parts[known].mean(axis=1), atol=1e-6)
    assert np.nanmax(ground.y) == 40.0
    assert np.nanmin(ground.y) == np.float32(np.nanmin(values))
    np.testing.assert_allclose(line.x[:2], [1101, 1301], atol=1)
    assert not lane.complete


def test_ground_is_a_piece_on_each_side_of_a_gap(path):
    ground, _ = BigWig(path).draw(View(WHERE, max_points=300)).traces
    breaks = np.flatnonzero(np.isnan(ground.x))
    assert len(breaks) == 1
    left, right = ground.x[: breaks[0]], ground.x[breaks[0] + 1 :]
    assert (left.min(), left.max()) == (1000.5, 6000.5)
    assert (right.min(), right.max()) == (10_000.5, 21_000.5)


@pytest.mark.parametrize(("summary", "pick"), [("max", np.max), ("min", np.min)])
def test_line_is_the_statistic_asked_for(path, values, summary, pick):
    lane = BigWig(path, summary=summary).draw(View(WHERE, max_points=300))
    parts = values.reshape(100, 200)[:25]
    np.testing.assert_allclose(lane.traces[1].y[:25], pick(parts, axis=1), atol=1e-6)
    assert lane.note.startswith(f"{summary} and range")


def test_what_the_file_leaves_out_is_a_gap(path):
    [line] = BigWig(path).draw(View(Interval("chr1", 20_990, 21_010))).traces
    assert np.isfinite(line.y).tolist() == [True] * 10 + [False] * 10
    [line] = BigWig(path).draw(View(Interval("chr1", 29_990, 30_010))).traces
    assert line.x.tolist() == list(range(29_991, 30_001))


def test_positive_signals_stand_on_zero(tmp_path):
    write_bigwig(tmp_path / "c.bw", np.arange(5.0, 9.0), Interval("chr1", 0, 4))
    for view in (
        View(Interval("chr1", 0, 4)),
        View(Interval("chr1", 0, 4), max_points=3),
    ):
        assert BigWig(tmp_path / "c.bw").draw(view).yaxis["range"][0] == 0.0


def test_a_file_of_another_assembly_is_refused(path):
    lengths = {"1": 31_000, "chr2": 500}
    with pytest.raises(
        ValueError,
        match=r"whose 1 has 31,000 bp; .*signal\.bw has 30,000 bp for chr1\. "
        "Was it made for another assembly",
    ):
        BigWig(path, contig_lengths=lengths).draw(View(WHERE))
    assert BigWig(path, contig_lengths=LENGTHS).draw(View(WHERE)).traces
    BigWig(path, contig_lengths=lengths).draw(View(Interval("chr2", 0, 9)))


def test_contig_that_the_file_lacks_is_said(path):
    with pytest.raises(NothingHereError, match=r"path must hold chr9, the contig"):
        BigWig(path).draw(View(Interval("chr9", 0, 9)))
    with pytest.raises(NothingHereError, match=r"chr1 ends at 30,000"):
        BigWig(path).draw(View(Interval("chr1", 30_000, 30_009)))


def test_units_and_name_are_told_escaped(path):
    lane = BigWig(path, label="<b>", units="reads <1>").draw(View(WHERE))
    _, line = lane.traces
    assert line.name == "&lt;b&gt;"
    assert "&lt;b&gt;, mean %{y:.4g} reads &lt;1&gt;" in line.hovertemplate
    assert "reads &lt;1&gt;" in lane.label


def test_refusals(tmp_path, path):
    with pytest.raises(FileNotFoundError, match="path must be a bigWig file; there is"):
        BigWig(tmp_path / "none.bw")
    (tmp_path / "text.bw").write_text("no")
    with pytest.raises(ValueError, match="path must be a bigWig file; got"):
        BigWig(tmp_path / "text.bw")
    with pytest.raises(ValueError, match="y_range must be two finite numbers"):
        BigWig(path, y_range=(1.0, 0.0))
