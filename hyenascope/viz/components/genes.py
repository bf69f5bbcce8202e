"""Genes, their exons and their strand."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from hyenascope.data.gene import Gene
from hyenascope.viz import gene_models
from hyenascope.viz.lane import Lane
from hyenascope.viz.view import View, require_contig


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

    genes: Sequence[Gene]
    detail: Literal["gene", "transcript"] = "gene"
    max_rows: int = 12

    def __post_init__(self) -> None:
        object.__setattr__(self, "genes", tuple(self.genes))

    def draw(self, view: View) -> Lane:
        """Return the lane, empty if no gene overlaps the figure.

        Raises
        ------
        NothingHereError
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


def _visible(model: gene_models.GeneModel, view: View) -> bool:
    where = view.interval
    inside = model.start < where.end and where.start < model.end
    return view.holds(model.chrom) and inside
