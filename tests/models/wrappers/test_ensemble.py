"""Several models as one: means of what they predict, mixtures of what they expect."""

import numpy as np
import pytest

from hyenascope.models.wrappers import (
    Ensemble,
    FunctionModel,
    HuggingFaceModel,
    OneHotModel,
    check_model,
)
from tests.hugging_face_models import bert, gpt, kmer_tokenizer
from tests.wrapped_models import Weighted

TEXT = "ACGTTGCATTACAGGCATGA"


def masked(seed):
    tokenizer = kmer_tokenizer(3)
    return HuggingFaceModel(bert(tokenizer, seed), tokenizer, kind="masked")


def weighted(seed):
    return OneHotModel(Weighted(16, seed), context_length=16, outputs=2, bin_size=4)


def test_probabilities_are_mixed_not_their_logarithms():
    members = [masked(0), masked(1)]
    model = Ensemble(members, weights=[3.0, 1.0])
    one, other = (np.exp(member.log_probs(TEXT)[0]) for member in members)
    expected = 0.75 * one + 0.25 * other
    np.testing.assert_allclose(np.exp(model.log_probs(TEXT)[0]), expected, atol=1e-9)


def test_rows_that_nobody_asked_for_stay_empty():
    (table,) = Ensemble([masked(0), masked(1)]).log_probs(TEXT, places=[(3, 5)])
    assert np.isnan(np.delete(table, [3, 4], axis=0)).all()
    np.testing.assert_allclose(np.exp(table[3:5]).sum(axis=1), 1)


def test_predictions_are_averaged():
    members = [weighted(0), weighted(1)]
    model = Ensemble(members)
    one, other = (member.predict(TEXT[:16]) for member in members)
    np.testing.assert_allclose(model.predict(TEXT[:16]), (one + other) / 2, rtol=1e-6)
    assert model.weights_hash != members[0].weights_hash


@pytest.mark.parametrize("make", [masked, weighted])
def test_it_keeps_its_word(make):
    report = check_model(Ensemble([make(0), make(1)]))
    assert report.ok, report


def test_what_does_not_belong_together_is_refused():
    tokenizer = kmer_tokenizer(1, ends=False)
    causal = HuggingFaceModel(gpt(tokenizer), tokenizer, kind="causal")
    function = FunctionModel(lambda texts: [0.0] * len(texts), context_length=16)
    for members, options, message in (
        ([masked(0)], {}, "members must be two or more; got 1"),
        ([masked(0), causal], {}, "members must agree on causal"),
        ([weighted(0), function], {}, "members must agree on outputs"),
        ([masked(0), masked(1)], {"weights": [1.0, 0.0]}, "2 positive numbers"),
        ([masked(0), masked(1)], {"weights": [1.0]}, "2 positive numbers"),
    ):
        with pytest.raises(ValueError, match=message):
            Ensemble(members, **options)
