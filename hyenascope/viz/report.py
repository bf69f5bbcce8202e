"""One page about a set of variants: facts, figures, a table, and how to read it."""

import html
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from hyenascope._typing import StrPath
from hyenascope.data.atomic import atomic_path
from hyenascope.data.contigs import contig_key
from hyenascope.data.visible_text import visible_text
from hyenascope.viz.export import figure_html, self_contained_page
from hyenascope.viz.text import format_value, is_missing, shorten


def write_report(
    path: StrPath,
    *,
    title: str,
    figures: go.Figure | Mapping[str, go.Figure],
    table: pd.DataFrame,
    summary: Mapping[str, object],
    scores: pd.DataFrame | None = None,
    notes: Sequence[str] = (),
    max_rows: int = 200,
) -> None:
    """Write a self-contained report that opens from disk without a network.

    All text is taken literally, never as HTML. Positions in the table that a
    figure shows become buttons which zoom to them. The file appears whole or not
    at all.

    Parameters
    ----------
    path
        Where to write; about 2 MB, most of it plotly.js.
    title
        Headline.
    figures
        One figure of `plot_locus`, or heading to figure.
    table
        One row per variant, best first; ``chrom`` and 1-based ``pos`` if there are
        any. The index is not shown.
    summary
        Fact to value: model, genome, counts, REF agreement, flagged rows.
    scores
        One row per score, its name as index and the columns that explain it, such
        as ``description``, ``formula``, ``units`` and ``reading``.
    notes
        Paragraphs at the end: caveats, how the numbers were made.
    max_rows
        Rows of the table that are written; the page says how many there are.

    Raises
    ------
    ValueError
        If ``max_rows`` is below 1.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> table = pd.DataFrame({"id": ["<b>rs1</b>"], "llr": [-0.5]})
    >>> with TemporaryDirectory() as folder:
    ...     page = Path(folder, "report.html")
    ...     write_report(page, title="Demo", figures={}, table=table, summary={})
    ...     "&lt;b&gt;rs1" in page.read_text(encoding="utf-8")
    True
    """
    if max_rows < 1:
        raise ValueError(f"max_rows must be at least 1; got {max_rows}.")
    named = {"Locus": figures} if isinstance(figures, go.Figure) else dict(figures)
    body = [
        "<main>",
        f"<h1>{_text(title)}</h1>",
        _summary(summary),
        _figures(named),
        _table(table, list(named.values()), max_rows),
        _scores(scores),
        _notes(notes),
        f"</main>\n<script>{_asset('report.js')}</script>",
    ]
    page = self_contained_page(
        title,
        "\n".join(body),
        style=_asset("report.css"),
        figures=list(named.values()),
    )
    with atomic_path(path) as partial:
        partial.write_text(page, encoding="utf-8")


def _text(value: object) -> str:
    return html.escape(visible_text(value))


def _asset(name: str) -> str:
    return files("hyenascope.viz").joinpath(name).read_text(encoding="utf-8")


def _summary(summary: Mapping[str, object]) -> str:
    if not summary:
        return ""
    facts = "".join(
        f"<div><dt>{_text(fact)}</dt><dd>{_text(format_value(value))}</dd></div>"
        for fact, value in summary.items()
    )
    return f'<dl class="summary card">{facts}</dl>'


def _figures(figures: Mapping[str, go.Figure]) -> str:
    if not figures:
        return ""
    parts = [
        f'<h2>{_text(heading)}</h2>\n<div class="figure card">'
        f"{figure_html(figure, _figure_id(number))}</div>"
        for number, (heading, figure) in enumerate(figures.items())
    ]
    hint = (
        "Drag to move, Ctrl + scroll to zoom, double-click to see everything again; "
        "point at anything for its numbers."
    )
    return "\n".join([*parts, f'<p class="hint">{hint}</p>'])


def _figure_id(number: int) -> str:
    return f"figure-{number}"


def _table(table: pd.DataFrame, figures: Sequence[go.Figure], max_rows: int) -> str:
    shown = table.head(max_rows)
    names = [str(name) for name in table.columns]
    numeric = [pd.api.types.is_numeric_dtype(kind) for kind in table.dtypes]
    heads = "".join(
        f'<th scope="col"{_class(is_number)}><button type="button">{_text(name)}'
        "</button></th>"
        for name, is_number in zip(names, numeric, strict=True)
    )
    rows = [
        dict(zip(names, values, strict=True))
        for values in shown.itertuples(index=False, name=None)
    ]
    lines = "\n".join(
        f"<tr>{''.join(_cells(row, numeric, figures))}</tr>" for row in rows
    )
    return (
        f"<h2>Variants</h2>\n{_table_tools(len(shown), len(table))}"
        f'<div class="scroll card" tabindex="0" role="region" aria-label="Variants">'
        f"<table><thead><tr>{heads}</tr></thead>\n<tbody>{lines}</tbody></table></div>"
    )


def _table_tools(shown: int, total: int) -> str:
    rows = f"{total:,} row{'s' if total != 1 else ''}"
    count = rows if shown == total else f"The first {shown:,} of {rows}"
    return (
        '<div class="tools"><input type="search" id="filter" '
        'placeholder="Filter rows" aria-label="Filter rows">'
        f'<span class="hint">{count}. Click a heading to sort.</span>'
        '<span class="hint" id="shown" role="status"></span></div>'
    )


def _class(is_number: bool) -> str:
    return ' class="number"' if is_number else ""


def _cells(
    row: Mapping[str, object], numeric: Sequence[bool], figures: Sequence[go.Figure]
) -> Iterator[str]:
    for (name, value), is_number in zip(row.items(), numeric, strict=True):
        whole = format_value(value)
        text = _text(shorten(whole, 20))
        if name == "pos":
            text = _zoom_button(row, text, figures)
        if is_number:
            yield f'<td class="number" data-value="{_sort_key(value)}">{text}</td>'
        else:
            full = f' title="{_text(whole[:500])}"' if text != _text(whole) else ""
            yield f"<td{full}>{text}</td>"


def _sort_key(value: object) -> str:
    return "" if is_missing(value) else repr(float(value))  # type: ignore[arg-type]


def _zoom_button(
    row: Mapping[str, object], text: str, figures: Sequence[go.Figure]
) -> str:
    pos = row["pos"]
    if not isinstance(pos, int):
        return text
    for number, figure in enumerate(figures):
        if _is_shown(str(row.get("chrom")), pos, figure.layout.meta):
            return (
                f'<button type="button" data-figure="{_figure_id(number)}" '
                f'data-pos="{pos}" title="Show in the figure">{text}</button>'
            )
    return text


def _is_shown(chrom: str, pos: int, shown: Mapping[str, Any] | None) -> bool:
    """Whether a figure, by the ``meta`` that `plot_locus` gives it, shows a base."""
    if not isinstance(shown, Mapping) or not {"chrom", "start", "end"} <= set(shown):
        return False
    same = contig_key(chrom) == contig_key(shown["chrom"])
    return same and shown["start"] < pos <= shown["end"]


def _scores(scores: pd.DataFrame | None) -> str:
    if scores is None or scores.empty:
        return ""
    cards = []
    for name, facts in scores.iterrows():
        lines = "".join(
            f"<dt>{_text(fact)}</dt><dd>{_text(format_value(value))}</dd>"
            for fact, value in facts.items()
            if not is_missing(value) and str(value)
        )
        cards.append(
            f'<section class="card"><h3>{_text(name)}</h3><dl>{lines}</dl></section>'
        )
    return (
        f'<h2>How to read the scores</h2>\n<div class="scores">{"".join(cards)}</div>'
    )


def _notes(notes: Sequence[str]) -> str:
    if not notes:
        return ""
    return "<h2>Notes</h2>\n" + "\n".join(f"<p>{_text(note)}</p>" for note in notes)
