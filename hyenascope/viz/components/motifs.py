"""Where motifs match."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from hyenascope.viz.lane import Lane
from hyenascope.viz.letters import Letters
from hyenascope.viz.rows import Rows, RowStyle, arrange, hover_trace, name_trace
from hyenascope.viz.text import escape_text, format_value, shorten
from hyenascope.viz.view import View, require_contig

_STYLE = RowStyle(height=44, name=0.2, body=0.66, thick=0.3, thin=0.3)
_NAMES = ("motif", "name")
_TOLD = ("chrom", "start", "end", "strand")
_MOST_HITS = 500
_LETTERED = 4.0  # bases per pixel up to which letters are sent along
_LEAST_LETTER = 0.03  # of the height of a box
_TIP, _LEAST_BOX = 5.0, 2.0  # pixels


@dataclass(frozen=True)
class Hit:
    """One match, 0-based half-open."""

    name: str
    start: int
    end: int
    strand: str
    text: str

    @property
    def label(self) -> str:
        """Name and strand, not escaped."""
        name = shorten(self.name, 24)
        return {"+": f"{name} →", "-": f"← {name}"}.get(self.strand, name)


@dataclass(frozen=True, eq=False)
class Motifs:
    """Matches as boxes that point along their strand, with names where they fit.

    Parameters
    ----------
    frame
        One row per match with ``chrom``, ``start``, ``end`` (0-based half-open),
        ``strand`` and the name in ``motif`` or ``name``, as
        `hyenascope.interpret.scan_motifs` returns; whatever else there is goes into
        the hover text.
    matrices
        Probabilities of each motif by name, ``length 4`` in the order A, C, G, T, as
        `hyenascope.data.meme.read_meme` returns. Where letters have room, the box shows
        the motif's logo: a column as high as its information, at most 2 bits, turned
        round on the reverse strand.
    score
        Column by which the strongest 500 in sight are chosen, if it is there.
    max_rows
        What finds no room in these rows is left out, the weakest first; the note
        counts it.
    label
        Name at the left.

    Raises
    ------
    ValueError
        If a column is missing, a matrix does not hold probabilities or is not as long
        as a match of its motif, or ``max_rows`` is below 1.

    Examples
    --------
    >>> from hyenascope.data.interval import Interval
    >>> hit = {"chrom": "1", "start": 2, "end": 5, "strand": "-", "motif": "TATA"}
    >>> lane = Motifs(pd.DataFrame([hit])).draw(View(Interval("1", 0, 9)))
    >>> lane.traces[-1].text
    ('← TATA',)
    """

    frame: pd.DataFrame
    matrices: Mapping[str, Float[np.ndarray, "positions 4"]] = field(
        default_factory=dict
    )
    score: str = "score"
    max_rows: int = 4
    label: str | None = None

    def __post_init__(self) -> None:
        if self.max_rows < 1:
            raise ValueError(f"max_rows must be at least 1; got {self.max_rows}.")
        if len(self.frame):
            self._check_columns()
        for name, matrix in self.matrices.items():
            if not np.allclose(matrix.sum(axis=1), 1, atol=0.05) or (matrix < 0).any():
                raise ValueError(
                    f"matrices[{name!r}] must hold probabilities, four a row; "
                    f"got rows that add up to {matrix.sum(axis=1).min():.3g} or so."
                )

    def _check_columns(self) -> None:
        columns = self.frame.columns
        missing = [name for name in _TOLD if name not in columns]
        if not any(name in columns for name in _NAMES):
            missing.append("motif")
        if missing:
            raise ValueError(
                f"frame must have the columns {', '.join(_TOLD)} and motif or name; "
                f"missing {', '.join(missing)}."
            )
        lengths = self.frame["end"] - self.frame["start"]
        for name, matrix in self.matrices.items():
            other = lengths[(self.frame[self._name] == name) & (lengths != len(matrix))]
            if len(other):
                raise ValueError(
                    f"matrices[{name!r}] must have one row per base of its matches, "
                    f"{other.iloc[0]}; got {len(matrix)}."
                )

    @property
    def _name(self) -> str:
        return next(name for name in _NAMES if name in self.frame.columns)

    def draw(self, view: View) -> Lane:
        """Return the lane, empty if nothing matches inside the figure.

        Raises
        ------
        NothingHereError
            If all matches lie on other contigs than the figure.
        """
        hits, weaker = self._hits(view)
        layout = arrange(hits, view, max_rows=self.max_rows, style=_STYLE)
        hidden = weaker + layout.hidden
        near = view.bases_per_pixel <= _LETTERED
        return Lane(
            label="motifs" if self.label is None else escape_text(self.label),
            height=_STYLE.height * layout.depth,
            traces=(*_hover_traces(layout, view), name_trace(layout, view)),
            yaxis={"range": [-layout.depth, 0], "visible": False},
            shapes=tuple(self._boxes(layout, view)),
            note=_note(layout, hidden),
            letters=self._letters(layout, view) if near else (),
            complete=not hidden and all(layout.named) and near,
        )

    def _hits(self, view: View) -> tuple[list[Hit], int]:
        """Return the strongest in sight, strongest first, and count the rest."""
        if not len(self.frame):
            return [], 0
        names = self.frame["chrom"].astype(str)
        require_contig("motifs", set(names.unique()), view)
        here = names.isin([name for name in names.unique() if view.holds(name)])
        here &= self.frame["end"] > view.interval.start
        frame = self.frame[here & (self.frame["start"] < view.interval.end)]
        if self.score in frame.columns:
            frame = frame.sort_values(self.score, ascending=False, kind="stable")
        rows = frame.head(_MOST_HITS).to_dict("records")
        hits = [_hit({str(k): v for k, v in row.items()}, self._name) for row in rows]
        return hits, len(frame) - len(hits)

    def _boxes(self, layout: Rows[Hit], view: View) -> Iterator[dict[str, Any]]:
        """Yield one path per colour: motifs take turns, as they appear in the frame."""
        names = list(dict.fromkeys(hit.name for hit in layout.items))
        order = list(dict.fromkeys(self.frame[self._name])) if names else []
        paths: dict[str, list[str]] = {}
        for hit, row in zip(layout.items, layout.rows, strict=True):
            colour = view.theme.line(order.index(hit.name))
            paths.setdefault(colour, []).append(_arrow(hit, layout.middle(row), view))
        for colour, parts in paths.items():
            red, green, blue = (int(colour[n : n + 2], 16) for n in (1, 3, 5))
            yield {
                "type": "path",
                "path": "".join(parts),
                "xref": "x",
                "yref": view.yaxis,
                "fillcolor": f"rgba({red},{green},{blue},0.18)",
                "line": {"color": colour, "width": 1},
                "layer": "between",
            }

    def _letters(self, layout: Rows[Hit], view: View) -> tuple[Letters, ...]:
        parts = [
            _logo(hit, layout.middle(row), self.matrices[hit.name])
            for hit, row in zip(layout.items, layout.rows, strict=True)
            if hit.name in self.matrices
        ]
        if not parts:
            return ()
        bases, x, bottom, top = (
            np.concatenate(each) for each in zip(*parts, strict=True)
        )
        order = np.argsort(x, kind="stable")  # a page looks up the letters in sight
        text = "".join("ACGT"[base] for base in bases[order].tolist())
        return (Letters(text, x[order], bottom[order], top[order], view.theme.bases),)


def _hit(row: dict[str, Any], name: str) -> Hit:
    start, end, strand = int(row["start"]), int(row["end"]), str(row["strand"])
    where = f"{escape_text(row['chrom'])}:{start + 1:,}-{end:,}"
    facts = [
        escape_text(f"{shorten(key, 40)} {shorten(format_value(value), 60)}")
        for key, value in row.items()
        if key not in (*_TOLD, name)
    ]
    head = f"<b>{escape_text(shorten(str(row[name]), 60))}</b> ({escape_text(strand)})"
    text = "<br>".join([head, f"{where} · {end - start:,} bp", *facts[:8]])
    return Hit(str(row[name]), start, end, strand, text)


def _arrow(hit: Hit, middle: float, view: View) -> str:
    """Return a box with a tip where the motif ends."""
    left, right = hit.start + 0.5, hit.end + 0.5
    pixel = view.bases_per_pixel
    lacking = max(_LEAST_BOX * pixel - (right - left), 0.0) / 2
    left, right = round(left - lacking, 3), round(right + lacking, 3)
    tip = min(_TIP * pixel, (right - left) / 3)
    low, high = f"{middle - _STYLE.thick:.3f}", f"{middle + _STYLE.thick:.3f}"
    at = f"{middle:.3f}"
    if hit.strand == "+":
        neck = round(right - tip, 3)
        return f"M{left},{low}L{neck},{low}L{right},{at}L{neck},{high}L{left},{high}Z"
    if hit.strand == "-":
        neck = round(left + tip, 3)
        return f"M{right},{low}L{neck},{low}L{left},{at}L{neck},{high}L{right},{high}Z"
    return f"M{left},{low}L{right},{low}L{right},{high}L{left},{high}Z"


def information(
    matrix: Float[np.ndarray, "positions 4"],
) -> Float[np.ndarray, "positions 4"]:
    """Return the height of each letter in bits: p × (2 + Σ p log2 p).

    This is the sequence logo of Schneider & Stephens (Nucleic Acids Res 1990) without
    their small-sample correction.

    Examples
    --------
    >>> information(np.array([[1.0, 0, 0, 0], [0.5, 0.5, 0, 0]])).tolist()
    [[2.0, 0.0, 0.0, 0.0], [0.5, 0.5, 0.0, 0.0]]
    """
    logs = np.log2(matrix, out=np.zeros_like(matrix, dtype=float), where=matrix > 0)
    bits = 2 + (matrix * logs).sum(axis=1, keepdims=True)
    return matrix * bits


def _logo(
    hit: Hit, middle: float, matrix: Float[np.ndarray, "positions 4"]
) -> tuple[np.ndarray, ...]:
    """Return base, position, bottom and top of the letters, the highest on top."""
    heights = information(matrix) / 2 * 2 * _STYLE.thick
    if hit.strand == "-":
        heights = heights[::-1, ::-1]  # A, C, G, T backwards is its complement
    order = np.argsort(heights, axis=1, kind="stable")
    sizes = np.take_along_axis(heights, order, axis=1)
    tops = sizes.cumsum(axis=1) + middle - _STYLE.thick
    seen = sizes > _LEAST_LETTER * 2 * _STYLE.thick
    x = np.broadcast_to(np.arange(hit.start + 1, hit.end + 1)[:, None], sizes.shape)
    return order[seen], x[seen], (tops - sizes)[seen], tops[seen]


def _hover_traces(layout: Rows[Hit], view: View) -> list[Any]:
    traces = []
    for row in range(layout.depth):
        edges: list[float] = []
        texts: list[str | None] = []
        for hit in layout.members(row):
            left, right = view.clip(hit.start, hit.end)
            right = max(right, left + _LEAST_BOX * view.bases_per_pixel)
            if edges:
                edges.append(left)
                texts.append(None)
            edges += [right] if edges else [left, right]
            texts.append(hit.text)
        if texts:
            traces.append(hover_trace(edges, texts, row, view))
    return traces


def _note(layout: Rows[Hit], hidden: int) -> str:
    if not layout.items:
        return "no motifs here"
    return f"{hidden:,} weaker ones not drawn" if hidden else ""
