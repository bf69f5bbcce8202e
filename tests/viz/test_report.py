"""The report as text; `tests/browser/test_report_page.py` opens it."""

import re

import pandas as pd
import pytest

from hyenascope.viz.components import Variants
from hyenascope.viz.figure import plot_locus
from hyenascope.viz.report import write_report


@pytest.fixture
def scores(payload) -> pd.DataFrame:
    return pd.DataFrame(
        {"formula": ["log p(alt) − log p(ref)", payload], "units": ["nats", None]},
        index=["conditional", "markov_3"],
    )


@pytest.fixture
def report(tmp_path, variants, locus, scores, payload):
    path = tmp_path / "report.html"
    table = pd.concat([variants, variants.assign(chrom="chr9")], ignore_index=True)
    write_report(
        path,
        title=f"Title {payload}",
        figures={f"Heading {payload}": plot_locus([Variants(variants)], locus)},
        table=table,
        summary={"model": payload, "variants": 12345, payload: 0.5},
        scores=scores,
        notes=[f"Note {payload}"],
        max_rows=8,
    )
    return path


@pytest.fixture
def markup(report) -> str:
    page = report.read_text(encoding="utf-8")
    return re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)


def test_nothing_from_files_is_markup(markup):
    assert "<img" not in markup
    assert markup.count("&lt;img src=x onerror=alert(1)&gt;") >= 6


def test_says_how_many_rows_there_are(markup):
    assert "The first 8 of 10 rows" in markup
    assert markup.count("<tr>") == 1 + 8


def test_values_are_written_for_people(markup):
    assert "<dd>12,345</dd>" in markup
    assert '<td class="number" data-value="-2.0">−2.000</td>' in markup
    assert '<td class="number" data-value="">–</td>' in markup


def test_scores_are_explained(markup):
    assert "<h3>conditional</h3>" in markup
    assert "<dt>formula</dt><dd>log p(alt) − log p(ref)</dd>" in markup
    assert markup.count("<dt>units</dt>") == 1  # the other score has none


def test_positions_outside_every_figure_are_plain(markup):
    assert markup.count("data-pos=") == 5
    assert '<td class="number" data-value="1001.0">1,001</td>' in markup


def test_loads_nothing_from_elsewhere(markup):
    assert "http" not in markup.replace("http-equiv", "")


def test_one_figure_needs_no_heading(tmp_path, variants, locus):
    path = tmp_path / "report.html"
    figure = plot_locus([Variants(variants)], locus)
    write_report(path, title="T", figures=figure, table=variants, summary={})
    page = path.read_text(encoding="utf-8")
    assert "<h2>Locus</h2>" in page
    assert ">5 rows. Click" in page


def test_refuses_no_rows(tmp_path, variants):
    with pytest.raises(ValueError, match="max_rows must be at least 1; got 0"):
        write_report(
            tmp_path / "r.html",
            title="T",
            figures={},
            table=variants,
            summary={},
            max_rows=0,
        )
