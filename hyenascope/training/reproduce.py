"""A published table again, with one call: fetch, fine-tune, judge, compare.

`reproduce` keeps each fine-tuned model in a folder of its own, so that a run that was
killed goes on with the next seed. Test rows are read when everything is trained, and
decide nothing.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pandas as pd
import torch

from hyenascope._typing import StrPath
from hyenascope.data.benchmarks import download_benchmark
from hyenascope.data.genomic_benchmarks import Genomes, read_genomic_benchmark
from hyenascope.data.labelled_sequences import LabelledSequences
from hyenascope.data.nucleotide_transformer import read_nucleotide_transformer
from hyenascope.data.split_leakage import split_leakage
from hyenascope.models.checkpoint import load_pretrained
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.published import find_published
from hyenascope.training.baselines import Baseline, compare
from hyenascope.training.benchmark_recipes import Recipe, RecipeTable, find_recipes
from hyenascope.training.finetune_options import FinetuneOptions
from hyenascope.training.kept_model import Start, kept_model
from hyenascope.training.label_evaluation import Duplicates

_LOGGER = logging.getLogger("hyenascope")

LEAKS_FILE = "leaks.tsv"
"""In the folder of a task: how many test rows stand in train too."""

_SCRATCH = "scratch"


def reproduce(
    name: str,
    folder: StrPath,
    *,
    model: HyenaLM | HyenaConfig | StrPath | None = None,
    genome: Genomes | None = None,
    seeds: Sequence[int] = (0,),
    baselines: Sequence[Baseline] = ("kmer",),
    options: FinetuneOptions | Callable[[Recipe], FinetuneOptions] | None = None,
    data: StrPath | None = None,
    download: bool = True,
    duplicates: Duplicates = "keep",
    resamples: int = 1000,
    device: str | torch.device | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    r"""Fine-tune on a published task, or on all of a table, and compare.

    Each seed holds a tenth of the training rows out, to choose the epoch and the
    temperature; a row and its reverse complement are on one side. Test rows that
    training holds too are counted, logged, and written to ``leaks.tsv``.

    Parameters
    ----------
    name
        As in `hyenascope.training.benchmark_recipes.find_recipes`.
    folder
        Where downloads and models are kept. With the same folder and arguments,
        models that are there are not trained again; baselines are.
    model
        What to fine-tune: anything `load_pretrained` takes, a model, a configuration
        or ``"scratch"`` for one without weights; the paper's checkpoint if None.
    genome
        FASTA of the assembly that a recipe names, or a mapping from assembly
        (``"GRCh38"``) to FASTA where there are several.
    seeds
        One training for each.
    baselines
        As in `hyenascope.training.baselines.compare`; what starts from scratch has
        the shape of the paper's checkpoint and is kept as the models are.
    options
        Of the fine-tuning, or what makes them from a recipe; those of the recipe if
        None. The seed is one of ``seeds`` whatever they say.
    data
        Folder that holds benchmarks under their names, to read or to download to;
        ``data`` in ``folder`` if None.
    download
        Fetch what is missing, and check what is there against its lock file. False
        reads what is there, wherever it is from.
    duplicates, resamples
        As in `hyenascope.training.label_evaluation.evaluate_labels`.
    device
        Where to train; CUDA if there is one.
    progress
        Show bars.

    Returns
    -------
    DataFrame
        As `compare` gives it, task after task, with the published number and the
        re-run one, which is the honest target; their ``split`` says how they were made.

    Raises
    ------
    ValueError
        If there is no such recipe or baseline, a genome is missing, or the folder
        holds models that were trained in another way.
    LabelError
        If the files are not what they should be.
    DownloadError, ConnectionError
        If data or weights cannot be fetched.
    KeyboardInterrupt
        If a training was stopped. Finished ones are kept.

    Examples
    --------
    >>> import tempfile
    >>> rows = "".join(
    ...     f">{n}|{n % 2}\n{('ACAC', 'GTTT')[n % 2] * (n + 1)}\n" for n in range(20)
    ... )
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     place = Path(folder, "data", "nucleotide_transformer", "H3")
    ...     place.mkdir(parents=True)
    ...     for split in ("train", "test"):
    ...         _ = (place / f"{split}.fna").write_text(rows)
    ...     table = reproduce(
    ...         "nucleotide_transformer/H3",
    ...         folder,
    ...         model=HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=82),
    ...         baselines=(),
    ...         options=FinetuneOptions(epochs=1),
    ...         download=False,
    ...         resamples=0,
    ...         progress=False,
    ...     )
    >>> sorted(table.loc[table["metric"] == "mcc", "model"])
    ['HyenaDNA as published', 'HyenaDNA, re-run', 'scratch']
    """
    recipes = find_recipes(name)
    _check_baselines(baselines)
    _check_genomes(recipes, genome, needed=download)
    root = Path(folder, "data") if data is None else Path(data)
    starts = [_start(recipes[0].table, model)]
    if _SCRATCH in baselines and starts[0].label != _SCRATCH:
        starts.append(_start(recipes[0].table, _SCRATCH))
    found = []
    for recipe in recipes:
        if download:
            download_benchmark(recipe.name, root)
        rows = read_benchmark(recipe, root / recipe.name, genome=genome)
        how = _options(options, recipe)
        place = Path(folder, recipe.name)
        reach = how.longest or min(it.model.context_length for it in starts)
        _note_facts(recipe, rows, place, reach)
        trained = {
            (start.label, seed): kept_model(
                start,
                rows,
                replace(how, seed=seed),
                place / f"{start.label}-{seed}",
                device=device,
                progress=progress,
            )
            for start in starts
            for seed in seeds
        }
        table = compare(
            rows,
            models={_title(*key): tuned for key, tuned in trained.items()},
            baselines=[it for it in baselines if it != _SCRATCH],
            options=how,
            seeds=seeds,
            duplicates=duplicates,
            resamples=resamples,
            device=device,
            published=recipe.others(),
            progress=progress,
        )
        found.append(_with_seeds(table, list(trained)))
    return pd.concat(found, ignore_index=True)


def read_benchmark(
    recipe: Recipe, folder: StrPath, *, genome: Genomes | None = None
) -> LabelledSequences:
    """Read the folder of a task, named as the recipe names it.

    Parameters
    ----------
    recipe
        Which task.
    folder
        Of `download_benchmark`, or of a copy.
    genome
        As for `reproduce`.

    Raises
    ------
    LabelError
        If the files are not what they should be, or intervals come without a genome.
    ValueError
        If a mapping lacks an assembly, or there should be one.
    """
    _check_genomes((recipe,), genome, needed=False)
    if recipe.genome is None:
        return read_nucleotide_transformer(folder, name=recipe.task)
    if isinstance(genome, Mapping):
        if isinstance(recipe.genome, str):
            genome = genome[recipe.genome]
        else:
            genome = {label: genome[it] for label, it in recipe.genome.items()}
    return read_genomic_benchmark(folder, genome=genome, name=recipe.task)


def _check_baselines(baselines: Sequence[str]) -> None:
    known = get_args(Baseline)
    unknown = [name for name in baselines if name not in known]
    if unknown:
        raise ValueError(
            f"baselines must be of {', '.join(known)}; got {', '.join(unknown)}."
        )


def _check_genomes(
    recipes: Sequence[Recipe], genome: Genomes | None, *, needed: bool
) -> None:
    """Refuse before anything is fetched or trained."""
    wanted = dict.fromkeys(it for recipe in recipes for it in recipe.assemblies)
    if isinstance(genome, Mapping):
        fits, got = wanted.keys() <= genome.keys(), ", ".join(genome) or "none"
    elif genome is None:
        fits, got = not needed, "None"
    else:
        fits, got = len(wanted) == 1, "one genome"
    if wanted and not fits:
        names = ", ".join(wanted)
        what = "a FASTA of" if len(wanted) == 1 else "a mapping to FASTA from"
        raise ValueError(
            f"genome must be {what} {names}, whose intervals "
            f"{recipes[0].table.name} holds; got {got}."
        )


def _options(
    options: FinetuneOptions | Callable[[Recipe], FinetuneOptions] | None,
    recipe: Recipe,
) -> FinetuneOptions:
    if options is None:
        return recipe.options
    return options if isinstance(options, FinetuneOptions) else options(recipe)


def _start(table: RecipeTable, model: HyenaLM | HyenaConfig | StrPath | None) -> Start:
    """Load now: a wrong name is said before gigabytes of data are fetched."""
    if model == _SCRATCH:
        checkpoint = find_published(table.start)
        assert checkpoint is not None
        return Start(_SCRATCH, checkpoint.config)
    if isinstance(model, HyenaConfig):
        return Start(_SCRATCH, model)
    if not isinstance(model, HyenaLM):
        model = load_pretrained(table.start if model is None else model)
    return Start(model.name.replace("/", "-"), model)


def _title(label: str, seed: int) -> str:
    return f"{label}, seed {seed}"


def _with_seeds(
    table: pd.DataFrame, trained: Sequence[tuple[str, int]]
) -> pd.DataFrame:
    """Move the seed out of the name of what was trained here."""
    for label, seed in trained:
        rows = table["model"] == _title(label, seed)
        table.loc[rows, "model"] = label
        table.loc[rows, "seed"] = seed
    return table


def _note_facts(
    recipe: Recipe, data: LabelledSequences, place: Path, reach: int
) -> None:
    """Write and say what leaks, and how these rows are not the published ones."""
    leaks = split_leakage(data).counts()
    place.mkdir(parents=True, exist_ok=True)
    leaks.to_csv(place / LEAKS_FILE, sep="\t", index=False)
    for row in leaks.to_dict("records"):
        if row["leaked"]:
            _LOGGER.warning(
                "%s: %d of %d rows of %s are in %s too, or nearly.",
                data.name,
                row["leaked"],
                row["rows"],
                row["split"],
                row["source_split"],
            )
    rows = data.splits.count("train")
    if recipe.rows not in (None, rows):
        _LOGGER.warning(
            "%s: train has %d rows; published were %d.", data.name, rows, recipe.rows
        )
    cut = sum(len(text) > reach for text in data.sequences)
    if cut:
        _LOGGER.warning(
            "%s: %d of %d sequences are longer than the %d bp that are read.",
            *(data.name, cut, len(data), reach),
        )
