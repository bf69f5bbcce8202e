"""Which thread of a kernel hears a widget."""

from ipywidgets import Widget

from hyenascope.widgets.busy_cell import hear_while_busy
from hyenascope.widgets.live_curves import LiveCurves
from hyenascope.widgets.training_monitor import TrainingMonitor
from tests.viz.test_training_run import reports


def route(widget, sender: str) -> str:
    """Say where a message goes, as ipykernel 7.4 does: to who last sent, if known."""
    return getattr(widget.comm, "_reply_subshell_id", sender)


def test_a_message_goes_where_the_page_sent_it():
    widget = Widget()
    widget.comm._reply_subshell_id = None  # the loop that runs the cell
    assert route(widget, "messages") is None
    hear_while_busy(widget)
    hear_while_busy(widget)
    assert route(widget, "messages") == "messages"


def test_a_widget_that_was_closed_stays_so():
    widget = Widget()
    widget.close()
    hear_while_busy(widget)
    assert widget.comm is None


def test_curves_are_heard_after_each_picture():
    curves = LiveCurves(reports([]))
    curves.comm._reply_subshell_id = None
    curves.draw(reports([1.4, 1.3]))
    assert route(curves, "messages") == "messages"


def test_the_button_is_heard_as_soon_as_there_is_a_run():
    monitor = TrainingMonitor(every=1e6)
    button = monitor.children[0].children[1]
    button.comm._reply_subshell_id = None
    monitor.run(lambda given: None)
    monitor.result(20.0)
    assert route(button, "messages") == "messages"
