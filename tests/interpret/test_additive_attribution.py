import copy
import warnings

import captum.attr
import numpy as np
import pytest
import torch
from tangermeme.deep_lift_shap import BilinearOp, _nonlinear
from tangermeme.deep_lift_shap import deep_lift_shap as tangermeme_deep_lift_shap
from torch import nn

from hyenascope.data.interval import Interval
from hyenascope.interpret.additive_attribution import (
    deep_lift,
    deep_lift_shap,
    integrated_gradients,
)
from hyenascope.interpret.attribution_baselines import baseline_rows
from hyenascope.interpret.gradient_targets import (
    BaseScore,
    EmbeddingDirection,
    LogLikelihood,
)
from hyenascope.interpret.head_output import HeadOutput
from hyenascope.models.elementwise import Gelu
from hyenascope.models.gradient_memory import GradientPlan, plan_gradients
from hyenascope.models.one_hot_module import OneHotLM
from hyenascope.models.predict import log_likelihood
from hyenascope.sequence.one_hot import one_hot
from tests.interpret.one_hot_toys import ConvHead, rough_model, soft_first_order
from tests.toy_models import NEXT, chain, step

RANDOM = np.random.default_rng(4)
TEXT = "".join(RANDOM.choice(list("ACGT"), 33))
PLACE = Interval("I", 100, 133)
TARGETS = {
    "likelihood": LogLikelihood(),
    "region, fixed": LogLikelihood(Interval("I", 110, 121), labels="fixed"),
    "log p": BaseScore(125, "G"),
    "logit": BaseScore(125, "T", scale="logit"),
    "direction": EmbeddingDirection(RANDOM.normal(size=12)),
}


def difference(track) -> float:
    return track.provenance["target_value"] - track.provenance["baseline_value"]


@pytest.mark.parametrize("order", [2, 3])
@pytest.mark.parametrize(
    ("name", "baseline"),
    [
        ("likelihood", "shuffle"),
        ("region, fixed", "n"),
        ("log p", "uniform"),
        ("logit", "shuffle"),
        ("direction", "n"),
    ],
)
def test_deep_lift_adds_up(name, baseline, order):
    for dtype, tolerance in ((torch.float32, 1e-4), (torch.float64, 1e-11)):
        model = rough_model(len(name), order=order, dtype=dtype)
        track = deep_lift_shap(
            model, TEXT, PLACE, target=TARGETS[name], baseline=baseline, shuffles=3
        )
        assert track.provenance["convergence_relative"] < tolerance
        # The same said with the numbers that the caller gets.
        assert abs(difference(track)) > 1e-3
        assert track.values.sum() == pytest.approx(
            difference(track), rel=tolerance * 10
        )


@pytest.mark.parametrize(
    ("order", "name", "baseline"),
    [
        (2, "likelihood", "shuffle"),
        (3, "likelihood", "uniform"),
        (3, "log p", "shuffle"),
        (2, "direction", "n"),
    ],
)
def test_integrated_gradients_add_up(name, baseline, order):
    for dtype, tolerance in ((torch.float32, 1e-4), (torch.float64, 1e-6)):
        track = integrated_gradients(
            rough_model(len(name), order=order, dtype=dtype),
            TEXT,
            PLACE,
            target=TARGETS[name],
            baseline=baseline,
            shuffles=1,
            strands="forward",
        )
        assert track.provenance["convergence_relative"] < tolerance
        assert track.values.sum() == pytest.approx(
            difference(track), rel=tolerance * 10
        )


@pytest.mark.parametrize("length", [2, 3, 17])
def test_short_and_odd_lengths_add_up(length):
    place = Interval("I", 0, length)
    track = deep_lift(
        rough_model(dtype=torch.float64), TEXT[:length], place, target=LogLikelihood()
    )
    assert track.provenance["convergence_relative"] < 1e-11


def test_values_are_the_model_s_own_likelihoods():
    model = rough_model(dtype=torch.float64)
    other = TEXT[::-1]
    for method in (deep_lift, integrated_gradients):
        record = method(
            model,
            TEXT,
            PLACE,
            target=LogLikelihood(),
            baseline=one_hot(other),
            strands="both",
        ).provenance
        found = record["target_value"], record["baseline_value"]
        expected = log_likelihood(model, [TEXT, other], strands="both")
        np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.parametrize("method", [deep_lift, integrated_gradients])
def test_first_order_by_hand(method):
    # Only the last base differs, and it has no effect but its own log p.
    track = method(
        soft_first_order(NEXT),
        "ACGTA",
        Interval("I", 0, 5),
        target=LogLikelihood(),
        baseline=one_hot("ACGTC"),
        strands="forward",
    )
    expected = np.zeros((5, 4))
    expected[4, 0] = step("T", "A") - step("T", "C")
    np.testing.assert_allclose(track.values, expected, atol=1e-6)


def test_hypothetical_are_effects_where_the_target_is_linear():
    track = deep_lift(
        soft_first_order(NEXT),
        "ACGTA",
        Interval("I", 0, 5),
        target=LogLikelihood(),
        baseline=one_hot("ACGTC"),
        hypothetical=True,
        strands="forward",
    )
    whole = np.array([chain("ACGT" + base) for base in "ACGT"])
    np.testing.assert_allclose(track.values[4], whole - chain("ACGTC"), atol=1e-12)


def test_hypothetical_agrees_where_the_letter_is():
    model, rows = rough_model(), one_hot(TEXT)
    both = [
        deep_lift_shap(model, TEXT, PLACE, target=LogLikelihood(), hypothetical=h)
        for h in (False, True)
    ]
    np.testing.assert_allclose(both[0].values, both[1].values * rows, atol=1e-7)
    assert (both[0].values[rows == 0] == 0).all()


def test_several_baselines_are_averaged_whatever_the_batch():
    model = rough_model(dtype=torch.float64)
    rows = baseline_rows("shuffle", TEXT, shuffles=5, seed=3)
    target = TARGETS["log p"]
    shap = deep_lift_shap(model, TEXT, PLACE, target=target, shuffles=5, seed=3)
    alone = [
        deep_lift(model, TEXT, PLACE, target=target, baseline=one).values
        for one in rows
    ]
    np.testing.assert_allclose(shap.values, np.mean(alone, axis=0), atol=1e-12)


def test_recomputing_within_a_limit_changes_nothing():
    model = rough_model(dtype=torch.float64, n_layer=5)
    assert plan_gradients(
        model.config,
        32,
        device=torch.device("cpu"),
        dtype=torch.float64,
        max_memory=500_000,
        least=2,
    ) == GradientPlan(2, recompute=True)
    for method, few in ((deep_lift_shap, {}), (integrated_gradients, {"steps": 3})):
        free, tight = (
            method(
                model,
                TEXT,
                PLACE,
                target=LogLikelihood(),
                shuffles=2,
                max_memory=limit,
                tolerance=1.0,
                **few,
            )
            for limit in (None, 500_000)
        )
        np.testing.assert_allclose(free.values, tight.values, atol=1e-12)


def test_seed_is_recorded_and_repeats():
    model, target = rough_model(), TARGETS["log p"]
    one, same, other = (
        deep_lift_shap(model, TEXT, PLACE, target=target, shuffles=2, seed=seed)
        for seed in (1, 1, 2)
    )
    assert one == same
    assert (one.values != other.values).any()
    assert (one.provenance["seed"], other.provenance["seed"]) == (1, 2)


def test_a_step_without_a_rule_is_warned_of():
    target = EmbeddingDirection(np.arange(12.0), pool="max")
    with pytest.warns(UserWarning, match=r"contributions must add up within 0\.01"):
        deep_lift(rough_model(), TEXT, PLACE, target=target)
    deep_lift(rough_model(), TEXT, PLACE, target=target, tolerance=1e9)


def test_parity_with_tangermeme_on_a_convolutional_network():
    head = ConvHead(torch.Generator().manual_seed(0))
    rows = baseline_rows("shuffle", TEXT, shuffles=4, seed=0)
    ours = deep_lift_shap(
        soft_first_order(NEXT),
        TEXT,
        PLACE,
        target=HeadOutput(head, 1),
        baseline=rows,
        strands="forward",
    )
    theirs = tangermeme_deep_lift_shap(
        head.net,
        channels(one_hot(TEXT)),
        target=1,
        references=references(rows),
        device="cpu",
    )
    np.testing.assert_allclose(ours.values, theirs[0].T.detach(), atol=1e-12)


def test_parity_with_captum_on_a_convolutional_network():
    head = ConvHead(torch.Generator().manual_seed(0))
    del head.net[2]  # its DeepLIFT loses what pooling right after ReLU does
    x, start = channels(one_hot(TEXT)), torch.full((1, 4, 33), 0.25).double()
    for method, theirs in (
        (deep_lift, captum.attr.DeepLift(head.net)),
        (integrated_gradients, captum.attr.IntegratedGradients(head.net)),
    ):
        ours = method(
            soft_first_order(NEXT),
            TEXT,
            PLACE,
            target=HeadOutput(head, 1),
            baseline="uniform",
            strands="forward",
        )
        more = {} if method is deep_lift else {"n_steps": 64}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = theirs.attribute(x, start, target=1, **more)[0].sum(dim=0)
        found = ours.values.sum(axis=1)
        np.testing.assert_allclose(found, expected.detach(), atol=1e-7)


@pytest.mark.parametrize("order", [2, 3])
def test_parity_with_tangermeme_on_hyena(order):
    """Our network, its gates exchanged for tangermeme's, under tangermeme."""
    model = rough_model(3, order=order, dtype=torch.float64)
    rows = baseline_rows("shuffle", TEXT, shuffles=3, seed=0)
    ours = deep_lift_shap(
        model,
        TEXT,
        PLACE,
        target=BaseScore(130, "G", scale="logit"),
        baseline=rows,
        hypothetical=True,
        strands="forward",
    )
    theirs_model = copy.deepcopy(model)
    for block in theirs_model.backbone.layers:
        gates = (BilinearOp("...,...->...") for _ in range(order))
        block.mixer.gates = nn.ModuleList(gates)
    net = OneHotLM(
        theirs_model,
        lambda hidden, rows: theirs_model.head(hidden)[:, 29, 9:10],
        layout="4 length",
    )
    theirs = tangermeme_deep_lift_shap(
        net,
        channels(one_hot(TEXT)),
        references=references(rows),
        additional_nonlinear_ops={Gelu: _nonlinear},
        hypothetical=True,
        device="cpu",
    )
    np.testing.assert_allclose(ours.values, theirs[0].T.detach(), atol=1e-11)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": 0}, "steps must be at least 1; got 0"),
        ({"shuffles": 0}, "shuffles must be at least 1; got 0"),
        ({"baseline": np.zeros((3, 4))}, "baseline must hold finite numbers"),
    ],
)
def test_refuses(changes, message):
    with pytest.raises(ValueError, match=message):
        integrated_gradients(
            rough_model(), TEXT, PLACE, target=LogLikelihood(), **changes
        )


def channels(rows: np.ndarray) -> torch.Tensor:
    return torch.tensor(rows.T[None]).double()


def references(rows: np.ndarray) -> torch.Tensor:
    return torch.tensor(rows).double().transpose(1, 2)[None]
