"""Score variants with a causal language model, beside baselines that need none."""

from collections.abc import Sequence
from typing import get_args

import anndata as ad
import torch

from hyenascope._device import resolve_device
from hyenascope._typing import OnError, Strands, StrPath
from hyenascope.data.fasta import FastaReader, opened
from hyenascope.data.interval import Interval
from hyenascope.interpret.background import Background
from hyenascope.interpret.model_output import ModelOutput
from hyenascope.interpret.scores import BaselineName, ScoreName
from hyenascope.interpret.scoring_options import ScoringOptions
from hyenascope.interpret.variant_scorer import VariantScorer
from hyenascope.interpret.variant_sources import VariantSource, collect_variants
from hyenascope.models.batching import BatchSize
from hyenascope.models.model_checks import AnyModel
from hyenascope.models.wrappers.any_model import native


def score_variants(
    model: AnyModel,
    variants: VariantSource,
    genome: FastaReader | StrPath,
    *,
    context: int | None = None,
    scores: Sequence[ScoreName | ModelOutput] | None = None,
    strands: Strands = "both",
    baselines: Sequence[BaselineName] = ("markov", "cpg", "trinucleotide"),
    markov_order: int = 8,
    downstream_window: int = 512,
    window_stride: int | None = None,
    max_ambiguous: float = 0.25,
    region: Interval | str | None = None,
    background: Background | None = None,
    on_error: OnError = "flag",
    batch_size: BatchSize = "auto",
    max_memory: int = 2 * 2**30,
    device: str | torch.device | None = None,
    progress: bool = False,
) -> ad.AnnData:
    """Score what each variant changes in the eyes of the model.

    Every difference is alternate − reference: negative means the model likes
    the change less. Log-likelihoods are in nats, over A, C, G, T, added in
    float64; `hyenascope.interpret.scores.SCORES` holds each formula.

    Parameters
    ----------
    model
        A causal model, or any wrapped one (`hyenascope.models.wrappers`), which reads
        both haplotypes whole; borrowed and put back.
    variants
        A VCF, BCF, TSV or CSV path, one variant or many, or a table with
        ``chrom``, ``pos`` (1-based), ``ref``, ``alt`` and optionally ``id``.
        Several alternates are several rows.
    genome
        Reader or FASTA path; ``chr1`` and ``1`` are one contig.
    context
        Window in bases; by default the model's, at most 16,384, or all that a wrapped
        model reads which predicts or has one length.
    scores
        Which model scores; by default ``"conditional"`` and ``"likelihood"``.
        ``"conditional"`` alone is the quickest. The numbers that benchmarks publish are
        in `hyenascope.interpret.scores.PUBLISHED`. Of a wrapped model that predicts, a
        `ModelOutput` each; by default all its outputs, the mean over their bins. Of one
        that fills masks ``"conditional"`` is the default, ``"full_sum"`` and
        ``"full_mean"`` are of pseudo-log-likelihoods (`scores.MASKED`).
    strands
        ``"forward"``, ``"reverse"`` (the model reads the reverse complement), or
        ``"both"``: the mean, and each strand in a column of its own.
    baselines, markov_order
        Columns that need no model, fitted on this genome.
    downstream_window
        Bases that ``"downstream"`` adds up from the change on: the ``window`` of
        `saturation_mutagenesis`. At most what every window holds on either side,
        half the context less half the stride. A strand on which the contig has fewer
        gives NaN, and ``reason`` says so.
    window_stride
        Step of the window grid, a quarter of the context by default: more
        variants share a pass, each has 3/8 to 5/8 of the context on either side.
        1 centres every window, and is the default of wrapped models.
    max_ambiguous
        Largest fraction of N and IUPAC codes in a window; they are read as N. It is 0
        for a wrapped model whose alphabet has no N.
    region
        Only variants that overlap it: 1-based text or a 0-based `Interval`.
    background
        What `hyenascope.interpret.fit_background` made with the same model, genome
        and options: adds ``.layers["percentile"]``, see `Background.percentile`.
    on_error
        What a variant that cannot be scored does: ``"raise"``; ``"flag"`` keeps
        its row with NaN, a ``status`` and a ``reason``; ``"skip"`` leaves it out.
    max_memory
        Bytes that a reference pass may keep for its mutants. Less memory means more
        work, never other numbers.
    batch_size, device, progress
        As in `hyenascope.logits`; a wrapped model has its own batch size.

    Returns
    -------
    anndata.AnnData
        ``.obs`` one row per variant (index ``chr1:7:A>G``), ``.var`` one row per
        score with its definition, unit, source and how to read it, ``.X`` alternate
        − reference, ``.layers["ref"]`` and ``["alt"]`` the two sides,
        ``.uns["hyenascope"]`` model, genome, options, REF agreement and the engine
        that read the mutants.

    Raises
    ------
    ValueError
        If an option is out of range, the model is two-sided, a file cannot be
        read, or there is no variant at all.
    VariantError
        With ``on_error="raise"``, if a variant cannot be scored.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from hyenascope.data.variant import Variant
    >>> from hyenascope.models.hyena import HyenaConfig, HyenaLM
    >>> model = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "tiny.fa"
    ...     _ = path.write_text(f">I{chr(10)}{'ACGT' * 30}")
    ...     found = score_variants(model, Variant("I", 51, "G", "A"), path)
    >>> found.shape, found.obs["status"].iloc[0]
    ((1, 9), 'ok')
    """
    model = native(model)
    options = ScoringOptions.of(
        model,
        context=context,
        scores=scores,
        strands=strands,
        baselines=baselines,
        markov_order=markov_order,
        max_ambiguous=max_ambiguous,
        downstream_window=downstream_window,
        window_stride=window_stride,
    )
    if on_error not in get_args(OnError):
        raise ValueError(f"on_error must be raise, flag or skip; got {on_error!r}.")
    given = collect_variants(variants, region=region)
    with opened(genome) as reader:
        scorer = VariantScorer(
            model,
            reader,
            options,
            batch_size=batch_size,
            max_memory=max_memory,
            device=resolve_device(device),
        )
        if background is not None:  # said before the work, not after
            background.check(scorer.provenance, scorer.columns)
        result = scorer.score(given, strict=on_error == "raise", progress=progress)
    if background is not None:
        result = background.percentile(result)
    return _without_flagged(result) if on_error == "skip" else result


def _without_flagged(scores: ad.AnnData) -> ad.AnnData:
    """Leave flagged rows out, but not the memory of how many there were."""
    status = scores.obs["status"]
    kept = scores[status == "ok"].copy()
    skipped = status[status != "ok"].value_counts()
    kept.uns["hyenascope"]["skipped"] = {str(k): int(n) for k, n in skipped.items()}
    return kept
