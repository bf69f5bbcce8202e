"""Curves drawn again in place are those of a fresh figure."""

import numpy as np
import pytest
from ipywidgets.widgets import widget

from hyenascope.viz.training_curves import plot_training
from hyenascope.widgets import live_curves
from hyenascope.widgets.live_curves import LiveCurves
from tests.viz.test_training_run import reports

FEW = reports([1.40, 1.39, 1.37], validation=[None, 1.38, None])


def many(count: int = 600):
    losses = 1.3 + 1.2 * np.exp(-np.arange(count) / 20)
    lengths = np.where(np.arange(count) < 300, 10, 20)
    skipped = np.where(np.arange(count) == 9, "why <b>", "").astype(object)
    return reports(losses, length=lengths, skipped=skipped)


@pytest.fixture
def curves():
    return LiveCurves(reports([]))


def test_drawn_in_place_is_drawn_afresh(curves):
    curves.draw(FEW)
    curves.draw(many())
    fresh = plot_training(many(), height=370)
    for shown, wanted in zip(curves.data, fresh.data, strict=True):
        assert shown.name == wanted.name
        assert shown.showlegend == wanted.showlegend
        assert shown.text == wanted.text
        np.testing.assert_array_equal(shown.x, wanted.x)
        np.testing.assert_array_equal(shown.y, wanted.y)
        np.testing.assert_array_equal(shown.customdata, wanted.customdata)
    for part in ("shapes", "annotations"):
        shown, wanted = (list(f.layout[part]) for f in (curves, fresh))
        assert shown == wanted
    assert curves.layout.yaxis.range == fresh.layout.yaxis.range


def test_a_page_hears_of_the_whole_figure_as_soon_as_of_the_widget(monkeypatch):
    told, create = [], widget.comm.create_comm

    def listen(**message):
        told.append(message["data"]["state"])
        return create(**message)

    monkeypatch.setattr(widget.comm, "create_comm", listen)
    curves = LiveCurves(FEW)
    [state] = [state for state in told if "_widget_data" in state]
    assert [t["name"] for t in state["_widget_data"]] == [t.name for t in curves.data]
    assert state["_widget_data"][0]["x"]["shape"] == (3,)  # packed
    assert tuple(state["_widget_layout"]["yaxis"]["range"]) == curves.layout.yaxis.range
    assert state["_config"] == curves._config


def test_an_axis_that_a_reader_moved_stays_until_it_is_put_back(curves):
    curves.draw(FEW)
    first = curves.layout.yaxis.range
    data = {"yaxis.range[0]": 1.2, "yaxis.range[1]": 1.3}
    told = {"relayout_data": data, "source_view_id": "view"}
    curves.set_state({"_js2py_relayout": told})
    curves.draw(many())
    assert tuple(curves.layout.yaxis.range) == (1.2, 1.3)
    assert len(curves.data[0].x) == 600  # but the curve goes on
    data = {"yaxis.range[0]": first[0], "yaxis.range[1]": first[1]}
    curves.set_state({"_js2py_relayout": {**told, "relayout_data": data}})
    curves.draw(many())
    assert curves.layout.yaxis.range == plot_training(many()).layout.yaxis.range


@pytest.mark.parametrize("late", [False, True])
def test_a_move_that_a_frame_has_undone_is_done_again(curves, monkeypatch, late):
    """The page moved the axis, and then got a frame that was sent before."""
    curves.draw(FEW)
    curves.draw(many())
    if late:
        monkeypatch.setattr(live_curves, "monotonic", lambda: curves._framed + 11)
    sent = []
    monkeypatch.setattr(
        curves, "_send_relayout_msg", lambda told, **view: sent.append((told, view))
    )
    data = {"yaxis.range[0]": 1.2, "yaxis.range[1]": 1.3}
    told = {"relayout_data": data, "source_view_id": "view"}
    curves.set_state({"_js2py_relayout": told})
    again = [(data, {})] * (not late)
    assert [each for each in sent if not each[1]] == again  # to every view


def test_echoes_of_the_page_change_nothing(curves):
    curves.draw(FEW)
    names = [trace.name for trace in curves.data]
    deltas = [{"uid": trace.uid, "name": "trace"} for trace in curves.data]
    echo = {"trace_deltas": deltas, "trace_edit_id": curves._last_trace_edit_id}
    curves.set_state({"_js2py_traceDeltas": echo})
    curves.refresh()
    assert [trace.name for trace in curves.data] == names
    assert [trace["name"] for trace in curves._widget_data] == names


def test_a_view_that_is_opened_later_begins_with_what_is_shown(curves):
    curves.draw(many())
    curves.draw(many(601))  # a step more: nothing else is new
    assert len(curves._widget_data[0]["x"]) == 600
    curves.refresh()
    assert len(curves._widget_data[0]["x"]) == 601


def test_a_page_loaded_anew_knows_what_is_not_sent_with_every_step(curves):
    looks = np.full(601, None, dtype=object)
    for last in (None, 1.33, 1.32):  # of the held-out text
        looks[300 if last == 1.33 else 500] = last
        curves.draw(many().assign(validation=looks[:600]))
        kept = curves._widget_data
        assert [t["name"] for t in kept] == [t.name for t in curves.data]
        assert len(kept[2]["x"]) == len(curves.data[2].x)
        shown = curves._widget_layout["yaxis"]["range"]
        assert tuple(shown) == curves.layout.yaxis.range
