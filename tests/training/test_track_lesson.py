"""The loss of a window by hand."""

import math

import pytest
import torch

from hyenascope.models.sequence_task import SequenceTask
from hyenascope.training.track_lesson import TrackLesson

NAN = float("nan")


def test_classes_cost_their_cross_entropy_where_they_are_known():
    lesson = TrackLesson(SequenceTask("multiclass", ("a", "b", "c")))
    logits = torch.tensor([[[0.0, 0.0, 0.0], [2.0, 1.0, 0.0], [9.0, 9.0, 9.0]]])
    targets = torch.tensor([[[2.0], [0.0], [NAN]]])
    second = -2 + math.log(math.exp(2) + math.exp(1) + 1)
    expected = (math.log(3) + second) / 2
    assert lesson.losses(logits, targets).item() == pytest.approx(expected)
    assert lesson.loss_unit == "nats per base"


def test_labels_that_are_not_known_do_not_count():
    lesson = TrackLesson(SequenceTask("multilabel", ("a", "b")))
    logits = torch.tensor([[[0.0, 5.0], [-1.0, 1.0]], [[1.0, 1.0], [1.0, 1.0]]])
    targets = torch.tensor([[[1.0, NAN], [0.0, 1.0]], [[0.0, NAN], [NAN, NAN]]])
    soft = math.log(1 + math.exp(-1))
    expected = [(math.log(2) + soft + soft) / 3, 1 + soft]
    assert lesson.losses(logits, targets).tolist() == pytest.approx(expected)


def test_what_is_unknown_sends_no_gradient():
    lesson = TrackLesson(SequenceTask("regression", ("a",)))
    logits = torch.tensor([[[1.0], [2.0]]], requires_grad=True)
    loss = lesson.losses(logits, torch.tensor([[[NAN], [5.0]]]))
    loss.sum().backward()
    assert loss.item() == 9.0
    assert logits.grad.flatten().tolist() == [0.0, -6.0]
