"""Losses and predictions against hand values."""

import math

import pytest
import torch

from hyenascope.models.sequence_task import SequenceTask

LOGITS = torch.tensor([[1.0, -2.0, 0.5]])


def test_two_classes_are_one_number():
    task = SequenceTask("binary", ("no", "yes"))
    logits = torch.tensor([[math.log(3.0)], [-40.0]])
    expected = torch.tensor([[0.25, 0.75], [1.0, math.exp(-40)]])
    torch.testing.assert_close(task.predictions(logits), expected)
    losses = task.losses(logits, torch.tensor([0, 1]))
    torch.testing.assert_close(losses, torch.tensor([math.log(4.0), 40.0]))


def test_classes_exclude_each_other():
    task = SequenceTask("multiclass", ("a", "b", "c"))
    chances = LOGITS.exp() / LOGITS.exp().sum()
    torch.testing.assert_close(task.predictions(LOGITS), chances)
    losses = task.losses(LOGITS, torch.tensor([2]))
    torch.testing.assert_close(losses, -chances[:, 2].log())


def test_labels_do_not():
    task = SequenceTask("multilabel", ("a", "b", "c"))
    chances = 1 / (1 + (-LOGITS).exp())
    torch.testing.assert_close(task.predictions(LOGITS), chances)
    found = task.losses(LOGITS, torch.tensor([[1, 0, 0]]))
    each = [chances[0, 0], 1 - chances[0, 1], 1 - chances[0, 2]]
    torch.testing.assert_close(found, -torch.stack(each).log().mean()[None])


def test_numbers_are_themselves():
    task = SequenceTask("regression", ("a", "b", "c"))
    assert torch.equal(task.predictions(LOGITS), LOGITS)
    found = task.losses(LOGITS, torch.tensor([[0.0, 0.0, 0.0]]).double())
    torch.testing.assert_close(found, torch.tensor([(1 + 4 + 0.25) / 3]))


@pytest.mark.parametrize(
    ("kind", "names", "message"),
    [
        ("binary", ("a", "b", "c"), "two classes for 'binary'; got 3"),
        ("regression", (), "at least one for 'regression'; got 0"),
    ],
)
def test_names_must_fit(kind, names, message):
    with pytest.raises(ValueError, match=message):
        SequenceTask(kind, names)
