"""Our model in other people's hands: tangermeme, Captum, ledidi on one-hot rows."""

import numpy as np
import pytest
import torch

from hyenascope.data.interval import Interval
from hyenascope.interpret import (
    BaseScore,
    EmbeddingDirection,
    LogLikelihood,
    ModelOutput,
    deep_lift_shap,
    integrated_gradients,
)
from hyenascope.interpret.score_module import (
    ScoreModule,
    for_tangermeme,
    tangermeme_rules,
)
from hyenascope.models.predict import log_likelihood
from hyenascope.models.wrappers import OneHotModel
from hyenascope.sequence.dna import reverse_complement
from hyenascope.sequence.one_hot import one_hot
from tests.wrapped_models import Weighted, small_hyena

PLACE = Interval("chr1", 1000, 1032)
TEXT = "".join(np.random.default_rng(1).choice(list("ACGT"), 32))


@pytest.fixture
def model():
    return small_hyena()


def rows(*texts):
    return torch.stack([torch.from_numpy(one_hot(text).T.copy()) for text in texts])


@pytest.mark.parametrize("strand", ["forward", "reverse"])
def test_it_is_the_log_likelihood(model, strand):
    net = ScoreModule(model, LogLikelihood(), PLACE, strand=strand)
    texts = [TEXT, TEXT[::-1]]
    expected = log_likelihood(model, texts, strands=strand)
    with torch.no_grad():
        found = net(rows(*texts))
    np.testing.assert_allclose(found[:, 0], expected, rtol=1e-5)


def test_saturation_mutagenesis_of_tangermeme(model):
    theirs = pytest.importorskip("tangermeme.saturation_mutagenesis")
    net = ScoreModule(model, LogLikelihood(), PLACE)
    reference, edited = theirs.saturation_mutagenesis(
        net, rows(TEXT), raw_outputs=True, device="cpu"
    )
    expected = log_likelihood(model, [TEXT])[0]
    assert float(reference.ravel()[0]) == pytest.approx(expected, rel=1e-5)
    found = edited.reshape(4, 32)
    for at in (0, 7, 31):
        texts = [TEXT[:at] + base + TEXT[at + 1 :] for base in "ACGT"]
        likelihoods = log_likelihood(model, texts)
        np.testing.assert_allclose(found[:, at], likelihoods, rtol=1e-4)


def test_deep_lift_shap_of_tangermeme_adds_up_and_is_ours(model):
    theirs = pytest.importorskip("tangermeme.deep_lift_shap")
    rng = np.random.default_rng(3)
    starts = np.eye(4, dtype=np.float32)[rng.integers(0, 4, size=(4, 32))]
    target = BaseScore(1030, "G")
    ours = deep_lift_shap(
        model, TEXT, PLACE, target=target, baseline=starts, strands="forward"
    )
    net = for_tangermeme(ScoreModule(model, target, PLACE))
    found = theirs.deep_lift_shap(
        net,
        rows(TEXT),
        references=torch.from_numpy(starts.transpose(0, 2, 1)[None].copy()),
        additional_nonlinear_ops=tangermeme_rules(),
        device="cpu",
    )
    record = ours.provenance
    difference = record["target_value"] - record["baseline_value"]
    assert float(found.sum()) == pytest.approx(difference, abs=1e-4)
    np.testing.assert_allclose(found[0].numpy().T, ours.values, atol=1e-5)


def test_integrated_gradients_of_captum_are_ours(model):
    attr = pytest.importorskip("captum.attr")
    target = BaseScore(1030, "G")
    net = ScoreModule(model, target, PLACE)
    found = attr.IntegratedGradients(net).attribute(
        rows(TEXT), torch.full((1, 4, 32), 0.25), target=0, n_steps=64
    )
    ours = integrated_gradients(
        model, TEXT, PLACE, target=target, baseline="uniform", hypothetical=False,
        strands="forward",
    )  # fmt: skip
    total = found.detach()[0].numpy().T.sum(axis=1)
    np.testing.assert_allclose(total, ours.values.sum(axis=1), atol=1e-5)


def test_ledidi_designs_a_likelier_sequence(model):
    ledidi = pytest.importorskip("ledidi")
    net = ScoreModule(model, LogLikelihood(), PLACE)
    wanted = torch.zeros(1, 1)  # certain of every base
    torch.manual_seed(0)
    designed = ledidi.ledidi(
        net, rows(TEXT), y_bar=wanted, max_iter=60, device="cpu", verbose=False
    )
    with torch.no_grad():
        before, after = net(rows(TEXT)), net(designed[:1].float())
    assert float(after) > float(before)


def test_a_wrapped_model_goes_out_as_well():
    model = OneHotModel(Weighted(32), context_length=32, outputs=2, bin_size=4)
    net = ScoreModule(model, ModelOutput(1), PLACE)
    expected = model.predict(TEXT)[0, :, 1].mean()
    assert float(net(rows(TEXT)).detach()) == pytest.approx(expected, rel=1e-5)
    turned = ScoreModule(model, ModelOutput(1), PLACE, strand="reverse")
    expected = model.predict(reverse_complement(TEXT))[0, :, 1].mean()
    assert float(turned(rows(TEXT)).detach()) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("strand", ["forward", "reverse"])
def test_bins_off_centre_are_the_same_bases_on_either_strand(strand):
    model = OneHotModel(Weighted(32), context_length=32, outputs=2, bin_size=4)
    output = ModelOutput(np.int64(1), region=Interval("chr1", 1004, 1012))
    found = ScoreModule(model, output, PLACE, strand=strand)(rows(TEXT))
    read = TEXT if strand == "forward" else reverse_complement(TEXT)
    bins = model.predict(read)[0, :, 1]
    expected = (bins if strand == "forward" else bins[::-1])[1:3].mean()
    assert float(found.detach()) == pytest.approx(expected, rel=1e-5)


def test_targets_move_with_the_module(model):
    direction = np.arange(8.0)
    net = ScoreModule(model, EmbeddingDirection(direction), PLACE).to("meta")
    where = {name: each.device.type for name, each in net.named_buffers()}
    assert any(name.endswith("direction") for name in where)
    assert set(where.values()) == {"meta"}


def test_what_does_not_fit_is_said(model, unchecked):
    with pytest.raises(ValueError, match=r"with length 32; got \(1, 4, 31\)"):
        ScoreModule(model, LogLikelihood(), PLACE)(rows(TEXT[1:]))
    with pytest.raises(ValueError, match="labels='own' in a network that knows"):
        ScoreModule(model, LogLikelihood(labels="fixed"), PLACE)
    with pytest.raises(ValueError, match="must fit the context of 66 bp"):
        ScoreModule(model, LogLikelihood(), Interval("chr1", 0, 67))
    with pytest.raises(TypeError, match="target must be a LogLikelihood"):
        ScoreModule(model, ModelOutput(), PLACE)
    with pytest.raises(ValueError, match="strand must be 'forward' or 'reverse'"):
        ScoreModule(model, LogLikelihood(), PLACE, strand="both")
