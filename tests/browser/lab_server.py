"""A real JupyterLab of its own: free port, empty folders, no questions asked."""

import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import nbformat
import psutil

REPOSITORY = Path(__file__).parents[2]
# Lab would hide cells that are off the screen, ask about news, and save while a test
# looks.
SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "notebook-extension/tracker": {"windowingMode": "none"},
    "docmanager-extension/plugin": {"autosave": False},
}
OPTIONS = (
    "--allow-root",
    "--no-browser",
    "--ip=127.0.0.1",
    "--ServerApp.port_retries=0",
    "--LabApp.expose_app_in_browser=True",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    "--LabApp.news_url=",
    "--LabApp.extension_manager=readonly",
)
# A server reads nothing; its input ends when the tests do, however they end.
PROGRAM = """
import os, signal, sys, threading

def follow():
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)

threading.Thread(target=follow, daemon=True).start()
from jupyterlab.labapp import main
sys.exit(main())
"""


class LabServer:
    """JupyterLab in the folder ``home``, from `start` to `stop`."""

    def __init__(self, home: Path) -> None:
        self.root = home / "notebooks"
        self.url = f"http://127.0.0.1:{_free_port()}"
        self.token = secrets.token_hex(16)
        self._home = home
        self._log = home / "lab.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *, timeout: float = 120.0) -> None:
        """Start the server and wait until it answers."""
        self.root.mkdir(parents=True)
        for name, values in SETTINGS.items():
            path = self._home / f"settings/@jupyterlab/{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(values), encoding="utf-8")
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, *OPTIONS, *self._own_options()],
                env=self._environment(),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        until = time.monotonic() + timeout
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until:
                self.stop()
                raise RuntimeError(f"JupyterLab did not start:\n{self.log()}")
            time.sleep(0.2)

    def _own_options(self) -> tuple[str, ...]:
        port = self.url.rpartition(":")[2]
        return (
            f"--port={port}",
            f"--IdentityProvider.token={self.token}",
            f"--ServerApp.root_dir={self.root}",
        )

    def _environment(self) -> dict[str, str]:
        """Return variables that keep the reader's own Jupyter out of it."""
        folders = {
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_DATA_DIR": "data",
            "JUPYTER_RUNTIME_DIR": "runtime",
            "JUPYTERLAB_SETTINGS_DIR": "settings",
            "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
            "IPYTHONDIR": "ipython",
        }
        return {
            **os.environ,
            **{name: str(self._home / folder) for name, folder in folders.items()},
            "PYTHONPATH": str(REPOSITORY),  # cells may import tests.toy_models
            "OMP_NUM_THREADS": "1",
        }

    def _answers(self) -> bool:
        try:
            self.ask("/api/status")
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False
        return True

    def ask(self, path: str, method: str = "GET") -> Any:
        """Return what the REST interface answers."""
        request = urllib.request.Request(
            self.url + path,
            method=method,
            headers={"Authorization": f"token {self.token}"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            body = answer.read()
        return json.loads(body) if body else None

    def write_notebook(self, name: str, cells: list[str]) -> str:
        """Write a notebook that was never run; return the address that opens it."""
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook = nbformat.v4.new_notebook(metadata={"kernelspec": kernel})
        notebook.cells = [nbformat.v4.new_code_cell(source) for source in cells]
        nbformat.write(notebook, self.root / name)
        return self.address(name)

    def address(self, name: str) -> str:
        """Return where a notebook of this server is opened."""
        return f"{self.url}/lab/tree/{name}?reset&token={self.token}"

    def end_sessions(self) -> None:
        """End every kernel, so that the next notebook starts with a fresh one."""
        for session in self.ask("/api/sessions"):
            self.ask(f"/api/sessions/{session['id']}", "DELETE")

    def log(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")[-3000:]

    def stop(self) -> None:
        """End the server and all its kernels, willing or not."""
        if self._process is None:
            return
        family = _children(self._process.pid)
        self._process.terminate()
        try:
            self._process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
        self._process = None
        # Kernels lead process groups of their own and may outlive their server.
        for process in psutil.wait_procs(family, timeout=5)[1]:
            process.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _children(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
