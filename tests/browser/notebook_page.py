"""A notebook in JupyterLab: opened, run, asked what its kernel knows."""

import json
import shutil
import time
from ast import literal_eval
from pathlib import Path
from typing import Any

from tests.browser.lab_server import LabServer
from tests.browser.watched_page import WatchedPage

# The toolbar says "idle" before the kernel is connected, and what is run until then
# never runs: wait for the kernel to introduce itself.
_OPEN = """async (name) => {
  const pause = () => new Promise((resolve) => setTimeout(resolve, 50));
  while (!window.jupyterapp) await pause();
  await jupyterapp.restored;
  while (jupyterapp.shell.currentWidget?.context?.path !== name) await pause();
  const { context, sessionContext } = jupyterapp.shell.currentWidget;
  await context.ready;
  await sessionContext.ready;
  while (!sessionContext.session?.kernel) await pause(); // ready may come first
  await sessionContext.session.kernel.info;
  window.kernelErrors = [];
  sessionContext.iopubMessage.connect((_, { header, content }) => {
    if (header.msg_type === "error") kernelErrors.push(content.traceback.join("\\n"));
    // ipykernel itself grumbles: where Lab asks for widgets and ipywidgets is not
    // imported, and when it drops a task of its own.
    const own = /^(No such comm|Task was destroyed[^]*Kernel\\.)/;
    const { name, text } = content;
    if (name === "stderr" && !own.test(text)) kernelErrors.push(text);
  });
}"""
_RUN = "() => jupyterapp.commands.execute('notebook:run-all-cells')"
_DRAWN = """() => {
  const outputs = [...document.querySelectorAll(".jp-OutputArea-output")];
  const kind = (output) => output.dataset.mimeType ?? "";
  const widgets = outputs.filter((output) => kind(output).includes("widget-view"));
  const figures = outputs.filter((output) => kind(output).includes("plotly"));
  return figures.every((output) => output.querySelector(".js-plotly-plot")) &&
    widgets.every((output) => output.querySelector(".jupyter-widgets")) &&
    [...document.querySelectorAll(".js-plotly-plot")].every((gd) => gd._fullLayout) &&
    [...document.querySelectorAll(".hs-locus")].every(
      (host) => ["ready", "failed"].includes(host.dataset.state));
}"""
_WINDOW = "() => document.querySelector('.hs-locus').view.window"
_FAILED = "(all) => all.map((host) => host.textContent)"
_VALUE = """async (expression) => {
  const { kernel } = jupyterapp.shell.currentWidget.sessionContext.session;
  const code = `__import__("json").dumps(${expression})`;
  const reply = await kernel.requestExecute(
    { code: "", silent: true, user_expressions: { answer: code } }).done;
  const { answer } = reply.content.user_expressions;
  if (answer.status !== "ok") throw new Error(answer.traceback.join("\\n"));
  return answer.data["text/plain"];
}"""


class NotebookPage(WatchedPage):
    """A fresh notebook with a fresh kernel."""

    heard = ("error",)  # on a busy machine JupyterLab warns that it is slow

    def open_notebook(
        self, lab: LabServer, name: str, *cells: str, timeout: float = 120_000
    ) -> None:
        """Open a new notebook of these cells and wait for its kernel."""
        self._open(lab.write_notebook(name, list(cells)), name, timeout)

    def open_copy(
        self, lab: LabServer, notebook: Path, *, timeout: float = 120_000
    ) -> None:
        """Open a copy of a notebook, with its outputs, and wait for its kernel."""
        shutil.copy(notebook, lab.root)
        self._open(lab.address(notebook.name), notebook.name, timeout)

    def _open(self, address: str, name: str, timeout: float) -> None:
        self.page.goto(address, wait_until="domcontentloaded")
        self._name = name
        self.settle(_OPEN, name, timeout=timeout)

    def reload(self, *, timeout: float = 120_000) -> None:
        """Save the notebook and load the page again; the kernel goes on."""
        self.settle("() => jupyterapp.commands.execute('docmanager:save')")
        self.page.reload(wait_until="domcontentloaded")
        self.settle(_OPEN, self._name, timeout=timeout)

    def run(self, *, timeout: float = 120_000) -> None:
        """Run all cells and wait until figures and widgets are drawn."""
        self.settle(_RUN, timeout=timeout)
        errors = self.kernel_errors()
        assert not errors, "\n".join(errors)
        self.page.wait_for_function(_DRAWN, timeout=timeout)
        failed = self.page.locator('.hs-locus[data-state="failed"]')
        assert not failed.count(), failed.evaluate_all(_FAILED)

    def kernel_errors(self) -> list[str]:
        """Return tracebacks and lines on stderr, of callbacks of widgets too."""
        return self.page.evaluate("window.kernelErrors ?? []")

    def unasked(self) -> list[str]:
        return [*self.problems, *self.kernel_errors()]

    def forget(self) -> None:
        """Forget what happened so far, before another test."""
        self.problems.clear()
        self.page.evaluate("window.kernelErrors = []")

    def value(self, expression: str) -> Any:
        """Return what a Python expression is in the kernel, by way of JSON."""
        return json.loads(literal_eval(self.settle(_VALUE, expression)))

    def interval(self, widget: str) -> list[int]:
        """Return where the kernel's widget is, once it has heard where the page is.

        0-based half-open. The page tells it when a movement is over.
        """
        deadline = time.monotonic() + 30
        while True:
            left, right = self.page.evaluate(_WINDOW)
            start, end = self.value(f"[{widget}.interval.start, {widget}.interval.end]")
            if abs(start + 0.5 - left) < 1 and abs(end + 0.5 - right) < 1:
                return [start, end]
            assert time.monotonic() < deadline, f"{start}-{end}, not {left}-{right}"
            self.page.wait_for_timeout(50)
