"""Functions as models: numbers as they are, and told from one another."""

import numpy as np
import pytest

from hyenascope.models.wrappers import FunctionModel


def count(letter):
    def of(texts):
        return [text.count(letter) / 3 for text in texts]

    return of


def test_numbers_are_kept_in_full():
    model = FunctionModel(count("G"), context_length=8)
    assert model.predict("GATC")[0, 0, 0] == 1 / 3


@pytest.mark.parametrize("shape", [(2,), (2, 3), (2, 1, 3)])
def test_axes_that_are_missing_are_of_one(shape):
    outputs = 1 if len(shape) == 1 else 3
    model = FunctionModel(
        lambda texts: np.arange(np.prod(shape)).reshape(shape),
        context_length=4,
        outputs=outputs,
    )
    found = model.predict(["ACGT", "TTTT"])
    assert found.shape == (2, 1, outputs)
    np.testing.assert_array_equal(found.ravel(), np.arange(np.prod(shape)))


def test_records_tell_functions_apart():
    def double(texts):
        return [2 * len(text) for text in texts]

    def more(texts):
        return [2 + len(text) for text in texts]

    def fourth(texts):
        return [4 * len(text) for text in texts]

    one = FunctionModel(double, context_length=4, name="length")
    other = FunctionModel(more, context_length=4, name="length")
    third = FunctionModel(fourth, context_length=4, name="length")
    assert len({each.weights_hash for each in (one, other, third)}) == 3
    assert (
        one.weights_hash
        == FunctionModel(double, context_length=8, name="length").weights_hash
    )


def test_answers_of_another_shape_are_refused(unchecked):
    model = FunctionModel(lambda texts: [1.0], context_length=4)
    with pytest.raises(ValueError, match=r"for 2 sequences and 1 outputs; got shape"):
        model.predict(["ACGT", "TTTT"])
    with pytest.raises(TypeError, match="function must be callable; got 'gc'"):
        FunctionModel("gc", context_length=4)
