"""Options: defaults of a preset, and what does not fit together."""

import json

import pytest

from hyenascope.training.pretrain_options import PretrainOptions
from hyenascope.training.warmup import Stage, length_stages


def test_a_preset_fills_in_what_is_not_given():
    recipe = PretrainOptions(preset="paper", weight_decay=0.2).recipe
    assert (recipe.learning_rate, recipe.weight_decay) == (6e-4, 0.2)
    assert PretrainOptions(warmup=0.0).recipe.warmup == 0.0


def test_settings_are_json_and_tell_two_runs_apart():
    one = PretrainOptions(steps=4, length=64, stages=length_stages(64, 4, start=32))
    assert json.loads(json.dumps(one.settings())) == one.settings()
    other = PretrainOptions(steps=4, length=64, learning_rate=1e-4)
    assert one.settings() != other.settings()


def test_every_stage_reads_as_many_tokens():
    options = PretrainOptions(
        steps=9, batch_size=4, length=64, stages=length_stages(64, 9, start=16)
    )
    assert options.tokens_per_step == 256
    assert options.tokens == 9 * 256
    assert PretrainOptions(steps=9).schedule == (Stage(1024, 9),)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"steps": 0}, r"steps must be at least 1; got 0\."),
        ({"length": 1}, r"length must be at least 2; got 1\."),
        ({"batch_size": 0}, "batch_size must be at least 1"),
        ({"micro_batch": 0}, "micro_batch must be at least 1"),
        ({"learning_rate": 0.0}, "learning_rate must be positive"),
        ({"warmup": 1.5}, "warmup must be from 0 to 1"),
        ({"ema": -0.1}, "ema must be from 0 to 1"),
        ({"weight_decay": -0.1}, "weight_decay must be at least 0; got -0.1"),
        ({"betas": (0.9, 1.0)}, r"betas must be from 0 to below 1; got \(0.9, 1.0\)"),
        ({"stages": (Stage(512, 1000),)}, "end at length=1,024"),
        ({"stages": (Stage(1024, 10),)}, "have 1,000 steps together; got .* and 10"),
        (
            {"steps": 2, "stages": (Stage(1000, 1), Stage(1024, 1))},
            "divide the 32,768 tokens of a step; got 1,000",
        ),
    ],
)
def test_refuses(wrong, message):
    with pytest.raises(ValueError, match=message):
        PretrainOptions(**wrong)


@pytest.mark.parametrize("name", ["objective", "preset"])
def test_a_word_that_is_unknown_is_refused(name):
    options = PretrainOptions()
    object.__setattr__(options, name, "next-token")  # past the checked annotations
    with pytest.raises(ValueError, match=f"{name} must be one of .*'next-token'"):
        options.__post_init__()
