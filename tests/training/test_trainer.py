"""A step against its definition: one pass, one mean, one clip, one seed."""

import math
from copy import deepcopy

import pytest
import torch
from torch.nn import functional

from hyenascope.training.hardware import Hardware
from hyenascope.training.objectives import IGNORED
from hyenascope.training.optimizers import RECIPES, rate_factor
from hyenascope.training.step_batches import StepBatches
from hyenascope.training.trainer import Trainer
from hyenascope.training.warmup import length_stages
from hyenascope.training.windows import WindowRules
from tests.training.small_trainer import made, text

DOUBLE = Hardware(device="cpu", precision="64")
UNCLIPPED = 1e9
UNEVEN = "".join(
    "N" if place % (2 + place // 40) == 0 else base
    for place, base in enumerate(text(600))
)
ALIKE = {
    "genome": "A" * 200,
    "windows": WindowRules(reverse_complement=False),
    "learning_rate": 1e-300,  # no weight moves
}


def gradients(trainer):
    return {name: p.grad for name, p in trainer.model.named_parameters()}


def by_definition(model, inputs, targets):
    """Return the mean over all targets, and its gradients, of all rows in one pass."""
    model = deepcopy(model)
    loss = functional.cross_entropy(
        model(inputs).transpose(1, 2), targets, ignore_index=IGNORED
    )
    loss.backward()
    return loss.item(), {name: p.grad for name, p in model.named_parameters()}


@pytest.mark.parametrize("micro_batch", [1, 3, 4])
def test_gradients_are_those_of_the_mean_over_all_targets(micro_batch):
    """In passes of any size, though rows have different numbers of targets."""
    rules = WindowRules(max_unknown=0.9)
    trainer = made(
        UNEVEN,
        hardware=DOUBLE,
        micro_batch=micro_batch,
        clip=UNCLIPPED,
        windows=rules,
    )
    inputs, targets = trainer.batches[0]
    assert len(set((targets != IGNORED).sum(1).tolist())) > 2
    loss, wanted = by_definition(trainer.model, inputs, targets)
    report = next(trainer.steps())
    assert report.loss == pytest.approx(loss, rel=1e-12)
    for name, gradient in gradients(trainer).items():
        torch.testing.assert_close(gradient, wanted[name], rtol=1e-9, atol=1e-13)


def test_passes_hold_as_many_tokens_at_every_length():
    stages = length_stages(32, 3, start=8)
    trainer = made(steps=3, length=32, stages=stages, micro_batch=2)
    shapes = []
    trainer.model.register_forward_pre_hook(
        lambda _, inputs: shapes.append(tuple(inputs[0].shape))
    )
    assert [report.length for report in trainer.steps()] == [8, 16, 32]
    assert shapes == [(8, 8)] * 2 + [(4, 16)] * 2 + [(2, 32)] * 2


def test_sep_takes_no_window_from_a_pass():
    trainer = made(steps=1, length=32, micro_batch=2, append_sep=True)
    shapes = []
    trainer.model.register_forward_pre_hook(
        lambda _, inputs: shapes.append(tuple(inputs[0].shape))
    )
    next(trainer.steps())
    assert shapes == [(2, 33)] * 2


@pytest.mark.parametrize("share", [0.25, 0.99, 1.01])
def test_gradients_are_clipped_to_a_norm_and_the_norm_is_told(share):
    free = made(hardware=DOUBLE, clip=UNCLIPPED)
    report = next(free.steps())
    norm = math.sqrt(sum(float((g**2).sum()) for g in gradients(free).values()))
    assert report.gradient_norm == pytest.approx(norm, rel=1e-9)
    clipped = made(hardware=DOUBLE, clip=share * norm)
    assert next(clipped.steps()).gradient_norm == pytest.approx(norm, rel=1e-9)
    kept = gradients(clipped)
    for name, gradient in gradients(free).items():
        wanted = min(1.0, share) * gradient
        torch.testing.assert_close(kept[name], wanted, rtol=1e-5, atol=1e-12)


def everything(trainer):
    return deepcopy(
        (
            trainer.model.state_dict(),
            trainer.optimizer.state_dict()["state"],
            trainer.average.state(),
        )
    )


def infinite_loss(trainer):
    return math.inf


def broken_gradient(trainer):
    trainer.model.backbone.embeddings.word_embeddings.weight.grad[7] = math.nan
    return 1.0


@pytest.mark.parametrize("wrong", [infinite_loss, broken_gradient])
def test_a_skipped_step_leaves_weights_moments_and_average(monkeypatch, wrong):
    trainer = made(ema=0.5)
    real = Trainer._accumulate

    def accumulate(self, number, inputs, targets):
        loss = real(self, number, inputs, targets)
        return wrong(self) if self.step == 1 else loss

    monkeypatch.setattr(Trainer, "_accumulate", accumulate)
    steps = trainer.steps()
    assert not next(steps).skipped
    before = everything(trainer)
    report = next(steps)
    assert "the weights were left as they were" in report.skipped
    assert trainer.bad_in_a_row == 1
    torch.testing.assert_close(everything(trainer), before, rtol=0, atol=0)
    assert not next(steps).skipped
    assert trainer.bad_in_a_row == 0
    assert not torch.equal(
        trainer.model.state_dict()["backbone.ln_f.weight"],
        before[0]["backbone.ln_f.weight"],
    )


def test_every_step_draws_its_own_dropout_whatever_came_before():
    whole = [r.loss for r in made(**ALIKE, dropout=0.5).steps()]
    assert len(set(whole)) == len(whole)
    late = made(**ALIKE, dropout=0.5)
    late.step = 3
    assert [r.loss for r in late.steps()] == whole[3:]
    other = [r.loss for r in made(**ALIKE, dropout=0.5, seed=1).steps()]
    assert not set(other) & set(whole)
    still = {r.loss for r in made(**ALIKE).steps()}
    assert len(still) == 1  # the windows are alike: it was the dropout


def test_passes_of_one_step_draw_different_dropout():
    trainer = made(**ALIKE, dropout=0.5, micro_batch=1)
    logits = []
    trainer.model.register_forward_hook(lambda *seen: logits.append(seen[-1].detach()))
    next(trainer.steps())
    assert len(logits) == 4
    for number, one in enumerate(logits):
        assert not any(torch.equal(one, other) for other in logits[:number])


def test_rates_follow_the_number_of_the_step():
    trainer = made(steps=40, warmup=0.1)
    trainer.step = 37
    rates = [report.learning_rate for report in trainer.steps()]
    recipe = trainer.options.recipe
    peak = RECIPES["modern"].learning_rate
    assert rates == [peak * rate_factor(step, 40, recipe) for step in (37, 38, 39)]
    assert {group["lr"] for group in trainer.optimizer.param_groups} == {rates[-1]}


def test_looks_take_the_mean_over_targets_of_the_averaged_model():
    trainer = made(hardware=DOUBLE, dropout=0.5, ema=0.9, learning_rate=0.1)
    for _ in trainer.steps():
        pass
    options = made(windows=WindowRules(max_unknown=0.9)).options
    uneven = made(UNEVEN).batches.data
    examples = [StepBatches(uneven, options)[step] for step in (0, 1)]
    counts = [int((targets != IGNORED).sum()) for _, targets in examples]
    assert counts[0] != counts[1]
    own = deepcopy(trainer.model.state_dict())
    with trainer.average.used_by(trainer.model):
        model = deepcopy(trainer.model).eval()
    inputs, targets = (torch.cat(both) for both in zip(*examples, strict=True))
    wanted, _ = by_definition(model, inputs, targets)
    assert trainer.validate(examples) == pytest.approx(wanted, rel=1e-7)
    assert all(module.training for module in trainer.module.modules())
    torch.testing.assert_close(trainer.model.state_dict(), own, rtol=0, atol=0)


def test_a_look_at_nothing_is_no_number():
    assert math.isnan(made().validate([]))
