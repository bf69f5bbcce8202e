"""The verbs over sequences, a row for each: embed them, or ask a fine-tuned model."""

from collections.abc import Sequence
from pathlib import Path

from hyenascope._typing import Strands, StrPath
from hyenascope.cluster.identity import model_facts, places_facts
from hyenascope.cluster.places import (
    PlaceSource,
    held,
    is_fasta,
    plan_places,
    read_places,
)
from hyenascope.cluster.run import Run
from hyenascope.cluster.sequence_shards import EmbeddingTask, PredictionTask
from hyenascope.cluster.start import Plan, start
from hyenascope.cluster.workers import Scheduler
from hyenascope.data.fasta import FastaReader, opened
from hyenascope.models.batching import BatchSize
from hyenascope.models.checkpoint import save_pretrained
from hyenascope.models.embedding_data import EmbeddingPool
from hyenascope.models.fine_tuned import save_fine_tuned
from hyenascope.models.hyena import HyenaLM
from hyenascope.models.layer_states import check_layers
from hyenascope.models.model_checks import require_model
from hyenascope.models.predict import check_strands
from hyenascope.models.sequence_model import SequenceModel


def embed(
    model: HyenaLM,
    places: PlaceSource,
    genome: FastaReader | StrPath | None,
    out: StrPath,
    *,
    workers: int | None = None,
    scheduler: Scheduler | None = None,
    shard_size: int = 1_024,
    layers: Sequence[int] = (-1,),
    pool: EmbeddingPool = "mean",
    strands: Strands = "both",
    chunk: int | None = None,
    overlap: int = 0,
    batch_size: BatchSize = "auto",
    device: str | None = None,
    progress: bool = True,
) -> Run:
    """Embed any number of sequences, a row for each.

    Parameters
    ----------
    model
        As in `hyenascope.embed_data`.
    places
        A FASTA path, each record a sequence; or a BED path, an `Interval`, several, or
        a table, 0-based half-open, which need ``genome``.
    genome
        Reader or FASTA path; None if ``places`` is a FASTA.
    out, workers, scheduler, progress
        As in `score_variants`.
    shard_size
        Sequences that are computed, written and lost together.
    layers, pool, strands, chunk, overlap
        As in `hyenascope.embed_data`.
    batch_size, device
        As in `hyenascope.embed_data`, on each worker.

    Returns
    -------
    Run
        ``.read()`` gives the AnnData of `hyenascope.embed_data`, rows called by their
        number, from 0.

    Raises
    ------
    ValueError
        As `hyenascope.embed_data`, or if a place is not on its contig.
    WorkersError, RunBusyError, OSError
        As `score_variants`.
    """
    places = held(places)
    require_model(model)
    check_layers(model, tuple(layers))
    check_strands(strands)
    with opened(_sequences_of(places, genome)) as reader:
        return start(
            Plan(
                verb="embed",
                task=EmbeddingTask,
                inputs={"source": places_facts(places)},
                model=model_facts(model),
                options={
                    "layers": list(layers),
                    "pool": pool,
                    "strands": strands,
                    "chunk": chunk,
                    "overlap": overlap,
                },
                rows=lambda folder: plan_places(
                    read_places(places, reader), folder, shard_size
                ),
                save=lambda folder: save_pretrained(model, folder.model),
                unit="sequence",
            ),
            reader,
            out,
            shard_size=shard_size,
            workers=workers,
            scheduler=scheduler,
            batch_size=batch_size,
            device=device,
            progress=progress,
        )


def predict(
    model: SequenceModel,
    places: PlaceSource,
    genome: FastaReader | StrPath | None,
    out: StrPath,
    *,
    workers: int | None = None,
    scheduler: Scheduler | None = None,
    shard_size: int = 1_024,
    batch_size: BatchSize = "auto",
    device: str | None = None,
    progress: bool = True,
) -> Run:
    """Ask a fine-tuned model about any number of sequences, a row for each.

    Parameters
    ----------
    model
        As `hyenascope.finetune` gives it.
    places, genome
        As in `embed`.
    out, workers, scheduler, shard_size, progress
        As in `embed`.
    batch_size, device
        As in the model's own ``predict``, on each worker.

    Returns
    -------
    Run
        ``.read()`` gives an AnnData: ``.X`` a column per label, calibrated
        probabilities or the numbers of a regression; ``.obs`` name and place.

    Raises
    ------
    ValueError
        If a sequence is too long to be read, or a place is not on its contig.
    WorkersError, RunBusyError, OSError
        As `score_variants`.
    """
    places = held(places)
    with opened(_sequences_of(places, genome)) as reader:
        return start(
            Plan(
                verb="predict",
                task=PredictionTask,
                inputs={"source": places_facts(places)},
                model=model_facts(model),
                options={},
                rows=lambda folder: plan_places(
                    read_places(places, reader), folder, shard_size
                ),
                save=lambda folder: save_fine_tuned(model, folder.model),
                unit="sequence",
            ),
            reader,
            out,
            shard_size=shard_size,
            workers=workers,
            scheduler=scheduler,
            batch_size=batch_size,
            device=device,
            progress=progress,
        )


def _sequences_of(
    places: PlaceSource, genome: FastaReader | StrPath | None
) -> FastaReader | StrPath:
    """Return the file that bases are read from."""
    if is_fasta(places) and isinstance(places, str | Path):
        if genome is not None:
            raise ValueError(
                f"genome must be None where places is a FASTA itself; got {genome}."
            )
        return places
    if genome is None:
        raise ValueError("genome must be given to read places; got None.")
    return genome
