"""A page of a real browser that notes what it should not do."""

import re
from pathlib import Path
from typing import Any

from tests.browser.plotly_figure import PlotlyFigure

SIZE = {"width": 1400, "height": 1000}


class WatchedPage:
    """One page in a browser profile of its own.

    Attributes
    ----------
    page
        Playwright's page.
    problems
        JavaScript errors, dialogs, and lines that the page wrote to the console, of
        the kinds in `heard`. A test that expects some clears the list; the fixtures
        refuse any that are left.
    requests
        Every address the page asked for, answered or not.
    """

    heard: tuple[str, ...] = ("error", "warning")

    def __init__(self, browser: Any, *, offline: bool = False) -> None:
        self.problems: list[str] = []
        self.requests: list[str] = []
        self.context = browser.new_context(viewport=SIZE)
        self.context.set_offline(offline)
        self.context.on("request", lambda request: self.requests.append(request.url))
        self.page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("console", self._hear)
        self.page.on("dialog", self._refuse)

    def _hear(self, line: Any) -> None:
        if line.type in self.heard:
            self.problems.append(f"{line.type}: {line.text}")

    def _refuse(self, dialog: Any) -> None:
        self.problems.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def unasked(self) -> list[str]:
        """Return what happened that no test asked for."""
        return self.problems

    def figure(self, number: int = 0, *, timeout: float = 60_000) -> PlotlyFigure:
        """Return a Plotly figure of the page once it is drawn."""
        figure = PlotlyFigure(self.page, number)
        figure.wait_drawn(timeout=timeout)
        return figure

    def press(self, *keys: str) -> None:
        """Press keys one after the other, such as "Tab" or "Shift+ArrowLeft"."""
        for key in keys:
            self.page.keyboard.press(key)

    def settle(self, task: str, arg: object = None, *, timeout: float = 120_000) -> Any:
        """Run an async JavaScript function and return its answer.

        Playwright's evaluate would wait for ever if the promise never settles.
        """
        self.page.evaluate(
            f"""(arg) => {{
              const mine = (window.testTask = {{}});
              Promise.resolve(arg).then({task}).then(
                (value) => {{ mine.value = value ?? null; }},
                (error) => {{ mine.error = String(error?.stack ?? error); }});
            }}""",
            arg,
        )
        self.page.wait_for_function(
            "() => 'value' in testTask || 'error' in testTask", timeout=timeout
        )
        answer = self.page.evaluate("testTask")
        assert "error" not in answer, answer["error"]
        return answer["value"]

    def listen_no_more(self) -> None:
        """Take what happened so far as all that happened."""
        told = list(self.unasked())
        self.unasked = lambda: told  # type: ignore[method-assign]

    def picture(self, screenshots: Path, name: str) -> None:
        """Keep a picture of the page as it is."""
        screenshots.mkdir(parents=True, exist_ok=True)
        picture = re.sub(r"[^\w.-]+", "-", name).strip("-")
        self.page.screenshot(path=screenshots / f"{picture}.png")

    def close(self, screenshots: Path, name: str) -> None:
        """Keep a picture and close the page."""
        self.picture(screenshots, name)
        self.context.close()


class SavedPage(WatchedPage):
    """A file opened from disk, without a network."""

    def __init__(self, browser: Any, path: Path) -> None:
        super().__init__(browser, offline=True)
        self._address = path.as_uri()
        self.page.goto(self._address)

    def unasked(self) -> list[str]:
        outside = [f"request: {url}" for url in self.requests if url != self._address]
        return [*self.problems, *outside]
