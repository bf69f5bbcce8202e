"""The loop of a fine-tuning: steps against a definition, the best epoch, stopping."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from hyenascope.models.sequence_task import SequenceTask
from hyenascope.training.finetune_options import FinetuneOptions
from hyenascope.training.label_batches import LabelledRows, epoch_batches
from hyenascope.training.label_loop import LabelLoop
from hyenascope.training.label_validation import ValidationRows
from tests.training.hearing import Hearing

BINARY = SequenceTask("binary", ("no", "yes"))


class Counting(nn.Module):
    """Logits that are linear in the share of A and T, on either strand."""

    def __init__(self, dropout=0.0):
        super().__init__()
        self.linear = nn.Linear(1, 1).double()
        nn.init.constant_(self.linear.weight, 0.5)
        nn.init.constant_(self.linear.bias, 0.1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, tokens, *, mask):
        share = (((tokens == 7) | (tokens == 10)) & mask).sum(1) / mask.sum(1)
        return self.linear(self.dropout(share.double()[:, None]))


def rows(count=40, weights=None):
    """Sequences with many A and T are of the second class."""
    rng = np.random.default_rng(0)
    labels = np.arange(count) % 2
    tokens = [
        rng.choice([7, 8, 9, 10], rng.integers(5, 20), p=[0.45, 0.05, 0.05, 0.45])
        if label
        else rng.integers(7, 11, rng.integers(5, 20))
        for label in labels
    ]
    weights = np.ones(count) if weights is None else weights
    return LabelledRows(tokens, labels, weights.astype(np.float32))


def loop(module=None, train=None, *, monitor=None, **options):
    module = module or Counting()
    train = train or rows()
    how = {"epochs": 3, "batch_size": 8, "learning_rate": 0.05, **options}
    choose = rows(20)
    return LabelLoop(
        module,
        BINARY,
        train,
        ValidationRows(choose, choose.targets, BINARY, BINARY.predictions),
        FinetuneOptions(**how),
        [{"params": list(module.parameters()), "lr": how["learning_rate"]}],
        monitor=monitor,
        progress=False,
    )


def test_steps_are_those_of_adamw_on_the_weighted_mean_loss():
    train = rows(weights=np.linspace(0.5, 2, 40))
    monitor = Hearing()
    found = loop(
        train=train, epochs=1, warmup=0.0, clip=100.0, weight_decay=0.0, monitor=monitor
    )
    found.run()
    module = Counting()
    optimizer = torch.optim.AdamW(module.parameters(), lr=0.05, betas=(0.9, 0.98))
    losses = []
    batches = epoch_batches(train, 8, seed=0, epoch=1, flip=True)
    for step, batch in enumerate(batches):
        ramp = 1
        done = max(0, step - ramp) / 4
        factor = (
            1 if step < ramp else 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done))
        )
        optimizer.param_groups[0]["lr"] = 0.05 * factor
        logits = module(batch.tokens, mask=batch.mask)[:, 0]
        signs = 2 * batch.targets - 1
        each = torch.log1p(torch.exp(-signs * logits))
        loss = (each * batch.weights).sum() / batch.weights.sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert [r.loss for r in monitor.reports] == pytest.approx(losses, rel=1e-9)
    for mine, theirs in zip(
        found.module.parameters(), module.parameters(), strict=True
    ):
        torch.testing.assert_close(mine, theirs, rtol=1e-9, atol=0)


def test_it_learns_and_tells():
    monitor = Hearing()
    found = loop(epochs=10, monitor=monitor)
    message = found.run(name="toy")
    assert found.reports[-1].scores["auroc"] > 0.9
    assert found.reports[-1].loss < found.reports[0].loss
    assert message == monitor.message
    assert message.startswith(
        "Finished after 10 epochs; the weights are those of epoch"
    )
    assert monitor.plan.steps == len(monitor.reports) == 10 * 5
    assert monitor.plan.parameters == 2
    assert (monitor.plan.unit, monitor.plan.guess) == ("nats per sequence", None)
    looks = [r.step for r in monitor.reports if r.validation is not None]
    assert looks == list(range(5, 51, 5))
    assert monitor.reports[-1].tokens == 10 * sum(map(len, rows().tokens))


def test_the_weights_are_those_of_the_best_epoch():
    """A rate that is far too high makes later epochs worse."""
    found = loop(epochs=6, learning_rate=30.0, warmup=0.0, patience=None, clip=1e9)
    found.run()
    losses = [report.loss for report in found.reports]
    best = int(np.argmin(losses))
    assert found.best_epoch == best + 1
    assert best + 1 < len(losses)
    logits = torch.from_numpy(found.valid.logits(found.module, found.options))
    again = BINARY.losses(logits, torch.from_numpy(found.valid.truth)).mean()
    assert float(again) == pytest.approx(losses[best])


def test_a_metric_may_choose():
    found = loop(epochs=4, select_by="auroc", patience=None)
    found.run()
    scores = [report.scores["auroc"] for report in found.reports]
    assert found.best_epoch == int(np.argmax(scores)) + 1


def test_what_chooses_must_be_a_metric_that_the_rows_have():
    with pytest.raises(ValueError, match="select_by must be one of loss, accura"):
        loop(select_by="pearson")
    found = loop(select_by="auroc")
    found.valid.truth[:] = 0
    with pytest.raises(ValueError, match="auroc is NaN: "):
        found.run()


def test_better_epochs_are_told_with_their_weights():
    kept = []
    found = loop(epochs=5)
    found.better = lambda: kept.append(found.module.linear.weight.item())
    found.run()
    losses = [report.loss for report in found.reports]
    better = [n for n in range(5) if losses[n] < min(losses[:n], default=9)]
    assert len(kept) == len(better) > 1
    assert found.module.linear.weight.item() == kept[-1]
    assert not found.stopped


def test_patience_ends_a_run_that_gets_no_better():
    module = Counting()
    for weight in module.parameters():
        weight.data.zero_()
    found = loop(module, epochs=50, learning_rate=1e-30, patience=2, weight_decay=0.0)
    message = found.run()
    assert message.startswith("No better in 2 epochs, stopped after 3; the weights are")
    assert found.best_epoch == 1


def test_a_stop_keeps_the_best_so_far():
    monitor = Hearing(stop_at=7)
    found = loop(epochs=9, monitor=monitor)
    message = found.run()
    assert message == "Stopped in epoch 2; the weights are those of epoch 1."
    assert len(monitor.reports) == 7
    whole = loop(epochs=9, monitor=Hearing(stop_at=10))
    assert whole.run().startswith("Stopped after epoch 2; the weights are those of ")
    early = loop(monitor=Hearing(stop_at=2))
    assert early.run() == "Stopped in epoch 1; no epoch was finished."


def test_the_same_seed_gives_the_same_weights_whatever_the_global_one():
    def trained(seed):
        torch.manual_seed(seed)
        found = loop(Counting(dropout=0.5))
        before = torch.get_rng_state()
        found.run()
        assert torch.equal(torch.get_rng_state(), before)
        return found.module.linear.weight.item()

    assert trained(1) == trained(2)


def test_a_loss_that_is_not_finite_is_skipped_and_three_end_the_run():
    class Broken(Counting):
        bad = frozenset({2})
        seen = 0

        def forward(self, tokens, *, mask):
            logits = super().forward(tokens, mask=mask)
            if self.training:
                self.seen += 1
            return (
                logits * math.inf if self.seen in self.bad and self.training else logits
            )

    monitor = Hearing()
    found = loop(Broken(), epochs=1, monitor=monitor)
    found.run()
    assert [bool(r.skipped) for r in monitor.reports] == [False, True, *[False] * 3]
    assert math.isfinite(found.reports[0].train_loss)
    module = Broken()
    module.bad = frozenset({7, 8, 9})
    hopeless = loop(module, epochs=4, monitor=Hearing())
    with pytest.raises(FloatingPointError, match="not in 3 steps in a row"):
        hopeless.run()
    assert hopeless.best_epoch == 1
    assert hopeless.monitor.message.startswith(
        "The run failed: the loss must be finite"
    )


def test_frozen_parts_get_no_dropout():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.below = nn.Sequential(nn.Linear(1, 1), nn.Dropout(0.5)).double()
            self.above = nn.Sequential(nn.Linear(1, 1), nn.Dropout(0.5)).double()
            self.below.requires_grad_(False)
            self.modes = []

        def forward(self, tokens, *, mask):
            self.modes.append((self.below.training, self.above.training))
            share = ((tokens == 7) & mask).sum(1, keepdim=True).double()
            return self.above(self.below(share))

    module = Two()
    found = loop(module, epochs=1)
    found.groups = None
    found.run()
    assert set(module.modes) == {(False, True), (False, False)}
