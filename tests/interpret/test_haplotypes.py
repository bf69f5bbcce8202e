"""Haplotypes against two plain passes, single scores, and hand-made genotypes."""

from itertools import permutations

import numpy as np
import pytest
import torch

from hyenascope.data.genotypes import read_genotypes
from hyenascope.data.interval import Interval
from hyenascope.data.variant import Variant
from hyenascope.interpret.haplotype import StrandText
from hyenascope.interpret.haplotypes import HAPLOTYPE_SCORES, score_haplotypes
from hyenascope.interpret.joint_reading import overlapping, read_jointly
from hyenascope.interpret.scores import wide
from hyenascope.interpret.variant_effect import score_variants
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.predict import log_likelihood
from hyenascope.sequence.dna import reverse_complement
from hyenascope.sequence.tokenizer import reverse_complement_tokens, tokenize
from tests.toy_models import first_order

TEXT = "".join(np.random.default_rng(21).choice(list("ACGT"), 400))
WINDOW = Interval("I", 160, 224)
OPTIONS = {"context": 64}


@pytest.fixture(scope="module")
def fasta(tmp_path_factory):
    path = tmp_path_factory.mktemp("genome") / "g.fa"
    path.write_text(f">chrI\n{TEXT}\n>chrII\n{'N' * 100}{TEXT[:60]}\n")
    return path


@pytest.fixture(scope="module")
def small() -> HyenaLM:
    config = HyenaConfig(d_model=16, n_layer=2, d_inner=32, l_max=66)
    return HyenaLM(config, generator=torch.Generator().manual_seed(1)).double()


def other(base: str) -> str:
    return "ACGT"["ACGT".index(base) - 1]


def snv(pos: int) -> Variant:
    return Variant("chrI", pos, TEXT[pos - 1], other(TEXT[pos - 1]))


INSERTION = Variant("chrI", 195, TEXT[194], TEXT[194] + "ACGTA")
DELETION = Variant("chrI", 198, TEXT[197:202], TEXT[197])


def write_vcf(path, rows, samples=("S1",)):
    """Write ``(variant, *calls)`` rows."""
    names = "\t".join(samples)
    lines = [
        "##fileformat=VCFv4.3",
        f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{names}",
    ]
    for v, *calls in rows:
        cells = [v.chrom, str(v.pos), ".", v.ref, v.alt, ".", ".", ".", "GT:PS"]
        lines.append("\t".join([*cells, *calls]))
    path.write_text("\n".join(lines) + "\n")
    return path


def score(model, fasta, tmp_path, rows, samples=("S1",), **options):
    path = write_vcf(tmp_path / "v.vcf", rows, samples)
    return score_haplotypes(model, path, fasta, **{**OPTIONS, **options})


def apply_all(variants, text=TEXT):
    for variant in sorted(variants, reverse=True):
        text = variant.apply(text)
    return text


@pytest.mark.parametrize("reverse", [False, True])
def test_joint_reading_is_the_edited_text(reverse):
    tokens = tokenize(TEXT[WINDOW.start :])
    if reverse:
        tokens = reverse_complement_tokens(tokenize(TEXT[: WINDOW.end]))
    text = StrandText(WINDOW, reverse, tokens, is_last=False)
    variants = [snv(190), INSERTION, DELETION, snv(205)]
    changed = apply_all(variants)
    expected = tokenize(changed[WINDOW.start :])[:64]
    if reverse:
        expected = tokenize(reverse_complement(apply_all(variants, TEXT[:224])))[:64]
    for order in permutations(variants):
        reading = read_jointly(text, order)
        np.testing.assert_array_equal(reading.alternate, expected)
        kept = reading.origin >= 0
        same = tokens[reading.origin[kept]] == reading.alternate[kept]
        assert same.all()
        assert (~kept).sum() == 7  # two SNVs and five inserted bases
        assert reading.is_seen
    pair = read_jointly(text, [snv(190), snv(205)])
    assert pair.changed == 16
    assert read_jointly(text, [INSERTION]).changed is None


def test_two_snvs_equal_two_full_passes_in_either_order(small, fasta, tmp_path):
    a, b = snv(195), snv(199)
    rows = [(a, "1|0"), (b, "1|0")]
    found = score(small, fasta, tmp_path, rows, strands="forward")
    start, end = found.obs[["start", "end"]].iloc[0]
    texts = [
        text[start:end]
        for text in (TEXT, a.apply(TEXT), b.apply(TEXT), b.apply(a.apply(TEXT)))
    ]
    assert a.apply(b.apply(TEXT)) == b.apply(a.apply(TEXT))
    none, one, two, both = log_likelihood(small, texts)
    table = wide(found).iloc[0]
    assert table["haplotype"] == pytest.approx(both - none, abs=1e-9)
    assert table["singles"] == pytest.approx(one + two - 2 * none, abs=1e-9)
    assert table["epistasis"] == pytest.approx(both - one - two + none, abs=1e-9)
    swapped = score(small, fasta, tmp_path, rows[::-1], strands="forward")
    np.testing.assert_array_equal(swapped.X, found.X)
    assert found.uns["hyenascope"]["engine"] == "incremental"


@pytest.mark.parametrize("variant", [snv(200), INSERTION, DELETION, snv(2)], ids=str)
@pytest.mark.parametrize("strands", ["forward", "reverse", "both"])
def test_one_variant_is_its_single_score(small, fasta, tmp_path, variant, strands):
    found = score(small, fasta, tmp_path, [(variant, "0|1")], strands=strands)
    single = score_variants(small, variant, fasta, strands=strands, **OPTIONS)
    table, expected = wide(found).iloc[0], wide(single).iloc[0]
    assert table["haplotype"] == pytest.approx(expected["likelihood"], abs=1e-9)
    assert table["epistasis"] == 0
    assert table["singles"] == table["haplotype"]
    if strands == "both":
        for side in ("forward", "reverse"):
            assert table[f"haplotype_{side}"] == pytest.approx(
                expected[f"likelihood_{side}"], abs=1e-9
            )


def test_an_indel_in_a_repeat_is_its_single_score(small, tmp_path):
    text = TEXT[:200] + "CACACACACACACACA" + TEXT[216:]
    fasta = tmp_path / "r.fa"
    fasta.write_text(f">chrI\n{text}\n")
    for pos in (200, 206):
        variant = Variant("chrI", pos, text[pos - 1 : pos + 2], text[pos - 1])
        found = score(small, fasta, tmp_path, [(variant, "0|1")])
        single = score_variants(small, variant, fasta, **OPTIONS)
        expected = wide(single)["likelihood"].iloc[0]
        assert wide(found)["haplotype"].iloc[0] == pytest.approx(expected, abs=1e-9)


@pytest.mark.filterwarnings("ignore:mutants are read by full passes")
def test_variants_that_do_not_meet_have_no_epistasis(fasta, tmp_path):
    # A first-order model sees one base back: neighbours meet, others do not.
    rows = [(snv(195), "1|1"), (INSERTION, "0|0"), (snv(199), "1|1")]
    apart = score(first_order(), fasta, tmp_path, rows)
    assert wide(apart)["epistasis"].iloc[0] == pytest.approx(0, abs=1e-9)
    assert apart.uns["hyenascope"]["engine"] == "full passes"
    rows = [(snv(198), "1|1"), (snv(199), "1|1")]
    meeting = score(first_order(), fasta, tmp_path, rows)
    assert abs(wide(meeting)["epistasis"].iloc[0]) > 1e-3


def test_indels_that_cancel_need_no_compensation(small, fasta, tmp_path):
    insertion = Variant("chrI", 192, TEXT[191], TEXT[191] + "ACGT")
    deletion = Variant("chrI", 200, TEXT[199:204], TEXT[199])
    rows = [(insertion, "1|0"), (deletion, "1|0")]
    found = score(small, fasta, tmp_path, rows, strands="forward")
    start, end = found.obs[["start", "end"]].iloc[0]
    texts = [text[start:end] for text in (TEXT, apply_all([insertion, deletion]))]
    before, after = log_likelihood(small, texts)
    assert wide(found)["haplotype"].iloc[0] == pytest.approx(after - before, abs=1e-9)


def carried(found):
    return dict(zip(found.obs["variants"], found.obs["carriers"], strict=True))


def test_copies_and_carriers(small, fasta, tmp_path):
    a, b = snv(197), snv(199)
    rows = [(a, "1|0", "0|1", "1/1"), (b, "0|1", "0|1", "0/1")]
    found = score(small, fasta, tmp_path, rows, samples=("S1", "S2", "S3"))
    assert carried(found) == {
        f"{a}": "S1:1,S3:?",
        f"{b}": "S1:2",
        f"{a};{b}": "S2:2,S3:?",
    }
    assert list(found.obs["n_carriers"]) == [2, 1, 2]
    only = score_haplotypes(small, tmp_path / "v.vcf", fasta, samples=["S2"], **OPTIONS)
    assert carried(only) == {f"{a};{b}": "S2:2"}


@pytest.mark.parametrize(
    "calls", [("0/1", "0/1"), ("0|1:5", "0|1:6"), ("0|1", "0/1"), ("0|1:5", "1/0")]
)
def test_what_is_not_phased_is_flagged(small, fasta, tmp_path, calls):
    a, b, c = snv(197), snv(199), snv(200)
    rows = [(a, calls[0]), (b, calls[1]), (c, "1/1")]
    found = score(small, fasta, tmp_path, rows)
    assert carried(found) == {f"{a};{b};{c}": "S1:?"}
    assert found.obs["status"].tolist() == ["unphased"]
    assert np.isnan(found.X).all()


def test_one_phase_set_is_phased(small, fasta, tmp_path):
    rows = [(snv(197), "0|1:5"), (snv(199), "0|1:5")]
    assert (score(small, fasta, tmp_path, rows).obs["status"] == "ok").all()


def test_variants_that_share_bases_are_flagged(small, fasta, tmp_path):
    inside = snv(200)
    assert overlapping([DELETION, inside]) is not None
    assert overlapping([INSERTION, INSERTION]) is not None
    assert overlapping([snv(195), INSERTION, snv(196)]) is None
    rows = [(DELETION, "1|0"), (inside, "1|1")]
    found = score(small, fasta, tmp_path, rows)
    assert found.obs["status"].tolist() == ["overlapping", "ok"]
    assert f"{DELETION}" in found.obs["reason"].iloc[0]
    assert np.isnan(found.X[0]).all()
    assert not np.isnan(found.X[1]).any()


def test_flagged_variants_say_why(small, fasta, tmp_path):
    wrong = Variant("chrI", 199, other(TEXT[198]), TEXT[198])
    nowhere = Variant("chrZ", 5, "A", "C")
    in_n = Variant("chrII", 101, TEXT[0], other(TEXT[0]))
    spanned = Variant("chrI", 197, TEXT[196], "*")
    good = snv(196)
    rows = [(good, "1|0"), (wrong, "1|0"), (spanned, "0|1"), (nowhere, "1|0")]
    found = score(small, fasta, tmp_path, [*rows, (in_n, "1|1")])
    status = dict(zip(found.obs["variants"], found.obs["status"], strict=True))
    assert status == {
        f"{good};{wrong}": "ref_mismatch",
        f"{in_n}": "ambiguous_window",
        f"{nowhere}": "unknown_contig",
    }
    assert f"{wrong}: REF is" in found.obs["reason"].iloc[0]
    assert found.obs.loc[found.obs["variants"] == f"{nowhere}", "start"].iloc[0] == -1


def test_haplotypes_end_where_the_grid_does(small, fasta, tmp_path):
    rows = [(snv(150), "1|1"), (snv(250), "1|1")]
    found = score(small, fasta, tmp_path, rows)
    assert found.obs["n_variants"].tolist() == [1, 1]
    with pytest.raises(ValueError, match="window_stride must be 1 to half"):
        score(small, fasta, tmp_path, rows, window_stride=40)


def test_less_memory_and_smaller_batches_give_the_same(small, fasta, tmp_path):
    rows = [(snv(195), "1|0"), (DELETION, "1|0"), (snv(205), "0|1")]
    expected = score(small, fasta, tmp_path, rows)
    for options in ({"max_memory": 0}, {"batch_size": 1}):
        found = score(small, fasta, tmp_path, rows, **options)
        np.testing.assert_allclose(found.X, expected.X, atol=1e-9)


def test_columns_say_what_they_are(small, fasta, tmp_path):
    found = score(small, fasta, tmp_path, [(snv(200), "1|0")])
    assert set(found.var["score"]) == set(HAPLOTYPE_SCORES)
    assert (found.var["reading"] != "").all()
    assert found.uns["hyenascope"]["method"] == "score_haplotypes"
    found.write_h5ad(tmp_path / "h.h5ad")


def test_refuses_a_file_where_nobody_carries_anything(small, fasta, tmp_path):
    with pytest.raises(ValueError, match="vcf must hold a carried variant"):
        score(small, fasta, tmp_path, [(snv(200), "0|0")])


def test_real_haplotypes(shared, small):
    folder = shared / "data/human_hg38_1Mb"
    vcf = folder / "3samples.hg38.chr20_first1Mb.vcf.gz"
    fasta = folder / "hg38.chr9_chr20.first1Mb.fa.gz"
    region = "chr20:100,000-110,000"
    found = score_haplotypes(small, vcf, fasta, region=region, **OPTIONS)
    carried = {
        (str(record.variants[allele - 1]), genotype.sample)
        for record in read_genotypes(vcf, region=region)
        for genotype in record.genotypes
        for allele in genotype.alleles
        if allele
    }
    listed = {
        (variant, carrier.split(":")[0])
        for variants, carriers in zip(
            found.obs["variants"], found.obs["carriers"], strict=True
        )
        for variant in variants.split(";")
        for carrier in carriers.split(",")
    }
    assert listed == carried
    ok = (found.obs["status"] == "ok").to_numpy()
    assert ok.mean() > 0.5
    assert np.isfinite(found.X[ok, 0]).all()
    silent = np.isnan(found.X[ok]).any(axis=1)
    assert list(found.obs["reason"][ok] != "") == list(silent)
    alone = (found.obs["n_variants"] == 1).to_numpy() & ok
    column = list(found.var_names).index("epistasis")
    assert (found.X[alone, column] == 0).all()
    assert (found.X[ok & ~alone, column] != 0).any()
