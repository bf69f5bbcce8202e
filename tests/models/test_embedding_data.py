"""Embeddings as AnnData: against `embed`, and windows against their definition."""

import anndata as ad
import numpy as np
import pytest
import torch

from hyenascope.data.gene import Gene
from hyenascope.data.interval import Interval
from hyenascope.models import embedding_data
from hyenascope.models.embedding_data import embed_data
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.predict import embed
from hyenascope.models.state_layouts import checkpoint_hash
from hyenascope.sequence.dna import reverse_complement
from tests.models.test_embedding_rows import labelled


@pytest.fixture(scope="module")
def model() -> HyenaLM:
    config = HyenaConfig(d_model=16, n_layer=2, d_inner=32, l_max=66)
    return HyenaLM(config, generator=torch.Generator().manual_seed(0))


def dna(length: int, seed: int = 0) -> str:
    return "".join(np.random.default_rng(seed).choice(list("ACGT"), length))


SHORT = [dna(n, n) for n in (7, 1, 64, 33, 2, 64)]


@pytest.mark.parametrize("pool", ["mean", "last", "max"])
@pytest.mark.parametrize("strands", ["forward", "reverse", "both"])
def test_what_fits_is_embedded_as_ever(model, pool, strands):
    data = embed_data(model, SHORT, pool=pool, strands=strands, layers=(0, 2, -1))
    for layer in (0, 2, -1):
        expected = embed(model, SHORT, pool=pool, strands=strands, layer=layer)
        np.testing.assert_allclose(data.layers[f"layer {layer}"], expected, atol=1e-5)
    np.testing.assert_array_equal(data.X, data.layers["layer -1"])
    assert data.obs["chunks"].tolist() == [1] * 6


def test_the_last_layer_asked_for_is_x(model):
    data = embed_data(model, SHORT, layers=(-1, 1))
    np.testing.assert_array_equal(data.X, data.layers["layer 1"])


def by_definition(model, windows, strand="forward") -> np.ndarray:
    """Mean over the last bases of each window, as many as are new with it."""
    new = [
        embed(model, text, pool="none", strands=strand)[0][-count:]
        for text, count in windows
    ]
    return np.concatenate(new).mean(axis=0)


def test_one_base_too_many_adds_the_last_of_a_second_window(model):
    text = dna(65)
    data = embed_data(model, text, strands="forward")
    expected = by_definition(model, [(text[:64], 64), (text[1:], 1)])
    np.testing.assert_allclose(data.X[0], expected, atol=1e-5)
    assert data.obs["chunks"].tolist() == [2]


def test_long_sequences_are_the_mean_of_all_bases(model):
    text = dna(50)
    data = embed_data(model, text, strands="forward", chunk=20)
    windows = [(text[:20], 20), (text[20:40], 20), (text[30:], 10)]
    expected = by_definition(model, windows)
    np.testing.assert_allclose(data.X[0], expected, atol=1e-5)


def test_windows_overlap_as_asked_and_what_they_share_is_context(model):
    text = dna(40)
    data = embed_data(model, text, strands="forward", chunk=20, overlap=10)
    windows = [(text[:20], 20), (text[10:30], 10), (text[20:], 10)]
    expected = by_definition(model, windows)
    np.testing.assert_allclose(data.X[0], expected, atol=1e-5)
    assert data.uns["hyenascope"]["overlap"] == 10


@pytest.mark.parametrize("strands", ["forward", "reverse", "both"])
@pytest.mark.parametrize(("chunk", "overlap"), [(20, 0), (20, 7), (20, 19), (1, 0)])
def test_of_the_embedding_layer_the_windows_change_nothing(
    model, chunk, overlap, strands
):
    # What a base is before the first block does not depend on its context.
    texts = [dna(n, n) for n in (50, 64, 21, 19)]
    whole = embed_data(model, texts, layers=(0,), strands=strands).X
    cut = embed_data(
        model, texts, layers=(0,), strands=strands, chunk=chunk, overlap=overlap
    )
    np.testing.assert_allclose(cut.X, whole, atol=1e-6)
    assert cut.obs["chunks"].min() == (1 if chunk == 20 else 19)


def test_the_reverse_strand_is_cut_from_its_own_start(model):
    text = dna(50)
    reverse = embed_data(model, text, strands="reverse", chunk=20)
    other = embed_data(model, reverse_complement(text), strands="forward", chunk=20)
    np.testing.assert_allclose(reverse.X, other.X, atol=1e-6)


@pytest.mark.parametrize("length", [20, 21, 50, 64])
def test_both_strands_of_a_sequence_and_its_complement_agree(model, length):
    text = dna(length)
    pair = embed_data(model, [text, reverse_complement(text)], chunk=20).X
    np.testing.assert_allclose(pair[0], pair[1], atol=1e-5)


def test_maximum_and_last_base_of_long_sequences(model):
    text = dna(50)
    parts = [text[:20], text[20:40], text[30:]]
    options = {"strands": "forward", "chunk": 20}
    largest = embed_data(model, text, pool="max", **options)
    np.testing.assert_allclose(
        largest.X[0], embed(model, parts, pool="max").max(0), atol=1e-5
    )
    last = embed_data(model, text, pool="last", **options)
    np.testing.assert_allclose(
        last.X[0], embed(model, parts[2], pool="last")[0], atol=1e-5
    )


@pytest.mark.parametrize("bases", [1, 30, 100])
@pytest.mark.parametrize("batch_size", [1, "auto"])
def test_windows_that_are_run_apart_are_put_together(
    model, monkeypatch, bases, batch_size
):
    texts = [dna(n, n) for n in (50, 3, 90, 20)]
    expected = embed_data(model, texts, chunk=20).X
    monkeypatch.setattr(embedding_data, "_BASES_AT_ONCE", bases)
    found = embed_data(model, texts, chunk=20, batch_size=batch_size).X
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_genes_longer_than_the_context(model, tmp_path):
    contig, path = dna(300), tmp_path / "tiny.fa"
    path.write_text(f">chrA\n{contig}\n")
    genes = [
        Gene("long", "g1", Interval("chrA", 10, 290, "-"), biotype="lncRNA"),
        Gene("short", "g2", Interval("chrA", 0, 30, "+")),
    ]
    data = embed_data(model, genes, genome=path, strands="forward")
    texts = [reverse_complement(contig[10:290]), contig[:30]]
    np.testing.assert_allclose(
        data.X, embed_data(model, texts, strands="forward").X, atol=1e-5
    )
    assert data.obs_names.tolist() == ["long", "short"]
    assert data.obs["chunks"].tolist() == [5, 1]
    assert data.uns["hyenascope"]["genome"] == "tiny.fa"


def test_what_made_the_table_is_kept_in_a_file(model, tmp_path):
    data = embed_data(model, labelled(), chunk=4, layers=(1, -1))
    data.write_h5ad(tmp_path / "embeddings.h5ad")
    again = ad.read_h5ad(tmp_path / "embeddings.h5ad")
    np.testing.assert_array_equal(again.layers["layer 1"], data.layers["layer 1"])
    assert again.obs["label"].tolist() == ["yes", "no", "yes"]
    record = again.uns["hyenascope"]
    assert record["checkpoint_hash"] == checkpoint_hash(model)
    assert (record["pool"], record["strands"], record["chunk"]) == ("mean", "both", 4)
    assert list(record["layers"]) == [1, -1]
    assert (record["data"], record["task"]) == ("toy", "binary")


def test_the_model_is_given_back_as_it_was_also_on_error(model, monkeypatch):
    def fails(model, *_, **__):
        assert not model.training
        raise RuntimeError("no memory")

    model.train()
    embed_data(model, "ACGT")
    assert model.training
    monkeypatch.setattr(embedding_data, "pooled_layers", fails)
    with pytest.raises(RuntimeError, match="no memory"):
        embed_data(model, "ACGT")
    assert model.training


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layers": (3,)}, r"layers must be .* 0 … 2; got \(3,\)"),
        ({"chunk": 67}, "chunk must be 1 to 66 bp, the model's longest input; got 67"),
        ({"chunk": 8, "overlap": 8}, "overlap must be 0 to 7 bp; got 8"),
    ],
)
def test_options_out_of_range_are_refused(model, options, message):
    with pytest.raises(ValueError, match=message):
        embed_data(model, "ACGT", **options)
