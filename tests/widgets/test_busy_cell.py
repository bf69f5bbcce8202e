"""Which thread of a kernel hears a widget."""

from types import SimpleNamespace

import comm
import pytest
from ipykernel.comm.comm import BaseComm
from ipywidgets import Widget

from hyenascope.widgets.busy_cell import hear_while_busy
from hyenascope.widgets.live_curves import LiveCurves
from hyenascope.widgets.training_monitor import TrainingMonitor
from tests.viz.test_training_run import reports


@pytest.fixture(autouse=True)
def kernel(monkeypatch):
    """Let widgets have the comms of ipykernel."""
    monkeypatch.setattr(comm, "create_comm", BaseComm)


def heard(widget) -> bool:
    """Let the loop that runs the cell send something; say where the answer goes."""
    widget.comm._reply_subshell_id = None
    widget.comm._reply_subshell_ids["one"] = None
    return widget.comm._reply_subshell_for({"content": {"id": "one"}}, "m") == "m"


def test_a_message_goes_where_the_page_sent_it_whoever_answers_whom():
    widget = Widget()
    assert not heard(widget)
    hear_while_busy(widget)
    assert heard(widget)
    hear_while_busy(widget)
    assert heard(widget)


def test_a_message_for_the_cells_loop_goes_to_one_beside_it_if_there_is_one():
    widget, loops = Widget(), []
    hear_while_busy(widget)
    assert widget.comm._reply_subshell_for({}, None) is None
    manager = SimpleNamespace(list_subshell=lambda: loops)
    thread = SimpleNamespace(manager=manager)
    widget.comm.kernel = SimpleNamespace(shell_channel_thread=thread)
    assert widget.comm._reply_subshell_for({}, None) is None
    loops += ["first", "second"]
    assert widget.comm._reply_subshell_for({}, None) == "first"
    assert widget.comm._reply_subshell_for({}, "second") == "second"


def test_a_widget_that_was_closed_stays_so():
    widget = Widget()
    widget.close()
    hear_while_busy(widget)
    assert widget.comm is None


def test_curves_are_heard_from_the_first():
    curves = LiveCurves(reports([]))
    assert heard(curves)
    curves.draw(reports([1.4, 1.3]))
    assert heard(curves)


def test_the_button_is_heard_from_the_first():
    monitor = TrainingMonitor(every=1e6)
    button = monitor.children[0].children[1]
    assert heard(button)
    monitor.run(lambda given: None)
    monitor.result(20.0)
    assert heard(button)
