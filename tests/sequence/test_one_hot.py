import numpy as np
import pytest

from hyenascope.sequence.one_hot import from_one_hot, one_hot
from hyenascope.sequence.tokenizer import tokenize


def test_rows_are_acgt_in_order_and_n_is_zero():
    rows = one_hot("acgTNR")
    assert rows.dtype == np.float32
    np.testing.assert_array_equal(rows[:4], np.eye(4))
    np.testing.assert_array_equal(rows[4:], 0)


def test_tokens_and_text_agree():
    np.testing.assert_array_equal(one_hot(tokenize("GATTACAN")), one_hot("GATTACAN"))


def test_batches_of_tokens_keep_their_shape_and_padding_is_zero():
    rows = one_hot(np.array([[7, 8, 1], [10, 4, 4]]))
    assert rows.shape == (2, 3, 4)
    assert rows.sum(axis=-1).tolist() == [[1, 1, 0], [1, 0, 0]]


@pytest.mark.parametrize("seq", ["", "A", "GATTACANNCGT"])
def test_round_trip(seq):
    assert from_one_hot(one_hot(seq)) == seq


@pytest.mark.parametrize(
    "row", [[0.25, 0.25, 0.25, 0.25], [1, 1, 0, 0], [0, 2, 0, 0], [1, 0, 0, -1]]
)
def test_rows_that_are_not_one_hot_are_refused(row):
    rows = np.vstack([np.eye(4)[:1], [row]])
    with pytest.raises(ValueError, match=r"single one or only zeros; .* at index 1"):
        from_one_hot(rows)


def test_text_that_is_not_dna_is_refused():
    with pytest.raises(ValueError, match="got '-' at index 1"):
        one_hot("A-")
