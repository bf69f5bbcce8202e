"""Text from files stays text; numbers are written the way people read them."""

import numpy as np
import pandas as pd
import pytest

from hyenascope.viz.text import (
    escape_text,
    format_interval,
    format_position,
    format_value,
    shorten,
    wrapped,
)


@pytest.mark.parametrize(
    ("raw", "safe"),
    [
        ("<img src=x onerror=alert(1)>", "&lt;img src=x onerror=alert(1)&gt;"),
        (
            '<a href="javascript:alert(1)">x</a>',
            '&lt;a href="javascript:alert(1)"&gt;x&lt;/a&gt;',
        ),
        ("&lt;b&gt;", "&amp;lt;b&amp;gt;"),
        ("%{customdata[0]}", "&#37;{customdata[0]}"),
        ("$\\alpha$", "&#36;\\alpha&#36;"),
        ("a\nb\tc", "a b c"),
        ("a\u202egnp.exe", "a\ufffdgnp.exe"),
        ("\x00\x1b\ud800", "\ufffd\ufffd\ufffd"),
        ("HLA-A*01:01 é 汉", "HLA-A*01:01 é 汉"),
        (12, "12"),
    ],
)
def test_escape_text(raw, safe):
    assert escape_text(raw) == safe


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (12345, "12,345"),
        (np.int64(-3), "−3"),
        (-0.12345, "−0.123"),
        (np.float32(0.5), "0.500"),
        (0.0, "0.000"),
        (1234567.0, "1,234,567"),
        (1e-9, "1.00e−09"),
        (float("-inf"), "−inf"),
        (float("nan"), "–"),
        (None, "–"),
        (pd.NA, "–"),
        (True, "yes"),
        (np.False_, "no"),
        ("x-y", "x-y"),
    ],
)
def test_format_value(value, text):
    assert format_value(value) == text


def test_positions_are_one_based_and_escaped(locus):
    assert format_position("<b>", 1234567) == "&lt;b&gt;:1,234,567"
    assert format_interval(locus) == "chr1:1,001-1,100"


def test_shorten_says_the_full_length():
    assert shorten("A" * 1024, 4) == "AAAA… (1,024)"
    assert shorten("ACGT", 4) == "ACGT"


def test_wrapping_never_cuts_an_entity():
    assert wrapped("<<<<<<<<<<", width=4) == "<br>".join(
        ["&lt;" * 4] * 2 + ["&lt;" * 2]
    )
