"""Prompts that are trained: what learns, what stays, what comes back."""

import numpy as np
import pytest
import torch

from hyenascope.data.labelled_sequences import LabelError
from hyenascope.data.labelled_sources import collect_labelled
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.prompted import PromptedModel, dna_prompt
from hyenascope.models.saved_prompt import load_prompt
from hyenascope.sequence.tokenizer import tokenize
from hyenascope.training.finetune_options import FinetuneOptions
from hyenascope.training.prompts import prompt_tune


def texts(count=60, seed=0):
    """Sequences of A and T, or of C and G: classes that keep on either strand."""
    rng = np.random.default_rng(seed)
    kinds = np.arange(count) % 2
    rows = ["".join(rng.choice(list(("AT", "CG")[kind]), 12)) for kind in kinds]
    return rows, [("at", "cg")[kind] for kind in kinds]


def backbone(**numbers):
    settings = {"d_model": 16, "n_layer": 2, "d_inner": 32, "l_max": 34} | numbers
    config = HyenaConfig(**settings)
    return HyenaLM(config, generator=torch.Generator().manual_seed(0)).eval()


def tuned(model, *, epochs=2, learning_rate=1e-2, more=None, **options):
    rows, labels = texts()
    settings = {"epochs": epochs, "learning_rate": learning_rate, "patience": None}
    return prompt_tune(
        model,
        rows,
        labels=labels,
        options=FinetuneOptions(**(settings | (more or {}))),
        progress=False,
        **({"n_tokens": 4} | options),
    )


@pytest.mark.parametrize("answer", ["letters", "linear"])
def test_the_model_stays_bit_for_bit(answer):
    model = backbone()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    found = tuned(model, answer=answer).model
    for state in (model.state_dict(), found.backbone.state_dict()):
        assert all(torch.equal(value, state[name]) for name, value in before.items())
    assert all(weight.requires_grad for weight in model.parameters())
    assert found.backbone is not model


def test_the_prompt_learns():
    """In a model whose tokens hear one another: matrices of 20 times the usual size."""
    model = backbone()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.mul_(20 if weight.ndim == 2 and "filter_fn" not in name else 1)
    still = tuned(model, epochs=1, learning_rate=1e-12, place="before")
    found = tuned(model, epochs=12, learning_rate=0.1, place="before")
    losses = [min(r.loss for r in result.reports) for result in (still, found)]
    assert losses[1] < 0.95 * losses[0]
    history = found.history
    best = history["epoch"][history["validation_loss"].idxmin()]
    assert (len(history), best) == (12, found.best_epoch)


def test_no_letter_is_favoured_before_anything_is_learnt():
    """The mean of the training rows is zero, and what sequences add is kept."""
    other = collect_labelled(*texts(20, seed=1))
    model = tuned(backbone(), learning_rate=1e-12, validation=other).model
    plain = PromptedModel(model.backbone, model.task, model.prompt.detach()).eval()
    rows = [tokenize(row) for row in texts()[0]]
    found, before = model.logits(rows), plain.logits(rows)
    assert abs(before.mean()) > 1e-3
    assert found.mean() == pytest.approx(0, abs=1e-6)
    np.testing.assert_allclose(found - found[0], before - before[0], atol=1e-6)


@pytest.mark.parametrize(
    ("start", "expected"), [("ACG", "ACGACGA"), ("ACGTTTTTTGGG", "ACGTTTT")]
)
def test_the_start_is_repeated_or_cut(start, expected):
    model = backbone()
    found = tuned(model, n_tokens=7, start=start, learning_rate=1e-12).model.prompt
    torch.testing.assert_close(found.data, dna_prompt(model, expected))


def test_a_random_start_is_dna_that_the_seed_decides():
    model = backbone()
    bases = dna_prompt(model, "ACGT")
    found = [
        tuned(model, n_tokens=9, learning_rate=1e-12, more={"seed": seed}).model.prompt
        for seed in (0, 0, 1)
    ]
    nearest = torch.cdist(found[0].data, bases).amin(dim=1)
    torch.testing.assert_close(nearest, torch.zeros(9), atol=1e-6, rtol=0)
    assert torch.equal(found[0], found[1])
    assert not torch.allclose(found[0], found[2], atol=1e-3)


def test_a_prompt_on_disk_gives_the_same_probabilities(tmp_path):
    model = backbone()
    found = tuned(model, out=tmp_path / "prompt").model
    rows, _ = texts(10, seed=1)
    loaded = load_prompt(tmp_path / "prompt", model)
    assert loaded.predict(rows).equals(found.predict(rows))


def test_sequences_may_fill_what_the_prompt_leaves():
    assert tuned(backbone()).model.reading.longest == 34 - 4 - 1
    assert tuned(backbone(), separator=False).model.reading.longest == 30
    found = tuned(backbone(), more={"longest": 8, "too_long": "centre"}).model
    assert (found.reading.longest, found.reading.too_long) == (8, "centre")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_tokens": 0}, "n_tokens must be at least 1; got 0"),
        ({"n_tokens": 33}, "leave room for a base in the context of 34 tokens; got 33"),
        ({"n_tokens": 30}, "sequences must have at most 3 bp; got 12"),
        ({"start": ""}, "start must hold bases"),
        ({"more": {"pooling": "max"}}, "options.pooling must be 'mean'.*got 'max'"),
        ({"more": {"frozen": 1}}, "options.frozen must be 'nothing'.*got 1"),
        ({"more": {"longest": 30}}, "reading.longest must be at most 29.*got 30"),
    ],
)
def test_refusals(options, message):
    with pytest.raises(ValueError, match=message):
        tuned(backbone(), **options)


def test_numbers_are_refused():
    rows, _ = texts(8)
    data = collect_labelled(rows, np.linspace(0, 1, 8), task="regression")
    with pytest.raises(LabelError, match="labelled with classes; got regression"):
        prompt_tune(backbone(), data, progress=False)
