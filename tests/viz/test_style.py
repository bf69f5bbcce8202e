"""Two themes: what is zero looks like paper, what is text can be read on it."""

import itertools

import pytest

from hyenascope.viz.style import DARK, LIGHT


def luminance(colour: str) -> float:
    """WCAG 2 relative luminance of ``#rrggbb``."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [
        c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts
    ]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_zero_has_the_colour_of_the_paper(theme):
    assert dict(theme.diverging)[0.5] == theme.paper
    assert dict(theme.sequential)[0.0] == theme.paper


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_text_can_be_read(theme):
    assert contrast(theme.ink, theme.paper) > 7
    assert contrast(theme.muted, theme.paper) > 4.5
    for colour in theme.lines:
        assert contrast(colour, theme.paper) > 3, colour


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_every_base_has_a_colour_of_its_own(theme):
    colours = [theme.bases[base] for base in "ACGTN"]
    assert len(set(colours)) == 5
    assert all(a != b for a, b in itertools.pairwise(colours))


def test_signals_go_round_the_colours():
    assert LIGHT.line(0) == LIGHT.line(len(LIGHT.lines))
