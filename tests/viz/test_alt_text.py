"""What a figure says to those who cannot see it."""

import plotly.graph_objects as go
import pytest

from hyenascope.viz.alt_text import alt_text, plain, title_text
from hyenascope.viz.components import Genes, Sequence, Variants
from hyenascope.viz.figure import plot_locus


def test_a_locus_names_its_place_and_its_tracks(locus, variants, make_gene):
    genes = Genes([make_gene("g", 1010, 20, 40, 20)])
    figure = plot_locus([genes, Variants(variants), Sequence("ACGT" * 25)], locus)
    assert alt_text(figure) == (
        "Genome tracks over chr1:1,001-1,100 (100 bp), from top to bottom: "
        "genes; variants conditional; sequence."
    )


def test_a_locus_with_a_title_says_it_first(locus):
    figure = plot_locus([Sequence("A" * 100)], locus, title="<b>BRCA1</b>")
    assert alt_text(figure).startswith("<b>BRCA1</b>: genome tracks over chr1:")


def test_the_sentence_of_the_figure_wins():
    figure = go.Figure(layout={"meta": {"alt": "Two\ndots.", "chrom": "1"}})
    assert alt_text(figure) == "Two dots."


@pytest.mark.parametrize("meta", [None, ["list"], {"alt": ""}, {"chrom": "1"}])
def test_any_other_figure_has_its_title(meta):
    figure = go.Figure(go.Scatter(y=[1]), layout={"meta": meta})
    figure.update_layout(title="<i>Loss</i>")
    assert alt_text(figure) == "Loss, 1 trace."


def test_text_keeps_what_was_escaped():
    assert plain("a<br>b &lt;i&gt; &#37;{x}") == "a b <i> %{x}"
    assert title_text(go.Figure()) == "Figure"
