"""A published table again, with one call: fetch, fine-tune, judge, compare.

`reproduce` keeps each fine-tuned model in a folder of its own and the table of each
task as it comes, so that a run that was killed goes on with the seed it was at. Test
rows are read when all models of a task are trained, and decide nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import get_args

import pandas as pd
import torch

from hyenascope._typing import StrPath
from hyenascope.data.benchmarks import download_benchmark
from hyenascope.data.genomic_benchmarks import Genomes, read_genomic_benchmark
from hyenascope.data.labelled_sequences import LabelledSequences
from hyenascope.data.nucleotide_transformer import read_nucleotide_transformer
from hyenascope.models.checkpoint import load_pretrained
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.published import find_published
from hyenascope.training.baselines import Baseline
from hyenascope.training.benchmark_facts import note_facts
from hyenascope.training.benchmark_recipes import Recipe, RecipeTable, find_recipes
from hyenascope.training.finetune_options import FinetuneOptions
from hyenascope.training.judged_task import JudgedTask
from hyenascope.training.kept_model import (
    Start,
    kept_model,
    make_room,
    refuse_another,
)
from hyenascope.training.kept_scores import kept_scores
from hyenascope.training.label_evaluation import Duplicates

_SCRATCH, _CONFIGURATION = "scratch", "configuration"


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
    training holds too are counted, logged, and written to ``leaks.tsv``. The folder of
    a task that is done holds its part of the table as ``scores.tsv``.

    Parameters
    ----------
    name
        As in `hyenascope.training.benchmark_recipes.find_recipes`.
    folder
        Where downloads, models and scores are kept. With the same folder and
        arguments, models that are there are not trained again, nor baselines of a task
        that is done; a training that was stopped begins again. Folders that hold no
        whole model are moved aside.
    model
        What to fine-tune: anything `load_pretrained` takes; a model; a configuration
        without weights, ``"configuration"`` in the table; ``"scratch"`` for that of the
        paper's checkpoint; the checkpoint if None.
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
        If a training was stopped, by SIGTERM too. Finished ones are kept; that one
        begins again with the next call.

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
    ['HyenaDNA as published', 'HyenaDNA, re-run', 'configuration']
    """
    recipes = find_recipes(name)
    _check_baselines(baselines)
    _check_genomes(recipes, genome, needed=download)
    root = Path(folder, "data") if data is None else Path(data)
    starts = [_start(recipes[0].table, model)]
    if _SCRATCH in baselines and starts[0].label != _SCRATCH:
        starts.append(_start(recipes[0].table, _SCRATCH))
    runs = [(start, seed) for start in starts for seed in seeds]
    how = {recipe.name: _options(options, recipe) for recipe in recipes}
    for recipe in recipes:
        _check_places(runs, how[recipe.name], Path(folder, recipe.name))
    found = []
    for recipe in recipes:
        if download:
            download_benchmark(recipe.name, root, progress=progress)
        rows = read_benchmark(recipe, root / recipe.name, genome=genome)
        usual, place = how[recipe.name], Path(folder, recipe.name)
        reach = usual.longest or min(it.model.context_length for it in starts)
        note_facts(recipe, rows, place, reach)
        models = {
            (start.label, seed): kept_model(
                start,
                rows,
                replace(usual, seed=seed),
                place / f"{start.label}-{seed}",
                device=device,
                progress=progress,
            )
            for start, seed in runs
        }
        task = JudgedTask(
            recipe,
            rows,
            models,
            [it for it in baselines if it != _SCRATCH],
            usual,
            seeds,
            duplicates,
            resamples,
        )
        judge = partial(task.table, device=device, progress=progress)
        found.append(kept_scores(place, task.made_from(), judge))
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
        return Start(_CONFIGURATION, model)
    if not isinstance(model, HyenaLM):
        model = load_pretrained(table.start if model is None else model)
    label = model.name.replace("/", "-")
    taken = (*get_args(Baseline), _CONFIGURATION)
    return Start(f"{label}-model" if label in taken else label, model)


def _check_places(
    runs: Sequence[tuple[Start, int]], options: FinetuneOptions, place: Path
) -> None:
    """Make room and refuse other models, before anything is fetched."""
    for start, seed in runs:
        folder = place / f"{start.label}-{seed}"
        make_room(folder)
        if folder.is_dir():
            refuse_another(folder, start, replace(options, seed=seed))
