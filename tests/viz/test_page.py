"""Scripts of live figures as they come out of the package."""

import gzip
import re

import plotly.graph_objects as go
import pytest

from hyenascope.viz import page
from hyenascope.viz.letters import _FILL

SCRIPTS = [*page.VIEW_SCRIPTS, "saved_page.js"]


def test_every_script_is_read_before_what_needs_it_at_once():
    text = page.view_script()
    starts = [text.index(page.page_file(name)) for name in page.VIEW_SCRIPTS]
    assert starts == sorted(starts)


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_script_could_end_the_tag_around_it(name):
    assert not re.search(r"</script|<!--", page.page_file(name), re.IGNORECASE)


@pytest.mark.parametrize("name", [*SCRIPTS, "locus_view.css"])
def test_nothing_of_ours_names_an_address(name):
    assert not re.search(r"https?://|@import|url\(", page.page_file(name))


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_script_of_ours_reads_text_as_markup(name):
    # Of a textarea it is harmless: it holds text alone.
    risky = re.findall(
        r"(\w+)\.(?:innerHTML|outerHTML|insertAdjacentHTML)\b", page.page_file(name)
    )
    assert set(risky) <= {"text"}
    assert not re.search(r"document\.write|\beval\(", page.page_file(name))


def test_letters_are_as_wide_in_the_page():
    (fill,) = re.findall(r"LETTER_FILL = ([\d.]+);", page.page_file("letters.js"))
    assert float(fill) == _FILL


def test_the_small_bundle_is_a_third_of_plotly():
    packed = page.packed_plotly()
    code = gzip.decompress(packed).decode("utf-8")
    assert code.startswith("/**\n* plotly.js (cartesian")
    assert len(packed) < 600_000


@pytest.mark.parametrize(
    ("trace", "small"),
    [
        (go.Scatter(), True),
        (go.Heatmap(), True),
        (go.Histogram(), True),
        (go.Scattergl(), False),
        (go.Scatter3d(), False),
        (go.Sankey(), False),
    ],
)
def test_what_the_small_bundle_cannot_draw_gets_the_whole(trace, small):
    script = page.plotly_script(go.Figure(go.Scatter()), go.Figure(trace))
    assert (len(script) < 2_000_000) is small
