"""What the other tests rely on: nothing that goes wrong goes unseen."""

import pytest

BUTTON = """
import ipywidgets
button = ipywidgets.Button(description="divide")
button.on_click(lambda _: 1 / 0)
button
"""


def test_an_error_in_a_callback_is_seen(notebook):
    page = notebook(BUTTON)
    page.page.get_by_role("button", name="divide").click()
    page.page.wait_for_function("kernelErrors.length > 0")
    assert "ZeroDivisionError" in page.unasked()[0]
    page.page.evaluate("() => { kernelErrors.length = 0; }")


def test_a_line_on_stderr_fails_the_run(notebook, pages):
    with pytest.raises(AssertionError, match="careful"):
        notebook("import sys; print('careful', file=sys.stderr)")
    pages[-1].page.evaluate("() => { kernelErrors.length = 0; }")
