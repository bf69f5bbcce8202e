"""Tracks of a genome: windows change nothing but what they do not see."""

import numpy as np
import pytest

from hyenascope.data.contigs import UnknownContigError
from hyenascope.data.fasta import FastaReader
from hyenascope.data.interval import Interval
from hyenascope.models.predict_track import predict_track
from tests.models.test_track_model import model


@pytest.fixture
def genome(tmp_path):
    rng = np.random.default_rng(0)
    text = "".join(rng.choice(list("ACGT"), 120))
    path = tmp_path / "tiny.fa"
    path.write_text(f">chr1\n{text}\n>small\n{text[:13]}\n")
    return FastaReader(path)


def test_each_base_is_answered_by_the_window_around_it(genome):
    found = model(window=20, units="reads")
    track = predict_track(found, genome, Interval("1", 30, 75, "-"), margin=6)
    assert track.interval == Interval("chr1", 30, 75)
    assert track.names == ("a", "b")
    assert track.units == "reads"
    for start in range(30, 75, 8):
        end = min(start + 8, 75)
        text = genome.fetch(Interval("chr1", start - 6, end + 6))
        expected = found.predict([text], device="cpu")[0][6 : 6 + end - start]
        got = track.values[start - 30 : end - 30]
        assert np.abs(got - expected).max() < 1e-9


def test_what_fits_a_window_is_read_whole(genome):
    found = model(window=20)
    track = predict_track(found, genome, Interval("small", 0, 13), margin=0)
    expected = found.predict([genome.fetch(Interval("small", 0, 13))], device="cpu")[0]
    assert np.abs(track.values - expected).max() < 1e-9


def test_bins_count_from_the_start_of_the_interval(genome):
    found = model(window=16, bin_size=4, strands="forward")
    track = predict_track(found, genome, Interval("chr1", 3, 25), margin=4)
    steps = np.flatnonzero(np.abs(np.diff(track.values[:, 0])) > 0) + 1
    assert steps.tolist() == [4, 8, 12, 16, 20]
    text = genome.fetch(Interval("chr1", 3, 15))  # the first core, and its margin
    expected = found.predict([text], device="cpu")[0]
    assert np.abs(track.values[:8:4] - expected[:2]).max() < 1e-9


def test_it_says_what_made_it(genome):
    found = model("multilabel", ("x",), window=20)
    track = predict_track(found, genome, Interval("chr1", 0, 50))
    assert track.units == "probability"
    assert {k: track.provenance[k] for k in ("window", "margin", "bin_size")} == {
        "window": 20,
        "margin": 5,
        "bin_size": 1,
    }
    assert track.provenance["genome_fingerprint"] == genome.fingerprint


def test_places_that_are_not_there_are_refused(genome):
    with pytest.raises(UnknownContigError):
        predict_track(model(), genome, Interval("chr9", 0, 5))
    with pytest.raises(ValueError, match="which has 120 bp"):
        predict_track(model(), genome, Interval("chr1", 100, 121))
