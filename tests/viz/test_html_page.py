"""The frame of every page."""

import re
from html.parser import HTMLParser

import pytest

from hyenascope.viz.html_page import html_page


class Reader(HTMLParser):
    """Notes tags, their attributes, and the text of the title."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.title = ""
        self._inside = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag):
        self._inside = ""

    def handle_data(self, data):
        if self._inside == "title":
            self.title += data

    def policy(self) -> dict[str, list[str]]:
        (found,) = [
            dict(attrs)["content"]
            for tag, attrs in self.tags
            if attrs.get("http-equiv") == "Content-Security-Policy"
        ]
        rules = [rule.split() for rule in found.split(";") if rule.strip()]
        return {name: values for name, *values in rules}


def test_the_policy_allows_no_connection():
    policy = Reader(html_page("t", "", style="")).policy()
    assert policy == {
        "default-src": ["'none'"],
        "script-src": ["'unsafe-inline'"],
        "style-src": ["'unsafe-inline'"],
        "img-src": ["data:", "blob:"],
        "font-src": ["data:"],
    }


def test_the_policy_stands_before_anything_it_governs():
    page = html_page("t", "<script>1</script>", style="p {}", head="<script>2</script>")
    governed = [page.index(tag) for tag in ("<script", "<style", "<title")]
    assert page.index("Content-Security-Policy") < min(governed)


def test_scripts_beside_the_page_are_named():
    page = html_page("t", "", style="", scripts="'self' file:")
    policy = Reader(page).policy()
    assert policy["script-src"] == ["'unsafe-inline'", "'self'", "file:"]
    assert policy["default-src"] == ["'none'"]


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("<b>BRCA1</b> & more", "<b>BRCA1</b> & more"),
        ("</title><script>alert(1)</script>", "</title><script>alert(1)</script>"),
        ("{body} {0}", "{body} {0}"),
        ("a\u202eb\ud800", "a\ufffdb\ufffd"),
    ],
)
def test_the_title_is_text(title, shown):
    page = html_page(title, "<p></p>", style="")
    assert Reader(page).title == shown
    assert not [tag for tag, _ in Reader(page).tags if tag in ("b", "script")]
    page.encode("utf-8")


def test_body_style_and_head_stand_where_they_belong():
    page = html_page("t", "<p>body {x}</p>", style="p { a: b }", head="<meta name=x>")
    assert re.search(r"<body>\s*<p>body {x}</p>\s*</body>", page)
    assert "<style>p { a: b }</style>" in page
    assert page.index("<meta name=x>") < page.index("</head>")
    assert page.startswith("<!doctype html>")
    assert '<meta charset="utf-8">' in page[:100]
