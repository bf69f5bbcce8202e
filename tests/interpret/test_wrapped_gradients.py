"""Attributions of wrapped networks: by hand, adding up, as other tools give them."""

import numpy as np
import pytest
import torch
from torch import nn

from hyenascope.data.interval import Interval
from hyenascope.interpret import (
    LogLikelihood,
    ModelOutput,
    deep_lift,
    deep_lift_shap,
    first_order_ism,
    input_x_gradient,
    integrated_gradients,
    occlusion,
    saliency,
    smoothgrad,
)
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.wrappers import Ensemble, FunctionModel, OneHotModel
from hyenascope.sequence.one_hot import one_hot
from tests.wrapped_models import Weighted, stranded

PLACE = Interval("chr1", 1000, 1032)
TEXT = "".join(np.random.default_rng(1).choice(list("ACGT"), 32))
LINEAR, SQUARE = ModelOutput("plain"), ModelOutput("square")


def weighted(seed=0):
    return OneHotModel(
        Weighted(32, seed),
        context_length=32,
        outputs=("plain", "square"),
        bin_size=4,
        units="reads",
    )


def network(seed=0):
    """Convolution, ReLU, max pooling, dense: what DeepLIFT was made for."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv1d(4, 6, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool1d(4),
        nn.Flatten(),
        nn.Linear(48, 8),
        nn.ReLU(),
        nn.Linear(8, 3),
    )


def convolutional(seed=0):
    return OneHotModel(network(seed), context_length=32, outputs=tuple("abc"))


@pytest.mark.parametrize("strands", ["forward", "reverse"])
def test_the_slope_of_a_linear_output_is_its_weights(strands):
    model = weighted()
    track = saliency(model, TEXT, PLACE, target=LINEAR, center=None, strands=strands)
    weight = model.module.weight.detach().numpy().T / 8  # the mean of eight bins
    expected = weight if strands == "forward" else weight[::-1, ::-1]
    np.testing.assert_allclose(track.values, expected, rtol=1e-5)
    assert track.units == "reads"
    assert track.provenance["wrapper"] == "OneHotModel"


def test_a_region_is_of_the_same_bases_on_either_strand():
    model = weighted()
    target = ModelOutput("plain", region=Interval("chr1", 1004, 1008))
    for strands in ("forward", "reverse"):
        track = saliency(
            model, TEXT, PLACE, target=target, center=None, strands=strands
        )
        touched = np.flatnonzero(np.abs(track.values).sum(axis=1))
        assert touched.tolist() == [4, 5, 6, 7]


def test_first_order_is_exact_for_a_linear_output_alone():
    model, rows = weighted(), one_hot(TEXT)
    weight = model.module.weight.detach().numpy().T / 8
    expected = weight - (weight * rows).sum(axis=1, keepdims=True)
    track = first_order_ism(model, TEXT, PLACE, target=LINEAR, strands="forward")
    np.testing.assert_allclose(track.values, expected, rtol=1e-4, atol=1e-6)
    bent = first_order_ism(model, TEXT, PLACE, target=SQUARE, strands="forward")
    assert not np.allclose(bent.values, expected)


@pytest.mark.parametrize("method", [integrated_gradients, deep_lift, deep_lift_shap])
@pytest.mark.parametrize("strands", ["forward", "both"])
def test_contributions_add_up(method, strands):
    model, target = convolutional(), ModelOutput("b")
    more = {"steps": 512} if method is integrated_gradients else {}
    track = method(
        model, TEXT, PLACE, target=target, strands=strands, tolerance=0.02, **more
    )
    record = track.provenance
    difference = record["target_value"] - record["baseline_value"]
    assert track.values.sum() == pytest.approx(difference, rel=0.02, abs=1e-5)
    if strands == "forward":
        predicted = model.predict(TEXT)[0, 0, 1]
        assert record["target_value"] == pytest.approx(predicted, rel=1e-5)


def test_deep_lift_shap_is_that_of_tangermeme():
    tangermeme = pytest.importorskip("tangermeme.deep_lift_shap")
    model = convolutional()
    rng = np.random.default_rng(3)
    starts = np.eye(4, dtype=np.float32)[rng.integers(0, 4, size=(5, 32))]
    ours = deep_lift_shap(
        model, TEXT, PLACE, target=ModelOutput("c"), baseline=starts, strands="forward"
    )
    theirs = tangermeme.deep_lift_shap(
        network(),
        torch.from_numpy(one_hot(TEXT).T[None].copy()),
        target=2,
        references=torch.from_numpy(starts.transpose(0, 2, 1)[None].copy()),
        device="cpu",
    )
    np.testing.assert_allclose(ours.values, theirs[0].numpy().T, atol=1e-5)


def test_gradients_are_those_of_captum():
    attr = pytest.importorskip("captum.attr")
    rows = torch.from_numpy(one_hot(TEXT).T[None].copy()).requires_grad_()
    theirs = attr.InputXGradient(network().eval()).attribute(rows, target=1)
    ours = input_x_gradient(
        convolutional(),
        TEXT,
        PLACE,
        target=ModelOutput(1),
        center=None,
        strands="forward",
    )
    np.testing.assert_allclose(ours.values, theirs[0].detach().numpy().T, atol=1e-6)


def with_unknown(share):
    return OneHotModel(
        network(), context_length=32, outputs=tuple("abc"), unknown=share
    )


@pytest.mark.parametrize("share", [0.0, 0.25])
def test_occlusion_is_what_n_takes_away(share):
    model = with_unknown(share)
    track = occlusion(model, TEXT, PLACE, target=ModelOutput("a"), strands="forward")
    hidden = [TEXT[:i] + "N" + TEXT[i + 1 :] for i in range(32)]
    here, *there = model.predict([TEXT, *hidden])[:, 0, 0]
    np.testing.assert_allclose(track.values.sum(axis=1), here - there, atol=1e-6)


@pytest.mark.parametrize("share", [0.0, 0.25])
@pytest.mark.parametrize("method", [integrated_gradients, deep_lift])
def test_the_baseline_n_is_what_the_model_reads_as_n(method, share):
    model, text = with_unknown(share), TEXT[:7] + "N" + TEXT[8:]
    for each in (model, Ensemble([model, with_unknown(share)])):
        record = method(
            each,
            text,
            PLACE,
            target=ModelOutput("b"),
            baseline="n",
            strands="forward",
            tolerance=0.05,
        ).provenance
        here, there = each.predict([text, "N" * 32])[:, 0, 1]
        assert record["target_value"] == pytest.approx(here, rel=1e-5)
        assert record["baseline_value"] == pytest.approx(there, rel=1e-5)


def test_members_that_read_n_in_two_ways_have_no_common_gradient():
    both = Ensemble([with_unknown(0.0), with_unknown(0.25)])
    assert both.offers == {"predict"}


@pytest.mark.parametrize("method", [smoothgrad, occlusion])
def test_the_others_run_and_leave_the_network_as_it_was(method):
    model = convolutional()
    model.module.train()
    track = method(model, TEXT, PLACE, target=ModelOutput("a"))
    assert np.isfinite(track.values).all()
    assert model.module.training
    assert all(parameter.requires_grad for parameter in model.module.parameters())


def test_an_ensemble_is_explained_by_the_mean():
    members = [weighted(0), weighted(1)]
    one, other = (
        saliency(model, TEXT, PLACE, target=SQUARE).values for model in members
    )
    both = saliency(Ensemble(members), TEXT, PLACE, target=SQUARE).values
    np.testing.assert_allclose(both, (one + other) / 2, rtol=1e-4, atol=1e-6)


def test_outputs_of_strands_change_places_with_them():
    model = stranded(32)
    options = {"target": ModelOutput("RNA-"), "center": None}
    one, other = (
        saliency(model, TEXT, PLACE, strands=strands, **options).values
        for strands in ("forward", "reverse")
    )
    assert np.abs(one).max() > 0
    np.testing.assert_allclose(one, other, rtol=1e-6)


def test_n_has_no_number():
    text = TEXT[:5] + "N" + TEXT[6:]
    track = saliency(weighted(), text, PLACE, target=SQUARE)
    assert np.isnan(track.values[5]).all()
    assert np.isfinite(np.delete(track.values, 5, axis=0)).all()


def test_what_does_not_fit_is_said():
    function = FunctionModel(lambda texts: [0.0] * len(texts), context_length=32)
    with pytest.raises(ValueError, match="model must give gradients for this"):
        saliency(function, TEXT, PLACE, target=ModelOutput())
    with pytest.raises(ValueError, match="output must be one of the 2 of Weighted"):
        saliency(weighted(), TEXT, PLACE, target=ModelOutput("DNase"))
    with pytest.raises(TypeError, match="target must be a ModelOutput for a wrapped"):
        saliency(weighted(), TEXT, PLACE, target=LogLikelihood())
    with pytest.raises(ValueError, match="interval must have the 32 bp that Weighted"):
        saliency(weighted(), TEXT[:8], Interval("chr1", 0, 8), target=LINEAR)


def test_a_model_output_is_not_of_our_own_model(unchecked):
    config = HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34)
    with pytest.raises(TypeError, match="target must be a LogLikelihood"):
        saliency(HyenaLM(config), TEXT, PLACE, target=ModelOutput())
