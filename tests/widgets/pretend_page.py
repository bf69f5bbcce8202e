"""A page in Python: says to a widget what a page says, hears what it would hear."""

import base64
import json
from typing import Any

import numpy as np

from hyenascope.data.interval import Interval
from hyenascope.widgets.locus_host import LocusHost


class PretendPage:
    """Stands in for the page of one widget, with or without a kernel.

    Everything that is sent must be JSON that any reader takes: no NaN, no infinity.
    """

    def __init__(self, widget: LocusHost) -> None:
        self.widget = widget
        self.heard: list[dict[str, Any]] = []
        self.buffers: list[Any] = []
        self._number = 0
        widget.send = self._hear

    def _hear(self, content: dict[str, Any], buffers: Any = None) -> None:
        self.heard.append(content)
        self.buffers.append(buffers)

    def tell(self, kind: str, **content: Any) -> list[dict[str, Any]]:
        """Say something that has no answer; return all that was heard meanwhile."""
        before = len(self.heard)
        self.widget._receive(self.widget, {"kind": kind, **content}, None)
        news = self.heard[before:]
        json.dumps(news, allow_nan=False)
        return news

    def ask(self, kind: str, **content: Any) -> dict[str, Any]:
        """Ask and return the answer, which must be the only one."""
        self._number += 1
        asker = f"page:{self._number}"
        news = self.tell(kind, **{"from": asker}, **content)
        [answer] = [each for each in news if each.get("to") == asker]
        return answer

    def place(self, interval: Interval) -> dict[str, Any]:
        """Return a window as a page states it: edges of bases, on the axis."""
        return {
            "chrom": interval.chrom,
            "left": interval.start + 0.5,
            "right": interval.end + 0.5,
        }

    def wish(self, interval: Interval | None = None, **changes: Any) -> dict[str, Any]:
        """Return what a tile is asked for, by default over what is shown."""
        where = interval or self.widget.interval
        return {**self.place(where), "pixels": 900, "theme": "light", **changes}

    def look(self, interval: Interval | None = None, **changes: Any) -> dict[str, Any]:
        """Return a tile."""
        answer = self.ask("look", **self.wish(interval, **changes))
        assert "error" not in answer, answer["error"]
        return answer["tile"]

    @property
    def said(self) -> list[str]:
        """What was said under the figure."""
        return [each["message"] for each in self.heard if each.get("kind") == "say"]

    def kinds(self) -> list[str]:
        """Kinds of what was heard that is no answer."""
        return [each["kind"] for each in self.heard if "kind" in each]


def notes(tile: dict[str, Any]) -> list[str]:
    """Return the texts beside and above the lanes of a tile, without markup."""
    found = [note["text"] for note in tile["layout"]["annotations"]]
    return [text.replace("<br>", " ") for text in found]


def note_of(tile: dict[str, Any], label: str) -> str:
    """Return the note above the lane of a name; "" if there is none."""
    texts = notes(tile)
    [at] = [n for n, text in enumerate(texts) if text.split("<")[0].strip() == label]
    above = tile["layout"]["annotations"][at + 1 : at + 2]
    is_note = bool(above) and above[0].get("yshift") == 2
    return texts[at + 1] if is_note else ""


def array(spec: Any) -> np.ndarray:
    """Return an array of a tile as plotly.js reads it."""
    if not isinstance(spec, dict):
        return np.array(spec)
    flat = np.frombuffer(base64.b64decode(spec["bdata"]), dtype=spec["dtype"])
    shape = spec.get("shape")
    return flat if shape is None else flat.reshape([int(n) for n in shape.split(",")])
