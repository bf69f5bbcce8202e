"""From scores to the page a person reads: the strongest loci, drawn and listed.

Above all rooms like the shell commands, because it asks the model for tracks and
the figures for pictures.
"""

import anndata as ad
import numpy as np
import pandas as pd
import torch
from plotly import graph_objects as go

from hyenascope._typing import Strands, StrPath
from hyenascope.data.annotation import read_genes
from hyenascope.data.fasta import FastaReader
from hyenascope.data.interval import Interval
from hyenascope.interpret.likelihood_track import log_prob_track
from hyenascope.interpret.score_summary import score_summary
from hyenascope.interpret.scores import wide
from hyenascope.models.hyena import HyenaLM
from hyenascope.viz.components import Genes, Line, Sequence, Variants
from hyenascope.viz.figure import plot_locus
from hyenascope.viz.lane import Component
from hyenascope.viz.report import write_report
from hyenascope.viz.saved_page import write_locus_html

LOCUS_WIDTH = 4_000
SMOOTHING = 50
COIN = -float(np.log(4))  # what a fair four-sided coin scores


def report_scores(
    scores: ad.AnnData,
    model: HyenaLM,
    genome: FastaReader | StrPath,
    path: StrPath,
    *,
    genes: StrPath | None = None,
    interval: Interval | None = None,
    loci: int = 3,
    score: str | None = None,
    device: str | torch.device | None = None,
    title: str = "Variant effects",
) -> None:
    """Write one self-contained HTML page: facts, loci on tracks, top variants.

    Parameters
    ----------
    scores, model, genome
        What `hyenascope.score_variants` returned, and what it was made with.
    path
        Where to write.
    genes
        GTF or GFF3 path to draw genes from.
    interval
        A locus to draw before the others, 0-based half-open.
    loci
        Number of loci drawn; those not asked for are the surroundings of the
        variants with the largest absolute score.
    score
        Column that ranks and colours; by default the first.
    device
        Where the model runs for the tracks.
    title
        Headline.

    Raises
    ------
    ValueError
        If ``score`` is not a column of ``scores``.
    """
    score = score or str(scores.var_names[0])
    if score not in scores.var_names:
        raise ValueError(
            f"score must be one of {', '.join(scores.var_names)}; got {score!r}."
        )
    reader = genome if isinstance(genome, FastaReader) else FastaReader(genome)
    table = ranked(scores, score)
    places = _places(table, reader, loci, score, first=interval)
    provenance = scores.uns["hyenascope"]
    figures = {
        str(place): locus_figure(
            table,
            model,
            reader,
            place,
            genes=genes,
            score=score,
            context=provenance["context"],
            strands=provenance["strands"],
            device=device,
        )
        for place in places
    }
    write_report(
        path,
        title=title,
        figures=figures,
        table=_columns_first(scores, table, score),
        summary=summary(scores),
        scores=_definitions(scores),
        notes=_notes(scores),
    )


def ranked(scores: ad.AnnData, score: str) -> pd.DataFrame:
    """One row per variant, largest absolute score first, flagged rows last."""
    table = wide(scores)
    return table.reindex(table[score].abs().sort_values(ascending=False).index)


def locus_figure(
    table: pd.DataFrame,
    model: HyenaLM,
    genome: FastaReader,
    interval: Interval,
    *,
    genes: StrPath | None = None,
    score: str = "conditional",
    context: int | None = None,
    strands: Strands = "both",
    device: str | torch.device | None = None,
) -> go.Figure:
    """Draw one locus: log-probability per base, its mean, variants, genes."""
    track = log_prob_track(
        model, genome, interval, context=context, strands=strands, device=device
    ).select(strands)
    parts: list[Line | Variants | Genes] = [
        Line(track, label="log p per base", reference=COIN),
        Line(
            track.rolling_mean(SMOOTHING),
            label=f"mean over {SMOOTHING} bp",
            reference=COIN,
        ),
        Variants(table, score=score),
    ]
    if genes is not None:
        parts.append(Genes(read_genes(genes, interval)))
    return plot_locus(parts, interval)


def write_scores_page(
    scores: ad.AnnData,
    model: HyenaLM,
    genome: FastaReader | StrPath,
    path: StrPath,
    interval: Interval,
    *,
    genes: StrPath | None = None,
    score: str | None = None,
    show: Interval | None = None,
    device: str | torch.device | None = None,
) -> None:
    """Write one page that zooms from a whole stretch to its letters, offline.

    Parameters
    ----------
    scores, model, genome
        What `hyenascope.score_variants` returned, and what it was made with.
    path
        Where to write.
    interval
        All that the page can show, 0-based half-open.
    genes
        GTF or GFF3 path to draw genes from.
    score
        Column that places and colours variants; by default the first.
    show
        What the page shows first; by default everything.
    device
        Where the model runs for the track.
    """
    reader = genome if isinstance(genome, FastaReader) else FastaReader(genome)
    provenance = scores.uns["hyenascope"]
    track = log_prob_track(
        model,
        reader,
        interval,
        context=provenance["context"],
        strands=provenance["strands"],
        device=device,
    ).select(provenance["strands"])
    name = score or str(scores.var_names[0])
    parts: list[Component] = [] if genes is None else [Genes(genes)]
    parts += [
        Variants(wide(scores), score=name),
        Line(track, label="log p per base", reference=COIN),
        Sequence(reader),
    ]
    write_locus_html(parts, interval, path, show=show)


def summary(scores: ad.AnnData) -> dict[str, object]:
    """Facts at the top of a report and under a shell command."""
    counts = scores.obs["status"].value_counts()
    status = {str(name): int(count) for name, count in counts.items()}
    return score_summary(scores.uns["hyenascope"], scores.n_obs, status)


def _places(
    table: pd.DataFrame,
    genome: FastaReader,
    loci: int,
    score: str,
    *,
    first: Interval | None,
) -> list[Interval]:
    """Surroundings of the strongest variants, no two overlapping."""
    places = [] if first is None else [first]
    scored = table[table[score].notna()]
    for name, pos in zip(scored["chrom"], scored["pos"], strict=True):
        if len(places) >= loci:
            break
        chrom = genome.resolve(str(name))
        size = genome.contigs[chrom]
        start = max(0, min(int(pos) - LOCUS_WIDTH // 2, size - LOCUS_WIDTH))
        place = Interval(chrom, start, min(start + LOCUS_WIDTH, size))
        if not any(place.overlaps(other) for other in places):
            places.append(place)
    return places


def _columns_first(scores: ad.AnnData, table: pd.DataFrame, score: str) -> pd.DataFrame:
    """Put the ranking score, then every score with its baselines, before the rest."""
    whole = scores.var.index[scores.var.index == scores.var["score"]]
    first = ["chrom", "pos", "ref", "alt", "id", score]
    first += [name for name in whole if name != score] + ["status", "reason"]
    hidden = {*first, "window_start", "window_end", "ambiguous_bases"}
    return table[[*first, *[name for name in table if name not in hidden]]]


def _definitions(scores: ad.AnnData) -> pd.DataFrame:
    """Explain each score once; columns of one strand say so in their name."""
    once = scores.var.drop_duplicates("score").set_index("score")
    return once[["formula", "unit", "kind", "reading"]]


def _notes(scores: ad.AnnData) -> list[str]:
    provenance = scores.uns["hyenascope"]
    return [
        "Positions are 1-based. Every score is alternate − reference: negative "
        "means that the model likes the change less.",
        "A small language model must be read against its baselines: columns of kind "
        f"baseline were fitted on {provenance['baseline_bases']:,} bases of the same "
        "genome and use no model.",
    ]
