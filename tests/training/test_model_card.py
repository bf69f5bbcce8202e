import re

import numpy as np
import pandas as pd
import pytest

from hyenascope.models.checkpoint import checkpoint_hash
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.training.held_out import HeldOutTable
from hyenascope.training.model_card import TrainingFacts, model_card, write_card
from hyenascope.training.nats_by_position import PositionNats
from hyenascope.training.software import Software, software

FACTS = {
    "data": "Chromosomes of *a yeast*.",
    "fingerprint": "ab12cd",
    "training_bases": 2_000_000,
    "tokens": 5_000_000,
    "seed": 17,
    "settings": {"learning rate": 6e-4, "steps": 1234, "order | kind": "a\nb"},
    "command": "hyenascope train --seed 17 | tee log",
    "limits": "Not for barley.",
    "licence": "Apache-2.0",
}


@pytest.fixture(scope="module")
def model() -> HyenaLM:
    model = HyenaLM(HyenaConfig(d_model=8, n_layer=3, d_inner=16, l_max=2050))
    model.name = "barley-2k"
    return model


@pytest.fixture
def held_out() -> HeldOutTable:
    rows = ["uniform", "Markov, order 3", "barley-2k"]
    nats = pd.DataFrame({"all": [1.4, 1.3, 1.23456], "CDS": [1.5, 1.1, 1.0]}, rows)
    bases = pd.Series({"all": 1_000_000, "CDS": 2500})
    return HeldOutTable(nats, bases, {"VIII": 562_643, "XVI": 948_066}, 2048)


POSITIONS = PositionNats(
    np.array([0, 1, 2, 1500]),
    np.array([np.nan, 1.38, 1.25]),
    np.array([np.nan, 0.02, 0.0013]),
    np.array([0, 40, 60_000]),
)


def curves():
    step = np.arange(1, 1001)
    loss = 2.0 - step / 1000
    looked = np.where(step == 1000, 1.31, np.nan)
    return pd.DataFrame({"step": step, "loss": loss, "validation": looked})


def tables(card):
    """Every table of a card: lists of rows of cells, without the ruler."""
    blocks = re.findall(r"(?:^\|.*\n?)+", card, re.MULTILINE)
    return [
        [
            [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            for line in block.splitlines()
            if not line.startswith("|---")
        ]
        for block in blocks
    ]


def words(card):
    return " ".join(card.split())


def test_says_what_the_model_is_and_what_made_it(model, held_out):
    facts = TrainingFacts(**FACTS)
    card = words(model_card(model, facts, held_out))
    assert card.startswith("# barley-2k A causal HyenaDNA language model: 3 layers")
    for said in (
        f"width 8, {model.num_parameters():,} parameters, context 2,048 bp",
        f"Weights `{checkpoint_hash(model)}`. Apache-2.0.",
        "Chromosomes of *a yeast*. Training text: 2,000,000 bases.",
        "Held out: VIII (562,643 bp), XVI (948,066 bp).",
        "Fingerprint of the data: `ab12cd`.",
        "5,000,000 tokens, 2.5 times the training text; seed 17.",
        "``` hyenascope train --seed 17 | tee log ```",
        "## Limits Not for barley.",
        f"## Made with {software()}.",
    ):
        assert said in card
    assert "two-sided" not in card


def test_settings_are_a_table_that_odd_text_cannot_break(model, held_out):
    card = model_card(model, TrainingFacts(**FACTS), held_out)
    assert tables(card)[0] == [
        ["setting", "value"],
        ["learning rate", "0.0006"],
        ["steps", "1234"],
        [r"order \| kind", "a b"],
    ]


def test_held_out_table(model, held_out):
    card = model_card(model, TrainingFacts(**FACTS), held_out)
    assert tables(card)[1] == [
        ["model", "nats per base", "perplexity", "CDS"],
        ["bases judged", "1,000,000", "", "2,500"],
        ["uniform", "1.4000", f"{np.exp(1.4):.3f}", "1.5000"],
        ["Markov, order 3", "1.3000", f"{np.exp(1.3):.3f}", "1.1000"],
        ["barley-2k", "1.2346", f"{np.exp(1.23456):.3f}", "1.0000"],
    ]
    assert "reads 1,024 to 2,047 bases of left context" in words(card)


def test_positions_and_curves_are_tables_where_given(model, held_out):
    facts = TrainingFacts(**FACTS)
    bare = model_card(model, facts, held_out)
    assert "left context\n" not in bare.split("## Training")[0]
    assert len(tables(bare)) == 2
    card = model_card(model, facts, held_out, positions=POSITIONS, curves=curves())
    _, _, positions, loss = tables(card)
    assert positions == [
        ["bases to the left", "bases judged", "nats per base", "standard error"],
        ["1", "40", "1.3800", "0.0200"],
        ["2–1,499", "60,000", "1.2500", "0.0013"],
    ]
    assert "From windows of 1,500 bp that do not overlap." in words(card)
    assert loss[0] == ["step", "training loss", "validation"]
    assert loss[1] == ["1", "1.9990", ""]
    assert loss[-1][0] == "1,000"
    assert loss[-1][2] == "1.3100"


def test_what_is_not_known_is_not_said(model, held_out):
    known = {**FACTS, "limits": "", "licence": "", "settings": {}, "command": ""}
    facts = TrainingFacts(**known, made_with=Software({"torch": "0.1"}))
    card = model_card(model, facts, held_out)
    assert card.endswith("## Made with\n\ntorch 0.1.\n")
    assert "## Limits" not in card
    assert "commit" not in card
    assert "Apache" not in card
    assert "| setting" not in card


def test_many_held_out_texts_are_counted(model, held_out):
    texts = {f"c{i}": 10 for i in range(1000)}
    many = HeldOutTable(held_out.nats, held_out.bases, texts, 2048)
    card = words(model_card(model, TrainingFacts(**FACTS), many))
    assert "c23 (10 bp) and 976 more. Fingerprint" in card


def test_what_was_not_judged_has_no_table(model):
    card = model_card(model, TrainingFacts(**FACTS), None, curves=curves())
    assert "Held" not in card
    assert "Training text: 2,000,000 bases. Fingerprint" in card
    assert "## Loss" in card


def test_two_sided_models_are_called_so(held_out):
    config = HyenaConfig(d_model=8, n_layer=1, d_inner=8, l_max=34, bidirectional=True)
    card = model_card(HyenaLM(config), TrainingFacts(**FACTS), held_out)
    assert "A two-sided HyenaDNA language model" in card


def test_write_card_beside_the_weights(model, held_out, tmp_path):
    facts = TrainingFacts(**FACTS)
    options = {"positions": POSITIONS, "curves": curves()}
    write_card(tmp_path, model, facts, held_out, **options)
    written = sorted(path.name for path in tmp_path.iterdir())
    assert written == ["README.md", "curves.tsv"]
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert card == model_card(model, facts, held_out, **options)
    found = pd.read_csv(tmp_path / "curves.tsv", sep="\t")
    pd.testing.assert_frame_equal(found, curves())
    assert "`curves.tsv`" in card


def test_write_card_without_curves_writes_no_curves(model, held_out, tmp_path):
    write_card(tmp_path, model, TrainingFacts(**FACTS), held_out)
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]


@pytest.mark.parametrize("name", ["tokens", "training_bases"])
def test_refuses_numbers_below_one(name):
    with pytest.raises(ValueError, match=rf"{name} must be at least 1; got 0\."):
        TrainingFacts(**{**FACTS, name: 0})
