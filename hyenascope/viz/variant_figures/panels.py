"""Pictures side by side on one canvas, at most four in a row."""

from dataclasses import dataclass
from typing import Any

from hyenascope.viz.variant_figures.canvas import Canvas

IN_A_ROW = 4
_HEADING, _BELOW = 40, 52  # pixels over a panel and under its axis
_BETWEEN = 0.03


@dataclass(frozen=True)
class Grid:
    """Where panels lie; they share the y axis of the first of their row.

    Parameters
    ----------
    count
        Panels.
    panel
        Height of one, pixels.
    foot
        Pixels that something else takes below all of them.
    """

    count: int
    panel: int
    foot: int = 0

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return -(-self.count // IN_A_ROW)

    @property
    def height(self) -> int:
        """Pixels of all rows, without the margins of the canvas."""
        rows = self.rows
        return rows * (self.panel + _HEADING) + (rows - 1) * _BELOW + self.foot

    def domains(self, number: int) -> tuple[list[float], list[float]]:
        """Return where panel ``number`` lies, from 0 to 1 across and upwards."""
        across = min(self.count, IN_A_ROW)
        width = (1 - _BETWEEN * (across - 1)) / across
        left = number % IN_A_ROW * (width + _BETWEEN)
        down = number // IN_A_ROW * (self.panel + _HEADING + _BELOW) + _HEADING
        top = 1 - down / self.height
        return [left, min(left + width, 1.0)], [top - self.panel / self.height, top]

    def axes(
        self,
        number: int,
        canvas: Canvas,
        x: dict[str, Any],
        y: dict[str, Any],
    ) -> dict[str, Any]:
        """Return the two axes of a panel, named ``xaxis``, ``xaxis2`` and so on."""
        own = "" if number == 0 else str(number + 1)
        across, upwards = self.domains(number)
        first = number % IN_A_ROW == 0
        title = y.pop("title", "") if first else y.pop("title", "") * 0
        return {
            f"xaxis{own}": canvas.axis(x.pop("title", ""), **x)
            | {"domain": across, "anchor": f"y{own}"},
            f"yaxis{own}": canvas.axis(title, **y)
            | {
                "domain": upwards,
                "anchor": f"x{own}",
                "showticklabels": first,
                "ticks": "outside" if first else "",
            },
        }

    def heading(self, number: int, text: str, canvas: Canvas) -> dict[str, Any]:
        """Return the heading of a panel; ``text`` is escaped."""
        across, upwards = self.domains(number)
        return canvas.text(
            text,
            across[0],
            upwards[1],
            xref="paper",
            yref="paper",
            xanchor="left",
            yanchor="bottom",
            align="left",
            yshift=3,
        )


def axis_name(letter: str, number: int) -> str:
    """Return the name of an axis in a trace.

    Examples
    --------
    >>> axis_name("x", 0), axis_name("y", 2)
    ('x', 'y3')
    """
    return letter if number == 0 else f"{letter}{number + 1}"
