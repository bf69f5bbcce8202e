"""Which parameters decay, and how fast they learn when."""

from itertools import pairwise

import pytest

from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.training.optimizers import (
    RECIPES,
    Recipe,
    make_optimizer,
    parameter_groups,
    rate_factor,
)

CONFIG = HyenaConfig(d_model=16, n_layer=1, d_inner=32, l_max=66, train_positions=True)
FILTER = "backbone.layers.0.mixer.filter_fn."


def named(preset):
    model = HyenaLM(CONFIG)
    names = {id(p): name for name, p in model.named_parameters()}
    groups = parameter_groups(model, 0.3, preset=preset)
    assert [group["weight_decay"] for group in groups] == [0.3, 0.0]
    decayed, free = ([names[id(p)] for p in group["params"]] for group in groups)
    assert sorted(decayed + free) == sorted(names.values())
    return set(decayed), set(free)


def network():
    """The filter network: four linear layers, three with a bias, and one sine."""
    weights = {f"implicit_filter.{i}.weight" for i in (0, 2, 4, 6)}
    biases = {f"implicit_filter.{i}.bias" for i in (0, 2, 4)}
    rest = {"implicit_filter.1.freq", "pos_emb.z"}
    return {f"{FILTER}{leaf}" for leaf in weights | biases | rest}


def test_as_published_only_the_filter_network_is_free_of_decay():
    _, free = named("paper")
    assert free == network()


def test_the_modern_preset_decays_matrices_alone():
    decayed, _ = named("modern")
    block = "backbone.layers.0."
    assert decayed == {
        f"{block}mixer.in_proj.weight",
        f"{block}mixer.out_proj.weight",
        f"{block}mixer.short_filter.weight",
        f"{block}mlp.fc1.weight",
        f"{block}mlp.fc2.weight",
    }


def test_the_paper_preset_has_the_published_numbers():
    """Nguyen et al. 2023, appendix A.1 and the configuration of its code."""
    assert RECIPES["paper"] == Recipe(6e-4, 0.1, 0.01, 0.1, (0.9, 0.999))
    optimizer = make_optimizer(HyenaLM(CONFIG), "paper", RECIPES["paper"])
    for group in optimizer.param_groups:
        assert group["betas"] == (0.9, 0.999)
        assert group["lr"] == 6e-4


def test_schedule_warms_up_and_ends_at_its_floor():
    recipe = Recipe(1e-3, 0.1, 0.1, 0.1, (0.9, 0.999))
    rates = [rate_factor(step, 40, recipe) for step in range(40)]
    assert rates[:4] == pytest.approx([0.25, 0.5, 0.75, 1.0])
    assert rates[4] == pytest.approx(1.0)
    assert rates[22] == pytest.approx(0.55)  # half way between peak and floor
    assert rates[-1] == pytest.approx(0.1, rel=0.02)
    assert all(a >= b for a, b in pairwise(rates[4:]))


def test_the_shortest_run_has_a_rate():
    assert rate_factor(0, 1, RECIPES["modern"]) == 1.0
