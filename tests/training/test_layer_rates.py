"""Which weights are in which group."""

import pytest

from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.sequence_model import SequenceModel
from hyenascope.models.sequence_task import SequenceTask
from hyenascope.training.finetune_options import FinetuneOptions
from hyenascope.training.layer_rates import layer_groups


def model():
    config = HyenaConfig(d_model=8, n_layer=2, d_inner=16, l_max=34)
    return SequenceModel(HyenaLM(config), SequenceTask("binary", ("no", "yes")))


def rates(found, options):
    groups = layer_groups(found, options)
    names = {id(weight): name for name, weight in found.named_parameters()}
    return {
        names[id(weight)]: (group["lr"], group["weight_decay"])
        for group in groups
        for weight in group["params"]
    }


def test_each_block_learns_slower_than_the_one_above():
    found = model()
    by_name = rates(found, FinetuneOptions(learning_rate=1.0, layer_decay=0.5))
    assert by_name.keys() == dict(found.named_parameters()).keys()
    expected = {
        "readout.linear.weight": (1.0, 0.1),
        "readout.linear.bias": (1.0, 0.0),
        "backbone.backbone.ln_f.weight": (1.0, 0.0),
        "backbone.backbone.layers.1.mlp.fc1.weight": (0.5, 0.1),
        "backbone.backbone.layers.0.mlp.fc1.weight": (0.25, 0.1),
        "backbone.backbone.layers.0.norm1.weight": (0.25, 0.0),
        "backbone.backbone.embeddings.word_embeddings.weight": (0.125, 0.0),
        "backbone.backbone.layers.0.mixer.filter_fn.implicit_filter.0.weight": (
            0.25,
            0.0,
        ),
    }
    assert {name: by_name[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("frozen", "asleep"),
    [
        ("nothing", ()),
        (0, ("embeddings",)),
        (1, ("embeddings", "layers.0.")),
        ("backbone", ("embeddings", "layers.", "ln_f")),
    ],
)
def test_frozen_layers_do_not_learn(frozen, asleep):
    found = model()
    by_name = rates(found, FinetuneOptions(frozen=frozen))
    for name, weight in found.named_parameters():
        sleeps = any(part in name for part in asleep)
        assert weight.requires_grad != sleeps
        assert (name in by_name) != sleeps
    assert "readout.linear.weight" in by_name


def test_no_more_blocks_than_there_are():
    with pytest.raises(ValueError, match="frozen must be at most the model's 2 blocks"):
        layer_groups(model(), FinetuneOptions(frozen=3))


def test_options_out_of_range_are_refused():
    for wrong in (
        *({"epochs": 0}, {"learning_rate": 0.0}, {"frozen": -1}),
        *({"frozen": True}, {"longest": 0}),
    ):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            FinetuneOptions(**wrong)
