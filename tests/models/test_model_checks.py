"""What a verb asks of a model first."""

import pytest
import torch

from hyenascope.models import model_checks
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.model_checks import longest_input, window_context
from hyenascope.models.wrappers import FunctionModel, OneHotModel
from tests.wrapped_models import PlainHyena, small_hyena


def test_refuses_a_name_for_a_model():
    # The shape hook would refuse it first elsewhere, so the check is called itself.
    model_checks.require_model(small_hyena())
    with pytest.raises(TypeError, match=r"model must be a HyenaLM; got 'tiny'\. load_"):
        model_checks.require_model("tiny")


def test_a_network_is_named_by_its_kind_and_told_what_to_do():
    many = torch.nn.Sequential(*[torch.nn.Linear(4, 4)] * 60)
    with pytest.raises(
        TypeError, match=r"got Sequential\. .* OneHotModel\(module"
    ) as err:
        model_checks.require_model(many)
    assert len(str(err.value)) < 300


def predicts(length, **options):
    return FunctionModel(lambda texts: [0.0], context_length=length, **options)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (lambda: HyenaLM(HyenaConfig(d_model=8, n_layer=1, l_max=1026)), 1024),
        (lambda: HyenaLM(HyenaConfig(d_model=8, n_layer=1, l_max=20_002)), 16_384),
        (lambda: PlainHyena(small_hyena()), 64),
        (lambda: predicts(200_000), 200_000),
        (lambda: predicts(64, fixed_length=True), 64),
    ],
    ids=["short", "long", "likelihoods", "predictions", "one length"],
)
def test_a_locus_is_read_with_what_the_model_has(model, expected):
    assert window_context(model(), None) == expected


def test_contexts_that_cannot_be_read_are_refused():
    fixed = OneHotModel(torch.nn.Identity(), context_length=64)
    assert window_context(fixed, 64) == longest_input(fixed) == 64
    with pytest.raises(ValueError, match="context must be 64 bp, all that Identity re"):
        window_context(fixed, 32)
    for context in (3, 67):
        with pytest.raises(ValueError, match=f"context must be 4 to 66 bp.*{context}"):
            window_context(small_hyena(), context)
