"""The bases of a locus as letters, colours, or GC content, by how many there are."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Int, UInt8, UInt32

from hyenascope.viz.letters import Letters
from hyenascope.viz.text import escape_text
from hyenascope.viz.view import View

_GC_BINS = 1000
_GC_REACH = (0.2, 0.8)


def base_blocks(text: str, view: View) -> go.Heatmap:
    """Return one coloured cell per base; IUPAC codes look like N.

    Parameters
    ----------
    text
        Upper-case bases of ``view.interval``.
    view
        Where to draw.
    """
    colours = view.theme.bases
    palette = list(colours)
    codes = np.full(256, palette.index("N"), np.uint8)
    codes[[ord(base) for base in palette]] = range(len(palette))
    bases = np.frombuffer(text.encode("ascii"), np.uint8)
    where = escape_text(view.interval.chrom)
    return colour_cells(codes[bases], list(colours.values()), view).update(
        text=np.array(list(text), dtype=object)[None],
        hovertemplate=f"<b>{where}:%{{x:,d}}</b> %{{text}}<extra></extra>",
    )


def colour_cells(
    codes: UInt8[np.ndarray, " length"], palette: Sequence[str], view: View
) -> go.Heatmap:
    """Return one cell per base of the view, coloured by its number in a palette."""
    steps = [
        [(number + side) / len(palette), colour]
        for number, colour in enumerate(palette)
        for side in (0, 1)
    ]
    return go.Heatmap(
        z=codes[None],
        x0=view.interval.start + 1,
        dx=1,
        y=[0, 1],
        yaxis=view.yaxis,
        zmin=-0.5,
        zmax=len(palette) - 0.5,
        colorscale=steps,
        showscale=False,
    )


def base_letters(text: str, view: View) -> Letters:
    """Return the letters, light upon their block or dark where that is light."""
    length = len(text)
    return Letters(
        text=text,
        x=np.arange(view.interval.start + 1, view.interval.end + 1),
        bottom=np.full(length, 0.22),
        top=np.full(length, 0.78),
        colours=view.theme.letters,
        widest=9.0,
        genome=True,
    )


def gc_blocks(text: str, view: View) -> tuple[go.Heatmap, str]:
    """Return GC fractions of equal bins and a note; a bin without A,C,G,T is empty.

    The fraction is over the A, C, G and T of a bin. The last bin may be shorter.
    """
    bases = np.frombuffer(text.encode("ascii"), dtype=np.uint8)
    size = -(-len(bases) // _GC_BINS)
    starts = np.arange(0, len(bases), size)
    gc, known = (_counts(bases, letters, starts) for letters in (b"GC", b"ACGT"))
    low, high = _GC_REACH
    trace = go.Heatmap(
        z=np.divide(gc, known, out=np.full(len(gc), np.nan), where=known > 0)[None],
        x=np.append(starts, len(bases)) + view.left,
        y=[0, 1],
        yaxis=view.yaxis,
        zmin=low,
        zmax=high,
        colorscale=[list(stop) for stop in view.theme.sequential],
        showscale=False,
        hoverongaps=False,
        hovertemplate="GC %{z:.2f}<extra></extra>",
    )
    return (
        trace,
        f"GC content of every {size:,} bp, paper {low:.0%} to full colour {high:.0%}",
    )


def _counts(
    bases: UInt8[np.ndarray, " bases"], letters: bytes, starts: Int[np.ndarray, " bins"]
) -> UInt32[np.ndarray, " bins"]:
    """Count letters between starts; np.isin takes ten times as long and as much."""
    wanted = np.zeros(256, np.uint8)
    wanted[list(letters)] = 1
    return np.add.reduceat(wanted[bases], starts, dtype=np.uint32)
