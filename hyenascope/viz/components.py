"""Things that draw themselves over an interval; `plot_locus` stacks them."""

from collections.abc import Sequence as Items
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from hyenascope.data.gene import Gene
from hyenascope.data.track_data import TrackData
from hyenascope.sequence.dna import is_dna
from hyenascope.viz import bases, gene_models, lollipops
from hyenascope.viz.downsample import Thinned, thin
from hyenascope.viz.lane import Lane, View, level_line, require_contig, value_axis
from hyenascope.viz.style import (
    LINES,
    coloured,
    escape_text,
    format_value,
    shorten,
    small,
    wrapped,
)

_MOST_HEADS = 1000
_LETTER_ROOM = 4.8  # pixels
_MOST_BLOCKS = 5000


@dataclass(frozen=True)
class Line:
    """One line per track of a `TrackData`, one value per base.

    Signals longer than the figure's ``max_points`` are thinned to the lowest and
    highest value of equal bins; the note above the lane says of how many bases.

    Parameters
    ----------
    track_data
        Values in genome order; the part inside the figure is drawn.
    label
        Name at the left; by default the names of the tracks.
    reference
        A value to mark with a dotted line, such as ``-log 4`` for a guess among
        four bases.

    Examples
    --------
    >>> from hyenascope.data.interval import Interval
    >>> where = Interval("chr1", 0, 3)
    >>> lane = Line(TrackData([-1.0, -2.0, 0.0], ("log p",), where)).draw(View(where))
    >>> lane.traces[0].x
    array([1, 2, 3])
    """

    track_data: TrackData
    label: str | None = None
    reference: float | None = None

    def draw(self, view: View) -> Lane:
        """Return the lane.

        Raises
        ------
        ValueError
            If the track shares no base with the figure.
        """
        part = self._part(view)
        kept = [thin(column.astype(float), view.max_points) for column in part.values.T]
        size = max((each.bin_size for each in kept), default=1)
        reference = [] if self.reference is None else [self.reference]
        return Lane(
            label=self._label(),
            height=120,
            traces=tuple(
                _line_trace(part, number, thinned, view)
                for number, thinned in enumerate(kept)
            ),
            yaxis=value_axis(np.append(part.values.ravel(), reference)),
            shapes=tuple(
                level_line(value, view, dash="dot", layer="above")
                for value in reference
            ),
            note=self._note(size),
        )

    def _note(self, bin_size: int) -> str:
        parts = []
        if bin_size > 1:
            parts.append(f"lowest and highest of every {bin_size:,} bp")
        if self.reference is not None:
            parts.append(f"dotted line at {format_value(self.reference)}")
        return "   ".join(parts)

    def _part(self, view: View) -> TrackData:
        """Return what lies in the figure, the contig spelled as there."""
        where = self.track_data.interval
        spelled = replace(where, chrom=view.interval.chrom)
        shared = spelled.intersect(view.interval)
        if shared is None or not view.holds(where.chrom):
            raise ValueError(
                f"track_data must overlap the figure, {view.interval}; "
                f"it spans {where}."
            )
        return replace(self.track_data, interval=spelled).slice(shared)

    def _label(self) -> str:
        names, units = self.track_data.names, self.track_data.units
        if self.label is not None:
            lines = [wrapped(self.label)]
        elif len(names) == 1:
            lines = [wrapped(names[0])]
        else:
            lines = [
                coloured(name, _colour(number)) for number, name in enumerate(names)
            ]
        return "<br>".join([*lines, *([small(units)] if units else [])])


def _colour(number: int) -> str:
    return LINES[number % len(LINES)]


def _line_trace(
    part: TrackData, number: int, thinned: Thinned, view: View
) -> go.Scatter:
    name = escape_text(part.names[number])
    where = escape_text(part.interval.chrom)
    units = f" {escape_text(part.units)}" if part.units else ""
    return go.Scatter(
        x=part.interval.start + 1 + thinned.offsets,
        y=part.values[thinned.offsets, number],
        yaxis=view.yaxis,
        mode="lines" if len(thinned.offsets) > 1 else "markers",
        line={
            "color": _colour(number),
            "width": 1.1,
            "shape": "hvh" if thinned.bin_size == 1 else "linear",
        },
        hovertemplate=(
            f"<b>{where}:%{{x:,d}}</b><br>{name} %{{y:.4g}}{units}<extra></extra>"
        ),
    )


@dataclass(frozen=True, eq=False)
class Variants:
    """Lollipops: height and colour are the score, the head says what kind of change.

    A variant stands over its 1-based POS, the centre of its base. One without a
    finite score is a hollow grey head at zero whose hover text says why. Beyond
    1,000 variants only the strongest carry heads, and of those without a score only
    the first 1,000 are drawn; every stem is, and the note above the lane counts all.

    Parameters
    ----------
    frame
        One row per variant with ``chrom``, ``pos`` (1-based), ``ref``, ``alt``,
        perhaps ``id``, the score and whatever else the hover text shall tell.
    score
        Column to draw: alternate − reference, so that negative means that the model
        likes the change less.
    reason
        Column that says why a row has no score; it may be absent.
    label
        Name at the left; by default ``"variants"`` and the name of the score.

    Raises
    ------
    ValueError
        If a column is missing or the score is not numeric.

    Examples
    --------
    >>> from hyenascope.data.interval import Interval
    >>> row = {"chrom": "1", "pos": 7, "ref": "A", "alt": "G", "llr": -0.5}
    >>> lane = Variants(pd.DataFrame([row]), score="llr").draw(
    ...     View(Interval("1", 0, 9))
    ... )
    >>> lane.traces[1].x, lane.traces[1].y
    ((7,), (-0.5,))
    """

    frame: pd.DataFrame
    score: str = "conditional"
    reason: str = "reason"
    label: str | None = None

    def __post_init__(self) -> None:
        needed = ("chrom", "pos", "ref", "alt", self.score)
        missing = [name for name in needed if name not in self.frame.columns]
        if missing:
            raise ValueError(
                f"frame must have the columns {', '.join(needed)}; "
                f"missing {', '.join(missing)}."
            )
        try:
            pd.to_numeric(self.frame[self.score])
        except (ValueError, TypeError) as error:
            raise ValueError(f"{self.score} must be numeric; {error}.") from None

    def draw(self, view: View) -> Lane:
        """Return the lane, empty if no variant lies inside the figure.

        Raises
        ------
        ValueError
            If all variants lie on other contigs than the figure.
        """
        require_contig("variants", set(self.frame["chrom"].astype(str)), view)
        inside = self._inside(view)
        scores = pd.to_numeric(inside[self.score]).to_numpy(dtype=np.float64)
        finite = np.isfinite(scores)
        order = np.argsort(np.abs(scores[finite]), kind="stable")
        headed = order[-_MOST_HEADS:]  # the strongest, drawn last, lie on top
        rows = _rows(inside[finite].iloc[headed])
        flagged = _rows(inside[~finite].head(_MOST_HEADS))
        pos = inside.loc[finite, "pos"].to_numpy(dtype=np.int64)
        return Lane(
            label=self._label(),
            height=170,
            traces=(
                lollipops.stems(pos, scores[finite], view),
                lollipops.heads(rows, self.score, view),
                lollipops.unscored(flagged, self.score, self.reason, view),
            ),
            yaxis=value_axis(np.append(scores[finite], 0.0), air=0.14),
            shapes=(level_line(0.0, view),),
            note=lollipops.legend(
                rows, int((~finite).sum()), int(finite.sum()) - len(rows)
            ),
            coloraxis=lollipops.colour_scale(scores[finite], self.score),
        )

    def _inside(self, view: View) -> pd.DataFrame:
        where, pos = view.interval, self.frame["pos"]
        chrom = self.frame["chrom"].astype(str)
        here = chrom.isin([name for name in chrom.unique() if view.holds(name)])
        return self.frame[here & (pos > where.start) & (pos <= where.end)]

    def _label(self) -> str:
        if self.label is not None:
            return wrapped(self.label)
        return f"variants<br>{small(self.score)}"


@dataclass(frozen=True)
class Genes:
    """Exons, coding parts thick, introns with arrow heads, packed into rows.

    Parameters
    ----------
    genes
        What `hyenascope.data.annotation.read_genes` returns.
    detail
        ``"gene"`` merges the transcripts of a gene into one line, ``"transcript"``
        draws each.
    max_rows
        Rows beyond these are left out, and the note above the lane counts them.

    Examples
    --------
    >>> from hyenascope.data.interval import Interval
    >>> Genes(()).draw(View(Interval("chr1", 0, 9))).note
    'none annotated here'
    """

    genes: Items[Gene]
    detail: Literal["gene", "transcript"] = "gene"
    max_rows: int = 12

    def __post_init__(self) -> None:
        object.__setattr__(self, "genes", tuple(self.genes))

    def draw(self, view: View) -> Lane:
        """Return the lane, empty if no gene overlaps the figure.

        Raises
        ------
        ValueError
            If all genes lie on other contigs than the figure.
        """
        require_contig("genes", {gene.interval.chrom for gene in self.genes}, view)
        models = [m for m in self._models() if _visible(m, view)]
        models.sort(key=lambda model: (model.start, model.end))
        rows = gene_models.pack_rows([gene_models.extent(m, view) for m in models])
        shown = [n for n, row in enumerate(rows) if row < self.max_rows]
        hidden = len(models) - len(shown)
        return self._lane(
            [models[n] for n in shown], [rows[n] for n in shown], hidden, view
        )

    def _models(self) -> list[gene_models.GeneModel]:
        if self.detail == "gene":
            return [gene_models.collapse(gene) for gene in self.genes]
        return [model for gene in self.genes for model in gene_models.each(gene)]

    def _lane(
        self,
        models: list[gene_models.GeneModel],
        rows: list[int],
        hidden: int,
        view: View,
    ) -> Lane:
        depth = max(rows, default=0) + 1
        note = f"{hidden:,} more in rows not shown" if hidden else ""
        return Lane(
            label="genes" if self.detail == "gene" else "transcripts",
            height=gene_models.ROW_HEIGHT * depth,
            traces=(
                *gene_models.hover_traces(models, rows, view),
                gene_models.chevron_trace(models, rows, view),
                gene_models.label_trace(models, rows, view),
            ),
            yaxis={"range": [-depth, 0], "visible": False},
            shapes=gene_models.body_shapes(models, rows, view),
            note=note if models else "none annotated here",
        )


@dataclass(frozen=True)
class Sequence:
    """The bases: letters where they have room, colours to 5 kb, GC content beyond.

    Parameters
    ----------
    text
        One IUPAC letter per base of the figure's interval, forward strand, either
        case.

    Raises
    ------
    ValueError
        If ``text`` is not DNA.

    Examples
    --------
    >>> from hyenascope.data.interval import Interval
    >>> lane = Sequence("acgt").draw(View(Interval("chr1", 0, 4)))
    >>> lane.traces[1].text
    ('A', 'C', 'G', 'T')
    """

    text: str

    def __post_init__(self) -> None:
        if not is_dna(self.text):
            got = shorten(self.text, 40)
            raise ValueError(f"text must be IUPAC bases; got {got!r}.")

    def draw(self, view: View) -> Lane:
        """Return the lane.

        Raises
        ------
        ValueError
            If ``text`` is not as long as the figure's interval.
        """
        length, note = view.interval.length, ""
        if len(self.text) != length:
            raise ValueError(
                f"text must be as long as {view.interval}, {length:,} bp; "
                f"got {len(self.text):,} bp."
            )
        text = self.text.upper()
        letters: tuple[Any, ...] = ()
        if length > _MOST_BLOCKS:
            blocks, note = bases.gc_blocks(text, view)
        else:
            blocks = bases.base_blocks(text, view)
        if view.pixels / length >= _LETTER_ROOM:
            letters = (bases.base_letters(text, view),)
        axis = {"range": [0, 1], "visible": False}
        return Lane("sequence", 22, (blocks, *letters), axis, note=note)


def _visible(model: gene_models.GeneModel, view: View) -> bool:
    where = view.interval
    inside = model.start < where.end and where.start < model.end
    return view.holds(model.chrom) and inside


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    records = frame.to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in records]
