import pytest
import torch

from hyenascope.models.gradient_memory import GradientPlan, plan_gradients
from hyenascope.models.hyena import HyenaConfig

CPU = torch.device("cpu")
DEEP = HyenaConfig(d_model=128, n_layer=8, d_inner=512)


@pytest.mark.parametrize(
    ("length", "limit", "least", "plan"),
    [
        (1_000, 10**9, 1, GradientPlan(8, recompute=False)),
        (10_000, 10**9, 1, GradientPlan(1, recompute=True)),
        (1_000, 11 * 10**7, 2, GradientPlan(2, recompute=True)),
        (10**5, 10**12, 1, GradientPlan(1, recompute=False)),
    ],
)
def test_plan(length, limit, least, plan):
    found = plan_gradients(DEEP, length, device=CPU, max_memory=limit, least=least)
    assert found == plan


def test_published_160k_fits_with_recomputing_in_16_gib():
    medium = HyenaConfig(d_model=256, n_layer=8, d_inner=1024, l_max=160_002)
    plan = plan_gradients(medium, 160_000, device=CPU, max_memory=16 * 2**30)
    assert plan == GradientPlan(1, recompute=True)


def test_refuses_what_cannot_fit():
    with pytest.raises(ValueError, match=r"max_memory must be at least .* got 1,000\."):
        plan_gradients(DEEP, 10_000, device=CPU, max_memory=1_000)
