"""Edits of a haplotype in reference coordinates, base by base."""

import numpy as np
import pytest

from hyenascope.data.interval import Interval
from hyenascope.viz.components import Haplotype
from hyenascope.viz.style import DARK, LIGHT
from hyenascope.viz.view import View

VIEW = View(Interval("chr1", 100, 110), slot=2)
STAYS, A, C, G, T, N, LOST = range(7)


def cells(*edits, view=VIEW):
    return Haplotype(edits).draw(view).traces[0].z[0].tolist()


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        ((103, 104, "A"), {3: A}),
        ((103, 105, "CT"), {3: C, 4: T}),
        ((103, 105, "GN"), {3: G, 4: N}),
        ((103, 105, "Rg"), {3: N, 4: N}),
        ((103, 106, ""), {3: LOST, 4: LOST, 5: LOST}),
        ((103, 103, "ACG"), {}),
        ((103, 104, "ACG"), {3: LOST}),
        ((98, 102, ""), {0: LOST, 1: LOST}),
        ((108, 112, "ACGT"), {8: A, 9: C}),
        ((110, 111, "A"), {}),
    ],
)
def test_cells_say_what_became_of_each_base(edit, expected):
    assert cells(edit) == [expected.get(offset, STAYS) for offset in range(10)]


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_colours_are_those_of_the_bases(theme):
    view = View(VIEW.interval, theme=theme)
    trace = Haplotype([(103, 104, "A")]).draw(view).traces[0]
    scale = dict(trace.colorscale[::2]), dict(trace.colorscale[1::2])
    expected = [theme.grid, *(theme.bases[b] for b in "ACGTN"), theme.ink]
    assert [list(each.values()) for each in scale] == [expected, expected]
    assert (trace.zmin, trace.zmax) == (-0.5, 6.5)
    assert (trace.x0, trace.dx) == (101, 1)


def test_new_bases_have_letters_in_sight_only():
    edits = [(99, 101, "AC"), (105, 106, "G"), (109, 112, "TTT"), (102, 103, "")]
    (letters,) = Haplotype(edits).draw(VIEW).letters
    assert letters.text == "CGT"
    assert letters.x.tolist() == [101, 106, 110]
    assert (letters.bottom < letters.top).all()
    assert not letters.genome


def test_without_new_bases_there_are_no_letters():
    assert Haplotype([(103, 106, "")]).draw(VIEW).letters == ()
    assert Haplotype([]).draw(VIEW).letters == ()


def test_a_wedge_stands_before_the_base_that_inserted_text_precedes():
    edits = [(103, 103, "ACG"), (105, 107, "T"), (300, 300, "A"), (110, 110, "C")]
    wedges = Haplotype(edits).draw(VIEW).traces[1]
    assert list(wedges.x) == [103.5, 105.5, 110.5]  # between 103 and 104, 1-based
    assert wedges.hovertext[0] == "<b>inserted after 103</b><br>ACG"
    assert wedges.yaxis == "y2"


def test_inserted_text_is_shortened_and_shown_as_text(payload):
    (told,) = Haplotype([(103, 103, payload)]).draw(VIEW).traces[1].hovertext
    assert "&lt;img" in told
    assert "<img" not in told
    (told,) = Haplotype([(103, 103, "ACGT" * 50)]).draw(VIEW).traces[1].hovertext
    assert told.endswith("ACGT… (200)")


@pytest.mark.parametrize(
    ("edits", "note"),
    [
        ([], ""),
        ([(1, 2, "A")], "1 substituted"),
        ([(1, 5, ""), (9, 9, "ACG"), (7, 8, "T")], None),
        ([(0, 2000, "")], "2,000 deleted"),
        ([(1, 3, "T")], "2 deleted   1 inserted"),
    ],
)
def test_the_note_counts_bases(edits, note):
    expected = "1 substituted   4 deleted   3 inserted" if note is None else note
    assert Haplotype(edits).draw(VIEW).note == expected


def test_its_name_is_text(payload):
    assert "<img" not in Haplotype([], payload).draw(VIEW).label


def test_a_long_haplotype_is_drawn_as_one_row():
    where = Interval("chr1", 0, 50_000)
    rng = np.random.default_rng(0)
    places = rng.choice(50_000, 200, replace=False)
    lane = Haplotype([(int(p), int(p) + 1, "A") for p in places]).draw(View(where))
    row = lane.traces[0].z
    assert row.shape == (1, 50_000)
    np.testing.assert_array_equal(np.flatnonzero(row[0] == A), np.sort(places))


def test_refuses_an_edit_that_ends_before_it_starts():
    with pytest.raises(ValueError, match="end before they start; got 5 to 3"):
        Haplotype([(1, 2, "A"), (5, 3, "")])
