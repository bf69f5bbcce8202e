"""Exons, introns and strand as a few large shapes, packed into rows.

However many exons there are, each kind of part is one path, and each row of
genes is one transparent heatmap that answers the mouse: a browser slows down
with the number of things on the page, not with their size.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from hyenascope.data.gene import Gene, Transcript
from hyenascope.viz.text import escape_text, format_position, shorten
from hyenascope.viz.view import View

Span = tuple[int, int]
"""0-based half-open start and end."""

ROW_HEIGHT = 36
_BODY = 0.68  # middle of the exons, from the top of the row
_THICK, _THIN = 0.2, 0.1  # half heights of coding and non-coding exons, in rows
_LETTER, _GAP = 6.6, 12  # pixels: a letter of the label, air between neighbours
_CHEVRON_EVERY, _CHEVRONS = 36, 240  # pixels apart; at most in one lane


@dataclass(frozen=True)
class GeneModel:
    """One drawn line of exons: a transcript, or a gene with its transcripts merged.

    Parameters
    ----------
    name
        Label, as the file has it.
    about
        Facts for the hover text, as the file has them, one a line.
    chrom, start, end, strand
        Extent, 0-based half-open.
    exons, cds
        Sorted, not overlapping, 0-based half-open.
    part
        What an exon is called in the hover text.
    """

    name: str
    about: tuple[str, ...]
    chrom: str
    start: int
    end: int
    strand: str
    exons: tuple[Span, ...]
    cds: tuple[Span, ...]
    part: str = "exon"

    @property
    def introns(self) -> tuple[Span, ...]:
        """The gaps between exons."""
        return tuple(
            (left[1], right[0])
            for left, right in zip(self.exons, self.exons[1:], strict=False)
        )

    @property
    def label(self) -> str:
        """Name and reading direction, not escaped."""
        name = shorten(self.name, 30)
        return {"+": f"{name} →", "-": f"← {name}"}.get(self.strand, name)


def merge_spans(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Return the union of ``spans``, sorted; neighbours that touch become one.

    Examples
    --------
    >>> merge_spans([(5, 9), (0, 3), (8, 12)])
    ((0, 3), (5, 12))
    """
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)


def collapse(gene: Gene) -> GeneModel:
    """Draw a gene as one line: the union of its transcripts' exons and CDS."""
    transcripts = gene.transcripts
    kinds = sorted({item.biotype for item in transcripts if item.biotype})
    about = [
        "" if gene.gene_id == gene.name else gene.gene_id,
        gene.biotype or ", ".join(kinds),
        _count(len(transcripts), "transcript"),
    ]
    exons = _union(part for item in transcripts for part in (item.exons, item.cds))
    return GeneModel(
        name=gene.name or gene.gene_id,
        about=tuple(line for line in about if line),
        chrom=gene.interval.chrom,
        start=gene.interval.start,
        end=gene.interval.end,
        strand=gene.interval.strand,
        exons=exons or ((gene.interval.start, gene.interval.end),),
        cds=_union(item.cds for item in transcripts),
        part="exon" if len(transcripts) <= 1 else "merged exon",
    )


def each(gene: Gene) -> list[GeneModel]:
    """Draw every transcript as a line of its own; a gene without any as itself."""
    models = [_of_transcript(gene, transcript) for transcript in gene.transcripts]
    return models or [collapse(gene)]


def _of_transcript(gene: Gene, transcript: Transcript) -> GeneModel:
    where = transcript.interval
    about = (f"{gene.name} {gene.gene_id}".strip(), transcript.biotype)
    return GeneModel(
        name=transcript.transcript_id,
        about=tuple(line for line in about if line),
        chrom=where.chrom,
        start=where.start,
        end=where.end,
        strand=where.strand,
        exons=_union([transcript.exons, transcript.cds]) or ((where.start, where.end),),
        cds=_union([transcript.cds]),
    )


def _union(groups: Iterable[Iterable[Any]]) -> tuple[Span, ...]:
    return merge_spans((part.start, part.end) for group in groups for part in group)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' if number != 1 else ''}"


def pack_rows(extents: Sequence[tuple[float, float]]) -> list[int]:
    """Give each extent the first row where nothing overlaps it.

    Parameters
    ----------
    extents
        Start and end in any unit, in the order in which rows are given out; two
        that touch may share a row.

    Returns
    -------
    list of int
        0-based row of each extent.

    Examples
    --------
    >>> pack_rows([(0.0, 5.0), (3.0, 8.0), (5.0, 9.0)])
    [0, 1, 0]
    """
    rows: list[list[tuple[float, float]]] = []
    chosen = []
    for start, end in extents:
        row = next(
            (
                number
                for number, taken in enumerate(rows)
                if all(end <= left or right <= start for left, right in taken)
            ),
            len(rows),
        )
        if row == len(rows):
            rows.append([])
        rows[row].append((start, end))
        chosen.append(row)
    return chosen


def label_anchor(model: GeneModel, view: View) -> tuple[float, bool]:
    """Return where the label sits and whether it grows to the right from there.

    It starts at the first visible base of the gene; where it would run off the
    right edge it ends at the last visible base.
    """
    left, right = view.clip(model.start, model.end)
    width = len(model.label) * _LETTER * view.bases_per_pixel
    fits = left + width <= view.right
    return (left, True) if fits else (right, False)


def extent(model: GeneModel, view: View) -> tuple[float, float]:
    """Return what body and label cover on the axis, with air on the right."""
    left, right = view.clip(model.start, model.end)
    width = len(model.label) * _LETTER * view.bases_per_pixel
    anchor, rightward = label_anchor(model, view)
    label = (anchor, anchor + width) if rightward else (anchor - width, anchor)
    air = _GAP * view.bases_per_pixel
    return min(left, label[0]), max(right, label[1]) + air


def body_shapes(
    models: Sequence[GeneModel], rows: Sequence[int], view: View
) -> tuple[dict[str, Any], ...]:
    """Return introns, exons and coding parts as three compound paths."""
    introns: list[str] = []
    exons: list[str] = []
    coding: list[str] = []
    for model, row in zip(models, rows, strict=True):
        middle = -(row + _BODY)
        left, right = view.clip(model.start, model.end)
        introns.append(f"M{left},{middle}L{right},{middle}")
        exons += _boxes(model.exons, middle, _THIN, view)
        coding += _boxes(model.cds, middle, _THICK, view)
    style = {"type": "path", "yref": view.yaxis, "xref": "x", "layer": "between"}
    parts = (
        {"path": "".join(introns), "line": {"color": view.theme.intron, "width": 1.2}},
        {"path": "".join(exons), "line": {"width": 0}, "fillcolor": view.theme.exon},
        {"path": "".join(coding), "line": {"width": 0}, "fillcolor": view.theme.coding},
    )
    return tuple({**style, **part} for part in parts if part["path"])


def _boxes(
    spans: Iterable[Span], middle: float, half: float, view: View
) -> Iterator[str]:
    top, bottom = middle + half, middle - half
    for start, end in spans:
        left, right = view.clip(start, end)
        if left < right:
            yield f"M{left},{bottom}L{right},{bottom}L{right},{top}L{left},{top}Z"


def label_trace(
    models: Sequence[GeneModel], rows: Sequence[int], view: View
) -> go.Scatter:
    """Return all names as one text trace."""
    anchors = [label_anchor(model, view) for model in models]
    return go.Scatter(
        x=[anchor for anchor, _ in anchors],
        y=[-(row + 0.34) for row in rows],
        yaxis=view.yaxis,
        mode="text",
        text=[escape_text(model.label) for model in models],
        textposition=[
            "middle right" if rightward else "middle left" for _, rightward in anchors
        ],
        textfont={"size": 11, "color": view.theme.ink},
        hoverinfo="skip",
        # A page keeps the names of genes in sight while it moves.
        customdata=[view.clip(model.start, model.end) for model in models],
        meta={"hyenascope": "sticky"},
    )


def chevron_trace(
    models: Sequence[GeneModel], rows: Sequence[int], view: View
) -> go.Scatter:
    """Return arrow heads on the introns, pointing the way the gene is read."""
    x: list[float] = []
    y: list[float] = []
    angle: list[int] = []
    for model, row in zip(models, rows, strict=True):
        if model.strand == ".":
            continue
        for start, end in model.introns:
            places = _spread(*view.clip(start, end), view)
            x += places
            y += [-(row + _BODY)] * len(places)
            angle += [90 if model.strand == "+" else -90] * len(places)
    keep = slice(None, None, -(-len(x) // _CHEVRONS) or 1)
    return go.Scatter(
        x=x[keep],
        y=y[keep],
        yaxis=view.yaxis,
        mode="markers",
        marker={
            "symbol": "arrow",
            "size": 8,
            "angle": angle[keep],
            "color": view.theme.intron,
            "line": {"width": 0},
        },
        hoverinfo="skip",
    )


def _spread(left: float, right: float, view: View) -> list[float]:
    pixels = (right - left) / view.bases_per_pixel
    if pixels < _CHEVRON_EVERY / 2:
        return []
    count = max(1, int(pixels // _CHEVRON_EVERY))
    return [float(x) for x in np.linspace(left, right, count + 2)[1:-1]]


def hover_traces(
    models: Sequence[GeneModel], rows: Sequence[int], view: View
) -> list[go.Heatmap]:
    """Return one transparent heatmap per row whose cells are exons and introns."""
    traces = []
    for row in sorted(set(rows)):
        members = [m for m, at in zip(models, rows, strict=True) if at == row]
        edges, texts = _cells(sorted(members, key=lambda m: m.start), view)
        traces.append(
            go.Heatmap(
                x=edges,
                y=[-(row + 1.0), -float(row)],
                z=[[None if text is None else 0.0 for text in texts]],
                hovertext=[[text or "" for text in texts]],
                yaxis=view.yaxis,
                hoverinfo="text",
                hoverongaps=False,
                showscale=False,
                colorscale=[[0, "rgba(0,0,0,0)"], [1, "rgba(0,0,0,0)"]],
            )
        )
    return traces


def _cells(
    models: Sequence[GeneModel], view: View
) -> tuple[list[float], list[str | None]]:
    edges: list[float] = []
    texts: list[str | None] = []
    for model in models:
        for start, end, text in _described(model):
            left, right = view.clip(start, end)
            if left >= right:
                continue
            if edges and edges[-1] < left:
                edges.append(left)
                texts.append(None)
            edges = edges or [left]
            edges.append(right)
            texts.append(text)
    return edges, texts


def _described(model: GeneModel) -> Iterator[tuple[int, int, str]]:
    """Yield each exon and intron, left to right, with its hover text."""
    introns = [(*span, "intron") for span in model.introns]
    exons = [(*span, model.part) for span in model.exons]
    totals = {"intron": len(introns), model.part: len(exons)}
    seen = dict.fromkeys(totals, 0)
    for start, end, part in sorted([*introns, *exons]):
        seen[part] += 1
        place = totals[part] + 1 - seen[part] if model.strand == "-" else seen[part]
        yield (
            start,
            end,
            _part_text(model, start, end, f"{part} {place} of {totals[part]}"),
        )


def _part_text(model: GeneModel, start: int, end: int, part: str) -> str:
    strand = "" if model.strand == "." else f" ({model.strand})"
    head = f"<b>{escape_text(shorten(model.name, 60))}</b>{strand}"
    about = [escape_text(shorten(line, 80)) for line in model.about]
    whole = _stretch(model.chrom, model.start, model.end)
    return "<br>".join([head, *about, whole, f"{part}: {_stretch('', start, end)}"])


def _stretch(chrom: str, start: int, end: int) -> str:
    first = format_position(chrom, start + 1) if chrom else f"{start + 1:,}"
    return f"{first}-{end:,} · {end - start:,} bp"
