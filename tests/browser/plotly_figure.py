"""A Plotly figure in a page: what it holds, and how to point at a base of a lane.

Places are axis coordinates, as in the code that drew the figure: ``x`` in bases
(1-based), ``y`` in the units of the lane, ``lane`` its y axis as `View.yaxis` says it
("y", "y2", …).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# Plotly looks at the mouse at most every 50 ms, and a click counts only where it
# has looked.
HOVER_MS = 120

_PIXEL = """async ([x, y, lane]) => {
  gd.scrollIntoView({ block: "center", behavior: "instant" });
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  const place = () => gd.querySelector(".main-svg").getBoundingClientRect();
  let box = place();
  // A wheel still turning may go on scrolling for some frames.
  for (let still = 0, left = 200; still < 3 && left; left--) {
    await frame();
    const now = place();
    still = now.top === box.top && now.left === box.left ? still + 1 : 0;
    box = now;
  }
  const { xaxis, ["yaxis" + lane.slice(1)]: yaxis } = gd._fullLayout;
  const down = yaxis._offset + yaxis.d2p(y);
  // A figure higher than the screen has lanes that its middle does not bring in.
  const off = box.top + down < 0 || box.top + down >= innerHeight;
  if (off) scrollBy({ top: box.top + down - innerHeight / 2, behavior: "instant" });
  return [box.left + xaxis._offset + xaxis.d2p(x), place().top + down];
}"""
_HOVER_TEXT = """() => [...gd.querySelectorAll(".hoverlayer .hovertext text")]
  .map((text) => {
    const lines = [...text.querySelectorAll("tspan.line")];
    return (lines.length ? lines : [text]).map((line) => line.textContent).join("\\n");
  })
  .filter((text) => text)
  .join("\\n")"""
_PLAIN = """([trace, key]) => JSON.parse(JSON.stringify(gd._fullData[trace][key],
  (_, value) => ArrayBuffer.isView(value) ? Array.from(value) : value))"""
_SHOWS = """([left, right, within]) => {
  const [first, last] = gd._fullLayout.xaxis.range;
  return Math.abs(first - left) <= within && Math.abs(last - right) <= within;
}"""


class PlotlyFigure:
    """Figure ``number`` of those in the page, counted from the top."""

    def __init__(self, page: Any, number: int = 0) -> None:
        self.page = page
        self.number = number

    def read(self, script: str, arg: object = None) -> Any:
        """Return what a JavaScript function says; it sees the figure as ``gd``."""
        return self.page.evaluate(self._seeing_figure(script), [self.number, arg])

    def wait(self, script: str, arg: object = None, *, timeout: float = 30_000) -> None:
        """Wait until a JavaScript function, which sees ``gd``, says yes."""
        self.page.wait_for_function(
            self._seeing_figure(script), arg=[self.number, arg], timeout=timeout
        )

    def _seeing_figure(self, script: str) -> str:
        # Looked up anew each time: a widget may have drawn itself again.
        find = "document.querySelectorAll('.js-plotly-plot')[number]"
        return f"([number, arg]) => {{ const gd = {find}; return ({script})(arg); }}"

    def wait_drawn(self, *, timeout: float = 60_000) -> None:
        drawn = "() => gd?._fullLayout && gd.querySelector('.cartesianlayer .subplot')"
        self.wait(drawn, timeout=timeout)

    def traces(self) -> int:
        return self.read("() => gd._fullData.length")

    def values(self, trace: int, key: str) -> Any:
        """Return what a trace holds under a key, such as "x"; NaN becomes None."""
        return self.read(_PLAIN, [trace, key])

    def layout(self, path: str) -> Any:
        """Return a part of the full layout, such as "xaxis.range"."""
        step = "(part, key) => part?.[key]"
        return self.read(
            f"(path) => path.split('.').reduce({step}, gd._fullLayout)", path
        )

    def wait_window(self, left: float, right: float, *, within: float = 0.5) -> None:
        """Wait until the x axis shows ``left`` to ``right``."""
        self.wait(_SHOWS, [left, right, within])

    def pixel(self, x: float, y: float, lane: str = "y") -> tuple[float, float]:
        """Scroll to a point and return where it is on the screen."""
        across, down = self.read(_PIXEL, [x, y, lane])
        size = self.page.viewport_size
        inside = 0 <= across < size["width"] and 0 <= down < size["height"]
        assert inside, f"x={x}, {lane}={y} is off the screen: {across:.0f},{down:.0f}"
        return across, down

    def point(self, x: float, y: float, lane: str = "y") -> tuple[float, float]:
        """Put the mouse on a point, long enough for the figure to notice."""
        place = self.pixel(x, y, lane)
        # The text of where the mouse was must not be taken for that of this point.
        self.page.mouse.move(0, 0)
        self.wait("() => !gd.querySelector('.hoverlayer .hovertext')")
        self.page.mouse.move(*place)
        self.page.wait_for_timeout(HOVER_MS)
        return place

    def hover(self, x: float, y: float, lane: str = "y") -> str:
        """Point at something and return the text that appears."""
        self.point(x, y, lane)
        self.wait("() => gd.querySelector('.hoverlayer .hovertext')")
        return self.read(_HOVER_TEXT)

    def click(self, x: float, y: float, lane: str = "y", *, held: str = "") -> None:
        """Click on a point, with a key such as "Shift" held down."""
        place = self.point(x, y, lane)
        with self._holding(held):
            self.page.mouse.click(*place)

    def double_click(self, x: float, y: float, lane: str = "y") -> None:
        self.page.mouse.dblclick(*self.point(x, y, lane))

    def drag(
        self, start: float, end: float, y: float, lane: str = "y", *, held: str = ""
    ) -> None:
        """Drag along a lane from base ``start`` to base ``end`` as they lie now."""
        left, right = self.pixel(start, y, lane), self.pixel(end, y, lane)
        self.point(start, y, lane)
        with self._holding(held):
            self.page.mouse.down()
            self.page.mouse.move((left[0] + right[0]) / 2, left[1], steps=4)
            self.page.mouse.move(*right, steps=4)
            self.page.mouse.up()

    def wheel(
        self, x: float, y: float, turn: float, lane: str = "y", *, held: str = ""
    ) -> None:
        """Turn the wheel over a point; below zero is away from the reader: closer."""
        self.point(x, y, lane)
        with self._holding(held):
            self.page.mouse.wheel(0, turn)

    @contextmanager
    def _holding(self, key: str) -> Iterator[None]:
        if key:
            self.page.keyboard.down(key)
        yield
        if key:
            self.page.keyboard.up(key)
