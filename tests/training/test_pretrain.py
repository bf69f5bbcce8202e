import math
from itertools import pairwise

import numpy as np
import pytest
import torch

from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.sequence.tokenizer import tokenize
from hyenascope.training.pretrain import (
    PretrainOptions,
    evaluate,
    next_token_loss,
    parameter_groups,
    pretrain,
)
from tests.toy_models import chain, first_order

CONFIG = HyenaConfig(d_model=16, n_layer=1, d_inner=32, l_max=66)
QUICK = PretrainOptions(steps=3, batch_size=4, length=64, micro_batch=2)


def train(sequences, config=CONFIG, **options):
    recipe = PretrainOptions(**{**QUICK.__dict__, **options})
    return pretrain(config, sequences, options=recipe, device="cpu", progress=False)


def text(length, seed=0, letters="ACGT"):
    return "".join(np.random.default_rng(seed).choice(list(letters), length))


def test_learns_a_repeat():
    """Uniform is 1.386 nats; on the one strand of a repeat nothing is left to guess."""
    result = train({"I": "ACGT" * 100}, steps=120, learning_rate=1e-2)
    assert result.losses[0] > 2.0  # log 16: nothing known, not even the alphabet
    assert result.losses[-1] < 0.2
    assert evaluate(result.model, ["ACGT" * 60], length=64, device="cpu") < 0.1
    assert not result.model.training
    assert result.tokens == 120 * 4 * 64
    assert len(result.losses) == 120


def test_seed_decides_everything_and_leaves_the_global_state():
    runs = []
    for callers_own in (1, 2):
        torch.manual_seed(callers_own)
        before = torch.random.get_rng_state()
        runs.append(train({"I": text(500)}, seed=7))
        assert torch.equal(torch.random.get_rng_state(), before)
    assert runs[0].losses == runs[1].losses
    for a, b in zip(*(run.model.parameters() for run in runs), strict=True):
        assert torch.equal(a, b)
    assert train({"I": text(500)}, seed=8).losses != runs[0].losses


def test_gradients_add_up_over_micro_batches():
    still = {"config": HyenaConfig(**{**CONFIG.__dict__, "embed_dropout": 0.0})}
    whole = train({"I": text(500)}, micro_batch=4, **still)
    split = train({"I": text(500)}, micro_batch=1, **still)
    np.testing.assert_allclose(whole.losses, split.losses, rtol=1e-5)


def test_only_the_filter_network_is_free_of_decay():
    config = HyenaConfig(**{**CONFIG.__dict__, "train_positions": True})
    model = HyenaLM(config)
    decayed, free = parameter_groups(model, 0.3)
    names = {id(p): name for name, p in model.named_parameters()}
    assert decayed["weight_decay"] == 0.3
    assert free["weight_decay"] == 0.0
    prefix = "backbone.layers.0.mixer.filter_fn."
    weights = {
        f"{prefix}implicit_filter.{leaf}"
        for leaf in ["1.freq", *(f"{i}.weight" for i in (0, 2, 4, 6))]
    }
    found = {names[id(p)] for p in free["params"]}
    biases = {f"{prefix}implicit_filter.{i}.bias" for i in (0, 2, 4)}
    assert found == weights | biases | {f"{prefix}pos_emb.z"}
    everything = decayed["params"] + free["params"]
    assert sorted(map(id, everything)) == sorted(names)


def test_schedule_warms_up_and_ends_at_its_floor():
    rates = []
    real = torch.optim.AdamW.step

    def spy(self, closure=None):
        rates.append(self.param_groups[0]["lr"])
        return real(self, closure)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.optim.AdamW, "step", spy)
        train({"I": text(500)}, steps=40, warmup=0.1, learning_rate=1.0e-3)
    np.testing.assert_allclose(rates[:4], [0.25e-3, 0.5e-3, 0.75e-3, 1e-3])
    assert rates[4] == pytest.approx(1e-3)
    assert rates[22] == pytest.approx(0.55e-3)  # half way: between peak and floor
    assert rates[-1] == pytest.approx(0.1e-3, rel=0.02)
    assert all(a >= b for a, b in pairwise(rates[4:]))


def test_callback_gets_step_model_and_loss():
    seen = []
    recipe = PretrainOptions(steps=3, batch_size=1, length=16)
    result = pretrain(
        CONFIG,
        {"I": text(100)},
        options=recipe,
        progress=False,
        on_step=lambda step, model, loss: seen.append((step, type(model), loss)),
    )
    assert seen == [(i + 1, HyenaLM, loss) for i, loss in enumerate(result.losses)]


def test_loss_by_hand_skips_what_is_no_base():
    """Only A → C and T → G count here; N and PAD are read, never asked for."""
    tokens = torch.tensor([[7, 8, 11, 4], [11, 10, 9, 4]])
    logits = torch.zeros(2, 4, 16)
    logits[0, 0, 8] = math.log(3)  # 3 / 18
    logits[1, 0, 10] = math.log(5)  # 5 / 20
    logits[1, 1, 9] = math.log(17)  # 17 / 32
    expected = -(math.log(3 / 18) + math.log(5 / 20) + math.log(17 / 32)) / 3
    assert float(next_token_loss(logits, tokens)) == pytest.approx(expected)


def test_evaluate_by_hand():
    """A first-order model needs no context: every base but the first counts."""
    sequence = text(150)
    found = evaluate(first_order(), [sequence], length=32, device="cpu")
    assert found == pytest.approx(-chain(sequence) / 149)


@pytest.mark.parametrize("length", [16, 17, 64])
@pytest.mark.parametrize("total", [1, 2, 15, 16, 17, 24, 25, 70])
def test_evaluate_equals_one_pass_per_base(length, total):
    """Each base from the window that judges it, by the documented rule."""
    generator = torch.Generator().manual_seed(0)
    model = HyenaLM(CONFIG, generator=generator).double().eval()
    with torch.no_grad():
        for p in model.parameters():
            p.add_(torch.randn(p.shape, generator=generator) * 0.3)
    sequences = [text(total), text(40, seed=1, letters="ACGTN")]
    nats = []
    for tokens in map(torch.from_numpy, map(tokenize, sequences)):
        for i in range(1, len(tokens)):
            if tokens[i] == 11:
                continue
            step = length // 2
            windows_before = max(0, (i - length) // step + 1)
            start = windows_before * step
            logits = model(tokens[None, start:i])[0, -1, 7:11]
            nats.append(-logits.log_softmax(-1)[tokens[i] - 7].item())
    found = evaluate(model, sequences, length=length, batch_size=3, device="cpu")
    assert found == pytest.approx(np.mean(nats), rel=1e-9)


def test_evaluate_has_nothing_to_say_without_bases():
    assert math.isnan(evaluate(first_order(), ["", "A", "NNNN"], length=8))


@pytest.mark.parametrize(
    ("options", "sequences", "message"),
    [
        ({"length": 67}, {"I": "A" * 99}, r"must fit l_max=66 tokens; got 67\."),
        ({}, {"I": "ACGT"}, r"at least 64 bp; the longest has 4\."),
        ({}, {}, r"at least 64 bp; the longest has 0\."),
        ({}, {"I": "N" * 99}, r"at most 10% N; none came in 1,000 draws\."),
        ({"steps": 0}, {}, r"steps must be at least 1; got 0\."),
        ({"length": 1}, {}, r"length must be at least 2; got 1\."),
    ],
)
def test_refuses(options, sequences, message):
    with pytest.raises(ValueError, match=message):
        train(sequences, **options)


def test_divergence_is_an_error():
    with pytest.raises(FloatingPointError, match=r"loss must stay finite; got nan"):
        train({"I": text(500)}, steps=20, learning_rate=1e30)


def test_refuses_a_two_sided_model():
    config = HyenaConfig(d_model=8, n_layer=1, d_inner=8, l_max=34, bidirectional=True)
    with pytest.raises(ValueError, match="config must be causal"):
        pretrain(config, {"I": "ACGT" * 50}, options=PretrainOptions(length=32))
