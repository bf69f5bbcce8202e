"""What the hover text, the colours and the legend of variants say."""

import numpy as np
import pytest

from hyenascope.viz import lollipops


def row(ref: str, alt: str, **facts: object) -> dict[str, object]:
    return {"chrom": "chr1", "pos": 1234567, "ref": ref, "alt": alt, "id": ".", **facts}


@pytest.mark.parametrize(
    ("ref", "alt", "kind"),
    [
        ("A", "G", "snv"),
        ("AC", "GT", "mnv"),
        ("A", "AT", "insertion"),
        ("AT", "A", "deletion"),
        ("ATT", "GC", "indel"),
        ("A", "<DEL>", "symbolic"),
        ("A", "?!", "symbolic"),
        ("A", float("nan"), "symbolic"),
    ],
)
def test_kinds(ref, alt, kind):
    assert lollipops.variant_kind(row(ref, alt)) == kind


def test_hover_tells_every_column_once():
    text = lollipops.hover_text(
        row("A", "G", id="rs7", llr=-0.5, cpg=True, markov_3=float("nan"), note=""),
        "llr",
    )
    assert text.split("<br>") == [
        "<b>chr1:1,234,567 A&gt;G</b> SNV",
        "rs7",
        "<b>llr −0.500</b>",
        "cpg yes",
        "markov_3 –",
    ]


def test_hover_of_a_flagged_variant_says_why():
    flagged = row("A", "G", llr=float("nan"), reason="REF is <A>, genome has C")
    text = lollipops.hover_text(flagged, "llr", reason="reason")
    assert "<b>not scored:</b> REF is &lt;A&gt;, genome has C" in text
    assert "llr" not in text


def test_hover_of_a_flagged_variant_without_a_reason():
    text = lollipops.hover_text(row("A", "G", llr=np.nan), "llr", reason="reason")
    assert "<b>not scored:</b> no score" in text


def test_hover_cuts_long_alleles():
    text = lollipops.hover_text(row("A" * 5000, "A", llr=0.0), "llr")
    assert "… (5,000)&gt;A" in text
    assert len(text) < 200


@pytest.mark.parametrize("name", ["<b>x</b>", "%{x}"])
def test_column_names_are_text_too(name):
    text = lollipops.hover_text(row("A", "G", llr=0.0, **{name: "<i>"}), "llr")
    assert name not in text
    assert "&lt;i&gt;" in text


@pytest.mark.parametrize(
    ("scores", "reach"), [([-2.0, 0.5], 2.0), ([0.0], 1.0), ([], 1.0)]
)
def test_colours_reach_equally_far_to_both_sides(scores, reach):
    axis = lollipops.colour_scale(np.array(scores), "llr")
    assert (axis["cmin"], axis["cmax"]) == (-reach, reach)
    assert [0.5, "#ffffff"] in axis["colorscale"]


def test_legend_counts_what_is_not_seen():
    text = lollipops.legend([row("A", "G"), row("A", "AT")], 3, 4000)
    assert text.startswith("4,005 variants")
    assert "● SNV" in text
    assert "▲ insertion" in text
    assert "deletion" not in text
    assert "○ 3 not scored" in text
    assert "4,000 weaker ones without a head" in text
