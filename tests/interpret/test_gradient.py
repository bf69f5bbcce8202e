import captum.attr
import numpy as np
import pytest
import torch
from tangermeme.saliency import saliency as tangermeme_saliency

from hyenascope.data.interval import Interval
from hyenascope.interpret.gradient import (
    first_order_ism,
    input_x_gradient,
    occlusion,
    saliency,
    smoothgrad,
)
from hyenascope.interpret.gradient_targets import (
    BaseScore,
    EmbeddingDirection,
    LogLikelihood,
)
from hyenascope.interpret.head_output import HeadOutput
from hyenascope.models.one_hot_module import OneHotLM
from hyenascope.models.predict import log_likelihood
from hyenascope.sequence.one_hot import one_hot
from tests.interpret.one_hot_toys import ConvHead, rough_model, soft_first_order
from tests.toy_models import NEXT, step

TEXT = "".join(np.random.default_rng(5).choice(list("ACGT"), 25))
PLACE = Interval("I", 100, 125)
ROWS = one_hot(TEXT)
REGION = Interval("I", 110, 116)


def exact() -> OneHotLM:
    return rough_model(1, order=3, dtype=torch.float64)


def test_saliency_is_the_gradient_of_log_p():
    model = exact()
    track = saliency(
        model,
        TEXT,
        PLACE,
        target=BaseScore(110, "C"),
        center=None,
        strands="forward",
    )
    rows = torch.tensor(ROWS[None]).double().requires_grad_()
    log_p = OneHotLM(model)(rows)[0, 9, 7:11].log_softmax(-1)[1]
    log_p.backward()
    np.testing.assert_allclose(track.values, rows.grad[0], atol=1e-12)


def test_saliency_of_the_likelihood_by_hand():
    track = saliency(
        soft_first_order(NEXT),
        "ACG",
        Interval("I", 0, 3),
        target=LogLikelihood(),
        center=None,
        strands="forward",
    )
    # More of b at the end asks for b after C; more of b in the middle asks for b
    # after A and predicts G with b's row in place of C's.
    last = [step("C", b) for b in "ACGT"]
    mean = {b: sum(np.exp(step("C", x)) * step(b, x) for x in "ACGT") for b in "ACGT"}
    middle = [step("A", b) + step(b, "G") - mean[b] for b in "ACGT"]
    np.testing.assert_allclose(track.values[1:], [middle, last], atol=1e-12)


@pytest.mark.parametrize("center", [None, "mean4"])
def test_input_x_gradient_is_the_gradient_where_the_letter_is(center):
    asked = {"target": BaseScore(120, "G"), "center": center}
    slope = saliency(exact(), TEXT, PLACE, **asked).values
    product = input_x_gradient(exact(), TEXT, PLACE, **asked).values
    np.testing.assert_allclose(product, slope * ROWS)


def test_centre_takes_out_the_mean_over_four():
    plain, centred = (
        saliency(exact(), TEXT, PLACE, target=LogLikelihood(), center=center).values
        for center in (None, "mean4")
    )
    np.testing.assert_allclose(centred, plain - plain.mean(axis=1, keepdims=True))


def test_first_order_ism_against_finite_differences():
    model, target = exact(), LogLikelihood(REGION)
    track = first_order_ism(model, TEXT, PLACE, target=target, strands="forward")
    small = 1e-4
    for position, alt in ((3, 0), (9, 1), (12, 2), (15, 3)):
        step_to = np.zeros((2, 25, 4))
        step_to[:, position] = (np.eye(4)[alt] - ROWS[position]) * small
        step_to[1] *= -1
        rows = torch.tensor(ROWS + step_to)
        table = OneHotLM(model)(rows)[:, 9:15, 7:11].log_softmax(-1)
        ahead, back = (rows[:, 10:16] * table).sum(dim=(1, 2)).tolist()
        expected = (ahead - back) / (2 * small)
        assert track.values[position, alt] == pytest.approx(expected, abs=1e-6)


def test_first_order_ism_is_exact_where_the_target_is_linear():
    # The last base of the text is asked for and has no other effect.
    model = exact()
    track = first_order_ism(
        model, TEXT, PLACE, target=LogLikelihood(), strands="forward"
    )
    texts = [TEXT[:-1] + base for base in "ACGT"]
    found = log_likelihood(model, [*texts, TEXT])
    np.testing.assert_allclose(track.values[-1], found[:4] - found[4], atol=1e-6)
    assert (track.values[ROWS == 1] == 0).all()


METHODS = {
    "saliency": saliency,
    "input x gradient": input_x_gradient,
    "first order": first_order_ism,
    "occlusion": occlusion,
    "smoothgrad": smoothgrad,
}


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize(
    ("target", "first", "end"),
    [
        (BaseScore(112, "A"), 0, 12),
        (LogLikelihood(REGION), 0, 16),
        (LogLikelihood(REGION, labels="fixed"), 0, 15),
        (EmbeddingDirection(np.arange(12.0), REGION), 0, 16),
    ],
    ids=["log p", "own", "fixed", "direction"],
)
def test_what_the_target_cannot_see_is_exactly_zero(name, target, first, end):
    values = METHODS[name](
        exact(), TEXT, PLACE, target=target, strands="forward"
    ).values
    assert (values[end:] == 0).all()
    assert (np.abs(values[:end]).max(axis=1) > 0).all()
    flipped = METHODS[name](
        exact(), TEXT, PLACE, target=target, strands="reverse"
    ).values
    start = {12: 13, 16: 10, 15: 11}[end]
    assert (flipped[:start] == 0).all()
    assert (np.abs(flipped[start:]).max(axis=1) > 0).all()


def test_occlusion_by_hand():
    model, target = exact(), BaseScore(120, "T")
    track = occlusion(model, TEXT, PLACE, target=target, window=3, strands="forward")

    def log_p(start: int) -> float:
        rows = ROWS.copy()
        rows[max(start, 0) : max(start + 3, 0)] = 0
        net = OneHotLM(model, reach=20)
        logits = net(torch.tensor(rows[None]).double()).detach()
        return float(logits[0, 19, 7:11].log_softmax(-1)[3])

    for position, starts in ((0, [0]), (5, [3, 4, 5]), (19, [17])):
        expected = np.mean([log_p(-99) - log_p(start) for start in starts])
        assert track.values[position].sum() == pytest.approx(expected, abs=1e-6)
        assert track.values[position][ROWS[position] == 0].tolist() == [0, 0, 0]


def test_smoothgrad_nears_the_gradient_as_noise_goes():
    target = BaseScore(120, "T")
    asked = {"target": target, "strands": "forward"}
    slope = saliency(exact(), TEXT, PLACE, **asked).values
    calm = smoothgrad(exact(), TEXT, PLACE, **asked, noise=1e-7, samples=3).values
    np.testing.assert_allclose(calm, slope, atol=1e-6)


def test_smoothgrad_repeats_and_leaves_the_global_generator_alone():
    state = torch.get_rng_state()
    one, same, other = (
        smoothgrad(exact(), TEXT, PLACE, target=LogLikelihood(), samples=3, seed=seed)
        for seed in (0, 0, 1)
    )
    assert torch.equal(torch.get_rng_state(), state)
    assert one == same
    assert (one.values != other.values).any()


def test_parity_with_captum_and_tangermeme_on_a_convolutional_network():
    head = ConvHead(torch.Generator().manual_seed(0))
    x = torch.tensor(ROWS.T[None]).double()
    asked = {"target": HeadOutput(head, 1), "strands": "forward"}
    toy = soft_first_order(NEXT)
    plain = saliency(toy, TEXT, PLACE, center=None, **asked).values
    leaf = x.clone().requires_grad_()
    theirs = captum.attr.Saliency(head.net).attribute(leaf, target=1, abs=False)
    np.testing.assert_allclose(plain, theirs[0].T, atol=1e-12)
    product = input_x_gradient(toy, TEXT, PLACE, center=None, **asked).values
    leaf = x.clone().requires_grad_()
    theirs = captum.attr.InputXGradient(head.net).attribute(leaf, target=1)
    np.testing.assert_allclose(product, theirs[0].T.detach(), atol=1e-12)
    centred = saliency(toy, TEXT, PLACE, **asked).values
    theirs = tangermeme_saliency(head.net, x, target=1, hypothetical=True, device="cpu")
    np.testing.assert_allclose(centred, theirs[0].T, atol=1e-12)


def test_parity_with_tangermeme_on_hyena():
    """Their saliency, run on our network as it is."""
    model = exact()
    net = OneHotLM(model, lambda hidden, rows: hidden.mean(dim=1), layout="4 length")
    theirs = tangermeme_saliency(
        net,
        torch.tensor(ROWS.T[None]).double(),
        target=4,
        hypothetical=True,
        device="cpu",
    )
    ours = saliency(
        model,
        TEXT,
        PLACE,
        target=EmbeddingDirection(np.eye(12)[4]),
        strands="forward",
    )
    np.testing.assert_allclose(ours.values, theirs[0].T, atol=1e-12)


@pytest.mark.parametrize(
    ("method", "changes", "message"),
    [
        (smoothgrad, {"samples": 0}, "samples must be at least 1; got 0"),
        (smoothgrad, {"noise": 0.0}, "noise must be above 0; got 0.0"),
        (occlusion, {"window": 0}, "window must be at least 1; got 0"),
        (occlusion, {"stride": 2}, "stride must be 1 to 1, the window; got 2"),
    ],
)
def test_refuses(method, changes, message):
    with pytest.raises(ValueError, match=message):
        method(rough_model(), TEXT, PLACE, target=LogLikelihood(), **changes)
