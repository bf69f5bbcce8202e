import re

import numpy as np
import pytest

from hyenascope.data.interval import Interval
from hyenascope.data.variant import Variant
from hyenascope.interpret.variant_effect import score_variants
from hyenascope.report import ranked, report_scores, summary
from tests.toy_models import first_order

# The first-order model has a forward pass of its own, which the engine cannot know.
pytestmark = pytest.mark.filterwarnings("ignore:mutants are read by full passes")

TEXT = "".join(np.random.default_rng(2).choice(list("ACGT"), 12000))


@pytest.fixture(scope="module")
def fasta(tmp_path_factory):
    path = tmp_path_factory.mktemp("genome") / "g.fa"
    path.write_text(f">I\n{TEXT}\n")
    return path


def other(pos: int) -> str:
    return "ACGT"["ACGT".index(TEXT[pos - 1]) - 1]


@pytest.fixture(scope="module")
def scores(fasta):
    variants = [Variant("I", p, TEXT[p - 1], other(p)) for p in (5, 6500, 11999)]
    variants.append(Variant("I", 300, other(300), TEXT[299]))
    return score_variants(first_order(), variants, fasta, context=64)


def test_ranked_puts_the_strongest_first_and_flagged_last(scores):
    table = ranked(scores, "conditional")
    strength = table["conditional"].abs().to_numpy()
    assert (np.diff(strength[:3]) <= 0).all()
    assert np.isnan(strength[3])


def test_summary_counts(scores):
    facts = summary(scores)
    assert facts["REF agreement"] == "3 of 4"
    assert facts["flagged"] == "1 (1 ref_mismatch)"


def test_summary_remembers_what_was_left_out(fasta):
    wrong = Variant("I", 300, other(300), TEXT[299])
    right = Variant("I", 500, TEXT[499], other(500))
    found = score_variants(
        first_order(), [wrong, right], fasta, context=64, on_error="skip"
    )
    assert summary(found)["left out"] == "1 (1 ref_mismatch)"


def test_report_draws_the_strongest_loci_with_the_scores_own_options(
    scores, fasta, tmp_path, monkeypatch
):
    asked = []

    def track(model, genome, interval, **options):
        asked.append((interval, options["context"], options["strands"]))
        return log_prob_track(model, genome, interval, **options)

    from hyenascope.interpret.likelihood_track import log_prob_track

    monkeypatch.setattr("hyenascope.report.log_prob_track", track)
    page = tmp_path / "r.html"
    report_scores(scores, first_order(), fasta, page, loci=2)
    strongest = ranked(scores, "conditional")["pos"].iloc[0]
    assert len(asked) == 2
    assert asked[0][0].start < strongest <= asked[0][0].end
    assert not asked[0][0].overlaps(asked[1][0])
    assert {options[1:] for options in asked} == {(64, "both")}
    assert "ref_mismatch" in page.read_text(encoding="utf-8")


def test_refuses_an_unknown_score(scores, fasta, tmp_path):
    with pytest.raises(ValueError, match=r"score must be one of conditional, .*'llr'"):
        report_scores(scores, first_order(), fasta, tmp_path / "r.html", score="llr")


def test_a_locus_asked_for_comes_first_and_the_strongest_follow(
    scores, fasta, tmp_path
):
    page = tmp_path / "r.html"
    asked = Interval("I", 1000, 1200)
    report_scores(scores, first_order(), fasta, page, interval=asked, loci=2)
    headings = re.findall(r"<h2>(I:[^<]*)</h2>", page.read_text(encoding="utf-8"))
    assert headings[0] == "I:1,001-1,200"
    assert len(headings) == 2


def test_scores_and_baselines_stand_first_and_are_explained_once(
    scores, fasta, tmp_path
):
    page = tmp_path / "r.html"
    report_scores(scores, first_order(), fasta, page, loci=1)
    text = page.read_text(encoding="utf-8")
    header = text[text.index("<thead") : text.index("</thead>")]
    names = ["conditional", "likelihood", "markov", "cpg", "trinucleotide", "status"]
    places = [re.search(rf"\b{name}\b", header).start() for name in names]
    assert places == sorted(places)
    assert header.index("status") < header.index("conditional_forward")
    assert text.count("judging by the bases read before it") == 1
