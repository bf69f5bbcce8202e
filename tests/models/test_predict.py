import numpy as np
import pandas as pd
import pytest
import torch

from hyenascope.data.fasta import FastaReader
from hyenascope.data.interval import Interval
from hyenascope.models import predict
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.sequence.dna import reverse_complement
from hyenascope.sequence.tokenizer import tokenize
from tests.toy_models import chain, first_order, step


@pytest.fixture(scope="module")
def model() -> HyenaLM:
    config = HyenaConfig(d_model=16, n_layer=2, d_inner=32, l_max=130)
    return HyenaLM(config, generator=torch.Generator().manual_seed(0))


def random_dna(length: int, seed: int = 0) -> str:
    return "".join(np.random.default_rng(seed).choice(list("ACGT"), length))


MIXED = [random_dna(n, n) for n in (7, 1, 64, 130, 2, 33, 64)]


@pytest.mark.parametrize("batch_size", [1, 2, 3, "auto"])
def test_alone_or_in_any_batch_is_the_same(model, batch_size):
    together = predict.logits(model, MIXED, batch_size=batch_size)
    for text, rows in zip(MIXED, together, strict=True):
        alone = predict.logits(model, text)[0]
        assert rows.shape == (len(text), 16)
        np.testing.assert_allclose(rows, alone, atol=2e-5)


def test_logits_are_the_models(model):
    tokens = torch.from_numpy(tokenize(MIXED[2]))[None]
    with torch.no_grad():
        expected = model.eval()(tokens)[0].numpy()
    np.testing.assert_allclose(predict.logits(model, MIXED[2])[0], expected, atol=1e-5)


def test_log_probs_rows_are_distributions_about_their_own_base():
    table = predict.log_probs(first_order(), "ACGT")[0]
    assert np.isnan(table[0]).all()
    np.testing.assert_allclose(np.exp(table[1:]).sum(1), 1.0)
    assert table[1, 1] == pytest.approx(step("A", "C"))
    assert table[3, 3] == pytest.approx(step("G", "T"))


def test_reverse_strand_is_the_reverse_complement_read_forward():
    text = "ACGGT"
    table = predict.log_probs(first_order(), text, strands="reverse")[0]
    assert np.isnan(table[-1]).all()
    # On the other strand the base after ACC is the complement of this strand's G.
    assert table[2, 2] == pytest.approx(step("C", "C"))
    assert table[0, 0] == pytest.approx(step("G", "T"))


def test_both_strands_average_where_both_exist():
    forward, reverse, both = (
        predict.log_probs(first_order(), "ACGGT", strands=strands)[0]
        for strands in ("forward", "reverse", "both")
    )
    np.testing.assert_allclose(both[1:-1], (forward + reverse)[1:-1] / 2)
    np.testing.assert_allclose(both[0], reverse[0])
    np.testing.assert_allclose(both[-1], forward[-1])


@pytest.mark.parametrize("text", ["ACGTTG", "A", "GG"])
def test_log_likelihood_by_hand(text):
    found = predict.log_likelihood(first_order(), text)
    assert found[0] == pytest.approx(chain(text))


def test_log_likelihood_of_both_strands_is_the_mean():
    text = "ACGTTGCA"[:7]
    found = predict.log_likelihood(first_order(), text, strands="both")
    expected = (chain(text) + chain(reverse_complement(text))) / 2
    assert found[0] == pytest.approx(expected)


def test_strands_of_the_reverse_complement_swap(model):
    texts = MIXED[2:4]
    flipped = [reverse_complement(text) for text in texts]
    np.testing.assert_allclose(
        predict.log_likelihood(model, texts, strands="both"),
        predict.log_likelihood(model, flipped, strands="both"),
        rtol=1e-5,
    )


def test_n_is_read_but_not_scored():
    found = predict.log_likelihood(first_order(), "ACNGT")
    expected = step("A", "C") + np.log(0.25) + step("G", "T")
    assert found[0] == pytest.approx(expected)


def test_lower_case_counts_as_upper_case(model):
    lower = predict.log_likelihood(model, MIXED[2].lower())
    assert lower == predict.log_likelihood(model, MIXED[2])


def test_perplexity_is_per_scored_base():
    found = predict.perplexity(first_order(), ["ACGTTG", "A"])
    assert found[0] == pytest.approx(np.exp(-chain("ACGTTG") / 5))
    assert np.isnan(found[1])


@pytest.mark.parametrize("pool", ["mean", "last", "max"])
def test_pooling_ignores_padding(model, pool):
    together = predict.embed(model, MIXED, pool=pool, batch_size=7)
    states = predict.embed(model, MIXED, pool="none")
    by_hand = {
        "mean": lambda x: x.mean(0),
        "last": lambda x: x[-1],
        "max": lambda x: x.max(0),
    }[pool]
    for row, full, text in zip(together, states, MIXED, strict=True):
        assert full.shape == (len(text), 16)
        np.testing.assert_allclose(row, by_hand(full), atol=1e-5)


def test_embed_layers(model):
    embedding = predict.embed(model, "ACGT", pool="none", layer=0)[0]
    table = model.backbone.embeddings.word_embeddings.weight.detach().numpy()
    np.testing.assert_array_equal(embedding, table[7:11])
    with pytest.raises(ValueError, match=r"layer must be -1 .* got 3"):
        predict.embed(model, "ACGT", layer=3)


def test_embed_both_strands_turns_positions_back(model):
    text = MIXED[5]
    forward = predict.embed(model, text, pool="none")[0]
    reverse = predict.embed(model, reverse_complement(text), pool="none")[0][::-1]
    both = predict.embed(model, text, pool="none", strands="both")[0]
    np.testing.assert_allclose(both, (forward + reverse) / 2, atol=1e-5)


def test_padding_never_leaks_into_a_two_sided_model():
    config = HyenaConfig(d_model=16, n_layer=2, d_inner=32, l_max=130)
    two_sided = HyenaLM(HyenaConfig(**{**config.__dict__, "bidirectional": True}))
    together = predict.embed(two_sided, MIXED, pool="none", batch_size=7)
    for text, states in zip(MIXED, together, strict=True):
        alone = predict.embed(two_sided, text, pool="none")[0]
        np.testing.assert_allclose(states, alone, atol=2e-5)


def test_sources_agree(model, tmp_path):
    path = tmp_path / "x.fa"
    path.write_text(f">one\n{MIXED[2]}\n>two\n{MIXED[3]}\n")
    bed = tmp_path / "x.bed"
    bed.write_text("one\t3\t40\ta\t0\t-\n")
    expected = predict.embed(model, [MIXED[2], MIXED[3]])
    np.testing.assert_allclose(predict.embed(model, path), expected, atol=1e-5)
    part = reverse_complement(MIXED[2][3:40])
    expected = predict.embed(model, part)
    for source in (
        bed,
        Interval("one", 3, 40, "-"),
        pd.DataFrame({"chrom": ["one"], "start": [3], "end": [40], "strand": ["-"]}),
        pd.DataFrame({"sequence": [part]}),
    ):
        with FastaReader(path) as genome:
            found = predict.embed(model, source, genome=genome)
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_model_is_put_back(model):
    model.train()
    predict.logits(model, "ACGT")
    assert model.training
    model.eval()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda m: predict.logits(m, "A" * 131),
            r"sequence 0 must have 1 to 130 bp .* got 131",
        ),
        (
            lambda m: predict.logits(m, ["ACGT", ""]),
            r"sequence 1 must have 1 to 130 bp",
        ),
        (lambda m: predict.logits(m, []), r"sequences must not be empty"),
        (lambda m: predict.logits(m, ["AC-T"]), r"'-'.* 2"),
        (lambda m: predict.logits(m, "A", batch_size=0), r"batch_size .* got 0"),
        (lambda m: predict.embed(m, "missing.txt"), r"path ending in .bed"),
    ],
)
def test_refuses(model, call, message):
    with pytest.raises(ValueError, match=message):
        call(model)


def test_refuses_likelihoods_of_a_two_sided_model():
    config = HyenaConfig(d_model=8, n_layer=1, d_inner=8, l_max=34, bidirectional=True)
    with pytest.raises(ValueError, match="model must be causal"):
        predict.log_likelihood(HyenaLM(config), "ACGT")
