"""The report as a reader meets it: a file, opened offline."""

import pandas as pd
import pytest

from hyenascope.viz.components import Variants
from hyenascope.viz.figure import plot_locus
from hyenascope.viz.report import write_report
from tests.toy_locus import LOCUS, PAYLOAD, toy_variants


@pytest.fixture
def report(tmp_path, saved_page):
    path = tmp_path / "report.html"
    variants = toy_variants()
    write_report(
        path,
        title=f"Title {PAYLOAD}",
        figures={f"Heading {PAYLOAD}": plot_locus([Variants(variants)], LOCUS)},
        table=pd.concat([variants, variants.assign(chrom="chr9")], ignore_index=True),
        summary={"model": PAYLOAD, "variants": 12345, PAYLOAD: 0.5},
        notes=[f"Note {PAYLOAD}"],
        max_rows=8,
    )
    return saved_page(path)


def column(page, number: int) -> list[str]:
    cells = page.locator(f"tbody tr:visible td:nth-child({number})")
    return cells.all_text_contents()


def test_shows_hostile_text_and_runs_none(report):
    assert PAYLOAD in report.page.locator("h1").text_content()
    assert PAYLOAD in report.page.locator(".summary").text_content()
    assert PAYLOAD in report.figure().hover(1001, -2.0)
    assert report.page.locator("img").count() == 0


def test_sorts_numbers_as_numbers_and_keeps_gaps_last(report):
    heading = report.page.get_by_role("button", name="conditional")
    heading.press("Enter")
    assert column(report.page, 6)[:2] == ["−2.000", "−2.000"]
    assert column(report.page, 6)[-1] == "–"
    heading.press("Enter")
    assert column(report.page, 6)[:2] == ["1.000", "1.000"]
    assert column(report.page, 6)[-1] == "–"


def test_filters_rows_by_text(report):
    report.page.get_by_label("Filter rows").fill("RS2")
    assert column(report.page, 5) == ["rs2", "rs2"]
    assert report.page.locator("#shown").text_content() == "2 match"
    report.page.get_by_label("Filter rows").fill("")
    assert len(column(report.page, 5)) == 8


def test_a_position_zooms_the_figure_and_a_double_click_shows_all_again(report):
    figure = report.figure()
    report.page.get_by_role("button", name="1,050").click()
    figure.wait_window(1009.5, 1090.5)
    figure.double_click(1030, 0.0)
    figure.wait_window(1000.5, 1100.5)


def test_scrolling_moves_the_page_and_with_ctrl_the_figure(report):
    report.page.set_viewport_size({"width": 1200, "height": 500})
    figure = report.figure()
    figure.wheel(1050, 0.5, 200)
    report.page.wait_for_function("scrollY > 0")
    assert figure.layout("xaxis.range") == [1000.5, 1100.5]
    figure.wheel(1050, 0.5, -200, held="Control")
    figure.wait("() => gd._fullLayout.xaxis.range[0] > 1001")
