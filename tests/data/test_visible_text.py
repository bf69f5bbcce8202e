"""What nobody can see is told from text."""

import pytest

from hyenascope.data.visible_text import visible_text


@pytest.mark.parametrize(
    ("raw", "seen"),
    [
        ("<b> &lt; %{x} é 汉", "<b> &lt; %{x} é 汉"),
        ("a\nb\tc\u2028d\r\ne", "a b c d  e"),
        ("\x00\x1b\u202e\u200b\ud800", "\ufffd" * 5),
        ("\ufffe\uffff", "\ufffd" * 2),  # no XML, and so no SVG, may hold them
        (12, "12"),
    ],
)
def test_visible_text(raw, seen):
    assert visible_text(raw) == seen
