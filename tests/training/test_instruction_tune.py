"""Tuning on prompts: what is learnt, what is left alone."""

import numpy as np
import pytest
import torch

from hyenascope.data.labelled_sources import collect_labelled
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.training.few_shot import classify_few_shot
from hyenascope.training.instruction_tune import instruction_tune


def texts(count, seed):
    """Sequences of A and C, or of G and T."""
    rng = np.random.default_rng(seed)
    kinds = np.arange(count) % 2
    rows = ["".join(rng.choice(list(("AC", "GT")[kind]), 8)) for kind in kinds]
    return rows, [("ac", "gt")[kind] for kind in kinds]


def backbone(l_max=66):
    config = HyenaConfig(
        d_model=16, n_layer=2, d_inner=32, l_max=l_max, embed_dropout=0.0
    )
    return HyenaLM(config, generator=torch.Generator().manual_seed(0)).eval()


def tuned(model, **options):
    rows, labels = texts(60, seed=0)
    settings = {"shots": 1, "samples": 40, "progress": False} | options
    return instruction_tune(model, rows, labels=labels, **settings)


def test_it_learns_and_leaves_the_model_alone():
    model = backbone()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    result = tuned(model, epochs=4, learning_rate=3e-3)
    rows, labels = texts(20, seed=1)
    shown = texts(60, seed=0)
    found = [
        classify_few_shot(m, shown[0], rows, labels=shown[1], shots=1)
        for m in (model, result.model)
    ]
    right = [(f.idxmax(axis=1) == labels).mean() for f in found]
    assert right[1] >= 0.95 > right[0]
    after = model.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    head, embedding = result.model.lm_head, result.model.backbone.embeddings
    assert head.weight is embedding.word_embeddings.weight  # still tied
    assert not result.model.training


def test_a_seed_decides_the_weights():
    models = [tuned(backbone(), seed=seed, samples=8).model for seed in (1, 1, 2)]
    first, again, other = (model.lm_head.weight for model in models)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_the_validation_loss_is_that_of_prompts_with_training_demonstrations():
    """With no step to speak of, it is the loss of the untouched model."""
    rows, labels = texts(8, seed=3)
    result = tuned(
        backbone(),
        validation=collect_labelled(rows, labels),
        shots=0,
        samples=8,
        learning_rate=1e-12,
    )
    found = classify_few_shot(backbone(), rows, rows, labels=labels, shots=0)
    chances = [found.loc[str(n), label] for n, label in enumerate(labels)]
    expected = -np.log(chances).mean()
    assert result.reports[0].loss == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"samples": 0}, "samples must be at least 1; got 0"),
        ({"shots": 4}, "context of 66 tokens; got 4 of each of 2 classes, and a pro"),
        ({"learning_rate": 0.0}, "learning_rate must be positive; got 0.0"),
    ],
)
def test_refusals(options, message):
    with pytest.raises(ValueError, match=message):
        tuned(backbone(), **options)
