"""What is judged, counted and written."""

import numpy as np
import pytest

from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.sequence.markov import MarkovModel
from hyenascope.training.judgement import check_genes, judge, write_judgement
from hyenascope.training.open_genomes import open_genomes
from hyenascope.training.perplexity import evaluate
from hyenascope.training.pretrain import PretrainOptions, pretrain
from hyenascope.training.software import Software

CONFIG = HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34)


def text(length, seed=0):
    return "".join(np.random.default_rng(seed).choice(list("ACGT"), length))


@pytest.fixture
def data():
    return open_genomes({"I": text(900), "II": text(300, 1)}, validation=["II"])


def test_all_models_read_what_was_held_out(data):
    model = HyenaLM(CONFIG)
    found = judge(model, data, orders=[2], device="cpu")
    assert found.table.texts == {"II:1-300": 300}
    assert found.counted == 900
    nats = found.table.nats["all"]
    expected = evaluate(model, [text(300, 1)], device="cpu")
    assert nats["untitled"] == pytest.approx(expected)
    markov = MarkovModel.fit([text(900)], order=2).log_probs(text(300, 1))[1:]
    assert nats["Markov, order 2"] == pytest.approx(-markov.mean())
    assert found.positions.bases.sum() > 0


def test_limits_are_kept(data):
    found = judge(HyenaLM(CONFIG), data, orders=[1], most_bases=90, most_training=200)
    assert found.table.texts == {"II:1-300": 90}
    assert found.counted == 200
    nats = found.table.nats["all"]["Markov, order 1"]
    model = MarkovModel.fit([text(900)[:200]], order=1)
    expected = -model.log_probs(text(300, 1)[:90])[1:].mean()
    assert nats == pytest.approx(expected)


def test_classes_are_those_of_the_place(tmp_path):
    """The held-out stretch begins inside the contig: so must its classes."""
    gtf = tmp_path / "genes.gtf"
    rows = [
        f'I\tx\t{kind}\t151\t190\t.\t+\t.\tgene_id "g"; transcript_id "t";\n'
        for kind in ("transcript", "exon")
    ]
    gtf.write_text("".join(rows))
    genome = open_genomes({"I": text(400)}, validation=0.2)
    assert str(genome.valid[0]) == "I:134-213"
    found = judge(HyenaLM(CONFIG), genome, genes=gtf, orders=[1], device="cpu")
    bases = found.table.bases
    assert bases["non-coding exon"] == 40
    assert bases["intergenic"] == 80 - 1 - 40


def test_genes_that_have_nothing_to_tell_are_refused(data, tmp_path):
    gtf = tmp_path / "none.gtf"
    gtf.write_text("#!no genes\n")
    with pytest.raises(ValueError, match=r"genes must hold genes; got none in .*none"):
        check_genes(gtf, data)
    two = open_genomes([{"I": text(90)}, {"I": text(90, 1)}])
    with pytest.raises(ValueError, match="for one genome only; got 2 genomes"):
        check_genes(gtf, two)
    check_genes(None, two)


def test_nothing_held_out_is_said():
    data = open_genomes({"I": text(100)}, validation=0.0)
    with pytest.raises(ValueError, match="something out to judge on"):
        judge(HyenaLM(CONFIG), data)


def test_the_card_tells_what_a_run_did(data, tmp_path):
    options = PretrainOptions(steps=3, batch_size=2, length=32, seed=5)
    result = pretrain(CONFIG, data, options=options, progress=False)
    found = judge(result.model, data, orders=[1], most_training=200)
    write_judgement(
        tmp_path,
        result.model,
        data,
        found,
        options=options,
        history=result.history,
        about="Random letters.",
        command="roll dice",
        more={"begun from": "an idea"},
        made_with=Software({"torch": "0.1"}, "abc with changes"),
    )
    card = (tmp_path / "README.md").read_text()
    nats = found.table.nats["all"]["untitled"]
    for said in (
        "Random letters. The Markov models counted its first 200 bases.",
        data.fingerprint,
        "192 tokens",
        "seed 5",
        f"{nats:.4f}",
        "roll dice",
        "| begun from | an idea |",
        "torch 0.1, commit `abc with changes`.",
    ):
        assert said in card, said
    assert len((tmp_path / "curves.tsv").read_text().splitlines()) == 4
