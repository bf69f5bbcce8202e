"""The bases of a locus as letters, colours, or GC content, by how many there are."""

import numpy as np
import plotly.graph_objects as go

from hyenascope.viz.lane import View
from hyenascope.viz.style import BASE_COLOURS, INK, MONO, format_position

_DARK_LETTERS = "GN"  # on a light ground
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
    palette = list(BASE_COLOURS)
    unknown = palette.index("N")
    codes = [palette.index(base) if base in palette else unknown for base in text]
    hover = [
        f"<b>{format_position(view.interval.chrom, pos)}</b> {base}"
        for pos, base in enumerate(text, start=view.interval.start + 1)
    ]
    steps = [
        [(number + side) / len(palette), BASE_COLOURS[base]]
        for number, base in enumerate(palette)
        for side in (0, 1)
    ]
    return go.Heatmap(
        z=[codes],
        x0=view.interval.start + 1,
        dx=1,
        y=[0, 1],
        yaxis=view.yaxis,
        zmin=-0.5,
        zmax=len(palette) - 0.5,
        colorscale=steps,
        showscale=False,
        hovertext=[hover],
        hoverinfo="text",
    )


def base_letters(text: str, view: View) -> go.Scatter:
    """Return the letters, as large as the room for a base allows."""
    room = view.pixels / len(text)
    return go.Scatter(
        x=np.arange(view.interval.start + 1, view.interval.end + 1),
        y=np.full(len(text), 0.5),
        yaxis=view.yaxis,
        mode="text",
        text=list(text),
        textfont={
            "family": MONO,
            "size": min(max(1.6 * room, 8), 13),
            "color": [INK if base in _DARK_LETTERS else "#ffffff" for base in text],
        },
        hoverinfo="skip",
    )


def gc_blocks(text: str, view: View) -> tuple[go.Heatmap, str]:
    """Return GC fractions of equal bins and a note; a bin without A,C,G,T is empty.

    The fraction is over the A, C, G and T of a bin. The last bin may be shorter.
    """
    bases = np.frombuffer(text.encode("ascii"), dtype=np.uint8)
    size = -(-len(bases) // _GC_BINS)
    starts = np.arange(0, len(bases), size)
    gc = np.add.reduceat(np.isin(bases, list(b"GC")).astype(float), starts)
    known = np.add.reduceat(np.isin(bases, list(b"ACGT")).astype(float), starts)
    low, high = _GC_REACH
    trace = go.Heatmap(
        z=np.divide(gc, known, out=np.full(len(gc), np.nan), where=known > 0)[None],
        x=np.append(starts, len(bases)) + view.left,
        y=[0, 1],
        yaxis=view.yaxis,
        zmin=low,
        zmax=high,
        colorscale=[[0, "#ffffff"], [0.5, "#8fc1b5"], [1, "#0b4f45"]],
        showscale=False,
        hoverongaps=False,
        hovertemplate="GC %{z:.2f}<extra></extra>",
    )
    return trace, f"GC content of every {size:,} bp, white {low:.0%} to dark {high:.0%}"
