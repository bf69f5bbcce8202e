"""Genes, their exons and their strand."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any, Literal

from hyenascope._typing import StrPath
from hyenascope.data.gene import Gene
from hyenascope.data.interval import Interval
from hyenascope.viz import gene_shapes
from hyenascope.viz.gene_models import GeneModel, collapse, each
from hyenascope.viz.gene_source import read_models, sort_models
from hyenascope.viz.lane import Lane
from hyenascope.viz.rows import Display, arrange, name_trace
from hyenascope.viz.view import View, require_contig


@dataclass(frozen=True)
class Genes:
    """Exons, coding parts thick, introns with arrow heads, in rows.

    Parameters
    ----------
    genes
        What `hyenascope.read_genes` returns, or the path of a GTF or GFF3 file, which
        is read around what is shown and kept for the next look. A file of a whole
        genome should be bgzipped with a tabix index: without one, the first look at a
        contig reads all of it.
    detail
        ``"gene"`` merges the transcripts of a gene into one line, ``"transcript"``
        draws each.
    display
        ``"pack"``: names above bodies; where that would take more than ``max_rows``,
        bodies move together and names are drawn where they fit. ``"squish"``: thin
        rows, names only under the mouse. ``"dense"``: all in one row, on top of one
        another, names where they fit.
    max_rows
        Rows beyond these are left out, and the note above the lane counts what was in
        them.

    Raises
    ------
    ValueError
        If ``genes`` is a path without a file, ``display`` or ``detail`` unknown, or
        ``max_rows`` below 1.

    Examples
    --------
    >>> Genes(()).draw(View(Interval("chr1", 0, 9))).note
    'none annotated here'
    """

    genes: Sequence[Gene] | StrPath
    detail: Literal["gene", "transcript"] = "gene"
    display: Display = "pack"
    max_rows: int = 12
    _models: tuple[GeneModel, ...] | None = field(
        init=False, repr=False, compare=False, default=None
    )

    def __post_init__(self) -> None:
        for name, known in (
            ("detail", ("gene", "transcript")),
            ("display", ("pack", "squish", "dense")),
        ):
            if getattr(self, name) not in known:
                raise ValueError(
                    f"{name} must be one of {', '.join(known)}; "
                    f"got {getattr(self, name)!r}."
                )
        if self.max_rows < 1:
            raise ValueError(f"max_rows must be at least 1; got {self.max_rows}.")
        if isinstance(self.genes, str | PathLike):
            if not Path(self.genes).is_file():
                raise ValueError(f"genes must be a GTF or GFF3 file; got {self.genes}.")
            return
        genes = tuple(self.genes)
        models = [m for g in genes for m in self._lines(g)]
        object.__setattr__(self, "genes", genes)
        object.__setattr__(self, "_models", sort_models(models))

    def _lines(self, gene: Gene) -> list[GeneModel]:
        return [collapse(gene)] if self.detail == "gene" else each(gene)

    def draw(self, view: View) -> Lane:
        """Return the lane, empty if no gene overlaps the figure.

        Raises
        ------
        NothingHereError
            If genes were given, and all lie on other contigs than the figure.
        AnnotationError
            If the file cannot be read.
        """
        models = self._around(view.interval)
        if self._models is not None:
            require_contig("genes", {model.chrom for model in models}, view)
        seen = [model for model in models if _visible(model, view)]
        layout = arrange(seen, view, display=self.display, max_rows=self.max_rows)
        return self._lane(layout, view)

    def places(self, interval: Interval) -> Iterator[tuple[str, Interval]]:
        """Yield names, 0-based half-open places of what overlaps ``interval``."""
        view = View(interval)
        for model in self._around(interval):
            if _visible(model, view):
                place = Interval(interval.chrom, model.start, model.end)
                yield model.name, place

    def _around(self, interval: Interval) -> tuple[GeneModel, ...]:
        if self._models is not None:
            return self._models
        assert isinstance(self.genes, str | PathLike)
        return read_models(Path(self.genes), interval, whole=self.detail == "gene")

    def _lane(self, layout: gene_shapes.GeneRows, view: View) -> Lane:
        chevrons = gene_shapes.place_chevrons(layout, view)
        shapes = gene_shapes.body_shapes(layout, view)
        traces: list[Any] = gene_shapes.hover_traces(layout, view)
        if chevrons.few:
            traces.append(gene_shapes.chevron_trace(chevrons, view))
        else:
            height = layout.style.height
            shapes += gene_shapes.chevron_shapes(chevrons, height, view)
        return Lane(
            label="genes" if self.detail == "gene" else "transcripts",
            height=layout.style.height * layout.depth,
            traces=(*traces, name_trace(layout, view)),
            yaxis={"range": [-layout.depth, 0], "visible": False},
            shapes=shapes,
            note=_note(layout),
            complete=chevrons.few
            and (all(layout.named) or self.display == "squish")
            and not layout.hidden
            and gene_shapes.all_wide(layout, view),
        )


def _note(layout: gene_shapes.GeneRows) -> str:
    if not layout.items:
        return "none annotated here"
    return f"{layout.hidden:,} more in rows not shown" if layout.hidden else ""


def _visible(model: GeneModel, view: View) -> bool:
    where = view.interval
    inside = model.start < where.end and where.start < model.end
    return inside and view.holds(model.chrom)
