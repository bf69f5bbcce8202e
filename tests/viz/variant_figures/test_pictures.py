"""The pictures: what they draw, say, and refuse."""

import json

import numpy as np
import pandas as pd
import pytest

from hyenascope.viz.alt_text import alt_text
from hyenascope.viz.variant_figures import (
    plot_gene_strip,
    plot_genome,
    plot_ref_alt,
    plot_score_distribution,
    plot_truth,
    plot_variants,
)
from hyenascope.viz.variant_figures.agreement import spearman
from hyenascope.viz.variant_figures.score_distribution import chance_band

KINDS = ("distribution", "ref_alt", "genes", "genome", "truth")


def options(kind: str) -> dict[str, str]:
    return {"truth": "effect"} if kind == "truth" else {}


def markers(figure) -> int:
    return sum(len(trace.x) for trace in figure.data)


@pytest.fixture
def measured(adata):
    effect = np.asarray(adata.X)[:, 0] + np.random.default_rng(6).normal(size=60)
    adata.obs["effect"] = effect
    adata.obs["class"] = np.where(effect < -0.8, "LOF", "FUNC")
    return adata


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_picture_has_units_a_theme_and_a_sentence(measured, kind, theme):
    figure = plot_variants(measured, kind=kind, theme=theme, **options(kind))
    titles = [axis.title.text for axis in figure.select_xaxes()]
    titles += [axis.title.text for axis in figure.select_yaxes()]
    assert any("conditional (nats)" in title for title in titles)
    assert figure.layout.paper_bgcolor == ("#ffffff" if theme == "light" else "#111418")
    assert "60 variants" in alt_text(figure) or kind == "genes"
    assert figure.layout.width == 900
    assert {trace.type for trace in figure.data} <= {"scatter", "bar"}


@pytest.mark.parametrize("kind", KINDS)
def test_text_from_files_is_escaped(measured, payload, kind):
    measured.obs["gene"] = measured.obs["id"] = payload
    measured.obs["chrom"] = payload.replace(" ", "")
    figure = plot_variants(measured, kind=kind, title=payload, **options(kind))
    figure.layout.meta = None  # plain text, escaped by whoever writes it
    assert "<img" not in json.dumps(figure.to_plotly_json(), default=str)


@pytest.mark.parametrize("kind", KINDS)
def test_one_variant_is_a_picture(measured, kind):
    figure = plot_variants(measured[:1].copy(), kind=kind, **options(kind))
    assert markers(figure) >= 1


@pytest.mark.parametrize("kind", KINDS)
def test_ten_thousand_variants_at_one_place(kind):
    frame = pd.DataFrame(
        {"chrom": "chr1", "pos": 7, "ref": "A", "alt": "G"}, range(10_000)
    )
    frame = frame.assign(llr=0.5, llr_ref=0.0, llr_alt=0.5, gene="a", effect=1.5)
    figure = plot_variants(frame, kind=kind, score="llr", **options(kind))
    assert 1 <= markers(figure) <= 4100


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_finite_is_refused(measured, kind):
    measured.X = np.full(measured.shape, np.nan)
    measured.layers["ref"] = np.full(measured.shape, np.inf)
    with pytest.raises(ValueError, match="adata must hold"):
        plot_variants(measured, kind=kind, **options(kind))


@pytest.mark.parametrize("kind", ["distribution", "genes", "genome"])
def test_what_is_not_drawn_is_said(measured, kind):
    measured.X[:3, 0] = np.nan
    measured.X[3, 0] = np.inf
    measured.obs["status"] = ["symbolic"] * 3 + ["ok"] * 57
    figure = plot_variants(measured, kind=kind)
    texts = [note.text for note in figure.layout.annotations]
    told = "Not drawn: 3 without a score (symbolic 3), 1 infinite."
    assert any(told in text for text in texts)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"score": "x"}, "score must be one of conditional, markov, cpg; got 'x'"),
        ({"kind": "genome", "background": np.zeros(2)}, "background is for kind 'dist"),
        ({"absolute": True}, "absolute is for kind 'genome' and 'truth'; got 'distri"),
        ({"kind": "truth"}, "truth must name a column"),
        ({"kind": "ref_alt", "score": ["a", "b"]}, "score must be one name"),
        ({"width": 100}, "width must be at least 400 pixels; got 100"),
        ({"background": np.array([np.nan])}, "background must hold a finite"),
    ],
)
def test_refuses_options_that_do_not_fit(adata, wrong, message):
    with pytest.raises(ValueError, match=message):
        plot_variants(adata, **wrong)


def test_bars_hold_all_variants_and_the_background(adata):
    figure = plot_score_distribution(adata, background=adata[:20].copy())
    assert [trace.name for trace in figure.data] == [
        "variants (n = 60)",
        "background (n = 20)",
    ]
    assert [sum(trace.y) for trace in figure.data] == pytest.approx([100, 100])
    medians = [np.median(adata.X[:60, 0]), np.median(adata.X[:20, 0])]
    assert [line.x0 for line in figure.layout.shapes] == pytest.approx(medians)


def test_one_far_value_does_not_squeeze_the_others():
    values = np.r_[np.random.default_rng(0).normal(size=999), 1e6]
    figure = plot_score_distribution(pd.DataFrame({"llr": values}))
    assert (np.array(figure.data[0].y) > 1).sum() > 10
    assert "1 value beyond the axis" in figure.layout.annotations[-1].text


def test_percentiles_stand_beside_the_score(adata):
    ranks = np.tile(np.linspace(0.01, 0.99, 60)[:, None], (1, 3))
    adata.layers["percentile"] = ranks
    figure = plot_score_distribution(adata)
    assert figure.data[1].xaxis == "x2"
    assert list(figure.data[1].y) == pytest.approx([5.0] * 20)


@pytest.mark.parametrize("count", [1, 20, 121, 1000])
def test_the_band_of_chance_is_binomial(count):
    stats = pytest.importorskip("scipy.stats")
    assert chance_band(count) == tuple(stats.binom.ppf([0.025, 0.975], count, 0.05))


def test_classes_are_folded_and_counted(adata):
    names = [trace.name for trace in plot_ref_alt(adata).data]
    assert names == ["C&gt;T (20)", "C&gt;A (20)", "C&gt;G (20)"]
    figure = plot_ref_alt(adata)
    axis = figure.layout
    assert axis.xaxis.range == axis.yaxis.range
    lower = int((adata.X[:, 0] < 0).sum())
    assert f"lower than reference for {lower} of 60" in figure.layout.meta["alt"]


def test_a_thinned_class_is_counted_whole():
    count = 20_000
    values = np.random.default_rng(0).normal(size=(2, count))
    frame = pd.DataFrame({"chrom": "chr1", "pos": np.arange(1, count + 1)})
    frame = frame.assign(ref="C", alt="T", llr=values[1] - values[0])
    figure = plot_ref_alt(frame.assign(llr_ref=values[0], llr_alt=values[1]))
    [trace] = figure.data
    assert len(trace.x) < count
    assert trace.name == "C&gt;T (20,000)"


def test_genes_come_by_their_median(adata):
    adata.X[:, 0] = np.where(adata.obs["gene"] == "TP53", -2.0, 1.0)
    figure = plot_gene_strip(adata)
    assert figure.layout.yaxis.ticktext == ("TP53 (45)", "BRCA1 (15)")
    assert [bar.x0 for bar in figure.layout.shapes[1:]] == [-2.0, 1.0]
    assert plot_gene_strip(adata, top=1).layout.yaxis.ticktext == ("TP53 (45)",)
    few = plot_gene_strip(adata, least=20)
    assert few.layout.yaxis.ticktext == ("TP53 (45)",)
    with pytest.raises(ValueError, match="at least 99 variants with a score in one"):
        plot_gene_strip(adata, least=99)


def test_a_million_variants_keep_every_peak():
    generator = np.random.default_rng(7)
    size = 200_000
    frame = pd.DataFrame(
        {
            "chrom": generator.choice(["chr1", "chr2", "chr10", "chrX"], size),
            "pos": generator.integers(1, 100_000_000, size),
            "llr": generator.normal(size=size),
        }
    )
    peak = generator.choice(size, 5, replace=False)
    frame.loc[peak, "llr"] = [9.0, -9.5, 8.0, -8.5, 7.0]
    figure = plot_genome(frame)
    drawn = np.concatenate([trace.y for trace in figure.data])
    assert markers(figure) <= 4000
    assert set(frame.loc[peak, "llr"]) <= set(drawn)
    assert figure.layout.xaxis.ticktext == ("1", "2", "10", "X")
    areas = [shape for shape in figure.layout.shapes if shape.type == "path"]
    assert len(areas) == 2


def test_the_strongest_are_named(adata):
    adata.X[5, 0] = -20.0
    figure = plot_genome(adata, label=1)
    assert figure.layout.annotations[0].text == "chr10:1,008 C&gt;T"
    assert plot_genome(adata, label=1, name="gene").layout.annotations[0].text == "TP53"
    assert min(min(trace.y) for trace in plot_genome(adata, absolute=True).data) >= 0


def test_the_truth_is_judged_on_the_same_variants(measured):
    measured.X[:4, 1] = np.nan
    figure = plot_truth(measured, truth="effect")
    effect = measured.obs["effect"].to_numpy()[4:]
    rho = spearman(np.asarray(measured.X)[4:, 0].copy(), effect)(np.ones(56))
    headings = [note.text for note in figure.layout.annotations]
    assert headings[0].startswith(f"<b>conditional</b><br>ρ {rho:.2f} [")
    assert [text.split("<br>")[0] for text in headings[:3]] == [
        "<b>conditional</b>",
        "<b>markov</b>",
        "<b>cpg</b>",
    ]
    assert "56 variants" in figure.layout.title.subtitle.text
    assert "4 variants without a measured effect or a score" in headings[-1]


def test_sizes_are_judged_without_sign(measured):
    measured.obs["effect"] = -measured.X[:, 0]
    signed = plot_truth(measured, truth="effect", score="conditional")
    sizes = plot_truth(measured, truth="effect", score="conditional", absolute=True)
    assert "ρ −1.00" in signed.layout.meta["alt"]
    assert "ρ 1.00" in sizes.layout.meta["alt"]


def test_a_score_that_separates_has_an_area_of_one(measured):
    measured.X[:, 0] = np.where(measured.obs["class"] == "LOF", -1.0, 0.5)
    figure = plot_truth(measured, truth="class", score="conditional")
    assert "AUROC 1.00 [1.00, 1.00]" in figure.layout.meta["alt"]
    assert figure.layout.yaxis.ticktext == ("LOF", "FUNC")
    turned = plot_truth(measured, truth="class", score="conditional", expect="higher")
    assert "AUROC 0.00" in turned.layout.meta["alt"]
    other = plot_truth(measured, truth="class", score="conditional", positive="FUNC")
    assert "AUROC 0.00" in other.layout.meta["alt"]


def test_without_a_positive_class_nothing_is_judged(measured):
    measured.obs["class"] = np.where(measured.obs["class"] == "LOF", "red", "blue")
    figure = plot_truth(measured, truth="class")
    assert "AUROC" not in figure.layout.meta["alt"]
    assert "Say which class is positive" in figure.layout.annotations[-1].text


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"truth": "nothing"}, "missing nothing among"),
        ({"truth": "class", "positive": "GOF"}, "among the classes FUNC, LOF; got GOF"),
        ({"truth": "effect", "positive": "LOF"}, "positive is for classes; 'effect'"),
        ({"truth": "class", "score": []}, "score must name 1 to 8 scores; got 0"),
        ({"truth": "many"}, "1 to 8 classes; got 60 classes in 'many'"),
    ],
)
def test_refuses_a_truth_that_cannot_be_judged(measured, wrong, message):
    measured.obs["many"] = [f"c{number}" for number in range(60)]
    with pytest.raises(ValueError, match=message):
        plot_truth(measured, **wrong)
