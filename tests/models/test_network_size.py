"""What a configuration asks for is held against the weights before it is made."""

from dataclasses import replace

import pytest
import torch

from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.network_size import check_fit, check_size, network_numbers
from hyenascope.models.state_layouts import model_tensors

CONFIG = HyenaConfig(d_model=8, n_layer=2, d_inner=20, l_max=34)


@pytest.fixture(scope="module")
def tensors():
    return model_tensors(HyenaLM(CONFIG))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"order": 4},
        {"bidirectional": True, "order": 3},
        {"filter_skip": False, "emb_dim": 7},
        {"vocab_size": 13, "pad_vocab_size_multiple": 5, "num_inner_mlps": 0},
        {"short_filter_order": 5, "filter_order": 9, "train_positions": True},
    ],
    ids=str,
)
def test_numbers_are_those_of_the_network(changes):
    config = replace(CONFIG, **changes)
    made = model_tensors(HyenaLM(config))
    stored = [t for name, t in made.items() if not name.endswith((".z", ".t"))]
    assert network_numbers(config) == sum(each.numel() for each in stored)
    check_size(config, made)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_layer": 10**9}, "n_layer must be at most 64 .* got 1,000,000,000"),
        ({"num_inner_mlps": 10**9}, "num_inner_mlps must be at most 64"),
        ({"order": 10**6}, "order must be at most 64"),
        ({"d_model": 10**6}, r"about the 20,\d+ numbers .* asks for 8,000"),
        ({"d_inner": 10**12}, "asks for 34,0"),
        ({"pad_vocab_size_multiple": 10**400}, "asks for 8"),
        ({"l_max": 10**9}, "l_max must leave positions of at most 1,073,741,824"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_far_larger_than_its_weights_is_refused(tensors, changes, message):
    with pytest.raises(ValueError, match=message):
        check_size(replace(CONFIG, **changes), tensors)


def test_positions_that_the_weights_hold_may_be_of_any_length():
    name = "backbone.layers.{}.mixer.filter_fn.pos_emb.z"
    config = replace(CONFIG, l_max=10**8)
    with pytest.raises(ValueError, match="weights that hold 0 of 1,200,000,000"):
        check_size(config, {})
    positions = torch.zeros(1).expand(1, 10**8, 6)
    check_size(config, {name.format(layer): positions for layer in range(2)})


def test_only_what_is_optional_may_be_missing(tensors):
    some = {name: each for name, each in tensors.items() if "pos_emb" not in name}
    check_fit(tensors, some, optional=(".pos_emb.z", ".pos_emb.t"))
    with pytest.raises(ValueError, match=r"missing \(2\):\n.*0.*pos_emb\.t\n"):
        check_fit(tensors, some, optional=(".pos_emb.z",))
