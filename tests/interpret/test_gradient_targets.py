import numpy as np
import pytest
import torch
from torch import nn

from hyenascope.data.interval import Interval
from hyenascope.interpret.additive_attribution import deep_lift
from hyenascope.interpret.gradient_targets import (
    BaseScore,
    EmbeddingDirection,
    LogLikelihood,
    Target,
    Window,
)
from hyenascope.interpret.head_output import HeadOutput
from hyenascope.models.heads import SequenceClassifier
from hyenascope.models.predict import embed, log_probs, logits
from hyenascope.sequence.dna import reverse_complement
from hyenascope.sequence.one_hot import one_hot
from hyenascope.sequence.tokenizer import tokenize
from tests.interpret.one_hot_toys import rough_model

TEXT = "ACGTTGCAACGGTATTCCGA"
PLACE = Interval("I", 100, 120)
REGION = Interval("I", 104, 109)
DIRECTION = np.random.default_rng(0).normal(size=12)


@pytest.fixture(scope="module")
def model():
    return rough_model(7, dtype=torch.float64)


def value(model, target: Target, **changes) -> float:
    made = deep_lift(model, TEXT, PLACE, target=target, tolerance=1e9, **changes)
    return made.provenance["target_value"]


@pytest.mark.parametrize("strands", ["forward", "reverse"])
def test_likelihood_is_the_sum_of_log_probs(model, strands):
    table = log_probs(model, TEXT, strands=strands)[0]
    picked = (table * one_hot(TEXT)).sum(axis=1)
    for labels in ("own", "fixed"):
        target = LogLikelihood(REGION, labels=labels)
        found = value(model, target, strands=strands)
        assert found == pytest.approx(picked[4:9].sum(), rel=1e-9)
        found = value(model, LogLikelihood(labels=labels), strands=strands)
        assert found == pytest.approx(np.nansum(picked), rel=1e-9)


def test_n_is_not_scored(model):
    text = TEXT[:6] + "N" + TEXT[7:]
    table = log_probs(model, text)[0]
    expected = np.nansum((table * one_hot(text))[4:9])
    track = deep_lift(
        model, text, PLACE, target=LogLikelihood(REGION), strands="forward"
    )
    assert track.provenance["target_value"] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("strands", ["forward", "reverse", "both"])
def test_base_is_read_off_log_probs_and_logits(model, strands):
    table = log_probs(model, TEXT, strands=strands)[0]
    found = value(model, BaseScore(107, "G"), strands=strands)
    assert found == pytest.approx(table[7, 2], rel=1e-9)
    if strands == "forward":
        raw = logits(model, TEXT)[0][6, 9]
    else:
        raw = logits(model, reverse_complement(TEXT))[0][20 - 8 - 1, 8]  # C there
    if strands != "both":
        found = value(model, BaseScore(107, "G", scale="logit"), strands=strands)
        assert found == pytest.approx(raw, rel=1e-5)


@pytest.mark.parametrize("pool", ["mean", "last", "max"])
def test_direction_is_a_dot_product_with_an_embedding(model, pool):
    target = EmbeddingDirection(DIRECTION, pool=pool)
    expected = (embed(model, TEXT, pool=pool) @ DIRECTION)[0]
    assert value(model, target, strands="forward") == pytest.approx(expected, rel=1e-5)
    states = embed(model, TEXT, pool="none")[0][4:9]
    pooled = {"mean": states.mean(0), "last": states[-1], "max": states.max(0)}[pool]
    target = EmbeddingDirection(list(DIRECTION), REGION, pool=pool)
    found = value(model, target, strands="forward")
    assert found == pytest.approx(pooled @ DIRECTION, rel=1e-5)


@pytest.mark.parametrize("pool", ["mean", "last"])
def test_classifier_is_its_own_answer_and_adds_up(model, pool):
    classifier = SequenceClassifier(model, 3, pool=pool).double()
    track = deep_lift(
        model, TEXT, PLACE, target=HeadOutput(classifier, 2), strands="forward"
    )
    answer = classifier(torch.tensor(tokenize(TEXT))[None])[0, 2]
    assert track.provenance["target_value"] == pytest.approx(answer.item(), rel=1e-9)
    assert track.provenance["convergence_relative"] < 1e-11


def test_any_head_of_known_steps_adds_up(model):
    class Head(nn.Module):
        def __init__(self):
            super().__init__()
            self.steps = nn.Sequential(
                nn.Linear(12, 6), nn.ReLU(inplace=True), nn.Linear(6, 3), nn.Softmax(-1)
            )

        def forward(self, states):
            return self.steps(states.mean(dim=1))

    track = deep_lift(model, TEXT, PLACE, target=HeadOutput(Head().double(), 1))
    assert track.provenance["convergence_relative"] < 1e-11


def test_a_function_will_do_as_a_head(model):
    target = HeadOutput(lambda states: states[:, -1].sum(dim=-1))
    expected = embed(model, TEXT, pool="last").sum()
    assert value(model, target, strands="forward") == pytest.approx(expected, rel=1e-5)


def test_names():
    assert str(LogLikelihood()) == "log-likelihood of the window"
    assert str(LogLikelihood(REGION, labels="fixed")) == (
        "log-likelihood of I:105-109, labels fixed"
    )
    assert str(BaseScore(1000, "T", scale="logit")) == "logit of T at 1,001"


def test_window_counts_from_the_side_that_is_read():
    assert Window(PLACE).span(REGION) == (4, 9)
    assert Window(PLACE, reverse=True).span(REGION) == (11, 16)
    assert Window(PLACE, reverse=True).span(None) == (0, 20)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (LogLikelihood(Interval("I", 90, 105)), "region must hold bases inside I"),
        (LogLikelihood(Interval("II", 101, 105)), "region must hold bases inside I"),
        (LogLikelihood(Interval("I", 105, 105)), "region must hold bases inside I"),
        (LogLikelihood(Interval("I", 100, 101)), "a base with another before it"),
        (BaseScore(100, "A"), "position must have a base before it .* got 100"),
        (BaseScore(120, "A"), "region must hold bases inside I"),
        (EmbeddingDirection(np.ones(5)), r"direction must hold 12 numbers.*\(5,\)"),
        (HeadOutput(nn.Linear(12, 2)), r"head must give 'batch' or 'batch outputs'"),
        (
            HeadOutput(lambda x: x.sum((1, 2)), 1),
            r"output 1 among them; got .*, 1\)",
        ),
    ],
)
def test_refuses(target, message):
    with pytest.raises(ValueError, match=message):
        deep_lift(rough_model(), TEXT, PLACE, target=target, strands="forward")


def test_refuses_another_models_head(model):
    other = SequenceClassifier(rough_model(), 2)
    with pytest.raises(ValueError, match="head must sit on the model that is asked"):
        deep_lift(model, TEXT, PLACE, target=HeadOutput(other))


def test_refuses_likelihoods_of_a_two_sided_model():
    two_sided = rough_model(bidirectional=True)
    for target in (LogLikelihood(), BaseScore(107, "A")):
        with pytest.raises(ValueError, match="model must be causal"):
            deep_lift(two_sided, TEXT, PLACE, target=target)


def test_a_two_sided_model_has_embeddings_that_add_up():
    two_sided = rough_model(bidirectional=True, dtype=torch.float64)
    target = EmbeddingDirection(DIRECTION, REGION)
    track = deep_lift(two_sided, TEXT, PLACE, target=target, strands="forward")
    assert track.provenance["convergence_relative"] < 1e-11
    assert (np.abs(track.values[9:]).max(axis=1) > 0).all()
