"""Generated text against a loop of full passes, and chances against hand values."""

import itertools

import numpy as np
import pytest
import torch

from hyenascope.models import generate as module
from hyenascope.models.checkpoint import load_pretrained
from hyenascope.models.generate import generate, next_base_probs
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.predict import log_likelihood
from hyenascope.sequence.tokenizer import tokenize
from tests.toy_models import first_order


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def model() -> HyenaLM:
    """Weights far from their start, so that what was said before matters."""
    config = HyenaConfig(d_model=16, n_layer=2, d_inner=32, l_max=150, order=3)
    model = HyenaLM(config, generator=seeded())
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3.0)
    return model


def plain_loop(
    model: HyenaLM, prompt: str, n: int, generator: torch.Generator, **rules: object
) -> str:
    """The definition: a full pass per base, and the base whose stretch holds a draw."""
    text = prompt
    draws = torch.rand(n, dtype=torch.float64, generator=generator)
    with torch.inference_mode():
        for draw in draws.tolist():
            logits = torch.zeros(1, 4)
            if text:
                tokens = torch.from_numpy(tokenize(text))[None]
                logits = model.eval()(tokens)[:, -1, 7:11]
            chances = next_base_probs(logits, **rules)[0].tolist()
            ends = itertools.accumulate(chances)
            fits = [base for base, end in zip("ACGT", ends, strict=True) if draw < end]
            text += fits[0]
    return text[len(prompt) :]


@pytest.mark.parametrize("prompt", ["", "A", "ACGTNNacgt" * 5])
@pytest.mark.parametrize(
    "rules",
    [{}, {"temperature": 0.3, "top_k": 3}, {"temperature": 2.0, "top_p": 0.8}],
    ids=["plain", "cold-top-k", "hot-top-p"],
)
def test_text_is_that_of_a_full_pass_per_base(model, prompt, rules):
    expected = plain_loop(model, prompt, 50, seeded(5), **rules)
    assert generate(model, prompt, n=50, generator=seeded(5), **rules) == [expected]
    assert len(set(expected)) > 1


def test_greedy_text_is_the_likeliest_base_each_time(model):
    text = generate(model, "ACG", n=60, temperature=0.0)[0]
    for i in range(60):
        tokens = torch.from_numpy(tokenize("ACG" + text[:i]))[None]
        with torch.inference_mode():
            logits = model.eval()(tokens)[0, -1, 7:11]
        assert text[i] == "ACGT"[int(logits.argmax())]


def test_the_whole_context_can_be_filled_and_no_more(model):
    assert len(generate(model, "ACGT", n=146, generator=seeded())[0]) == 146
    with pytest.raises(
        ValueError, match=r"prompt and n must fit .* 150 .*; got 4 \+ 147"
    ):
        generate(model, "ACGT", n=147)


def test_texts_do_not_depend_on_what_runs_beside_them(model, monkeypatch):
    prompts = ["ACGT", "", "GATTACA" * 6]
    together = generate(model, prompts, n=40, samples=3, generator=seeded())
    source = seeded()
    alone = [
        generate(model, prompt, n=40, generator=source)[0]
        for prompt in prompts
        for _ in range(3)
    ]
    assert together == alone
    assert len(set(together)) == 9
    monkeypatch.setattr(module, "_BATCH_BYTES", 2 * module.cache_bytes(model, 40))
    assert generate(model, prompts, n=40, samples=3, generator=seeded()) == together


def test_torchs_own_generator_is_the_source_without_another(model):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        text = generate(model, "ACGT", n=30)
    assert text == generate(model, "ACGT", n=30, generator=seeded(3))


def test_banned_bases_are_not_drawn_and_the_rest_keep_their_ratio(model):
    text = generate(model, "ACGT", n=100, banned=["g", "C"], generator=seeded())[0]
    assert set(text) == {"A", "T"}
    with torch.inference_mode():
        logits = model.eval()(torch.from_numpy(tokenize("ACGT"))[None])[0, -1]
    chance_of_a = torch.sigmoid(logits[7] - logits[10]).item()
    first = generate(model, "ACGT", n=1, samples=4000, banned="CG", generator=seeded(1))
    # Four standard deviations of a share of 4,000.
    spread = 4 * (chance_of_a * (1 - chance_of_a) / 4000) ** 0.5
    assert first.count("A") / 4000 == pytest.approx(chance_of_a, abs=spread)


def test_a_first_base_without_a_prompt_is_any_base(model):
    first = generate(model, "", n=1, samples=4000, generator=seeded())
    for base in "ACGT":
        assert first.count(base) / 4000 == pytest.approx(0.25, abs=0.028)
    assert generate(model, "", n=1, temperature=0.0) == ["A"]


def test_no_prompts_give_no_texts(model):
    assert generate(model, [], n=5) == []


TABLE = torch.tensor([[0.4, 0.1, 0.3, 0.2]], dtype=torch.float64).log()


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ({}, [0.4, 0.1, 0.3, 0.2]),
        ({"temperature": 0.5}, [16 / 30, 1 / 30, 9 / 30, 4 / 30]),
        ({"top_k": 1}, [1, 0, 0, 0]),
        ({"top_k": 3}, [4 / 9, 0, 3 / 9, 2 / 9]),
        ({"top_k": 9}, [0.4, 0.1, 0.3, 0.2]),
        ({"top_p": 0.39}, [1, 0, 0, 0]),
        ({"top_p": 0.41}, [4 / 7, 0, 3 / 7, 0]),
        ({"top_p": 0.89}, [4 / 9, 0, 3 / 9, 2 / 9]),
        ({"top_p": 1.0}, [0.4, 0.1, 0.3, 0.2]),
        # Of 4/9, 3/9, 2/9 the first two are enough; of all four they are not.
        ({"top_k": 3, "top_p": 0.75}, [4 / 7, 0, 3 / 7, 0]),
        # The square of each chance: 16/30 and 9/30 are enough.
        ({"temperature": 0.5, "top_p": 0.8}, [16 / 25, 0, 9 / 25, 0]),
        ({"temperature": 0.0}, [1, 0, 0, 0]),
        ({"temperature": 1e-300}, [1, 0, 0, 0]),
    ],
)
def test_chances_by_hand(rules, expected):
    found = next_base_probs(TABLE, **rules)[0].tolist()
    assert found == pytest.approx(expected, abs=1e-12)


def test_likeliest_bases_that_are_alike_all_stay_and_greedy_takes_the_first():
    table = torch.tensor([[0.1, 0.4, 0.1, 0.4]]).double().log()
    assert next_base_probs(table, top_k=1)[0].tolist() == [0, 0.5, 0, 0.5]
    assert next_base_probs(table, temperature=0.0)[0].tolist() == [0, 1, 0, 0]


def test_the_bundled_model_finds_its_own_text_as_likely_as_it_means_to():
    """Mean −log p of sampled bases is the mean entropy of what they come from."""
    model = load_pretrained("demo-synthetic")
    prompt = "ACGTACGTAC"
    texts = generate(model, prompt, n=250, samples=16, generator=seeded())
    tokens = torch.stack([torch.from_numpy(tokenize(prompt + t)) for t in texts])
    with torch.inference_mode():
        table = model.eval()(tokens)[:, len(prompt) - 1 : -1, 7:11].double()
    log_probs = table.log_softmax(-1)
    picked = log_probs.gather(-1, tokens[:, len(prompt) :, None] - 7)[..., 0]
    entropy = -(log_probs.exp() * log_probs).sum(-1)
    variance = (log_probs.exp() * (log_probs + entropy[..., None]) ** 2).sum(-1)
    # Surprise less entropy is a martingale: four of its standard deviations.
    limit = 4 * variance.sum().sqrt() / picked.numel()
    assert abs((-picked - entropy).mean()) < limit < 0.05


def test_cold_text_is_likelier_than_hot_text():
    model = load_pretrained("demo-synthetic")
    cold, hot = (
        generate(model, "ACGT", n=200, temperature=t, generator=seeded(), samples=2)
        for t in (0.5, 2.0)
    )
    assert log_likelihood(model, cold).min() > log_likelihood(model, hot).max()


@pytest.mark.parametrize("broken", [False, True])
def test_the_model_is_put_back(broken):
    model = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    model.backbone.layers[0].eval()
    flags = [part.training for part in model.modules()]
    if broken:
        with torch.no_grad():
            model.backbone.ln_f.weight.fill_(np.nan)
        with pytest.raises(ValueError, match=r"model must give finite logits; got NaN"):
            generate(model, "ACGT", n=3)
    else:
        generate(model, "ACGT", n=3, progress=True)
    assert [part.training for part in model.modules()] == flags


@pytest.mark.parametrize("rules", [{"temperature": 0.0}, {"top_k": 2}, {"top_p": 0.5}])
def test_logits_that_are_no_numbers_are_refused_under_every_rule(rules):
    model = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    with torch.no_grad():
        model.backbone.layers[0].mlp.fc2.bias.fill_(np.inf)
    with pytest.raises(ValueError, match=r"model must give finite logits"):
        generate(model, "ACGT", n=2, **rules)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 0}, r"n must be a whole number from 1; got 0"),
        ({"samples": 0}, r"samples must be a whole number from 1; got 0"),
        ({"top_k": 0}, r"top_k must be a whole number from 1; got 0"),
        ({"temperature": -1.0}, r"temperature must be 0 or above, finite; got -1"),
        ({"temperature": float("nan")}, r"temperature must be .*; got nan"),
        ({"temperature": float("inf")}, r"temperature must be .*; got inf"),
        ({"top_p": 0.0}, r"top_p must be above 0 and at most 1; got 0"),
        ({"top_p": 1.1}, r"top_p must be above 0 and at most 1; got 1.1"),
        ({"banned": "AX"}, r"banned must be letters among A, C, G and T; got 'X'"),
        ({"banned": ["TATA"]}, r"banned must be letters .*; got 'TATA'"),
        ({"banned": "ACGT"}, r"banned must leave a base to draw; got all of"),
        ({"prompt": "ACGU"}, r"prompt 0: seq must hold only .*; got 'U'"),
        ({"prompt": ["A", "A-"]}, r"prompt 1: seq must hold only .*; got '-'"),
    ],
)
def test_arguments_out_of_range_are_refused(model, arguments, message):
    with pytest.raises(ValueError, match=message):
        generate(model, **{"prompt": "ACGT", "n": 5, **arguments})


def test_models_that_cannot_generate_are_refused():
    two_sided = HyenaLM(
        HyenaConfig(d_model=8, d_inner=16, l_max=34, bidirectional=True)
    )
    for model, reason in [(two_sided, "a two-sided model"), (first_order(), "a First")]:
        with pytest.raises(ValueError, match=f"model must be causal .*; got {reason}"):
            generate(model, "ACGT", n=5)
