"""How figures look: one template, two themes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

FONT = "Inter, 'Helvetica Neue', Helvetica, Arial, 'DejaVu Sans', sans-serif"
MONO = "ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace"

ThemeName = Literal["light", "dark"]
LIGHT_LETTER, DARK_LETTER = "#ffffff", "#111418"


@dataclass(frozen=True)
class Theme:
    """The colours of a figure, for light or dark paper.

    Parameters
    ----------
    name
        ``"light"`` or ``"dark"``.
    ink, muted, faint
        Of text, of lesser text, and of lines that carry no data.
    grid, paper, hover
        Of grid lines, of the ground, and of the ground of hover text.
    flagged, outline
        Of what has no value, and around markers.
    bases
        Letter to colour, N for everything but A, C, G, T. The four stay apart for
        deuteranopes, protanopes and tritanopes.
    coding, exon, intron
        Of the parts of genes.
    lines
        Colours of the signals in one track, in order.
    diverging
        A colour scale from negative (red: the model likes the change less) over
        zero (the colour of the paper) to positive (blue). Written out because
        plotly's own ``RdBu`` is grey in the middle and differs in sign from
        matplotlib's.
    sequential
        A colour scale from nothing (the colour of the paper) to much.
    """

    name: ThemeName
    ink: str
    muted: str
    faint: str
    grid: str
    paper: str
    hover: str
    flagged: str
    outline: str
    bases: Mapping[str, str]
    coding: str
    exon: str
    intron: str
    lines: tuple[str, ...]
    diverging: tuple[tuple[float, str], ...]
    sequential: tuple[tuple[float, str], ...]

    @property
    def letters(self) -> dict[str, str]:
        """Colours of letters upon blocks of `bases`: dark where the block is light."""
        light = "GN" if self.name == "light" else "ACGTN"
        return {
            base: DARK_LETTER if base in light else LIGHT_LETTER for base in self.bases
        }

    def line(self, number: int) -> str:
        """Return the colour of signal ``number``, counted from 0, round and round."""
        return self.lines[number % len(self.lines)]


LIGHT = Theme(
    name="light",
    ink="#1f2933",
    muted="#5f6b78",
    faint="#9aa5b1",
    grid="#e6e9ed",
    paper="#ffffff",
    hover="#ffffff",
    flagged="#8a94a0",
    outline="#5c6873",
    bases={
        "A": "#1B9E77",
        "C": "#2166AC",
        "G": "#F2A900",
        "T": "#B2182B",
        "N": "#c5cbd3",
    },
    coding="#2c5282",
    exon="#8fa6c4",
    intron="#7b8794",
    lines=("#2f5d8a", "#b3541e", "#3a7d44", "#7a4f9a", "#8a6d1f", "#4d5965"),
    diverging=(
        (0.0, "#8e0f2a"),
        (0.25, "#dd6b57"),
        (0.5, "#ffffff"),
        (0.75, "#5aa0d0"),
        (1.0, "#0d3d7a"),
    ),
    sequential=((0.0, "#ffffff"), (0.5, "#8fc1b5"), (1.0, "#0b4f45")),
)
DARK = Theme(
    name="dark",
    ink="#e4e9ef",
    muted="#9aa7b5",
    faint="#66727f",
    grid="#2b333c",
    paper="#111418",
    hover="#1d232a",
    flagged="#8a94a0",
    outline="#b6c0ca",
    bases={
        "A": "#3fc99b",
        "C": "#6ba6e8",
        "G": "#f7c548",
        "T": "#f0737f",
        "N": "#56616d",
    },
    coding="#7fb2e5",
    exon="#4a6b8f",
    intron="#8b97a3",
    lines=("#7fb2e5", "#ec9a63", "#7cc487", "#bf97dd", "#d3b564", "#a6b3c0"),
    diverging=(
        (0.0, "#ff8a80"),
        (0.25, "#b5443d"),
        (0.5, "#111418"),
        (0.75, "#2f6fae"),
        (1.0, "#86c5ff"),
    ),
    sequential=((0.0, "#111418"), (0.5, "#2b7a6b"), (1.0, "#9fe3d2")),
)
THEMES = {"light": LIGHT, "dark": DARK}


def layout_defaults(theme: Theme = LIGHT) -> dict[str, Any]:
    """Fonts, background and behaviour shared by every figure."""
    return {
        "font": {"family": FONT, "size": 12, "color": theme.ink},
        "paper_bgcolor": theme.paper,
        "plot_bgcolor": "rgba(0,0,0,0)",
        "showlegend": False,
        "hovermode": "closest",
        "hoverdistance": 24,
        "spikedistance": -1,
        "dragmode": "pan",
        # JupyterLab shows a plain figure without its config: the genome stays private.
        "modebar": {"remove": ["sendChartToCloud"]},
        "hoverlabel": {
            "bgcolor": theme.hover,
            "bordercolor": theme.faint,
            "font": {"family": FONT, "size": 12, "color": theme.ink},
            "align": "left",
            "namelength": 0,
        },
    }
