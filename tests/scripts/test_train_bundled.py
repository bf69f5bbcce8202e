"""What the cards of the shipped weights say is what the shipped weights do."""

import io
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from hyenascope.models.checkpoint import checkpoint_hash, load_pretrained
from hyenascope.models.hyena import HyenaConfig
from hyenascope.models.published import BUNDLED
from hyenascope.sequence.dna import reverse_complement
from hyenascope.training.judgement import judge
from hyenascope.training.open_genomes import open_genomes
from hyenascope.training.pretrain import PretrainOptions
from hyenascope.training.software import Software
from scripts import train_bundled
from scripts.train_bundled import (
    WEIGHTS,
    WORD,
    demo_recipe,
    repeats_in_lower_case,
    words_of,
    yeast_recipe,
)

README = WEIGHTS.parents[1] / "README.md"


def _table(page, title):
    """Return the first table of Markdown after a title, indexed by its first column."""
    lines = iter(page.split(title, 1)[1].splitlines())
    rows = []
    for line in lines:
        if line.startswith("|"):
            rows.append(line.strip("|"))
        elif rows:
            break
    table = pd.read_csv(io.StringIO("\n".join(rows)), sep="|", dtype=str)
    table = table.map(str.strip, na_action="ignore").drop(index=0)
    table.columns = table.columns.str.strip()
    return table.set_index(table.columns[0])


def _card(name):
    return (WEIGHTS / name / "README.md").read_text(encoding="utf-8")


def _held_out(name):
    found = _table(_card(name), "## Held-out nats per base")
    return found.apply(lambda cells: pd.to_numeric(cells.str.replace(",", "")))


@pytest.mark.parametrize("name", BUNDLED)
def test_cards_are_those_of_the_weights(name):
    assert f"Weights `{checkpoint_hash(load_pretrained(name))}`" in _card(name)


@pytest.mark.slow
def test_the_demo_reads_as_its_card_says():
    found = judge(load_pretrained("demo-synthetic"), demo_recipe().data, orders=[8, 9])
    card = _held_out("demo-synthetic")
    for row, nats in found.table.nats["all"].items():
        assert nats == pytest.approx(card.loc[row, "nats per base"], abs=2e-4)


@pytest.mark.slow
def test_yeast_reads_as_its_card_says_in_every_class(shared):
    folder = shared / "data" / "yeast_R64"
    (fasta,), (gtf,) = folder.glob("*.fa.gz"), folder.glob("*.gtf.gz")
    recipe = yeast_recipe(fasta, gtf)
    model = load_pretrained("yeast-1k")
    found = judge(model, recipe.data, genes=recipe.genes, orders=[])
    card = _held_out("yeast-1k")
    assert {"CDS", "intergenic", "soft-masked"} <= set(card.columns)
    nats = found.table.nats.loc["yeast-1k"].rename({"all": "nats per base"})
    bases = found.table.bases.rename({"all": "nats per base"})
    for column in card.columns.drop("perplexity"):
        assert bases[column] == card.loc["bases judged", column]
        assert nats[column] == pytest.approx(card.loc["yeast-1k", column], abs=2e-4)


def test_the_readme_repeats_the_cards():
    table = _table(README.read_text(encoding="utf-8"), "## Bundled models")
    for name in BUNDLED:
        card, row = _held_out(name), table.loc[f"`{name}`"]
        nats = card["nats per base"]
        assert float(row["nats per base"]) == nats[name]
        for order in (4, 8, 12):
            said = float(row[f"{'Markov ' if order == 4 else ''}order {order}"])
            assert said == nats[f"Markov, order {order}"]


def test_the_readme_says_of_repeats_what_the_card_says():
    said = README.read_text(encoding="utf-8").split("## Bundled models")[1]
    said = " ".join(said.split("## How it is built")[0].split())
    card = _held_out("yeast-1k")
    repeats, others = card["soft-masked"], card["not masked"]
    markov = others[others.index.str.startswith("Markov")]
    assert f"the {repeats['bases judged']:,.0f} held-out bases" in said
    order_12, model = repeats["Markov, order 12"], repeats["yeast-1k"]
    assert f"it reads {order_12:.4f}, the model {model:.4f}." in said
    assert f"the other {others['bases judged'] / 1e6:.2f} million" in said
    best = markov.idxmin().rsplit(" ", 1)[1]
    assert f"reads {others['yeast-1k']:.4f}, and the best order, {best}, " in said
    assert f"{best}, {markov.min():.4f}." in said


def test_what_trained_the_weights_stays_on_the_card(tmp_path, monkeypatch):
    """Also when they are judged again, later, without the folder of the run."""
    monkeypatch.setattr(train_bundled, "WEIGHTS", tmp_path / "weights")
    then = Software({"torch": "0.1"}, "abc")
    monkeypatch.setattr(train_bundled, "software", lambda: then)
    bases = "".join(np.random.default_rng(0).choice(list("ACGT"), 900))
    recipe = replace(
        demo_recipe(),
        name="small",
        config=HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34),
        options=PretrainOptions(steps=3, batch_size=2, length=32),
        data=open_genomes({"I": bases[:600], "II": bases[600:]}, validation=["II"]),
    )
    train_bundled.train(recipe, tmp_path / "run")
    train_bundled.write(recipe, tmp_path / "run")
    card = tmp_path / "weights" / "small" / "README.md"
    first = card.read_text(encoding="utf-8")
    assert "## Made with\n\ntorch 0.1, commit `abc`." in first
    assert "## Loss" in first
    curves = card.with_name("curves.tsv").read_bytes()
    train_bundled.write(recipe, tmp_path / "gone")
    assert card.read_text(encoding="utf-8") == first
    assert card.with_name("curves.tsv").read_bytes() == curves


def test_repeats_are_words_of_either_strand():
    rng = np.random.default_rng(0)
    known = "".join(rng.choice(list("ACGT"), 99))
    # Cut so that what stands beside a copy does not go on with it by chance.
    here, turned = known[20:60], reverse_complement(known[40:80])
    own, other = "N" * 40, "N" * 50
    text = own + here + other + turned
    found = repeats_in_lower_case(text, words_of([known, "ACGT" * 20]))
    assert found == own + here.lower() + other + turned.lower()
    short = own + known[20 : 20 + WORD - 1]
    assert repeats_in_lower_case(short, words_of([known])) == short
    assert repeats_in_lower_case(text, words_of(["ACGT"])) == text


def test_all_weights_are_small():
    files = [path for path in WEIGHTS.rglob("*") if path.is_file()]
    assert len(files) >= 2 * len(BUNDLED)
    assert max(path.stat().st_size for path in files) < 2_000_000
    assert sum(path.stat().st_size for path in files) < 12_000_000
