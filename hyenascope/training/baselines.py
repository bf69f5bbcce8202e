"""Baselines beside models beside published numbers, in one call and one table."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Literal, get_args

import pandas as pd
import torch

from hyenascope.data.labelled_sequences import LabelledSequences
from hyenascope.models.hyena import HyenaConfig
from hyenascope.training.cnn_baseline import fit_cnn
from hyenascope.training.finetune import finetune
from hyenascope.training.finetune_options import FinetuneOptions
from hyenascope.training.kmer_baseline import fit_kmers
from hyenascope.training.label_evaluation import (
    Duplicates,
    Predictor,
    evaluate_labels,
)

Baseline = Literal["kmer", "cnn", "scratch"]
"""K-mers and a linear model, the network of Genomic Benchmarks, or HyenaDNA untrained.

See `hyenascope.training.kmer_baseline`, `hyenascope.models.benchmark_cnn`; the last is
`hyenascope.training.finetune.finetune` from a configuration with random weights.
"""

COLUMNS = (
    *("task", "model", "seed", "metric", "value", "low", "high", "rows", "split"),
    "source",
)
"""Of the table of `compare`."""

_SPARE = 2  # tokens of l_max that are no bases


def compare(
    data: LabelledSequences,
    *,
    models: Mapping[str, Predictor] | None = None,
    baselines: Sequence[Baseline] = ("kmer", "cnn", "scratch"),
    options: FinetuneOptions | None = None,
    scratch: HyenaConfig | None = None,
    seeds: Sequence[int] = (0,),
    split: str = "test",
    duplicates: Duplicates = "keep",
    resamples: int = 1000,
    device: str | torch.device | None = None,
    published: pd.DataFrame | None = None,
    progress: bool = False,
) -> pd.DataFrame:
    """Train baselines on the same data as a model and judge all on the same rows.

    Parameters
    ----------
    data
        With a split ``train`` and the split to judge. Without a ``dev`` each seed
        holds out a tenth of the training rows, the same for every baseline.
    models
        Trained ones, by the name they get in the table.
    baselines
        Which to train. The k-mers read whole sequences, whatever ``options`` say.
    options
        Of the networks: give those that your own model was trained with. What starts
        from scratch learns as a whole, whatever they say of frozen layers.
    scratch
        Configuration without weights; that of ``tiny-1k``, as long as the data need,
        if None. Give your own model's.
    seeds
        Each trains every baseline anew; the k-mers once where there is a ``dev``
        split, for nothing of them is then random.
    split, duplicates, resamples
        As in `hyenascope.training.label_evaluation.evaluate_labels`.
    device
        Where to train; CUDA if there is one.
    published
        Numbers of others, with columns ``model``, ``metric`` and ``value``; if there
        is a column ``task``, only rows of this task are taken. Other columns of the
        result are kept, the rest is left.
    progress
        Show bars.

    Returns
    -------
    DataFrame
        A row per model, seed and metric, best first within a metric (of ``"mse"``
        least). ``task`` is the name of the data; ``seed`` is missing for what was not
        trained here; ``source`` is ``"measured"``, and of published rows what they
        say or ``"published"``. Published rows are not of these rows and this
        software: look up how they were made.

    Raises
    ------
    LabelError
        If a split is missing, or a model has other labels.
    ValueError
        If a name or option is none there is, or a name is there twice.
    KeyboardInterrupt
        If the training of a baseline was stopped: half a baseline is none.

    Examples
    --------
    >>> import numpy as np
    >>> data = LabelledSequences(
    ...     "toy",
    ...     tuple(text * n for n in range(2, 12) for text in ("ACAC", "GTTT")),
    ...     np.array([0, 1] * 10),
    ...     ("ac", "gt"),
    ...     ("train",) * 14 + ("test",) * 6,
    ...     "binary",
    ... )
    >>> theirs = pd.DataFrame({"model": ["coin"], "metric": ["auroc"], "value": [0.5]})
    >>> table = compare(data, baselines=("kmer",), published=theirs, resamples=0)
    >>> table[table["metric"] == "auroc"][["model", "value", "source"]]
      model  value     source
    4  kmer    1.0   measured
    5  coin    0.5  published
    """
    models = dict(models or {})
    _check_names(models, baselines)
    options = options or FinetuneOptions()
    rows = [
        _judged(name, seed, model, data, split, duplicates, resamples)
        for name, seed, model in (
            *((name, None, model) for name, model in models.items()),
            *_trained(data, baselines, options, scratch, seeds, device, progress),
        )
    ]
    if published is not None:
        rows.append(_published(published, data.name))
    return _sorted(pd.concat(rows, ignore_index=True))


def _check_names(models: Mapping[str, Predictor], baselines: Sequence[str]) -> None:
    known = get_args(Baseline)
    for name in baselines:
        if name not in known:
            raise ValueError(f"baselines must be of {', '.join(known)}; got {name!r}.")
    twice = set(models) & set(baselines)
    if twice or len(set(baselines)) < len(baselines):
        raise ValueError(
            "models and baselines must have different names; got "
            f"{', '.join([*models, *baselines])}."
        )
    if not models and not baselines:
        raise ValueError("models or baselines must name something; got neither.")


def _trained(
    data: LabelledSequences,
    baselines: Sequence[Baseline],
    options: FinetuneOptions,
    scratch: HyenaConfig | None,
    seeds: Sequence[int],
    device: str | torch.device | None,
    progress: bool,
) -> Iterator[tuple[str, int, Predictor]]:
    """Yield each baseline trained with each seed."""
    fixed = "dev" in data.split_names
    for name in baselines:
        for seed in seeds[:1] if name == "kmer" and fixed else seeds:
            how = replace(options, seed=seed)
            model: Predictor
            if name == "kmer":
                model = fit_kmers(data, class_weights=how.class_weights, seed=seed)
            elif name == "cnn":
                model = fit_cnn(data, options=how, device=device, progress=progress)
            else:
                config = scratch or _tiny(data, how)
                whole = replace(how, frozen="nothing", layer_decay=1.0)
                result = finetune(
                    config, data, options=whole, device=device, progress=progress
                )
                if not result.finished:
                    raise KeyboardInterrupt(result.message)
                model = result.model
            yield name, seed, model


def _tiny(data: LabelledSequences, options: FinetuneOptions) -> HyenaConfig:
    """Return the shape of tiny-1k, with a context that fits."""
    longest = options.longest
    if longest is None:
        longest = max(map(len, data.sequences))
    return HyenaConfig(l_max=max(HyenaConfig().l_max, longest + _SPARE))


def _judged(
    name: str,
    seed: int | None,
    model: Predictor,
    data: LabelledSequences,
    split: str,
    duplicates: Duplicates,
    resamples: int,
) -> pd.DataFrame:
    found = evaluate_labels(
        model, data, split=split, duplicates=duplicates, resamples=resamples
    )
    table = found.table.reset_index().assign(
        task=data.name, model=name, seed=seed, split=split, source="measured"
    )
    return _typed(table)


def _published(table: pd.DataFrame, task: str) -> pd.DataFrame:
    missing = [name for name in ("model", "metric", "value") if name not in table]
    if missing:
        raise ValueError(
            "published must have columns model, metric and value; got "
            f"{', '.join(map(str, table.columns))}."
        )
    if "task" in table:
        table = table[table["task"] == task]
    table = table.assign(task=task)
    source = table.get("source", pd.Series(index=table.index, dtype="object"))
    return _typed(table.assign(source=source.fillna("published")))


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    """Return the columns of the result, each of one type whatever is missing."""
    table = table.reindex(columns=list(COLUMNS))
    kinds = dict.fromkeys(COLUMNS, "object")
    kinds |= dict.fromkeys(("value", "low", "high"), "float64")
    kinds |= dict.fromkeys(("seed", "rows"), "Int64")
    return table.astype(kinds)


def _sorted(table: pd.DataFrame) -> pd.DataFrame:
    """Sort by metric in the order they came, the best first."""
    order = {name: at for at, name in enumerate(table["metric"].unique())}
    signs = table["metric"].map(lambda name: 1.0 if name == "mse" else -1.0)
    keys = pd.DataFrame(
        {"metric": table["metric"].map(order), "rank": signs * table["value"]}
    )
    index = keys.sort_values(["metric", "rank"], kind="stable").index
    return table.loc[index].reset_index(drop=True)
