"""Which tracks, in what order, how high; and every change taken back."""

from dataclasses import dataclass

import numpy as np
import pytest

from hyenascope.data.interval import Interval
from hyenascope.data.track_data import TrackData
from hyenascope.viz.components import Genes, Line, Sequence
from hyenascope.viz.lane import Lane
from hyenascope.viz.view import View
from hyenascope.widgets.track_list import (
    LEAST_HEIGHT,
    MOST_HEIGHT,
    Track,
    TrackList,
)
from tests.toy_locus import LOCUS, build_gene

BASES = Sequence("ACGT" * 25)


@dataclass
class Broken:
    """Cannot draw itself."""

    error: Exception

    def draw(self, view: View) -> Lane:
        raise self.error


@pytest.fixture
def tracks() -> TrackList:
    made = TrackList()
    for label in ("a", "b", "c"):
        made.add(label, BASES)
    made.settle()
    return made


def order(tracks: TrackList) -> str:
    return "".join(track.label for track in tracks.tracks)


def test_ids_are_never_used_again(tracks):
    tracks.remove("c-3")
    assert tracks.add("c", BASES) == "c-4"
    assert [track.id for track in tracks.tracks] == ["a-1", "b-2", "c-4"]


@pytest.mark.parametrize(("at", "expected"), [(None, "abcx"), (0, "xabc"), (2, "abxc")])
def test_adds_where_asked(tracks, at, expected):
    tracks.add("x", BASES, at=at)
    assert order(tracks) == expected


@pytest.mark.parametrize(
    ("track", "by", "expected"),
    [
        ("a-1", 1, "bac"),
        ("a-1", 9, "bca"),
        ("c-3", -1, "acb"),
        ("c-3", -9, "cab"),
        ("b-2", 0, "abc"),
        ("a-1", -1, "abc"),
    ],
)
def test_moves_no_further_than_the_ends(tracks, track, by, expected):
    tracks.move(track, by)
    assert order(tracks) == expected


def test_the_last_track_stays(tracks):
    tracks.remove("a-1")
    tracks.remove("b-2")
    with pytest.raises(ValueError, match="tracks must hold at least one; this is the"):
        tracks.remove("c-3")
    assert order(tracks) == "c"


def test_hidden_tracks_keep_their_place(tracks):
    tracks.show("b-2", visible=False)
    assert [track.label for track in tracks.visible] == ["a", "c"]
    assert order(tracks) == "abc"
    tracks.show("b-2", visible=True)
    assert [track.label for track in tracks.visible] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("factors", "scale"),
    [((2.0,), 2.0), ((2.0, 1.5), 3.0), ((100.0,), 8.0), ((0.0,), 0.2), ((-3.0,), 0.2)],
)
def test_heights_change_within_reason(tracks, factors, scale):
    for factor in factors:
        tracks.resize("b-2", factor)
    assert [track.scale for track in tracks.tracks] == [1.0, scale, 1.0]


@pytest.mark.parametrize(
    "change",
    [
        lambda tracks: tracks.remove("z"),
        lambda tracks: tracks.move("z", 1),
        lambda tracks: tracks.resize("z", 2.0),
        lambda tracks: tracks.show("z", visible=True),
    ],
    ids=["remove", "move", "resize", "show"],
)
def test_an_unknown_track_is_refused(tracks, change):
    before = tracks.tracks
    with pytest.raises(KeyError, match=r"track_id must be one of a-1, b-2, c-3; got"):
        change(tracks)
    assert tracks.tracks == before
    assert not tracks.undo()


def test_undo_goes_back_through_every_state():
    rng = np.random.default_rng(3)
    tracks, states = TrackList(), []
    for _ in range(60):
        states.append(tracks.tracks)
        choice = rng.integers(6) if len(tracks.tracks) > 1 else 0
        some = tracks.tracks[rng.integers(len(tracks.tracks))].id if choice else ""
        if choice <= 1:
            tracks.add("x", BASES, at=int(rng.integers(len(tracks.tracks) + 1)))
        elif choice == 2:
            tracks.remove(some)
        elif choice == 3:
            tracks.move(some, int(rng.integers(-3, 4)))
        elif choice == 4:
            tracks.resize(some, float(rng.uniform(0.5, 2)))
        else:
            tracks.show(some, visible=bool(rng.integers(2)))
    for state in reversed(states):
        assert tracks.undo()
        assert tracks.tracks == state
    assert not tracks.undo()


def test_what_is_settled_is_not_undone(tracks):
    assert not tracks.undo()
    assert order(tracks) == "abc"


@pytest.mark.parametrize("scale", [1.0, 2.5, 0.2, 8.0])
def test_a_lane_is_drawn_at_the_chosen_height(scale):
    view = View(LOCUS)
    natural = BASES.draw(view).height
    drawn = Track("s-1", "s", BASES, scale=scale).draw(view)
    assert drawn.height == max(LEAST_HEIGHT, round(natural * scale))


def test_no_lane_is_higher_than_a_screen():
    line = Line(TrackData(np.zeros(100), ("x",), LOCUS))
    high = Track("x-1", "x", line, scale=8.0).draw(View(LOCUS))
    assert high.height == MOST_HEIGHT


def test_data_elsewhere_leave_a_lane_that_says_so():
    away = Line(TrackData([1.0], ("gc",), Interval("chr2", 5, 6)))
    lane = Track("gc-1", "gc", away).draw(View(LOCUS))
    assert lane.label == "gc"
    assert lane.note.startswith("nothing here: track_data must overlap the figure")


@pytest.mark.parametrize(
    ("error", "note"),
    [
        (RuntimeError("disk <b>gone</b>"), "cannot be drawn: disk &lt;b&gt;gone"),
        (KeyError("pos"), "cannot be drawn: pos"),
        (ZeroDivisionError(), "cannot be drawn: ZeroDivisionError"),
    ],
    ids=["text", "key", "silent"],
)
def test_a_track_that_fails_says_why(error, note):
    lane = Track("x-1", "x <i>", Broken(error)).draw(View(LOCUS))
    assert lane.label == "x &lt;i&gt;"
    assert lane.note.startswith(note)


def test_a_long_reason_takes_two_lines():
    lane = Track("x-1", "x", Broken(ValueError("so " * 300))).draw(View(LOCUS))
    assert lane.note.count("<br>") == 1
    assert max(map(len, lane.note.split("<br>"))) <= 110  # room at 900 px
    assert lane.note.endswith(" …")


def test_a_track_passes_names_on():
    genes = Genes([build_gene("ABC1", 1010, 20)])
    named = Track("genes-1", "genes", genes)
    assert list(named.places(LOCUS)) == [("ABC1", Interval("chr1", 1010, 1030))]
    assert list(Track("s-1", "s", BASES).places(LOCUS)) == []
