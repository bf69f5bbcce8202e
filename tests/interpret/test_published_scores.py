"""Scores of the engine against closed forms and against plain full passes."""

from typing import get_args

import numpy as np
import pytest
import torch

from hyenascope.data.interval import Interval
from hyenascope.data.variant import Variant
from hyenascope.interpret import variant_passes
from hyenascope.interpret.ism import saturation_mutagenesis
from hyenascope.interpret.scores import PUBLISHED, SCORES, BaselineName, ScoreName, wide
from hyenascope.interpret.variant_effect import score_variants
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.incremental import bytes_per_place
from hyenascope.models.predict import base_log_probs
from hyenascope.sequence.dna import reverse_complement
from hyenascope.sequence.tokenizer import tokenize
from tests.toy_models import chain, first_order, step

ALL: tuple[ScoreName, ...] = get_args(ScoreName)
TEXT = "".join(np.random.default_rng(11).choice(list("ACGT"), 400))
CONTEXT = 64


@pytest.fixture(scope="module")
def fasta(tmp_path_factory):
    path = tmp_path_factory.mktemp("genome") / "g.fa"
    path.write_text(f">I\n{TEXT}\n")
    return path


@pytest.fixture(scope="module")
def small() -> HyenaLM:
    config = HyenaConfig(d_model=16, n_layer=2, d_inner=32, l_max=66)
    return HyenaLM(config, generator=torch.Generator().manual_seed(1)).double()


def other(base: str) -> str:
    return "ACGT"["ACGT".index(base) - 1]


def snv(pos: int) -> Variant:
    return Variant("I", pos, TEXT[pos - 1], other(TEXT[pos - 1]))


MNV = Variant("I", 211, TEXT[210:213], "".join(map(other, TEXT[210:213])))
INSERTION = Variant("I", 215, TEXT[214], TEXT[214] + "ACGTA")
DELETION = Variant("I", 220, TEXT[219:224], TEXT[219])
MIXED = [snv(2), snv(200), snv(201), MNV, INSERTION, DELETION, snv(399)]


@pytest.fixture
def full_windows(monkeypatch):
    def use() -> None:
        monkeypatch.setattr(
            variant_passes.VariantPasses, "_is_incremental", lambda *_: False
        )

    return use


@pytest.mark.filterwarnings("ignore:mutants are read by full passes")
def test_window_sums_by_hand(fasta):
    variant = snv(200)
    options = {"context": 128, "strands": "forward", "window_stride": 1}
    scores = ("full_sum", "full_mean", "downstream")
    found = score_variants(first_order(), variant, fasta, scores=scores, **options)
    start, end = found.obs[["window_start", "window_end"]].iloc[0]
    texts = {"ref": TEXT[start:end], "alt": variant.apply(TEXT)[start:end]}
    table = wide(found).iloc[0]
    for layer, text in texts.items():
        sums = dict(zip(found.var_names, found.layers[layer][0], strict=True))
        assert sums["full_sum"] == pytest.approx(chain(text))
        assert sums["full_mean"] == pytest.approx(chain(text) / 127)
    before, ref, after = TEXT[198:201]
    changed = chain(before + variant.alt + after) - chain(before + ref + after)
    assert table["downstream"] == pytest.approx(changed)
    assert found.uns["hyenascope"]["engine"] == "full passes"


@pytest.mark.filterwarnings("ignore:mutants are read by full passes")
@pytest.mark.parametrize(("window", "after"), [(1, 0), (2, 1), (9, 1)])
def test_downstream_adds_up_its_window(fasta, window, after):
    found = score_variants(
        first_order(),
        snv(200),
        fasta,
        context=128,
        scores=("downstream",),
        downstream_window=window,
    )
    before, ref, next_base = TEXT[198:201]
    expected = step(before, snv(200).alt) - step(before, ref)
    if after:
        expected += step(snv(200).alt, next_base) - step(ref, next_base)
    assert wide(found)["downstream_forward"].iloc[0] == pytest.approx(expected)


@pytest.mark.filterwarnings("ignore:mutants are read by full passes")
def test_downstream_of_an_indel_pairs_by_coordinate(fasta):
    found = score_variants(
        first_order(),
        INSERTION,
        fasta,
        context=128,
        scores=("downstream", "likelihood"),
        strands="forward",
        baselines=(),
    )
    # Only the base after the insertion changes its left neighbour: both see all.
    assert found.X[0, 0] == pytest.approx(found.X[0, 1], abs=1e-9)


def brute_force(model: HyenaLM, window: str, changed: str, first: int):
    """Every whole-window number from two plain forward passes."""
    states, sums = [], []
    for text in (window, changed):
        tokens = torch.from_numpy(tokenize(text))[None]
        with torch.inference_mode():
            hidden = model.eval().hidden(tokens)
            table = base_log_probs(model.head(hidden))[0]
        sums.append(table.gather(1, (tokens[0] - 7)[:, None])[1:].sum().item())
        states.append(hidden[0].double().numpy())
    ref, alt = states

    def cosine(a, b):
        return 1 - a @ b / np.linalg.norm(a) / np.linalg.norm(b)

    return {
        "full_sum": sums[1] - sums[0],
        "full_mean": (sums[1] - sums[0]) / (len(window) - 1),
        "embedding_l2": np.linalg.norm(alt.mean(0) - ref.mean(0)),
        "embedding_cosine": cosine(alt.mean(0), ref.mean(0)),
        "last_l2": np.linalg.norm(alt[-1] - ref[-1]),
        "last_cosine": cosine(alt[-1], ref[-1]),
        "last_inner": ref[-1] @ alt[-1],
        "variant_cosine": cosine(alt[first], ref[first]),
    }


@pytest.mark.parametrize("variant", [snv(200), MNV, INSERTION, DELETION], ids=str)
@pytest.mark.parametrize("strand", ["forward", "reverse"])
def test_published_scores_are_those_of_two_full_passes(small, fasta, variant, strand):
    found = score_variants(
        small, variant, fasta, scores=ALL, strands=strand, context=CONTEXT
    )
    start, end = found.obs[["window_start", "window_end"]].iloc[0]
    before, after = TEXT[start:], variant.apply(TEXT)[start:]
    if strand == "reverse":
        before = reverse_complement(TEXT[:end])
        after = reverse_complement(variant.apply(TEXT[:end]))
    before, after = before[: end - start], after[: end - start]
    first = next(i for i in range(CONTEXT) if before[i] != after[i])
    expected = brute_force(small, before, after, first)
    table = wide(found).iloc[0]
    for name, number in expected.items():
        assert table[name] == pytest.approx(number, abs=1e-9), name
    assert found.uns["hyenascope"]["engine"] == "incremental"


def test_engine_and_full_windows_agree(small, fasta, full_windows):
    options = {"scores": ALL, "context": CONTEXT, "downstream_window": 7}
    fast = score_variants(small, MIXED, fasta, **options)
    full_windows()
    slow = score_variants(small, MIXED, fasta, **options)
    assert slow.uns["hyenascope"]["engine"] == "full passes"
    for layer in ("ref", "alt"):
        np.testing.assert_allclose(fast.layers[layer], slow.layers[layer], atol=1e-9)


@pytest.mark.parametrize("score", ["conditional", "downstream", "variant_cosine"])
def test_short_scores_read_only_what_they_need(small, fasta, full_windows, score):
    options = {"scores": (score,), "context": CONTEXT, "downstream_window": 5}
    fast = score_variants(small, MIXED, fasta, **options)
    full_windows()
    slow = score_variants(small, MIXED, fasta, **options)
    np.testing.assert_allclose(fast.X, slow.X, atol=1e-9)


def test_float32_agrees_to_its_precision(fasta, full_windows):
    config = HyenaConfig(d_model=16, n_layer=2, d_inner=32, l_max=66)
    model = HyenaLM(config, generator=torch.Generator().manual_seed(1))
    options = {"scores": ALL, "context": CONTEXT, "baselines": ()}
    fast = score_variants(model, MIXED, fasta, **options)
    full_windows()
    slow = score_variants(model, MIXED, fasta, **options)
    np.testing.assert_allclose(fast.X, slow.X, atol=2e-4)


@pytest.mark.parametrize("places", [0, 12, 40, 10_000])
def test_less_memory_gives_the_same_numbers(small, fasta, places):
    options = {"scores": ("downstream",), "context": CONTEXT, "downstream_window": 5}
    expected = score_variants(small, MIXED, fasta, **options)
    memory = places * bytes_per_place(small)
    found = score_variants(small, MIXED, fasta, max_memory=memory, **options)
    np.testing.assert_allclose(found.X, expected.X, atol=1e-9)
    engine = found.uns["hyenascope"]["engine"]
    assert engine == ("incremental" if places else "full passes")


@pytest.mark.parametrize("batch_size", [1, 3])
def test_batch_size_does_not_matter(small, fasta, batch_size):
    options = {"scores": ALL, "context": CONTEXT}
    expected = score_variants(small, MIXED, fasta, **options)
    found = score_variants(small, MIXED, fasta, batch_size=batch_size, **options)
    np.testing.assert_allclose(found.X, expected.X, atol=1e-9)


def test_conditional_of_snvs_is_read_from_the_reference(small, fasta):
    found = score_variants(small, snv(200), fasta, scores=("conditional",))
    assert found.uns["hyenascope"]["engine"] == "one pass per strand"


def test_downstream_window_is_what_every_window_holds(small, fasta):
    found = score_variants(small, snv(200), fasta, context=CONTEXT)
    assert found.uns["hyenascope"]["downstream_window"] == 24
    with pytest.raises(ValueError, match=r"downstream_window must be .*; got 0"):
        score_variants(small, snv(200), fasta, downstream_window=0)


def test_downstream_ends_with_the_contig_as_mutagenesis_does(small, fasta):
    """Either strand is silent where it has not the bases, and the row says so."""
    window = 9
    positions = [1, 2, 8, 9, 10, 200, 391, 392, 393, 399, 400]
    options = {"context": CONTEXT, "baselines": ()}
    found = score_variants(
        small,
        [snv(pos) for pos in positions],
        fasta,
        scores=("downstream", "conditional"),
        downstream_window=window,
        **options,
    )
    table = wide(found)
    for side in ("forward", "reverse"):
        track = saturation_mutagenesis(
            small, fasta, Interval("I", 0, 400), window=window, context=64, strands=side
        )
        unscored = [
            run["start"] < pos <= run["end"]
            for pos in positions
            for run in track.provenance["unscored"]
        ]
        silent = np.array(unscored).reshape(len(positions), -1).any(axis=1)
        np.testing.assert_array_equal(table[f"downstream_{side}"].isna(), silent)
    reasons = dict(zip(positions, table["reason"], strict=True))
    ends = "no downstream score, the contig ends less than 9 bp further on"
    nothing = "nothing before the change, or N in it"
    assert reasons == {
        1: f"forward: {nothing}; reverse: {ends}",
        2: f"reverse: {ends}",
        8: f"reverse: {ends}",
        9: "",
        10: "",
        200: "",
        391: "",
        392: "",
        393: f"forward: {ends}",
        399: f"forward: {ends}",
        400: f"forward: {ends}; reverse: {nothing}",
    }
    inner = table.iloc[1:-1]
    assert inner[["downstream", "conditional_forward"]].notna().all(axis=None)
    assert table["downstream"].isna().tolist() == [True, *[False] * 9, True]


@pytest.mark.parametrize("stride", [1, 7, 16, None])
@pytest.mark.parametrize("variant", [INSERTION, DELETION, MNV], ids=str)
def test_downstream_is_cut_by_the_contig_alone(small, fasta, variant, stride):
    options = {"context": CONTEXT, "window_stride": stride, "baselines": ()}
    found = score_variants(small, variant, fasta, scores=("downstream",), **options)
    assert np.isfinite(found.X).all()
    assert found.obs["reason"].iloc[0] == ""


def test_downstream_of_an_indel_is_cut_off_at_either_end(small, fasta, full_windows):
    left = Variant("I", 5, TEXT[4:8], TEXT[4])
    right = Variant("I", 390, TEXT[389], TEXT[389] + "ACGTA")
    options = {"scores": ("downstream",), "context": CONTEXT, "downstream_window": 20}
    fast = score_variants(small, [left, right], fasta, **options)
    full_windows()
    slow = score_variants(small, [left, right], fasta, **options)
    for found in (fast, slow):
        table = wide(found)
        assert table["downstream_forward"].isna().tolist() == [False, True]
        assert table["downstream_reverse"].isna().tolist() == [True, False]
    np.testing.assert_allclose(fast.X, slow.X, atol=1e-9)


def test_every_score_says_what_it_is(small, fasta):
    found = score_variants(small, snv(200), fasta, scores=ALL)
    assert set(get_args(ScoreName)) | set(get_args(BaselineName)) < set(SCORES)
    assert (found.var[["formula", "unit", "reading", "source"]] != "").all().all()
    assert not found.var.loc["last_l2", "signed"]
    assert found.var.loc["full_sum", "signed"]


def test_presets_are_scores():
    assert set(PUBLISHED) == {"traitgym", "gpn_msa", "bend", "dart_eval"}
    assert {name for preset in PUBLISHED.values() for name in preset} <= set(ALL)


def test_half_precision_is_warned_about(fasta):
    config = HyenaConfig(d_model=16, n_layer=1, d_inner=32, l_max=66)
    model = HyenaLM(config).bfloat16()
    with pytest.warns(UserWarning, match=r"float32 .*; got torch.bfloat16"):
        score_variants(model, snv(200), fasta, scores=("conditional",))
