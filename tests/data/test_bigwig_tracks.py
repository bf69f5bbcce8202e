"""Signals of several files over whole contigs."""

import numpy as np
import pytest

from hyenascope.data.bigwig import write_bigwig
from hyenascope.data.bigwig_tracks import bigwig_tracks
from hyenascope.data.contigs import UnknownContigError
from hyenascope.data.fasta import FastaReader
from hyenascope.data.interval import Interval

SIZES = {"chr1": 12, "chr2": 8}


@pytest.fixture
def genome(tmp_path):
    path = tmp_path / "tiny.fa"
    path.write_text(f">chr1\n{'ACGT' * 3}\n>chr2\n{'ACGT' * 2}\n")
    return FastaReader(path)


def signal(tmp_path, name, values, *, chrom="chr1", start=0, sizes=SIZES):
    path = tmp_path / name
    place = Interval(chrom, start, start + len(values))
    write_bigwig(path, np.asarray(values, float), place, contig_lengths=sizes)
    return path


def test_files_stand_side_by_side_over_whole_contigs(genome, tmp_path):
    paths = [
        signal(tmp_path, "a.bw", [1, 2, 3], start=4),
        signal(tmp_path, "b.bw", [7], chrom="1", sizes={"1": 12, "2": 8}),
    ]
    first, second = bigwig_tracks(paths, genome)
    assert first.names == second.names == ("a", "b")
    assert first.interval == Interval("chr1", 0, 12)
    assert second.interval == Interval("chr2", 0, 8)
    expected = np.full((12, 2), np.nan)
    expected[4:7, 0] = 1, 2, 3
    expected[0, 1] = 7
    assert np.array_equal(first.values, expected, equal_nan=True)
    assert np.isnan(second.values).all()


def test_gaps_may_be_zero_and_values_logs(genome, tmp_path):
    path = signal(tmp_path, "a.bw", [0, 1, 3])
    (track,) = bigwig_tracks(path, genome, contigs="1", zero_missing=True, log1p=True)
    expected = np.log([1, 2, 4] + [1] * 9)
    assert track.values[:, 0] == pytest.approx(expected, rel=1e-6)
    assert track.units == "log(1 + value)"


def test_what_does_not_belong_together_is_refused(genome, tmp_path):
    good = signal(tmp_path, "a.bw", [1.0])
    with pytest.raises(ValueError, match="at least one bigWig file"):
        bigwig_tracks([], genome)
    (tmp_path / "other").mkdir()
    twin = signal(tmp_path / "other", "a.bw", [1.0])
    with pytest.raises(ValueError, match="different names; got a, a"):
        bigwig_tracks([good, twin], genome)
    long = signal(tmp_path, "long.bw", [1.0], sizes={"chr1": 13})
    with pytest.raises(ValueError, match="chr1 has 12 bp; got 13 in long"):
        bigwig_tracks([good, long], genome)
    short = signal(tmp_path, "short.bw", [1.0], sizes={"chr1": 11})
    with pytest.raises(ValueError, match="chr1 has 12 bp; got 11 in short"):
        bigwig_tracks(short, genome, contigs="chr1")
    worm = signal(tmp_path, "worm.bw", [1.0], chrom="X", sizes={"X": 5})
    with pytest.raises(ValueError, match="none of its contigs in every file, but chr1"):
        bigwig_tracks([good, worm], genome)
    with pytest.raises(UnknownContigError):
        bigwig_tracks([good], genome, contigs=["chr7"])
    deep = signal(tmp_path, "deep.bw", [0.0, -2.0], start=3)
    with pytest.raises(ValueError, match="got -2 of deep at chr1:5"):
        bigwig_tracks([deep], genome, log1p=True)
