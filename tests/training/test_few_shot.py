"""Answers by definition, whatever else is asked."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from hyenascope.data.labelled_sequences import LabelError
from hyenascope.data.labelled_sources import collect_labelled
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.training import few_shot
from hyenascope.training.few_shot import classify_few_shot, query_generator
from hyenascope.training.few_shot_prompts import FewShot

A, C, G, T, N, SEP = 7, 8, 9, 10, 11, 1
TEXTS = ["AAC", "CCA", "ACCCA", "GGT", "GTT", "TTGTG", "GTGT"]
LABELS = ["ac"] * 3 + ["gt"] * 4


def examples():
    return collect_labelled(TEXTS, LABELS)


def backbone(**numbers):
    config = HyenaConfig(d_model=8, n_layer=2, d_inner=16, l_max=34, **numbers)
    return HyenaLM(config, generator=torch.Generator().manual_seed(0)).double()


@pytest.mark.parametrize("strands", ["forward", "reverse", "both"])
@pytest.mark.parametrize("separator", [True, False])
def test_answers_are_the_mean_logits_of_the_letters(strands, separator):
    model, queries = backbone(), ["ACA", "GT"]
    found = classify_few_shot(
        model,
        TEXTS,
        queries,
        labels=LABELS,
        shots=1,
        draws=3,
        strands=strands,
        separator=separator,
        generator=np.random.default_rng(5),
    )
    few = FewShot(examples(), shots=1, separator=separator)
    seed = int(np.random.default_rng(5).integers(2**63))
    turns = {"forward": [False], "reverse": [True]}.get(strands, [False, True])
    model.eval()
    for number, query in enumerate(queries):
        odds, rng = [], query_generator(seed, query)
        for _ in range(3):
            rows = few.draw(query, rng)
            for turn in turns:
                tokens = torch.from_numpy(few.prompt(rows, query, reverse=turn))
                logits = model(tokens[None])[0, -1].detach()
                odds.append(float(logits[N] - logits[A]))
        chance = 1 / (1 + np.exp(-np.mean(odds)))
        assert found.loc[str(number), "gt"] == pytest.approx(chance, abs=1e-12)
    np.testing.assert_allclose(found.sum(axis=1), 1)


def ask(queries, **options):
    settings = {"shots": 1, "draws": 3, "strands": "both"} | options
    return classify_few_shot(backbone(), TEXTS, queries, labels=LABELS, **settings)


def test_an_answer_does_not_depend_on_the_other_queries():
    queries = ["ACA", "GT", "CCGA", "TTT", "aca"]
    whole = ask(queries).to_numpy()
    order = [3, 0, 4, 2, 1]
    turned = ask([queries[i] for i in order]).to_numpy()
    shards = np.concatenate([ask(queries[:2]), ask(queries[2:])])
    np.testing.assert_allclose(turned, whole[order], atol=1e-12)
    np.testing.assert_allclose(shards, whole, atol=1e-12)
    np.testing.assert_allclose(whole[4], whole[0], atol=1e-12)  # case aside
    other = ask(queries, generator=np.random.default_rng(1)).to_numpy()
    assert np.abs(other - whole).max() > 1e-6  # and yet there is chance in it


def test_blocks_of_prompts_change_nothing(monkeypatch):
    queries = ["ACA", "GT", "CCGA", "TTT"]
    whole = ask(queries).to_numpy()
    sizes = []
    mean_logits = few_shot.mean_logits

    def counted(model, rows, *options, **more):
        sizes.append(len(rows))
        return mean_logits(model, rows, *options, **more)

    monkeypatch.setattr(few_shot, "mean_logits", counted)
    monkeypatch.setattr(few_shot, "_BLOCK_TOKENS", 150)
    np.testing.assert_allclose(ask(queries), whole, atol=1e-12)
    assert sum(sizes) == 4 * 3 * 2
    assert len(sizes) > 1
    monkeypatch.setattr(few_shot, "_BLOCK_TOKENS", 1)  # less than a query needs
    np.testing.assert_allclose(ask(queries), whole, atol=1e-12)
    assert sizes[-4:] == [6, 6, 6, 6]


def test_a_prompt_that_does_not_fit_is_refused_before_any_work(monkeypatch):
    monkeypatch.setattr(few_shot, "_BLOCK_TOKENS", 1)
    monkeypatch.setattr(few_shot, "mean_logits", None)
    with pytest.raises(ValueError, match=r"context of 34 tokens; .* a prompt of 4\d"):
        ask(["ACA", "A" * 31])


def test_no_shots_ask_for_the_letter_at_once():
    model = backbone()
    found = classify_few_shot(model, TEXTS, "ACA", labels=LABELS, shots=0)
    tokens = torch.tensor([[A, C, A, SEP]])
    expected = model.eval()(tokens)[0, -1, [A, N]].softmax(0).detach()
    np.testing.assert_allclose(found.loc["0"], expected, atol=1e-12)


def test_only_training_rows_are_shown():
    parts = ("train", "train", "test", "train", "train", "test", "test")
    data = replace(examples(), splits=parts)
    model = backbone()
    found = classify_few_shot(model, data, "ACA", shots=2)
    kept = data.split("train")
    assert found.equals(classify_few_shot(model, kept, "ACA", shots=2))
    with pytest.raises(LabelError, match="must hold 3 of each class"):
        classify_few_shot(model, data, "ACA", shots=3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shots": 3}, "context of 34 tokens; got 3 of each of 2 classes, and a pro"),
        ({"shots": -1}, "shots must be at least 0; got -1"),
        ({"draws": 0}, "draws must be at least 1; got 0"),
        ({"letters": "AA"}, "letters must be 2 different ones"),
    ],
)
def test_refusals(options, message):
    with pytest.raises(ValueError, match=message):
        classify_few_shot(backbone(), TEXTS, "GGGG", labels=LABELS, **options)


def test_numbers_are_no_classes():
    data = collect_labelled(TEXTS, np.linspace(0, 1, 7), task="regression")
    with pytest.raises(
        ValueError, match=r"task must have two to five .* got regression"
    ):
        classify_few_shot(backbone(), data, "ACA")
