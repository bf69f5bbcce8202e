"""A short fine-tuning that teaches a model to answer few-shot prompts.

As published (Nguyen et al. 2023, arXiv 2306.15794, section 4.3, and
``configs/evals/instruction_tuned_genomics.yaml`` of its code): the whole model learns
for one epoch from 2, 16, 64 or 256 prompts with 0, 2, 16 or 32 demonstrations of each
class, two at a time, with learning rate 1e-4 and no decay. There every letter of a
prompt is learnt, among all tokens; here the query's, among the letters of the classes.
"""

import copy
from dataclasses import dataclass

import numpy as np
import torch

from hyenascope._device import resolve_device
from hyenascope._typing import StrPath
from hyenascope.data.fasta import FastaReader
from hyenascope.data.labelled_sequences import LabelledSequences
from hyenascope.data.labelled_sources import LabelledSource, Labels
from hyenascope.models.hyena import HyenaLM
from hyenascope.training.few_shot_prompts import FewShot
from hyenascope.training.finetune_options import FinetuneOptions
from hyenascope.training.label_batches import LabelledRows
from hyenascope.training.label_loop import EpochReport, LabelLoop
from hyenascope.training.label_split import collect_both, learn_and_choose
from hyenascope.training.label_validation import ValidationRows
from hyenascope.training.layer_rates import ParameterGroups
from hyenascope.training.optimizers import parameter_groups
from hyenascope.training.progress import Monitor


@dataclass(frozen=True, eq=False)
class InstructionResult:
    """A language model that learnt to answer prompts, and how it went.

    Parameters
    ----------
    model
        In eval mode on the CPU, for `hyenascope.training.few_shot.classify_few_shot`.
    reports
        One per epoch, about prompts of the validation rows.
    best_epoch
        The epoch whose weights these are; 0 if none was finished.
    message
        How it ended, in a sentence.
    """

    model: HyenaLM
    reports: tuple[EpochReport, ...]
    best_epoch: int
    message: str


def instruction_tune(
    model: HyenaLM,
    train: LabelledSource,
    *,
    shots: int = 2,
    samples: int = 256,
    letters: str | None = None,
    separator: bool = True,
    labels: Labels | None = None,
    genome: FastaReader | StrPath | None = None,
    validation: float | LabelledSource | None = None,
    epochs: int = 1,
    batch_size: int = 2,
    learning_rate: float = 1e-4,
    seed: int = 0,
    device: str | torch.device | None = None,
    monitor: Monitor | None = None,
    progress: bool = True,
) -> InstructionResult:
    """Tune all weights of a copy of a model on few-shot prompts.

    Parameters
    ----------
    model
        Causal; left as it is.
    train, labels, genome
        As in `hyenascope.data.labelled_sources.collect_labelled`, with classes. Of
        data with splits, the split ``train`` is learnt from.
    shots, letters, separator
        As in `hyenascope.training.few_shot_prompts.FewShot`; ask as you tuned.
    samples
        Prompts to learn from, each with another query, and to validate with; fewer
        where there are fewer rows.
    validation
        Rows whose prompts choose the epoch, as in
        `hyenascope.training.finetune.finetune`. Their demonstrations are training
        rows.
    epochs, batch_size, learning_rate
        As in `hyenascope.training.finetune_options.FinetuneOptions`.
    seed
        Decides validation rows, queries, demonstrations, order and dropout.
    device, monitor, progress
        As in `hyenascope.training.finetune.finetune`.

    Returns
    -------
    InstructionResult
        Also after an interrupt, with the best epoch so far.

    Raises
    ------
    LabelError
        If labels cannot be used, or a class has too few rows for the shots.
    ValueError
        If a prompt does not fit the context, or a number is out of range.

    Examples
    --------
    >>> from hyenascope.models.hyena import HyenaConfig
    >>> model = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=66))
    >>> texts = ["ACACACAC", "GTGTTTGG", "CACACACA", "TTGTGGGT"] * 5
    >>> texts = [text[shift:] for shift in range(3) for text in texts]
    >>> result = instruction_tune(
    ...     model, texts, labels=["ac", "gt"] * 30, samples=8, progress=False
    ... )
    >>> result.best_epoch
    1
    """
    if samples < 1:
        raise ValueError(f"samples must be at least 1; got {samples}.")
    options = FinetuneOptions(
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        weight_decay=0.0,
        reverse_complement=False,  # a prompt is no DNA that could be turned
        strands="forward",
        seed=seed,
    )
    data, given = collect_both(train, validation, labels=labels, genome=genome)
    learn, choose = learn_and_choose(data, given, seed=seed)
    few = FewShot(learn, shots, letters, separator)
    backbone = copy.deepcopy(model).requires_grad_(True)
    module = few.model(backbone).to(resolve_device(device))
    generator = np.random.default_rng([seed, 8])
    rows = [_prompts(few, part, samples, generator) for part in (learn, choose)]
    for part in rows:
        few.check(part.tokens, backbone)
    loop = LabelLoop(
        module=module,
        task=few.task,
        train=rows[0],
        valid=ValidationRows(rows[1], rows[1].targets, few.task, few.task.predictions),
        options=options,
        groups=_groups(backbone, learning_rate),
        monitor=monitor,
        progress=progress,
    )
    message = loop.run(name=backbone.name)
    tuned = backbone.cpu().eval()
    return InstructionResult(tuned, tuple(loop.reports), loop.best_epoch, message)


def _prompts(
    few: FewShot,
    queries: LabelledSequences,
    samples: int,
    generator: np.random.Generator,
) -> LabelledRows:
    """Draw queries, and demonstrations for each."""
    picked = generator.permutation(len(queries))[:samples]
    texts = [queries.sequences[i] for i in picked]
    tokens = [few.prompt(few.draw(text, generator), text) for text in texts]
    return LabelledRows(
        tokens, queries.labels[picked], np.ones(len(picked), np.float32)
    )


def _groups(model: HyenaLM, learning_rate: float) -> ParameterGroups:
    groups = parameter_groups(model, 0.0)
    return [{**group, "lr": learning_rate} for group in groups]
