import math

import numpy as np
import pytest

from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.sequence.markov import MarkovModel
from hyenascope.training.held_out import held_out_table
from hyenascope.training.perplexity import base_nats, evaluate
from hyenascope.training.region_classes import REGION_CLASSES
from tests.toy_models import NEXT, first_order


def dna(length, seed=0, letters="ACGT"):
    return "".join(np.random.default_rng(seed).choice(list(letters), length))


TRAINING = [dna(4000, letters="AACGT"), dna(3000, 1, letters="ACGTTN")]
HELD_OUT = {"II": dna(300, 2, letters="AACGTN"), "III": dna(90, 3)}


@pytest.fixture(scope="module")
def model() -> HyenaLM:
    return HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))


def table(model, held_out=HELD_OUT, training=TRAINING, **options):
    options = {"orders": [0, 2, 5], "device": "cpu", **options}
    return held_out_table(model, held_out, training, **options)


def judged_by_order(order, where=lambda text: np.ones(len(text), bool)):
    """A model of its own for each order, without the first base of each text."""
    markov = MarkovModel.fit(TRAINING, order)
    parts = [-markov.log_probs(text)[1:][where(text)[1:]] for text in HELD_OUT.values()]
    return np.nanmean(np.concatenate(parts))


def test_every_row_by_its_own_definition(model):
    found = table(model)
    names = ["uniform", "Markov, order 0", "Markov, order 2", "Markov, order 5"]
    assert found.nats.index.tolist() == [*names, "untitled"]
    assert found.nats.columns.tolist() == ["all"]
    nats = found.nats["all"]
    assert nats["uniform"] == pytest.approx(math.log(4))
    for order in (0, 2, 5):
        expected = judged_by_order(order)
        assert nats[f"Markov, order {order}"] == pytest.approx(expected, rel=1e-6)
    expected = evaluate(model, list(HELD_OUT.values()), device="cpu")
    assert nats["untitled"] == pytest.approx(expected)
    letters = sum(map(len, HELD_OUT.values()))
    unknown = sum(text[1:].count("N") for text in HELD_OUT.values())
    assert found.bases["all"] == letters - unknown - 2
    assert found.texts == {"II": 300, "III": 90}
    assert found.left_context == (16, 31)


def test_classes_and_masks_are_columns(model):
    rng = np.random.default_rng(0)
    classes = {
        name: rng.choice([0, 2, 5], len(text)).astype(np.int8)
        for name, text in HELD_OUT.items()
    }
    third = HELD_OUT["III"]
    repeats = {**HELD_OUT, "III": third[:40].lower() + third[40:]}
    found = table(model, repeats, classes=classes)
    assert found.nats.columns.tolist() == [
        *("all", "intergenic", "intron", "CDS", "soft-masked", "not masked"),
    ]
    values = base_nats(model, list(HELD_OUT.values()), device="cpu")
    labels = np.concatenate(list(classes.values()))
    for name in ("intergenic", "intron", "CDS"):
        chosen = np.concatenate(values)[labels == REGION_CLASSES.index(name)]
        assert found.nats.loc["untitled", name] == pytest.approx(np.nanmean(chosen))
        assert found.bases[name] == np.count_nonzero(~np.isnan(chosen))
    masked = np.nanmean(values[1][:40])
    assert found.nats.loc["untitled", "soft-masked"] == pytest.approx(masked)
    assert found.bases["soft-masked"] == 39
    markov = MarkovModel.fit(TRAINING, 2)
    rows = np.concatenate([-markov.log_probs(text)[1:] for text in HELD_OUT.values()])
    later = np.concatenate([labels[1:300], labels[301:]])
    expected = np.nanmean(rows[later == 5])
    assert found.nats.loc["Markov, order 2", "CDS"] == pytest.approx(expected, rel=1e-6)


def test_training_text_is_read_once(model):
    read = []

    def stream():
        for text in TRAINING:
            read.append(text)
            yield text

    found = table(model, training=stream())
    assert read == TRAINING
    np.testing.assert_array_equal(found.nats, table(model).nats)
    assert table(model, orders=[], training=stream()).nats.shape == (2, 1)
    assert read == TRAINING


def test_the_law_of_the_text_gives_its_entropy():
    law = NEXT.numpy()
    rng = np.random.default_rng(0)
    codes = [0]
    for _ in range(20_000):
        codes.append(int(np.searchsorted(law[codes[-1]].cumsum(), rng.random())))
    text = "".join("ACGT"[code] for code in codes)
    often = np.linalg.matrix_power(law, 50)[0]
    entropy = -(often[:, None] * law * np.log(law)).sum()
    found = table(first_order(), {"I": text}, [text], orders=[1])
    assert found.nats.loc["first-order", "all"] == pytest.approx(entropy, abs=0.02)
    assert found.nats["all"].idxmin() == "first-order"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"orders": [1, 14]}, r"orders must be 0 to 13; got 14\."),
        ({"orders": [-1]}, r"orders must be 0 to 13; got -1\."),
        ({"held_out": {"II": "NNN", "III": "A"}}, "held_out must hold bases to judge"),
        ({"held_out": {}}, "held_out must hold bases to judge"),
        (
            {"classes": {"II": np.zeros(300, np.int8)}},
            r"a label for each of the 90 bases of III; got none\.",
        ),
        (
            {"classes": {"II": np.zeros(7, np.int8)}},
            r"a label for each of the 300 bases of II; got 7\.",
        ),
        ({"length": 99}, r"length must be 2 to 34 bp"),
    ],
)
def test_refuses(model, options, message):
    with pytest.raises(ValueError, match=message):
        table(model, **options)


def test_refuses_one_training_text(model):
    with pytest.raises(TypeError, match=r"training must be a list of DNA .* of 4 bp"):
        table(model, training="ACGT")
