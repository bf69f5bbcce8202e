"""Held-out tracks: what is judged, and that scores are those of the drawn track."""

import numpy as np
import pytest

from hyenascope.data.fasta import FastaReader
from hyenascope.data.interval import Interval
from hyenascope.data.labelled_sequences import LabelError
from hyenascope.data.track_data import TrackData
from hyenascope.models.predict_track import predict_track
from hyenascope.training.collect_targets import collect_targets
from hyenascope.training.score_tracks import score_tracks
from hyenascope.training.track_options import TrackOptions
from hyenascope.training.track_validation import TrackValidation
from tests.models.test_track_model import model

NAN = float("nan")
PLACE = Interval("c", 20, 140)


@pytest.fixture
def genome(tmp_path):
    text = "".join(np.random.default_rng(0).choice(list("ACGT"), 160))
    path = tmp_path / "tiny.fa"
    path.write_text(f">c\n{text}\n")
    return FastaReader(path)


def numbers(kind="regression"):
    rng = np.random.default_rng(1)
    if kind == "multiclass":
        values = rng.integers(0, 2, (120, 1)).astype(float)
        names = ("class",)
    elif kind == "multilabel":
        values, names = rng.integers(0, 2, (120, 2)).astype(float), ("a", "b")
    else:
        values, names = rng.normal(size=(120, 2)), ("a", "b")
    values[:7], values[50, -1] = NAN, NAN
    return TrackData(values, names, PLACE)


def validation(genome, kind="regression", *, most=10_000, **how):
    classes = ("a", "b") if kind == "multiclass" else None
    targets = collect_targets(numbers(kind), genome, task=kind, classes=classes)
    return TrackValidation(genome, targets, model(kind, **how), None, most)


@pytest.mark.parametrize("kind", ["regression", "multilabel", "multiclass"])
def test_scores_are_those_of_the_drawn_track_where_all_is_known(genome, kind):
    found = validation(genome, kind, window=24)
    found.model.temperature.fill_(0.5)
    drawn = predict_track(found.model, genome, PLACE).values
    truth = numbers(kind).values
    known = ~np.isnan(truth).any(axis=1)
    assert known.sum() == 112
    look = found.look(found.model, TrackOptions())
    if kind == "regression":
        expected = np.mean((drawn[known] - truth[known]) ** 2)
        assert look.scores["mse"] == pytest.approx(expected)
    elif kind == "multiclass":
        right = drawn[known].argmax(1) == truth[known, 0]
        assert look.scores["accuracy"] == pytest.approx(right.mean())
    else:
        both = [
            np.mean(
                drawn[known & (truth[:, i] == 1), i][:, None]
                > drawn[known & (truth[:, i] == 0), i]
            )
            for i in range(2)
        ]
        assert look.scores["auroc"] == pytest.approx(np.mean(both))
    table = score_tracks(found.model, genome, numbers(kind), device="cpu")
    assert table["value"].to_dict() == pytest.approx(look.scores)


def test_the_loss_of_a_regression_is_in_units_of_what_was_learnt(genome):
    found = validation(genome)
    found.model.scale.fill_(4.0)
    look = found.look(found.model, TrackOptions())
    assert look.loss == pytest.approx(look.scores["mse"] / 16)


def test_bins_are_judged_by_their_means(genome):
    found = validation(genome, window=24, bin_size=4)
    means = found.targets.over(PLACE, 4)
    assert found.truth == pytest.approx(means[1:])  # of the first bin nothing is known
    drawn = predict_track(found.model, genome, PLACE).values[4::4]
    look = found.look(found.model, TrackOptions())
    assert look.scores["mse"] == pytest.approx(np.mean((drawn - means[1:]) ** 2))


def test_of_many_bases_some_windows_are_judged_evenly(genome):
    found = validation(genome, window=24, most=60)
    bases = sum(tile.core.length for tile in found.tiles)
    assert 48 <= bases <= 60
    starts = [tile.core.start for tile in found.tiles]
    assert starts[0] == 20
    assert starts[-1] >= 128
    assert len(found.truth) == len(found.logits(found.model)) < 60


def test_windows_without_a_known_base_are_passed_over(genome):
    values = np.full((120, 1), NAN)
    values[100:110, 0] = np.arange(10)
    targets = collect_targets(TrackData(values, "a", PLACE), genome)
    found = TrackValidation(genome, targets, model("regression", ("a",)), 0, 5)
    found.check()
    assert found.judged.any()


def test_what_would_choose_the_epoch_must_be_there(genome):
    values = np.zeros((120, 1))
    track = TrackData(values, "a", PLACE)
    targets = collect_targets(track, genome, task="multilabel")
    found = TrackValidation(genome, targets, model("multilabel", ("a",)), 0, 999)
    found.check(TrackOptions())
    with pytest.raises(ValueError, match="bases have; auroc is NaN: "):
        found.check(TrackOptions(select_by="auroc"))


def test_tracks_of_another_sort_or_without_values_are_refused(genome):
    with pytest.raises(LabelError, match="tracks must be 0, 1 or NaN for 'multilabel'"):
        score_tracks(model("multilabel"), genome, numbers())
    with pytest.raises(LabelError, match="tracks must be the model's, a, b; got class"):
        score_tracks(
            model(), genome, TrackData(np.arange(120), "class", PLACE), device="cpu"
        )
    apart = TrackData(
        np.array([[1.0, NAN], [NAN, 2.0]]), ("a", "b"), Interval("c", 0, 2)
    )
    with pytest.raises(LabelError, match="known in every track; got none"):
        score_tracks(model(), genome, apart, device="cpu")
