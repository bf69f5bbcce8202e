"""Several models as one: means of what they predict, mixtures of what they expect."""

import numpy as np
import pytest

from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.wrappers import (
    Ensemble,
    FunctionModel,
    HuggingFaceModel,
    OneHotModel,
    check_model,
)
from tests.hugging_face_models import bert, gpt, kmer_tokenizer
from tests.wrapped_models import PlainHyena, Speechless, Weighted, small_hyena

TEXT = "ACGTTGCATTACAGGCATGA"


def masked(seed):
    tokenizer = kmer_tokenizer(3)
    return HuggingFaceModel(bert(tokenizer, seed), tokenizer, kind="masked")


def weighted(seed):
    return OneHotModel(Weighted(16, seed), context_length=16, outputs=2, bin_size=4)


def named(value, **options):
    return FunctionModel(
        lambda texts: [value] * len(texts), **{"context_length": 8, **options}
    )


@pytest.mark.parametrize(
    ("members", "weights", "message"),
    [
        (
            lambda: [
                named(1.0, fixed_length=True),
                named(1.0, context_length=16, fixed_length=True),
            ],
            None,
            r"agree on context_length where they read one length; got \[8, 16\]",
        ),
        (
            lambda: [named(1.0, units="reads"), named(1.0, units="log reads")],
            None,
            "members must agree on units",
        ),
        (lambda: [named(1.0)] * 2, (np.inf, 1.0), "weights must be 2 positive numbers"),
    ],
)
def test_what_cannot_be_averaged_is_refused(members, weights, message):
    with pytest.raises(ValueError, match=message):
        Ensemble(members(), weights=weights)


def test_our_own_model_goes_in_wrapped(unchecked):
    config = HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34)
    with pytest.raises(TypeError, match="ours as a HyenaModel; got HyenaLM"):
        Ensemble([HyenaLM(config)] * 2)


def test_records_hold_the_shares():
    pair = [named(1.0, name="one"), named(2.0, name="two")]
    one, other = (Ensemble(pair, weights=each) for each in ((1.0, 3.0), (3.0, 1.0)))
    assert one.options != other.options


def test_rows_sum_to_one_where_a_member_lacks_a_base():
    hyena = small_hyena()
    (table,) = Ensemble([PlainHyena(hyena), Speechless(hyena)]).log_probs("ACGTACGT")
    assert np.isnan(table[1:, 3]).all()
    np.testing.assert_allclose(np.exp(table[1:, :3]).sum(axis=1), 1.0)


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
