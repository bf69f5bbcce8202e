"""The verbs over whole genomes: in shards, by many workers, gone on with after a crash.

Each verb here does what its namesake does, to inputs of any size, and leaves the
result in a folder: a Zarr-backed AnnData and a table in Parquet, written shard by
shard. The same call again computes only what is missing. The engine is Dask: worker
processes on this machine, or whatever a ``dask.distributed`` scheduler has, such as
SLURM jobs by dask-jobqueue or pods on Kubernetes. All of them must see the folder and
the genome under the same paths.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

import pandas as pd

from hyenascope._typing import OnError, Strands, StrPath
from hyenascope.cluster.identity import (
    background_facts,
    model_facts,
    places_facts,
    variants_facts,
)
from hyenascope.cluster.mutagenesis_shards import MutagenesisTask
from hyenascope.cluster.places import (
    PlaceSource,
    held,
    plan_tiles,
    read_places,
)
from hyenascope.cluster.run import Run
from hyenascope.cluster.run_folder import RunFolder
from hyenascope.cluster.sequence_jobs import embed, predict
from hyenascope.cluster.start import Plan, start
from hyenascope.cluster.variant_shards import VariantTask, plan_variants
from hyenascope.cluster.workers import Scheduler
from hyenascope.data.fasta import FastaReader, opened
from hyenascope.data.interval import Interval
from hyenascope.data.variant import Variant
from hyenascope.data.vcf import read_variants
from hyenascope.interpret.background import Background
from hyenascope.interpret.ism import Center
from hyenascope.interpret.ism_plan import IsmScore
from hyenascope.interpret.provenance import provenance_of
from hyenascope.interpret.scores import BaselineName, ScoreName
from hyenascope.interpret.scoring_options import ScoringOptions
from hyenascope.interpret.variant_sources import VariantSource, collect_variants
from hyenascope.models.batching import BatchSize
from hyenascope.models.checkpoint import save_pretrained
from hyenascope.models.hyena import HyenaLM
from hyenascope.models.model_checks import (
    require_causal,
    require_model,
    window_context,
)
from hyenascope.models.predict import check_strands

__all__ = ["embed", "predict", "saturation_mutagenesis", "score_variants"]


def score_variants(
    model: HyenaLM,
    variants: VariantSource,
    genome: FastaReader | StrPath,
    out: StrPath,
    *,
    workers: int | None = None,
    scheduler: Scheduler | None = None,
    shard_size: int = 4_096,
    context: int | None = None,
    scores: Sequence[ScoreName] = ("conditional", "likelihood"),
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
    device: str | None = None,
    progress: bool = True,
) -> Run:
    """Score any number of variants with any number of workers.

    Parameters
    ----------
    model, variants, genome
        As in `hyenascope.score_variants`. A file is streamed.
    out
        Folder of the run, made if missing. If it holds this run already, what is
        missing is computed; if it holds another, it is refused.
    workers
        Worker processes of this machine; one per GPU, or one, if None.
    scheduler
        Address of a Dask scheduler, or a client of one, in place of ``workers``.
    shard_size
        Variants that are computed, written and lost together.
    context, scores, strands, baselines, markov_order, downstream_window
        As in `hyenascope.score_variants`.
    window_stride, max_ambiguous, region, background
        As in `hyenascope.score_variants`.
    on_error
        ``"flag"`` keeps what cannot be scored as a row with NaN and a reason;
        ``"raise"`` stops, and keeps the shards that are done.
    batch_size, max_memory, device
        As in `hyenascope.score_variants`, on each worker.
    progress
        Show a bar.

    Returns
    -------
    Run
        ``.read()`` gives the AnnData of `hyenascope.score_variants`, rows in the order
        of the file, or of the genome if the file is not sorted; ``.obs["input_row"]``
        says where in the file a row stood, from 0. ``.tables()`` goes through it in
        constant memory.

    Raises
    ------
    ValueError
        As `hyenascope.score_variants`, before any work; `ManifestError`, with the
        differences, if ``out`` holds another run.
    WorkersError
        If workers or scheduler are not to be had, or a shard ends them.
    RunBusyError
        If another process is at work in ``out``.
    OSError
        If the disk refuses. What is done is kept: the same call goes on from there.

    Examples
    --------
    >>> import tempfile
    >>> from distributed import Client
    >>> from hyenascope.models.hyena import HyenaConfig
    >>> model = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "tiny.fa"
    ...     _ = path.write_text(f">I{chr(10)}{'ACGT' * 30}")
    ...     variant = Variant("I", 51, "G", "A")
    ...     with Client(processes=False, dashboard_address="127.0.0.1:0") as here:
    ...         run = score_variants(  # or, with processes of its own, workers=2
    ...             model,
    ...             variant,
    ...             path,
    ...             Path(folder) / "run",
    ...             scheduler=here,
    ...             progress=False,
    ...         )
    ...     run.status().finished, run.read().obs_names.tolist()
    (True, ['I:51:G>A'])
    """
    require_model(model)
    if not isinstance(variants, str | Path | Variant | pd.DataFrame):
        variants = list(variants)  # type: ignore[arg-type] # gone through twice
    if on_error not in ("raise", "flag"):
        raise ValueError(
            "on_error must be raise or flag: a row left out could not be told from "
            f"one that was lost; got {on_error!r}."
        )
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
    inputs: dict[str, Any] = {"source": variants_facts(variants)}
    asked = {
        **options.provenance(),
        "region": None if region is None else str(region),
        "on_error": on_error,
    }

    def save(folder: RunFolder) -> None:
        save_pretrained(model, folder.model)
        if background is not None:
            background.save(folder.background)

    with opened(genome) as reader:
        if background is not None:
            made = provenance_of(model, reader, **options.provenance())
            background.check(made, options.columns())
            inputs["background"] = background_facts(background)
            asked["background"] = background.provenance
        return start(
            Plan(
                verb="score_variants",
                task=VariantTask,
                inputs=inputs,
                model=model_facts(model),
                options=asked,
                rows=lambda folder: plan_variants(
                    _stream(variants, region), reader, folder, shard_size
                ),
                save=save,
                unit="variant",
            ),
            reader,
            out,
            shard_size=shard_size,
            workers=workers,
            scheduler=scheduler,
            batch_size=batch_size,
            max_memory=max_memory,
            device=device,
            progress=progress,
        )


def saturation_mutagenesis(
    model: HyenaLM,
    genome: FastaReader | StrPath,
    places: PlaceSource,
    out: StrPath,
    *,
    workers: int | None = None,
    scheduler: Scheduler | None = None,
    shard_size: int = 16_384,
    score: IsmScore = "downstream",
    window: int | None = None,
    context: int | None = None,
    strands: Strands = "both",
    center: Center | None = None,
    max_memory: int = 2 * 2**30,
    device: str | None = None,
    progress: bool = True,
) -> Run:
    """Map every substitution of any number of places, a row per base.

    Parameters
    ----------
    model, genome
        As in `hyenascope.saturation_mutagenesis`.
    places
        A BED path, or the path of ``genome`` for all of it; an `Interval`, several, or
        a table. 0-based half-open.
    out, workers, scheduler, progress
        As in `score_variants`.
    shard_size
        Bases that are computed, written and lost together; a longer place is cut.
    score, window, context, strands, center
        As in `hyenascope.saturation_mutagenesis`; ``score`` by name alone.
    max_memory, device
        As in `hyenascope.saturation_mutagenesis`, on each worker.

    Returns
    -------
    Run
        ``.read()`` gives an AnnData: ``.X`` alternate − reference in nats, a column for
        each of A, C, G and T; ``.obs`` with ``chrom``, ``pos`` (1-based), ``ref``, the
        ``name`` and number (``input_row``, from 0) of the place, and ``status`` and
        ``reason`` where there is no number.

    Raises
    ------
    ValueError
        As `hyenascope.saturation_mutagenesis`, or if a place is not on its contig.
    WorkersError, RunBusyError, OSError
        As `score_variants`.
    """
    places = held(places)
    require_causal(model)
    check_strands(strands)
    if score not in get_args(IsmScore):
        raise ValueError(
            f"score must be among {', '.join(get_args(IsmScore))}; got {score!r}."
        )
    with opened(genome) as reader:
        return start(
            Plan(
                verb="saturation_mutagenesis",
                task=MutagenesisTask,
                inputs={"source": places_facts(places)},
                model=model_facts(model),
                options={
                    "score": score,
                    "window": window,
                    "context": window_context(model, context),
                    "strands": strands,
                    "center": center,
                },
                rows=lambda folder: plan_tiles(
                    read_places(places, reader), folder, shard_size
                ),
                save=lambda folder: save_pretrained(model, folder.model),
                unit="base",
            ),
            reader,
            out,
            shard_size=shard_size,
            workers=workers,
            scheduler=scheduler,
            max_memory=max_memory,
            device=device,
            progress=progress,
        )


def _stream(
    variants: VariantSource, region: Interval | str | None
) -> Iterable[Variant]:
    """Read a file as it comes; what is in memory is there already."""
    if not isinstance(variants, str | Path):
        return collect_variants(variants, region=region)
    return _not_empty(read_variants(variants, region=region), variants)


def _not_empty(variants: Iterator[Variant], source: StrPath) -> Iterator[Variant]:
    first = next(variants, None)
    if first is None:
        raise ValueError(f"variants must not be empty; got none in {source}.")
    yield first
    yield from variants
