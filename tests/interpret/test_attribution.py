import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from hyenascope.data import fasta
from hyenascope.data.fasta import FastaReader
from hyenascope.data.interval import Interval
from hyenascope.data.track_data import TrackData
from hyenascope.interpret.additive_attribution import (
    deep_lift,
    deep_lift_shap,
    integrated_gradients,
)
from hyenascope.interpret.gradient import (
    first_order_ism,
    occlusion,
    saliency,
    smoothgrad,
)
from hyenascope.interpret.gradient_targets import BaseScore, LogLikelihood
from hyenascope.interpret.head_output import HeadOutput
from hyenascope.models.checkpoint import checkpoint_hash
from hyenascope.sequence.dna import reverse_complement
from tests.interpret.one_hot_toys import rough_model

TEXT = "".join(np.random.default_rng(8).choice(list("ACGT"), 30))
PLACE = Interval("I", 10, 40)
TARGET = LogLikelihood(Interval("I", 20, 26))


@pytest.fixture(scope="module")
def model():
    return rough_model(2, dtype=torch.float64)


@pytest.fixture(scope="module")
def genome(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("genome") / "g.fa"
    path.write_text(f">I\n{'A' * 10}{TEXT}{'C' * 10}\n")
    return path


@pytest.mark.parametrize("method", [saliency, deep_lift])
def test_reverse_is_forward_on_the_reverse_complement(model, method):
    reverse = method(model, TEXT, PLACE, target=TARGET, strands="reverse")
    mirrored = LogLikelihood(Interval("I", 24, 30))
    forward = method(
        model, reverse_complement(TEXT), PLACE, target=mirrored, strands="forward"
    )
    np.testing.assert_allclose(reverse.values, forward.values[::-1, ::-1], atol=1e-12)


def test_both_is_the_mean_of_the_strands(model):
    parts = {
        strands: deep_lift(model, TEXT, PLACE, target=TARGET, strands=strands)
        for strands in ("forward", "reverse", "both")
    }
    mean = (parts["forward"].values + parts["reverse"].values) / 2
    np.testing.assert_allclose(parts["both"].values, mean, atol=1e-12)
    found = [parts[s].provenance["target_value"] for s in ("forward", "reverse")]
    assert parts["both"].provenance["target_value"] == pytest.approx(np.mean(found))


def test_a_genome_is_as_good_as_its_text(model, genome):
    given = saliency(model, TEXT, PLACE, target=TARGET)
    with FastaReader(genome) as reader:
        for source in (genome, reader):
            track = saliency(model, source, PLACE, target=TARGET)
            np.testing.assert_array_equal(track.values, given.values)
            assert track.provenance["genome"] == "g.fa"
            assert track.provenance["genome_fingerprint"] == reader.fingerprint
    assert "genome" not in given.provenance


def test_a_path_is_opened_once_and_closed(model, genome, monkeypatch):
    readers = []

    class Watched(FastaReader):
        def __init__(self, path):
            super().__init__(path)
            readers.append(self)

    monkeypatch.setattr(fasta, "FastaReader", Watched)
    for method in (saliency, occlusion, deep_lift):
        method(model, genome, PLACE, target=TARGET)
        (reader,) = readers
        with pytest.raises(fasta.FastaError, match="is closed"):
            reader.fetch(PLACE)
        readers.clear()


def test_refuses_a_reader_that_keeps_case(model, genome):
    with (
        FastaReader(genome, keep_case=True) as reader,
        pytest.raises(ValueError, match="genome must be opened with keep_case=False"),
    ):
        saliency(model, reader, PLACE, target=TARGET)


@pytest.mark.parametrize("method", [saliency, deep_lift, occlusion, first_order_ism])
def test_n_has_no_number_and_its_neighbours_have(model, method):
    text = TEXT[:5] + "NR" + TEXT[7:]
    track = method(model, text, PLACE, target=TARGET)
    unknown = np.isnan(track.values).all(axis=1)
    assert np.flatnonzero(unknown).tolist() == [5, 6]
    assert np.isfinite(track.values[~unknown]).all()
    assert [dict(run) for run in track.provenance["unscored"]] == [
        {
            "strand": "both",
            "start": 15,
            "end": 17,
            "reason": "the reference is not A, C, G or T",
        }
    ]
    if method is deep_lift:
        record = track.provenance
        whole = record["target_value"] - record["baseline_value"]
        assert np.nansum(track.values) == pytest.approx(whole, rel=1e-9)


def test_record_says_how_it_was_made(model, tmp_path):
    track = integrated_gradients(
        model, TEXT, PLACE, target=BaseScore(30, "G"), shuffles=2, steps=16, seed=5
    )
    assert track.names == ("A", "C", "G", "T")
    assert track.units == "nats"
    assert track.interval == PLACE
    record = dict(track.provenance)
    assert record.pop("reading").startswith("Positive: this base raises the target")
    assert record.pop("convergence_delta") < 1e-6
    numbers = ("target_value", "baseline_value", "convergence_relative")
    assert all(isinstance(record.pop(name), float) for name in numbers)
    assert isinstance(record.pop("version"), str)
    assert record == {
        "method": "integrated gradients",
        "target": "log p of G at 31",
        "baseline": "shuffle",
        "baselines": 2,
        "steps": 16,
        "seed": 5,
        "hypothetical": False,
        "model": "untitled",
        "checkpoint_hash": checkpoint_hash(model),
        "modulation_shift": 0.05,
        "strands": "both",
        "interval": "I:11-40",
        "context": 30,
        "unscored": (),
    }
    track.to_parquet(tmp_path / "x.parquet")
    assert TrackData.from_parquet(tmp_path / "x.parquet") == track


def test_model_and_head_are_as_before_also_after_an_error(model):
    class Breaks(nn.Module):
        def __init__(self):
            super().__init__()
            self.act = nn.ReLU()

        def forward(self, states):
            if self.act(states).requires_grad:
                raise RuntimeError("inside the head")
            return states.mean(dim=(1, 2))

    head = Breaks().train()
    model.train()
    model.backbone.ln_f.eval()
    blocks = list(model.backbone.layers)
    for method in (saliency, smoothgrad, integrated_gradients, deep_lift):
        with pytest.raises(RuntimeError, match="inside the head"):
            method(model, TEXT, PLACE, target=HeadOutput(head), max_memory=10**6)
    assert head.training
    assert model.training
    assert not model.backbone.ln_f.training
    assert list(model.backbone.layers) == blocks
    assert all(p.requires_grad for p in model.parameters())
    for part in [*model.modules(), *head.modules()]:
        assert not part._forward_hooks
        assert not part._forward_pre_hooks
        assert not part._backward_hooks
    model.eval()


@pytest.mark.parametrize("method", [smoothgrad, occlusion, integrated_gradients])
def test_captum_is_asked_for_by_name(model, method, monkeypatch):
    monkeypatch.setitem(sys.modules, "captum", None)
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    with pytest.raises(ImportError, match=r"pip install hyenascope\[attribution\]"):
        method(model, TEXT, PLACE, target=TARGET)
    saliency(model, TEXT, PLACE, target=TARGET)
    deep_lift(model, TEXT, PLACE, target=TARGET)


@pytest.mark.parametrize(
    ("text", "interval", "message"),
    [
        (
            TEXT,
            Interval("I", 0, 31),
            "sequence must have the 31 bp of I:1-31, or .* got text of 30",
        ),
        ("", Interval("I", 5, 5), "interval must hold at least one base"),
        ("A" * 81, Interval("I", 0, 81), "interval must fit the context of 80 bp"),
        ("AC?T", Interval("I", 0, 4), r"\?"),
    ],
)
def test_refuses(model, text, interval, message):
    with pytest.raises(ValueError, match=message):
        saliency(model, text, interval, target=LogLikelihood())


def test_refuses_what_lies_off_the_genome(model, genome):
    with pytest.raises(
        ValueError, match="interval must hold bases of I, which has 50 bp"
    ):
        saliency(model, genome, Interval("I", 30, 60), target=LogLikelihood())


@pytest.mark.parametrize("method", [integrated_gradients, deep_lift, deep_lift_shap])
@pytest.mark.parametrize("tolerance", [0.0, -1.0])
def test_refuses_a_tolerance_that_nothing_meets(model, method, tolerance):
    with pytest.raises(ValueError, match="tolerance must be above 0; got"):
        method(model, TEXT, PLACE, target=TARGET, tolerance=tolerance)


def test_refuses_the_last_base_of_a_window_on_the_reverse_strand(model):
    target = BaseScore(39, "G")
    saliency(model, TEXT, PLACE, target=target, strands="forward")
    with pytest.raises(ValueError, match="position must have a base before it"):
        saliency(model, TEXT, PLACE, target=target, strands="both")


def test_refuses_a_limit_that_holds_nothing(model):
    with pytest.raises(ValueError, match="max_memory must be at least"):
        saliency(model, TEXT, PLACE, target=TARGET, max_memory=1000)
