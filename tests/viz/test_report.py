"""The report as a reader meets it, in text and in a browser."""

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


def column(page, number: int) -> list[str]:
    cells = page.locator(f"tbody tr:visible td:nth-child({number})")
    return cells.all_text_contents()


@pytest.mark.browser
def test_shows_hostile_text_and_runs_none(report, payload, watched):
    watched.open(report)
    assert payload in watched.page.locator("h1").text_content()
    assert payload in watched.page.locator(".summary").text_content()
    assert payload in watched.hover("yaxis", 1001, -2.0)
    assert watched.page.locator("img").count() == 0
    assert watched.requests == [report.as_uri()]
    assert watched.alarms == []


@pytest.mark.browser
def test_sorts_numbers_as_numbers_and_keeps_gaps_last(report, watched):
    watched.open(report)
    heading = watched.page.get_by_role("button", name="conditional")
    heading.press("Enter")
    assert column(watched.page, 6)[:2] == ["−2.000", "−2.000"]
    assert column(watched.page, 6)[-1] == "–"
    heading.press("Enter")
    assert column(watched.page, 6)[:2] == ["1.000", "1.000"]
    assert column(watched.page, 6)[-1] == "–"


@pytest.mark.browser
def test_filters_rows_by_text(report, watched):
    watched.open(report)
    watched.page.get_by_label("Filter rows").fill("RS2")
    assert column(watched.page, 5) == ["rs2", "rs2"]
    assert watched.page.locator("#shown").text_content() == "2 match"
    watched.page.get_by_label("Filter rows").fill("")
    assert len(column(watched.page, 5)) == 8


@pytest.mark.browser
def test_a_position_zooms_the_figure(report, watched):
    watched.open(report)
    watched.page.get_by_role("button", name="1,050").click()
    watched.page.wait_for_function(
        "document.querySelector('.plotly-graph-div').layout.xaxis.range[0] === 1009.5"
    )


@pytest.mark.browser
def test_scrolling_over_a_figure_moves_the_page(report, watched):
    watched.page.set_viewport_size({"width": 1200, "height": 400})
    watched.open(report)
    watched.page.locator(".figure").first.hover()
    watched.page.mouse.wheel(0, 200)
    watched.page.wait_for_function("scrollY > 0")
    range_of = "document.querySelector('.plotly-graph-div').layout.xaxis.range"
    assert watched.page.evaluate(range_of) == [1000.5, 1100.5]
