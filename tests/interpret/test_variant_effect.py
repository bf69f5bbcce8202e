"""Scores against closed forms of a first-order model, and their invariances."""

import numpy as np
import pandas as pd
import pytest
import torch

from hyenascope.data.fasta import FastaReader
from hyenascope.data.variant import Variant
from hyenascope.interpret import variant_passes, window_rows
from hyenascope.interpret.scores import tidy, wide
from hyenascope.interpret.variant_checks import VariantError
from hyenascope.interpret.variant_effect import score_variants
from hyenascope.models.batching import map_batches
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.sequence.dna import reverse_complement
from tests.toy_models import FirstOrderLM, chain, first_order, step

ALL = ("conditional", "likelihood", "embedding_l2", "embedding_cosine")

# The first-order model has a forward pass of its own, which the engine cannot know.
pytestmark = pytest.mark.filterwarnings("ignore:mutants are read by full passes")
TEXT = "".join(np.random.default_rng(7).choice(list("ACGT"), 600))


@pytest.fixture(scope="module")
def fasta(tmp_path_factory):
    path = tmp_path_factory.mktemp("genome") / "g.fa"
    odd = "N" * 40 + TEXT[:60] + "R" + TEXT[61:200]
    path.write_text(f">chrI\n{TEXT}\n>chrII\n{odd}\n>chrIII\n{'N' * 300}\n")
    return path


@pytest.fixture(scope="module")
def small() -> HyenaLM:
    config = HyenaConfig(d_model=16, n_layer=2, d_inner=32, l_max=66)
    return HyenaLM(config, generator=torch.Generator().manual_seed(1)).double()


def snv(pos: int, alt: str | None = None) -> Variant:
    ref = TEXT[pos - 1]
    return Variant("chrI", pos, ref, alt or "ACGT"[("ACGT".index(ref) + 1) % 4])


def value(scores, name, layer=None):
    matrix = scores.X if layer is None else scores.layers[layer]
    return float(matrix[0, list(scores.var_names).index(name)])


def test_snv_by_hand(fasta):
    variant = snv(300)
    before, ref, after = TEXT[298], TEXT[299], TEXT[300]
    found = score_variants(first_order(), variant, fasta, context=128)
    conditional = step(before, variant.alt) - step(before, ref)
    downstream = step(variant.alt, after) - step(ref, after)
    assert value(found, "conditional_forward") == pytest.approx(conditional)
    assert value(found, "conditional_forward", "ref") == pytest.approx(
        step(before, ref)
    )
    assert value(found, "likelihood_forward") == pytest.approx(conditional + downstream)


def test_reverse_strand_by_hand(fasta):
    variant = snv(300)
    before, ref = reverse_complement(TEXT[299:301])
    alt = reverse_complement(variant.alt)
    found = score_variants(first_order(), variant, fasta, context=128)
    expected = step(before, alt) - step(before, ref)
    assert value(found, "conditional_reverse") == pytest.approx(expected)
    mean = (value(found, "conditional_forward") + expected) / 2
    assert value(found, "conditional") == pytest.approx(mean)


def test_mnv_by_hand(fasta):
    ref = TEXT[299:302]
    alt = "".join("ACGT"[("ACGT".index(base) + 2) % 4] for base in ref)
    variant = Variant("chrI", 300, ref, alt)
    found = score_variants(first_order(), variant, fasta, strands="forward")
    before = TEXT[298]
    expected = sum(
        sign * (step(before, x[0]) + step(x[0], x[1]) + step(x[1], x[2]))
        for sign, x in ((1, alt), (-1, ref))
    )
    assert value(found, "conditional") == pytest.approx(expected)


def test_indels_compare_equally_many_bases(fasta):
    # Insert CC: two bases of the alternate against two bases of the reference.
    variant = Variant("chrI", 300, TEXT[299], TEXT[299] + "CC")
    left, next_two = TEXT[299], TEXT[300:302]
    assert next_two[0] != "C"  # else the haplotypes differ further right
    found = score_variants(first_order(), variant, fasta, strands="forward")
    expected = step(left, "C") + step("C", "C")
    expected -= step(left, next_two[0]) + step(*next_two)
    assert value(found, "conditional") == pytest.approx(expected)


@pytest.mark.parametrize("context", [64, 65, 100, 127, 128])
def test_likelihood_of_an_indel_by_hand(fasta, context):
    """Alleles, the base after them, and the window's mean for what one lacks."""
    anchor, after = TEXT[299], TEXT[300]
    inserted = "CC" if after != "C" else "GG"
    variant = Variant("chrI", 300, anchor, anchor + inserted)
    options = {"strands": "forward", "context": context, "window_stride": 1}
    found = score_variants(first_order(), variant, fasta, **options)
    start = found.obs["window_start"].iloc[0]
    window = TEXT[start : start + context]
    mean = chain(window) / (context - 1)
    expected = chain(anchor + inserted + after) - step(anchor, after) - 2 * mean
    assert value(found, "likelihood") == pytest.approx(expected, abs=1e-9)


def test_n_at_the_edge_does_not_count_for_indels(tmp_path):
    uniform = FirstOrderLM(torch.full((4, 4), 0.25, dtype=torch.float64))
    text = TEXT[:100] + "NNN" + TEXT[103:]
    path = tmp_path / "g.fa"
    path.write_text(f">I\n{text}\n")
    deletion = Variant("I", 60, text[59:68], text[59])
    insertion = Variant("I", 60, text[59], text[59] + "ACGTACGT")
    for context in (70, 74, 80, 84, 86, 90):
        options = {"context": context, "window_stride": 1, "max_ambiguous": 1.0}
        found = score_variants(uniform, [deletion, insertion], path, **options)
        assert np.abs(wide(found)["likelihood"]).max() < 1e-9


def test_one_change_spelled_two_ways_scores_the_same(small, tmp_path):
    repeat = TEXT[:200] + "CACACACACACACACA" + TEXT[216:400]
    path = tmp_path / "g.fa"
    path.write_text(f">I\n{repeat}\n")
    left = Variant("I", 200, repeat[199:202], repeat[199])
    right = Variant("I", 210, repeat[209:212], repeat[209])
    assert left.apply(repeat) == right.apply(repeat)
    snv = Variant("I", 300, repeat[299], "ACGT"["ACGT".index(repeat[299]) - 1])
    padded = Variant("I", 298, repeat[297:300], repeat[297:299] + snv.alt)
    found = score_variants(small, [left, right, snv, padded], path, scores=ALL)
    np.testing.assert_allclose(found.X[0], found.X[1], atol=1e-9)
    np.testing.assert_allclose(found.X[2], found.X[3], atol=1e-9)
    assert list(found.obs["pos"]) == [200, 210, 300, 298]


def test_strands_agree_with_the_reverse_complemented_genome(small, tmp_path, fasta):
    flipped = tmp_path / "flipped.fa"
    flipped.write_text(f">chrI\n{reverse_complement(TEXT)}\n")
    variant = snv(300)
    mirrored = Variant(
        "chrI",
        len(TEXT) - variant.pos + 1,
        reverse_complement(variant.ref),
        reverse_complement(variant.alt),
    )
    # A centred window of odd length is the same window on both strands.
    options = {"context": 65, "window_stride": 1, "scores": ALL, "baselines": ()}
    here = score_variants(small, variant, fasta, **options)
    there = score_variants(small, mirrored, flipped, **options)
    for name in ALL:
        np.testing.assert_allclose(value(here, name), value(there, name), atol=1e-10)
        np.testing.assert_allclose(
            value(here, f"{name}_forward"), value(there, f"{name}_reverse"), atol=1e-10
        )


def test_a_variant_alone_or_among_others_scores_the_same(small, fasta):
    variants = [snv(pos) for pos in (1, 30, 31, 299, 300, 301, 302, 420, 599, 600)]
    together = wide(score_variants(small, variants, fasta, scores=ALL))
    for name, row in together.iterrows():
        alone = wide(score_variants(small, Variant.parse(name), fasta, scores=ALL))
        columns = together.columns[12:]
        np.testing.assert_allclose(
            row[columns].astype(float), alone.iloc[0][columns].astype(float), atol=1e-9
        )


def test_conditional_alone_needs_no_alternate_pass(small, fasta, monkeypatch):
    rows = []

    def counted(model, batch, *args, **kwargs):
        rows.extend(batch)
        return map_batches(model, batch, *args, **kwargs)

    monkeypatch.setattr(window_rows, "map_batches", counted)
    variants = [
        Variant("chrI", 300, TEXT[299], base) for base in "ACGT" if base != TEXT[299]
    ]
    one = score_variants(small, variants, fasta, scores=("conditional",))
    assert len(rows) == 2  # one window, two strands, three variants
    full = score_variants(small, variants, fasta, scores=ALL)
    np.testing.assert_allclose(
        wide(one)["conditional"], wide(full)["conditional"], atol=1e-9
    )


def test_a_change_after_the_last_base_read_is_unseen(small, fasta):
    # The first base of a contig has nothing to its left: only the reverse knows.
    found = score_variants(small, snv(1), fasta)
    assert np.isnan(value(found, "conditional_forward"))
    assert value(found, "conditional") == value(found, "conditional_reverse")
    assert found.obs["reason"].iloc[0].startswith("forward: nothing before the change")


def test_embedding_scores_are_distances(small, fasta):
    found = score_variants(small, [snv(p) for p in (200, 300)], fasta, scores=ALL)
    table = wide(found)
    assert (table["embedding_l2"] > 0).all()
    assert (table["embedding_cosine"] > 0).all()
    column = list(found.var_names).index("embedding_l2")
    assert (found.layers["ref"][:, column] == 0).all()


BAD = {
    "ref_mismatch": Variant(
        "chrI", 300, "ACGT"["ACGT".index(TEXT[299]) - 1], TEXT[299]
    ),
    "symbolic": Variant("chrI", 300, TEXT[299], "<DEL>"),
    "ambiguous_allele": Variant("chrI", 300, TEXT[299], "R"),
    "no_change": Variant("chrI", 300, TEXT[299], TEXT[299]),
    "unknown_contig": Variant("chrZ", 300, "A", "C"),
    "off_contig": Variant("chrI", 601, "A", "C"),
    "long_allele": Variant("chrI", 300, TEXT[299], TEXT[299] + "A" * 40),
    "ambiguous_window": Variant(
        "chrII", 41, TEXT[0], "ACGT"["ACGT".index(TEXT[0]) - 1]
    ),
}


@pytest.mark.parametrize("status", list(BAD))
def test_flagged_rows_keep_their_place(small, fasta, status):
    found = score_variants(small, [snv(200), BAD[status], snv(400)], fasta)
    assert list(found.obs["status"]) == ["ok", status, "ok"]
    assert found.obs["reason"].iloc[1]
    assert np.isnan(found.X[1]).all()
    assert not np.isnan(found.X[[0, 2]][:, 0]).any()


@pytest.mark.parametrize("status", list(BAD))
def test_raise_names_the_first(small, fasta, status):
    with pytest.raises(VariantError, match=r"1 of 2 variants .* the first is chr"):
        score_variants(small, [snv(200), BAD[status]], fasta, on_error="raise")


def test_skip_leaves_them_out(small, fasta):
    found = score_variants(small, [snv(200), *BAD.values()], fasta, on_error="skip")
    assert list(found.obs_names) == [str(snv(200))]
    assert sum(found.uns["hyenascope"]["skipped"].values()) == len(BAD)


def test_all_flagged_is_still_a_table(small, fasta):
    found = score_variants(small, list(BAD.values()), fasta)
    assert found.n_obs == len(BAD)
    assert np.isnan(found.X).all()


def test_iupac_in_the_window_is_read_as_n_and_counted(small, fasta):
    ref = TEXT[109]
    variant = Variant("chrII", 150, ref, "ACGT"["ACGT".index(ref) - 1])
    found = score_variants(small, variant, fasta, window_stride=1, context=64)
    assert found.obs["status"].iloc[0] == "ok"
    assert found.obs["ambiguous_bases"].iloc[0] == 0
    variant = Variant("chrII", 120, TEXT[79], "ACGT"["ACGT".index(TEXT[79]) - 1])
    found = score_variants(small, variant, fasta, window_stride=1, context=64)
    assert found.obs["ambiguous_bases"].iloc[0] == 1
    assert np.isfinite(value(found, "likelihood"))


def test_strand_flipped_ref_is_said(small, fasta):
    ref = reverse_complement(TEXT[299])
    variant = Variant("chrI", 300, ref, TEXT[299])
    found = score_variants(small, [snv(200), variant], fasta)
    assert "agrees on the other strand" in found.obs["reason"].iloc[1]
    assert found.uns["hyenascope"]["ref_agreement"] == {
        "compared": 2,
        "match": 1,
        "mismatch": 1,
        "mismatch_reverse_complement": 1,
    }


def test_names_with_and_without_chr_match(small, fasta):
    variant = snv(200)
    renamed = Variant("I", variant.pos, variant.ref, variant.alt)
    there, here = (score_variants(small, v, fasta) for v in (variant, renamed))
    np.testing.assert_array_equal(there.X, here.X)
    assert here.obs["chrom"].iloc[0] == "I"


def test_baselines_by_hand(small, tmp_path):
    path = tmp_path / "g.fa"
    path.write_text(">I\n" + "AACGTTAACGTTCATG" * 20 + "\n")
    with FastaReader(path) as genome:
        text = genome.fetch_region("I", 0, 320)
    pos = text.index("CG", 100) + 1
    found = score_variants(small, Variant("I", pos, "C", "T"), path, markov_order=1)
    assert value(found, "cpg") == -1
    assert found.obs["trinucleotide_context"].iloc[0] == "ACG>ATG"
    assert value(found, "markov") < 0
    # Seen from the other strand the same change weighs the same.
    other = score_variants(small, Variant("I", pos + 1, "G", "A"), path, markov_order=1)
    assert value(other, "cpg") == -1
    assert other.obs["trinucleotide_context"].iloc[0] == "ACG>ATG"


def test_sources_agree(small, fasta, tmp_path):
    variants = [snv(200), snv(300)]
    frame = pd.DataFrame(
        [(v.chrom, v.pos, v.ref, v.alt) for v in variants],
        columns=["chrom", "pos", "ref", "alt"],
    )
    table = tmp_path / "v.tsv"
    frame.to_csv(table, sep="\t", index=False)
    expected = score_variants(small, variants, fasta).X
    for source in (frame, table, iter(variants)):
        np.testing.assert_array_equal(score_variants(small, source, fasta).X, expected)
    region = score_variants(small, table, fasta, region="chrI:250-350")
    assert list(region.obs_names) == [str(snv(300))]


def test_duplicates_keep_their_rows(small, fasta):
    found = score_variants(small, [snv(200), snv(200)], fasta)
    assert list(found.obs_names) == [str(snv(200)), f"{snv(200)}#2"]
    np.testing.assert_array_equal(found.X[0], found.X[1])


def test_tidy_has_a_row_per_variant_and_score(small, fasta):
    found = score_variants(small, [snv(200), BAD["ref_mismatch"]], fasta)
    table = tidy(found)
    assert len(table) == found.n_obs * found.n_vars
    row = table[(table["variant"] == str(snv(200))) & (table["score"] == "cpg")].iloc[0]
    assert row["value"] == row["alt_value"] - row["ref_value"]
    assert row["unit"] == "CpGs"


def test_provenance_is_complete(small, fasta):
    kept = score_variants(small, snv(200), fasta, context=64).uns["hyenascope"]
    assert kept["context"] == 64
    assert kept["window_stride"] == 16
    assert kept["genome"] == "g.fa"
    assert len(kept["checkpoint_hash"]) >= 16
    assert kept["strands"] == "both"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"context": 67}, r"context must be 4 to 66 bp.*got 67"),
        ({"context": 3}, r"context must be 4 to 66"),
        ({"window_stride": 0}, r"window_stride must be 1 to half"),
        ({"scores": ()}, r"at least one score"),
        ({"max_ambiguous": 2.0}, r"max_ambiguous .* got 2"),
        ({"region": "chrI:1-9"}, r"region must come with a file"),
    ],
)
def test_refuses_options(small, fasta, options, message):
    with pytest.raises(ValueError, match=message):
        score_variants(small, snv(200), fasta, **options)


def test_refuses_a_reader_that_keeps_case(small, fasta):
    with (
        FastaReader(fasta, keep_case=True) as genome,
        pytest.raises(ValueError, match="keep_case=False"),
    ):
        score_variants(small, snv(200), genome)


@pytest.mark.parametrize("cell", [("pos", 200.5), ("alt", None), ("chrom", np.nan)])
def test_refuses_a_table_with_holes(small, fasta, cell):
    row = {"chrom": "chrI", "pos": 200.0, "ref": TEXT[199], "alt": snv(200).alt}
    good = score_variants(small, pd.DataFrame([row]), fasta)
    assert list(good.obs_names) == [str(snv(200))]
    with pytest.raises(ValueError, match="row 0 of the table of variants"):
        score_variants(small, pd.DataFrame([row | dict([cell])]), fasta)


def test_a_dense_window_is_read_in_blocks(small, fasta, monkeypatch):
    monkeypatch.setattr(variant_passes, "_BASES_PER_BLOCK", 200)
    dense = [
        Variant("chrI", pos, TEXT[pos - 1], base)
        for pos in range(300, 308)
        for base in "ACGT"
        if base != TEXT[pos - 1]
    ]
    options = {"scores": ("conditional",)}  # the engine needs no blocks
    blocks = score_variants(small, dense, fasta, **options)
    monkeypatch.undo()
    whole = score_variants(small, dense, fasta, **options)
    np.testing.assert_allclose(blocks.X, whole.X, atol=1e-9)


def test_refuses_nothing(small, fasta):
    with pytest.raises(ValueError, match="variants must not be empty"):
        score_variants(small, [], fasta)


def test_refuses_a_two_sided_model(fasta):
    config = HyenaConfig(d_model=8, n_layer=1, d_inner=8, l_max=34, bidirectional=True)
    with pytest.raises(ValueError, match="model must be causal"):
        score_variants(HyenaLM(config), snv(200), fasta)


def test_model_is_put_back_after_an_error(small, fasta):
    small.train()
    with pytest.raises(VariantError):
        score_variants(small, BAD["symbolic"], fasta, on_error="raise")
    score_variants(small, snv(200), fasta)
    assert small.training
    small.eval()
