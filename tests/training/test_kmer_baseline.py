"""The linear model of k-mers against scikit-learn, and what is chosen by which rows."""

import builtins

import numpy as np
import pytest
from sklearn import linear_model as linear

from hyenascope.data.gue import read_gue
from hyenascope.data.labelled_sequences import LabelledSequences
from hyenascope.sequence.dna import reverse_complement
from hyenascope.sequence.kmer_frequencies import kmer_frequencies
from hyenascope.training.kmer_baseline import fit_kmers
from hyenascope.training.label_metrics import score_labels
from hyenascope.training.label_split import learn_and_choose


def texts(count=40, seed=0, longest=30):
    rng = np.random.default_rng(seed)
    return tuple(
        "".join(rng.choice(list("ACGT"), rng.integers(6, longest)))
        for _ in range(count)
    )


def data(labels, task, names, *, dev=15, sequences=None):
    sequences = sequences or texts(len(labels))
    splits = ("train",) * (len(labels) - dev) + ("dev",) * dev
    return LabelledSequences("toy", sequences, np.array(labels), names, splits, task)


def share_of(letters, sequences):
    return np.array([sum(map(t.count, letters)) / len(t) for t in sequences])


def features(model, sequences):
    found = kmer_frequencies(sequences, model.k, canonical=model.canonical)
    return (np.sqrt(found) - model.centre) / model.scale


def test_two_classes_are_the_logistic_regression_of_scikit_learn():
    labels = np.arange(40) % 2
    toy = data(labels, "binary", ("no", "yes"))
    model = fit_kmers(toy, k=(1, 2), canonical=False, strengths=(0.1,))
    learn, _ = learn_and_choose(toy, None, seed=0)
    theirs = linear.LogisticRegression(C=0.1, tol=1e-8).fit(
        features(model, learn.sequences), learn.labels
    )
    found = model.predict(list(toy.sequences))
    expected = theirs.predict_proba(features(model, toy.sequences))
    np.testing.assert_allclose(found, expected, atol=1e-3)
    assert found.columns.tolist() == ["no", "yes"]
    # Features have a mean square of one over the rows that were learnt from.
    seen = features(model, learn.sequences)
    assert np.square(seen).mean() == pytest.approx(1, rel=1e-4)
    assert abs(seen.mean(axis=0)).max() < 1e-5
    assert model.coefficients.columns.tolist() == ["yes"]


def test_numbers_are_the_ridge_regression_of_scikit_learn_in_their_units():
    sequences = texts(40)
    numbers = np.stack([share_of("GC", sequences), share_of("A", sequences)], axis=1)
    numbers = 100 * numbers + [7, -20]
    toy = data(numbers, "regression", ("gc", "a"), sequences=sequences)
    model = fit_kmers(toy, k=(1, 2), canonical=False, strengths=(0.05,))
    learn, _ = learn_and_choose(toy, None, seed=0)
    zero, unit = learn.labels.mean(axis=0), learn.labels.std(axis=0)
    theirs = linear.Ridge(alpha=10.0).fit(
        features(model, learn.sequences), (learn.labels - zero) / unit
    )
    expected = theirs.predict(features(model, sequences)) * unit + zero
    np.testing.assert_allclose(model.predict(list(sequences)), expected, rtol=1e-4)


def test_classes_without_rows_and_labels_of_all_rows_get_an_answer():
    labels = [0, 2] * 20
    three = data(labels, "multiclass", ("a", "b", "c"))
    two = data(np.array(labels) // 2, "binary", ("a", "c"))
    how = {"k": (2,), "canonical": False, "strengths": (0.1,)}
    wide = fit_kmers(three, **how).predict(list(three.sequences))
    narrow = fit_kmers(two, **how).predict(list(two.sequences))
    np.testing.assert_allclose(wide[["a", "c"]], narrow, atol=1e-6)
    assert (wide["b"] < 1e-9).all()
    several = np.stack([np.arange(40) % 2, np.ones(40), np.zeros(40)], axis=1)
    model = fit_kmers(data(several, "multilabel", ("x", "all", "none")), **how)
    found = model.predict(list(three.sequences))
    np.testing.assert_allclose(found["x"], narrow["c"], atol=1e-6)
    assert (found["all"] > 1 - 1e-9).all()
    assert (found["none"] < 1e-9).all()


def test_three_classes_sum_to_one_and_are_learnt():
    sequences = texts(120)
    share = share_of("GC", sequences)
    labels = np.digitize(share, np.quantile(share, [1 / 3, 2 / 3]))
    toy = data(labels, "multiclass", ("low", "mid", "high"), sequences=sequences)
    found = fit_kmers(toy, k=(1,)).predict(list(sequences))
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert (found.to_numpy().argmax(axis=1) == labels).mean() > 0.8


def test_validation_rows_choose_strands_and_strength_and_test_rows_nothing():
    sequences = texts(200, longest=60)
    folded = share_of("GC", sequences) > 0.5
    oriented = share_of("A", sequences) > share_of("T", sequences)
    for truth, wanted in ((folded, True), (oriented, False)):
        toy = data(truth * 1, "binary", ("no", "yes"), dev=60, sequences=sequences)
        model = fit_kmers(toy, k=(1, 2))
        assert model.canonical is wanted
        more = LabelledSequences(
            "toy",
            (*sequences, *sequences),
            np.r_[truth * 1, 1 - truth],
            ("no", "yes"),
            (*toy.splits, *["test"] * len(sequences)),
            "binary",
        )
        again = fit_kmers(more, k=(1, 2))
        np.testing.assert_array_equal(again.weights, model.weights)
    noise = data(np.arange(200) % 2, "binary", ("no", "yes"), dev=60)
    assert fit_kmers(noise, canonical=False).strength < 0.01


def test_canonical_models_answer_alike_for_both_strands():
    sequences = texts(60)
    toy = data(np.arange(60) % 2, "binary", ("no", "yes"), sequences=sequences)
    turned = [reverse_complement(text) for text in sequences]
    for canonical in (True, False):
        model = fit_kmers(toy, k=(2, 3), canonical=canonical, strengths=(0.1,))
        ours, theirs = model.predict(list(sequences)), model.predict(turned)
        assert np.allclose(ours, theirs) is canonical


def test_balanced_classes_move_the_answer():
    labels = ([0] * 9 + [1]) * 6
    toy = data(labels, "binary", ("no", "yes"), dev=20, sequences=texts(60))
    how = {"canonical": True, "k": (1,), "strengths": (1e-4,)}
    plain = fit_kmers(toy, **how).predict("ACGT").loc["0", "yes"]
    balanced = fit_kmers(toy, class_weights="balanced", **how).predict("ACGT")
    assert plain == pytest.approx(0.1, abs=0.01)
    assert balanced.loc["0", "yes"] == pytest.approx(0.5, abs=0.01)


def test_what_does_not_fit_is_refused(monkeypatch):
    toy = data(np.arange(40) % 2, "binary", ("no", "yes"))
    with pytest.raises(ValueError, match=r"k must be lengths from 1 to 8; got \(9,\)"):
        fit_kmers(toy, k=(9,))
    with pytest.raises(ValueError, match="strengths must be positive numbers; got"):
        fit_kmers(toy, strengths=(0.0,))
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("sklearn"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"pip install 'hyenascope\[train\]'"):
        fit_kmers(toy)


@pytest.mark.parametrize(
    ("task", "auroc"), [("mouse_3", 0.889), ("prom_core_tata", 0.827)]
)
def test_gue_is_as_an_independent_regression_found_it(shared, task, auroc):
    toy = read_gue(shared / "data" / "gue" / task)
    test = toy.split("test")
    model = fit_kmers(toy, canonical=False, strengths=(1e-3, 3e-3, 1e-2))
    answers = model.predict(list(test.sequences))
    table = score_labels(model.task, test.labels, answers, resamples=0)
    assert table.loc["auroc", "value"] == pytest.approx(auroc, abs=0.01)
