"""Learning tracks as a user does: what is learnt, kept, refused."""

import json

import numpy as np
import pytest
import torch

from hyenascope.data.fasta import FastaReader
from hyenascope.data.interval import Interval
from hyenascope.data.labelled_sequences import LabelError
from hyenascope.data.track_data import TrackData
from hyenascope.models.hyena import HyenaConfig
from hyenascope.models.predict_track import predict_track
from hyenascope.models.saved_track_model import load_track_model
from hyenascope.training.finetune_tracks import finetune_tracks
from hyenascope.training.score_tracks import score_tracks
from hyenascope.training.track_options import TrackOptions
from tests.training.hearing import Hearing

CONFIG = HyenaConfig(d_model=16, n_layer=1, d_inner=32, l_max=66, embed_dropout=0.0)
MOTIF, SIZE = "CATTTGG", 6_000


def text():
    rng = np.random.default_rng(0)
    bases = rng.choice(list("ACGT"), SIZE)
    starts = np.cumsum(rng.integers(15, 60, SIZE // 30))
    for start in starts[starts < SIZE - 10]:
        bases[start : start + len(MOTIF)] = list(MOTIF)
    return "".join(bases)


@pytest.fixture(scope="module")
def genome(tmp_path_factory):
    path = tmp_path_factory.mktemp("genome") / "tiny.fa"
    path.write_text(f">a\n{text()}\n>b\n{text()[:1500]}\n")
    return FastaReader(path)


def middles(start=0, end=SIZE, *, chrom="a"):
    """1 at the A of a motif, which what lies left of it does not tell."""
    bases = text()
    found = np.zeros(SIZE)
    found[[i + 1 for i in range(SIZE) if bases.startswith(MOTIF, i)]] = 1
    return TrackData(found[start:end], "motif", Interval(chrom, start, end))


def learnt(genome, tracks=None, *, options=None, **how):
    options = {
        "epochs": 12,
        "batch_size": 8,
        "learning_rate": 1e-2,
        "patience": None,
        **(options or {}),
    }
    how = {"task": "multilabel", "progress": False, "device": "cpu", **how}
    return finetune_tracks(
        CONFIG,
        genome,
        middles() if tracks is None else tracks,
        options=TrackOptions(**options),
        **how,
    )


def test_a_motif_is_found_from_both_its_sides(genome, tmp_path):
    result = learnt(genome, out=tmp_path)
    assert result.finished
    assert result.best_epoch > 1
    assert result.scores.loc["auprc", "value"] > 0.8
    drawn = predict_track(result.model, genome, Interval("b", 0, 1500))
    wanted = middles(0, 1500).values[:, 0] == 1
    assert drawn.values[wanted, 0].mean() > 0.8
    assert drawn.values[~wanted, 0].mean() < 0.02
    again = predict_track(load_track_model(tmp_path), genome, Interval("b", 0, 1500))
    assert np.array_equal(again.values, drawn.values)
    assert result.history["epoch"].tolist() == list(range(1, 13))


def test_one_strand_alone_cannot_tell_what_comes_after(genome):
    one = learnt(genome, options={"strands": "forward"})
    assert one.scores.loc["auprc", "value"] < 0.5


def gc_track(end=SIZE):
    """Share of G and C among 8 bases, as a coverage in odd units."""
    strong = np.array([base in "GC" for base in text()], float)
    share = strong[: SIZE // 8 * 8].reshape(-1, 8).mean(axis=1)
    return TrackData(500 * np.repeat(share, 8)[:end] + 70, "gc", Interval("a", 0, end))


def test_a_signal_is_learnt_in_bins_and_in_its_units(genome):
    result = learnt(
        genome,
        gc_track(),
        task="regression",
        options={"bin_size": 8, "select_by": "r2", "epochs": 14},
    )
    assert result.scores.loc["r2", "value"] > 0.9
    drawn = predict_track(result.model, genome, Interval("a", 0, 800))
    error = drawn.values[:, 0] - gc_track(800).values[:, 0]
    assert np.sqrt(np.mean(error**2)) < 30  # of a spread of 88


def test_classes_of_bases_are_learnt(genome):
    classes = np.array(["ACGT".index(base) for base in text()], float)
    track = TrackData(classes, "base", Interval("a", 0, SIZE))
    result = learnt(
        genome, track, task="multiclass", classes=tuple("ACGT"), options={"epochs": 3}
    )
    assert result.scores.loc["accuracy", "value"] > 0.99
    assert result.model.predict("GAT")[0].argmax(axis=1).tolist() == [2, 0, 3]


def test_scores_are_those_of_the_validation_stretches(genome):
    held_out = middles(0, 1500, chrom="b")
    result = learnt(genome, validation=[held_out], options={"epochs": 2})
    table = score_tracks(result.model, genome, held_out, device="cpu")
    assert table["value"].to_dict() == pytest.approx(result.scores["value"].to_dict())


def test_the_same_seed_gives_the_same_weights_whatever_the_global_one(genome):
    def weights(torch_seed, seed=0):
        torch.manual_seed(torch_seed)
        result = learnt(genome, middles(0, 600), options={"epochs": 1, "seed": seed})
        return result.model.readout.linear.weight

    assert torch.equal(weights(1), weights(2))
    assert not torch.equal(weights(1), weights(1, seed=1))


def test_a_run_that_is_stopped_keeps_its_best_epoch(genome, tmp_path):
    monitor = Hearing(stop_at=12)
    result = learnt(genome, monitor=monitor, out=tmp_path)
    assert not result.finished
    assert result.best_epoch == 1
    assert monitor.plan.unit == "nats per label of a base"
    assert result.message == monitor.message
    assert load_track_model(tmp_path).task.label_names == ("motif",)


@pytest.mark.parametrize(
    ("tracks", "how", "error", "message"),
    [
        (
            TrackData(np.zeros(600), "motif", Interval("a", 0, 600)),
            {},
            LabelError,
            "the same value everywhere, or none, has motif",
        ),
        (
            TrackData(np.full(600, 0.1), "motif", Interval("a", 0, 600)),
            {"task": "regression"},
            LabelError,
            "the same value everywhere, or none, has motif",
        ),
        (
            TrackData(np.arange(600) % 2, "x", Interval("a", 0, 600)),
            {"task": "multiclass", "classes": ("p", "q", "r")},
            LabelError,
            "it has no base of r",
        ),
        (
            None,
            {"options": {"bin_size": 2}},
            ValueError,
            "options.bin_size must be 1 for 'multilabel'; got 2",
        ),
        (None, {"options": {"window": 67}}, ValueError, "window must be 1 to 66 bp"),
        (
            None,
            {"options": {"window": 40, "margin": 20}},
            ValueError,
            "margin must be a multiple of 1 bp from 0 to less than half the window",
        ),
        (
            None,
            {"options": {"select_by": "r2"}},
            ValueError,
            "select_by must be one of loss, auroc",
        ),
    ],
)
def test_what_cannot_be_learnt_is_refused(genome, tracks, how, error, message):
    with pytest.raises(error, match=message):
        learnt(genome, tracks, **how)


def test_what_varies_within_bins_does_not_hide_their_means(genome):
    """Noise that sums to zero in each bin, 20 times as wide as the means."""
    clean = gc_track().values[:, 0]
    noise = np.random.default_rng(2).normal(size=(SIZE // 8, 8))
    noise -= noise.mean(axis=1, keepdims=True)
    noisy = clean + 20 * clean.std() * noise.ravel() / noise.std()
    result = learnt(
        genome,
        TrackData(noisy, "gc", Interval("a", 0, SIZE)),
        options={"bin_size": 8, "epochs": 8},
        task="regression",
    )
    assert result.scores.loc["r2", "value"] > 0.7


def test_probabilities_are_calibrated_on_the_validation_bases(genome):
    """No other temperature makes their loss less."""
    result = learnt(genome, options={"epochs": 3})
    drawn = predict_track(result.model, genome, Interval("a", 5_400, SIZE))
    truth = middles(5_400).values[:, 0]
    odds = np.log(drawn.values[:, 0] / (1 - drawn.values[:, 0])).astype(float)

    def loss(scale):
        return np.logaddexp(0, np.where(truth == 1, -odds, odds) * scale).mean()

    assert float(result.model.temperature) != 1.0
    assert loss(1.0) <= min(loss(0.95), loss(1.05)) + 1e-6


def test_the_folder_says_what_made_it_also_while_it_is_made(genome, tmp_path):
    class Watching(Hearing):
        seen = ""

        def step(self, report):
            if report.validation is not None and not self.seen:
                self.seen = (tmp_path / "m" / "README.md").read_text()
                load_track_model(tmp_path / "m")

    monitor = Watching()
    result = learnt(genome, options={"epochs": 2}, out=tmp_path / "m", monitor=monitor)
    assert monitor.seen.startswith("# Not finished")
    card = (tmp_path / "m" / "README.md").read_text()
    assert card.startswith("# Tracks: motif")
    assert f"| auprc | {result.scores.loc['auprc', 'value']:.4f} |" in card
    assert "| training | 5,400 | a:1-5,400 |" in card
    facts = json.loads((tmp_path / "m" / "config.json").read_text())["metadata"]
    assert facts["stretches"]["validation"] == ["a:5,401-6,000"]
    assert facts["best_epoch"] == result.best_epoch
    assert facts["options"]["learning_rate"] == 0.01


def test_only_some_of_many_bases_are_judged(genome):
    result = learnt(genome, options={"epochs": 1, "most_judged": 100})
    assert 60 <= result.scores.loc["auroc", "rows"] <= 100
