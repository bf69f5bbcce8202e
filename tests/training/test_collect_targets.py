"""Tracks to learn: order, splits, bins, and what is refused."""

import numpy as np
import pytest

from hyenascope.data.contigs import UnknownContigError
from hyenascope.data.fasta import FastaReader
from hyenascope.data.interval import Interval
from hyenascope.data.labelled_sequences import LabelError
from hyenascope.data.track_data import TrackData
from hyenascope.training.collect_targets import collect_targets, split_targets

NAN = float("nan")


@pytest.fixture
def genome(tmp_path):
    path = tmp_path / "tiny.fa"
    path.write_text(f">chr1\n{'ACGT' * 25}\n>chr2\n{'GGCA' * 10}\n")
    return FastaReader(path)


def track(values, start=0, *, chrom="chr1", names=("a",)):
    values = np.asarray(values, dtype=float)
    return TrackData(values, names, Interval(chrom, start, start + len(values)))


def regression(tracks, genome):
    return collect_targets(tracks, genome, task="regression")


def test_stretches_are_sorted_and_spelled_as_the_genome_does(genome):
    found = regression(
        [track([1, 2], 50), track([3], 2), track([5], chrom="2")], genome
    )
    assert [str(t.interval) for t in found.stretches] == [
        "chr1:3-3",
        "chr1:51-52",
        "chr2:1-1",
    ]
    assert found.bases == 4
    assert found.task.label_names == ("a",)


def test_a_share_is_the_right_end_of_each_stretch(genome):
    targets = regression([track(np.arange(10), 5), track(np.arange(4), 40)], genome)
    learn, choose = split_targets(targets, 0.2, genome)
    assert [str(t.interval) for t in learn.stretches] == ["chr1:6-13", "chr1:41-43"]
    assert [str(t.interval) for t in choose.stretches] == ["chr1:14-15", "chr1:44-44"]
    assert choose.stretches[0].values[:, 0].tolist() == [8, 9]


def test_contigs_or_other_tracks_may_be_held_out(genome):
    targets = regression([track([1, 2], 5), track([3, 4], chrom="chr2")], genome)
    learn, choose = split_targets(targets, ["2"], genome)
    assert [t.interval.chrom for t in learn.stretches] == ["chr1"]
    assert [t.interval.chrom for t in choose.stretches] == ["chr2"]
    learn, choose = split_targets(targets, [track([9, 8, 7], 60, chrom="1")], genome)
    assert len(learn.stretches) == 2
    assert str(choose.stretches[0].interval) == "chr1:61-63"


@pytest.mark.parametrize(
    ("validation", "message"),
    [
        (1.0, "validation must be a share between 0 and 1; got 1"),
        (["chr2"], "validation must name contigs with tracks; got chr2"),
        (["chr1"], "stretches on either side; got none to learn from"),
        (0.001, "stretches on either side; got none for validation"),
        ([track([NAN], 60)], "validation: tracks must have a value at some base"),
        ([track([1], 60, names=("b",))], "validation must have the tracks a in ''"),
        ([track([1, 2], 6)], "chr1:6-7 and chr1:7-8 overlap"),
        ([track([1, 2], 60), "chr1"], "contigs or tracks, not both; got 1 and 1"),
        ([], "got none for validation"),
    ],
)
def test_splits_that_leak_or_leave_nothing_are_refused(genome, validation, message):
    targets = regression([track([1, 2], 5)], genome)
    with pytest.raises(LabelError, match=message):
        split_targets(targets, validation, genome)


@pytest.mark.parametrize(
    ("tracks", "how", "message"),
    [
        ([], {}, "at least one stretch"),
        ([track([NAN, NAN])], {}, "a value at some base; got none"),
        (
            [track([1, np.inf])],
            {},
            "finite or NaN for 'regression'; a is inf at chr1:2",
        ),
        ([track([0, 1]), track([1, 1], 1)], {}, "chr1:1-2 and chr1:2-3 overlap"),
        (
            [track([0]), track([1], 5, names=("b",))],
            {},
            "tracks must all be a in ''; got b in '' over chr1:6-6",
        ),
        (
            [track([0, 0.5])],
            {"task": "multilabel"},
            "0, 1 or NaN for 'multilabel'; a is 0.5 at chr1:2",
        ),
        (
            [track([0, 2])],
            {"task": "multiclass", "classes": ("x", "y")},
            "0 to 1 or NaN for 'multiclass'; a is 2 at chr1:2",
        ),
        (
            [track([[0, 1]], names=("a", "b"))],
            {"task": "multiclass", "classes": ("x", "y")},
            "one of class numbers for 'multiclass'; got a, b",
        ),
        ([track([0, 1])], {"task": "multiclass"}, "classes must name the numbers"),
        ([track([0, 1])], {"classes": ("x",)}, "classes must be None for 'regression'"),
        (
            [track([0, 0])],
            {"task": "multiclass", "classes": ("x",)},
            "classes must be at least two; got x",
        ),
        ([track([0, 1])], {"task": "binary"}, "'multilabel' with one track"),
    ],
)
def test_what_cannot_be_learnt_is_refused_with_its_place(genome, tracks, how, message):
    with pytest.raises(LabelError, match=message):
        collect_targets(tracks, genome, **{"task": "regression", **how})


def test_places_off_the_genome_are_refused(genome):
    with pytest.raises(UnknownContigError):
        regression([track([1], chrom="chr9")], genome)
    with pytest.raises(ValueError, match="which has 100 bp"):
        regression([track([1, 2], 99)], genome)


def test_one_contig_or_track_may_be_named_alone(genome):
    """Its letters are no contigs: I and V are other chromosomes than VI."""
    targets = regression([track([1, 2], 5), track([3, 4], chrom="chr2")], genome)
    learn, choose = split_targets(targets, "2", genome)
    assert [str(part.interval) for part in learn.stretches] == ["chr1:6-7"]
    assert [str(part.interval) for part in choose.stretches] == ["chr2:1-2"]
    learn, choose = split_targets(targets, track([3, 4], 60), genome)
    assert len(learn.stretches) == 2
    assert [str(part.interval) for part in choose.stretches] == ["chr1:61-62"]
    assert regression(track([1, 2]), genome).bases == 2


def test_bases_that_are_n_are_not_known(tmp_path, caplog):
    (tmp_path / "n.fa").write_text(">chr1\nACNNGTNA\n")
    caplog.set_level("INFO", logger="hyenascope")
    found = regression(
        [track([0, 1, 2, 3, NAN, 5, 6, 7])], FastaReader(tmp_path / "n.fa")
    )
    assert found.bases == 4
    values = found.over(Interval("chr1", 0, 8))[:, 0]
    assert np.array_equal(values, [0, 1, NAN, NAN, NAN, 5, NAN, 7], equal_nan=True)
    assert "3 bases with a value are N and left out." in caplog.text


def test_tracks_that_know_their_classes_need_no_names(genome):
    known = TrackData(
        [0, 1], "class", Interval("chr1", 0, 2), provenance={"classes": ["x", "y"]}
    )
    found = collect_targets(known, genome)
    assert (found.task.kind, found.task.label_names) == ("multiclass", ("x", "y"))
    with pytest.raises(LabelError, match="all stretches the same; got x, y and y, x"):
        collect_targets(known, genome, classes=("y", "x"))


def test_nothing_is_copied_where_a_stretch_is_split(genome):
    own = track(np.arange(50))
    learn, choose = split_targets(regression(own, genome), 0.5, genome)
    for part in (learn, choose):
        assert np.shares_memory(part.stretches[0].values, own.values)
