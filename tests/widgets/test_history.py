import pytest

from hyenascope.data.interval import Interval
from hyenascope.widgets.history import History


def place(start: int, strand: str = ".") -> Interval:
    return Interval("chr1", start, start + 10, strand)


def test_an_empty_history_goes_nowhere():
    history = History()
    assert history.current is None
    assert (history.can_back, history.can_forward) == (False, False)
    assert (history.back(), history.forward()) == (None, None)
    assert len(history) == 0


def test_back_and_forward():
    history = History()
    for start in (1, 2, 3):
        history.visit(place(start))
    assert (history.back(), history.back(), history.back()) == (
        place(2),
        place(1),
        None,
    )
    assert history.current == place(1)
    assert (history.forward(), history.forward()) == (place(2), place(3))
    assert history.forward() is None
    assert history.current == place(3)


def test_a_visit_forgets_what_lay_ahead():
    history = History()
    for start in (1, 2, 3):
        history.visit(place(start))
    history.back()
    history.back()
    history.visit(place(9))
    assert history.places == (place(1), place(9))
    assert not history.can_forward


def test_the_same_place_again_is_no_visit_and_forgets_nothing():
    history = History()
    history.visit(place(1))
    history.visit(place(2))
    history.back()
    history.visit(place(1, "-"))  # a figure does not show the strand
    assert history.places == (place(1), place(2))
    assert history.can_forward
    history.visit(place(2))
    history.visit(place(1))  # not twice in a row: three entries
    assert history.places == (place(1), place(2), place(1))


def test_the_oldest_are_forgotten_first():
    history = History(limit=3)
    for start in range(10):
        history.visit(place(start))
    assert history.places == (place(7), place(8), place(9))
    assert history.current == place(9)
    assert history.back() == place(8)
    history = History(limit=1)
    history.visit(place(1))
    history.visit(place(2))
    assert (history.current, history.can_back) == (place(2), False)


def test_the_limit_is_checked():
    with pytest.raises(ValueError, match=r"limit must be at least 1; got 0\."):
        History(limit=0)
