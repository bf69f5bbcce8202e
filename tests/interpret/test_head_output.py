"""A head's output as a number per row: shapes, refusals, and the model it sits on."""

import pytest
import torch
from torch import nn

from hyenascope.data.interval import Interval
from hyenascope.interpret.attribution_window import Window
from hyenascope.interpret.head_output import HeadOutput
from hyenascope.models.heads import SequenceClassifier
from tests.interpret.one_hot_toys import rough_model

STATES = torch.arange(2 * 3 * 4, dtype=torch.float32).reshape(2, 3, 4)


def test_picks_one_output_of_each_row():
    mean = STATES.mean(dim=1)
    for output in range(4):
        found = HeadOutput(lambda hidden: hidden.mean(1), output)(STATES)
        torch.testing.assert_close(found, mean[:, output])


def test_one_number_a_row_is_output_0():
    found = HeadOutput(lambda hidden: hidden.sum(dim=(1, 2)))(STATES)
    torch.testing.assert_close(found, STATES.sum(dim=(1, 2)))


@pytest.mark.parametrize("pool", ["mean", "last", "max"])
def test_a_classifier_answers_from_states_as_it_does_from_tokens(pool):
    model = rough_model()
    classifier = SequenceClassifier(model, 3, pool=pool).eval()
    tokens = torch.tensor([[7, 8, 9, 10, 7], [10, 10, 8, 7, 9]])
    with torch.no_grad():
        expected = classifier(tokens)
        found = HeadOutput(classifier, 2)(model.hidden(tokens))
    torch.testing.assert_close(found, expected[:, 2])


@pytest.mark.parametrize(
    ("head", "output", "shape"),
    [
        (lambda hidden: hidden, 0, r"\(2, 3, 4\)"),
        (lambda hidden: hidden.mean(1)[:1], 0, r"\(1, 4\)"),
        (lambda hidden: hidden.mean(1), 4, r"\(2, 4\)"),
        (lambda hidden: hidden.mean(1), -1, r"\(2, 4\)"),
        (lambda hidden: hidden.sum(dim=(1, 2)), 1, r"\(2, 1\)"),
    ],
    ids=["whole", "short", "past", "negative", "single"],
)
def test_refuses_answers_without_that_output(head, output, shape):
    with pytest.raises(ValueError, match=f"head must give 'batch' or .* {shape}"):
        HeadOutput(head, output)(STATES)


def test_refuses_a_classifier_on_another_model():
    model = rough_model()
    target = HeadOutput(SequenceClassifier(model, 2))
    target.check_model(model)
    with pytest.raises(ValueError, match="head must sit on the model that is asked"):
        target.check_model(rough_model())


def test_a_head_needs_the_whole_window():
    rows = torch.zeros(9, 4)
    target = HeadOutput(lambda hidden: hidden.mean(1), 1, name="signal")
    reading = target.read(rough_model(), Window(Interval("I", 0, 9)), rows)
    assert (reading.reach, reading.extent) == (9, 9)
    torch.testing.assert_close(reading.readout(STATES, STATES), target(STATES))
    assert target.units == "signal"


def test_a_borrowed_head_is_put_back():
    head = nn.Sequential(nn.Linear(4, 2), nn.Dropout()).train()
    with HeadOutput(head).borrowed(torch.device("cpu")):
        assert not head.training
    assert head.training
    with HeadOutput(len).borrowed(torch.device("cpu")):
        pass
