"""Pairs of substitutions: what two do together beyond what each does alone."""

from itertools import combinations

import anndata as ad
import numpy as np
import pandas as pd
import torch
from jaxtyping import Float64
from tqdm.auto import tqdm

from hyenascope._device import borrow
from hyenascope._typing import Strands, StrPath
from hyenascope.data.fasta import FastaReader, opened
from hyenascope.data.interval import Interval
from hyenascope.interpret.edits import Edit, edit_changes
from hyenascope.interpret.provenance import provenance_of
from hyenascope.interpret.strand_windows import StrandWindow, centred_windows
from hyenascope.models.hyena import HyenaLM
from hyenascope.models.incremental import tokens_for
from hyenascope.models.model_checks import require_causal, window_context
from hyenascope.models.mutant_passes import READER_NAMES, Reader, choose_reader
from hyenascope.models.predict import check_strands, mean_known
from hyenascope.sequence.dna import BASES


def pairwise_mutagenesis(
    model: HyenaLM,
    genome: FastaReader | StrPath,
    interval: Interval,
    *,
    window: int = 128,
    context: int | None = None,
    strands: Strands = "both",
    device: str | torch.device | None = None,
    progress: bool = False,
) -> ad.AnnData:
    """Score all pairs of substitutions in ``interval``: joint − sum of singles.

    Every score is the change in log-likelihood of the same bases, the interval and
    the ``window`` bases read after it, so joint and singles compare.

    Parameters
    ----------
    model
        A causal model; borrowed and put back.
    genome
        Reader or FASTA path.
    interval
        0-based half-open, inside its contig. n bases have 9 n (n − 1) / 2 pairs:
        20 bases take 1,710 mutants per strand.
    window
        Bases after the interval that count as well; on the reverse strand those
        before it. A strand on which the contig ends within them takes no part.
    context
        Bases that the model reads; by default its own, at most 16,384.
    strands
        ``"both"`` is the mean of the two strands.
    device, progress
        As in `hyenascope.logits`; the bar counts strands.

    Returns
    -------
    anndata.AnnData
        ``.obs`` and ``.var`` the single substitutions (index ``I:41A>C``; chrom,
        pos 1-based, ref, alt, ``single`` in nats); ``.X`` joint − sum of singles in
        nats, symmetric, NaN for two substitutions of one base;
        ``.layers["joint"]`` the joint score. Negative: together they are less likely
        than apart.

    Raises
    ------
    ValueError
        If the interval leaves its contig, holds no two bases A, C, G, T, or does not
        fit the context or, on any strand, the contig with its window.
    """
    require_causal(model)
    check_strands(strands)
    context = window_context(model, context)
    with opened(genome) as reader:
        place = reader.inside(interval)
        if window < 0 or place.length + 2 * window >= context:
            raise ValueError(
                f"window must fit the context of {context:,} bp on either side of the "
                f"interval's {place.length:,}; got {window}."
            )
        text = reader.fetch(place)
        singles = _substitutions(place, text)
        if len(singles) < 6:
            raise ValueError(
                f"interval must hold two bases A, C, G, T or more; got {place}."
            )
        items = list(centred_windows(reader, place, context=context, strands=strands))
        found = []
        with borrow(model, device), torch.inference_mode():
            kind = choose_reader(model, tokens_for(model, items[0].tokens))
            for item in tqdm(items, disable=not progress, unit="strand"):
                found.append(_scores(model, item, window, singles, kind))
        details = provenance_of(
            model,
            reader,
            method="pairwise_mutagenesis",
            window=window,
            context=context,
            strands=strands,
            engine=READER_NAMES[kind],
            interval=str(place),
            units="Δ log p (nats)",
            reading="Negative: together the two are less likely than apart.",
        )
    scores = np.stack(found)
    if np.isnan(scores).all():
        raise ValueError(
            f"interval must leave {window:,} bp of its contig on a side that is read; "
            f"got {place}."
        )
    return _table(place, singles, scores, details, text)


def _substitutions(place: Interval, text: str) -> list[Edit]:
    return [
        Edit(place.start + i, place.start + i + 1, base)
        for i, reference in enumerate(text)
        if reference in BASES
        for base in BASES
        if base != reference
    ]


def _scores(
    model: HyenaLM, item: StrandWindow, window: int, singles: list[Edit], kind: Reader
) -> Float64[np.ndarray, "singles singles"]:
    """Return joint scores of one strand, and single ones on the diagonal.

    NaN where the contig ends within the window or begins with the interval.
    """
    table = np.full((len(singles), len(singles)), np.nan)
    span = (item.first, item.stop + window)
    if span[1] > len(item.tokens):
        return table
    pairs = [
        (i, j)
        for i, j in combinations(range(len(singles)), 2)
        if singles[i].start != singles[j].start
    ]
    haplotypes = [[edit] for edit in singles]
    haplotypes += [[singles[i], singles[j]] for i, j in pairs]
    values = edit_changes(model, item, haplotypes, [span] * len(haplotypes), kind=kind)
    np.fill_diagonal(table, values[: len(singles)])
    rows, columns = np.array(pairs).T
    table[rows, columns] = table[columns, rows] = values[len(singles) :]
    return table


def _table(
    place: Interval,
    singles: list[Edit],
    scores: Float64[np.ndarray, "strands singles singles"],
    details: dict[str, object],
    text: str,
) -> ad.AnnData:
    single = np.diagonal(scores, axis1=1, axis2=2)
    joint = np.where(np.eye(len(singles), dtype=bool), np.nan, scores)
    # On each strand first: a strand that lacks one of the three takes no part.
    beyond = joint - (single[:, :, None] + single[:, None])
    places = pd.DataFrame(
        {
            "chrom": place.chrom,
            "pos": [edit.start + 1 for edit in singles],
            "ref": [text[edit.start - place.start] for edit in singles],
            "alt": [edit.text for edit in singles],
            "single": mean_known(single),
        }
    )
    places.index = pd.Index(
        [f"{place.chrom}:{row.pos}{row.ref}>{row.alt}" for row in places.itertuples()]
    )
    return ad.AnnData(
        mean_known(beyond),
        places,
        places.copy(),
        layers={"joint": mean_known(joint)},
        uns={"hyenascope": details},
    )
