"""Messages: who gets an answer, and what becomes of an error."""

import gzip
import re
from typing import ClassVar

import pytest

from hyenascope.viz.page import page_file
from hyenascope.widgets.live_tracks import LiveTracks
from hyenascope.widgets.locus_browser import LocusBrowser
from hyenascope.widgets.locus_host import LocusHost, in_words, widget_script
from hyenascope.widgets.mutagenesis_explorer import MutagenesisExplorer
from tests.widgets.pretend_page import PretendPage


class Parrot(LocusHost):
    """Repeats, keeps silent, or fails."""

    answers: ClassVar[tuple[str, ...]] = ("plotly", "repeat", "hush", "fail", "absent")
    error: Exception = ValueError("width must be at least 1; got 0.")

    def answer_repeat(self, message):
        return {"text": message["text"]}

    def answer_hush(self, message):
        return None

    def answer_fail(self, message):
        raise self.error

    def answer_secret(self, message):
        raise AssertionError("is not among the answers")


@pytest.fixture
def page() -> PretendPage:
    return PretendPage(Parrot())


def test_an_answer_goes_to_whom_it_was_asked_by(page):
    assert page.ask("repeat", text="hello") == {"to": "page:1", "text": "hello"}
    assert page.ask("repeat", text="again")["to"] == "page:2"


def test_what_returns_nothing_sends_nothing(page):
    assert page.tell("hush", **{"from": "x"}) == []
    assert page.tell("hush") == []


def test_a_statement_is_not_answered(page):
    assert page.tell("repeat", text="hello") == []


@pytest.mark.parametrize("kind", ["unheard of", "secret", "", None, "__init__"])
def test_unknown_kinds_are_ignored(page, kind):
    assert page.tell(kind, **{"from": "x"}) == []


def test_an_error_answers_the_question(page):
    answer = page.ask("fail")
    assert answer == {"to": "page:1", "error": "width must be at least 1; got 0."}
    assert page.said == []


def test_an_error_without_a_question_is_shown(page):
    assert page.tell("fail") == [
        {"kind": "say", "message": "width must be at least 1; got 0.", "error": True}
    ]


def test_a_missing_handler_is_an_error_too(page):
    assert "answer_absent" in page.ask("absent")["error"]


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (KeyError("track_id must be one of a, b; got 'c'."), "track_id must be"),
        (KeyError(), "KeyError"),
        (ZeroDivisionError(), "ZeroDivisionError"),
        (ValueError("no"), "no"),
    ],
    ids=["key", "empty key", "silent", "plain"],
)
def test_errors_are_said_in_words(page, error, text):
    page.widget.error = error
    assert page.ask("fail")["error"].startswith(text)
    assert in_words(error).startswith(text)


def test_plotly_comes_as_bytes_that_a_page_can_unpack(page):
    page.ask("plotly")
    [packed] = page.buffers[-1]
    assert b"* plotly.js " in gzip.decompress(packed)[:200]


def test_a_script_holds_its_extras_and_exports_last():
    script = widget_script("browser_extras.js")
    assert "EXTRAS.browser = " in script
    assert "EXTRAS.explorer = " not in script
    assert script.rstrip().endswith("export default { render };")
    assert script.count("export ") == 1


WIDGETS = [
    (LiveTracks, None),
    (LocusBrowser, "browser_extras.js"),
    (MutagenesisExplorer, "explorer_extras.js"),
]


@pytest.mark.parametrize(("widget", "extras"), WIDGETS)
def test_every_kind_that_is_answered_has_a_handler(widget, extras):
    assert len(set(widget.answers)) == len(widget.answers)
    for kind in widget.answers:
        assert callable(getattr(widget, f"answer_{kind}")), kind


@pytest.mark.parametrize(("widget", "extras"), WIDGETS)
def test_every_question_of_a_page_has_an_answer(widget, extras):
    # What is told may be ignored; a question without an answer waits for ever.
    script = page_file("host.js") + (page_file(extras) if extras else "")
    asked = set(re.findall(r'link\.ask\(\s*"(\w+)"', script))
    assert asked >= {"plotly", "hello", "look", "find"}
    assert asked <= set(widget.answers)


def test_a_browser_hears_all_that_its_page_tells():
    script = page_file("host.js") + page_file("browser_extras.js")
    told = set(re.findall(r'link\.tell\(\s*"(\w+)"', script))
    assert told >= {"window", "select", "cancel", "track", "option", "act", "variant"}
    assert told <= set(LocusBrowser.answers)
