"""Soft prompts: a model is told what to do by a few trained rows beside a sequence.

The model itself stays as it is, so a task costs ``n_tokens × d_model`` numbers. As
published (Nguyen et al. 2023, arXiv 2306.15794, section 4.3, table A.7, and
``configs/evals/soft_prompting_genomics.yaml`` of its code): 2 to 32,768 tokens,
learning rate 1e-3 without decay, at most 20 epochs, a tenth of the prompt's numbers
dropped, both strands, the prompt before the sequence. There it starts from N(0, 0.02)
and the test rows validate. Here it starts from DNA and stands after the sequence unless
told otherwise, no letter is favoured at the start, and test rows are never looked at.
"""

from pathlib import Path

import numpy as np
import torch

from hyenascope._typing import StrPath
from hyenascope.data.fasta import FastaReader
from hyenascope.data.labelled_sequences import LabelError, LabelledSequences
from hyenascope.data.labelled_sources import LabelledSource, Labels
from hyenascope.models.fresh_backbone import fresh_backbone
from hyenascope.models.hyena import HyenaLM
from hyenascope.models.prompted import Answer, Place, PromptedModel, dna_prompt
from hyenascope.models.saved_prompt import save_prompt
from hyenascope.models.sequence_input import SequenceInput
from hyenascope.models.sequence_task import SequenceTask
from hyenascope.sequence.dna import BASES
from hyenascope.training.finetune import FinetuneResult
from hyenascope.training.finetune_options import FinetuneOptions
from hyenascope.training.label_fit import fit_labels
from hyenascope.training.label_split import collect_both, learn_and_choose
from hyenascope.training.layer_rates import ParameterGroups
from hyenascope.training.progress import Monitor

_LOOKED_AT = 256  # training rows that say which letters are likely anyway
_OF_FINE_TUNING = ("pooling", "frozen", "layer_decay", "class_weights")


def prompt_tune(
    model: HyenaLM | StrPath,
    train: LabelledSource,
    *,
    n_tokens: int = 32,
    start: str | None = None,
    place: Place = "after",
    answer: Answer = "letters",
    letters: str | None = None,
    separator: bool = True,
    labels: Labels | None = None,
    genome: FastaReader | StrPath | None = None,
    validation: float | LabelledSource | None = None,
    options: FinetuneOptions | None = None,
    device: str | torch.device | None = None,
    out: StrPath | None = None,
    monitor: Monitor | None = None,
    progress: bool = True,
) -> FinetuneResult:
    """Train a prompt that makes a frozen model tell classes apart.

    Parameters
    ----------
    model
        A backbone, of which a copy is used; or the name or path of one.
    train, labels, genome
        As in `hyenascope.data.labelled_sources.collect_labelled`; binary or
        multiclass. Of data with splits, the split ``train`` is learnt from.
    n_tokens
        Length of the prompt, which the context must hold beside a sequence.
    start
        DNA whose embeddings the prompt starts from, repeated or cut to ``n_tokens``;
        random DNA if None.
    place, answer, letters, separator
        As in `hyenascope.models.prompted.PromptedModel`.
    validation
        Rows to choose the epoch by, as in `hyenascope.training.finetune.finetune`.
    options
        All that decides the numbers, but for ``pooling``, ``frozen``,
        ``layer_decay`` and ``class_weights``, which say nothing here. ``dropout`` is
        the prompt's; ``weight_decay`` is that of a linear readout, the prompt has
        none. Without ``longest``, sequences may fill what the prompt leaves.
    device, monitor, progress
        As in `hyenascope.training.finetune.finetune`.
    out
        Folder for the prompt, which `hyenascope.models.saved_prompt.load_prompt`
        reads. None keeps nothing on disk.

    Returns
    -------
    FinetuneResult
        Its ``model`` is a `PromptedModel`, calibrated on the validation rows.

    Raises
    ------
    LabelError
        If labels cannot be used or are no classes, or a part has one class only.
    ValueError
        If prompt and sequence do not fit the context, or an option does not apply.

    Examples
    --------
    >>> from hyenascope.models.hyena import HyenaConfig
    >>> backbone = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    >>> texts = ["ACACACAC", "GTGTTTGG", "CACACACA", "TTGTGGGT"] * 5
    >>> texts = [text[shift:] for shift in range(3) for text in texts]
    >>> result = prompt_tune(
    ...     backbone,
    ...     texts,
    ...     n_tokens=4,
    ...     labels=["ac", "gt"] * 30,
    ...     options=FinetuneOptions(epochs=2),
    ...     progress=False,
    ... )
    >>> result.model.predict("ACACAC").columns.tolist()
    ['ac', 'gt']
    """
    options = _checked(options or FinetuneOptions())
    read, given = collect_both(train, validation, labels=labels, genome=genome)
    data = _classes(read)
    learn, choose = learn_and_choose(data, given, seed=options.seed)
    if out is not None:
        Path(out).mkdir(parents=True, exist_ok=True)  # not after hours of training
    generator = torch.Generator().manual_seed(options.seed)
    backbone = fresh_backbone(model, generator)
    prompted = PromptedModel(
        backbone,
        SequenceTask(data.task, data.label_names),
        dna_prompt(backbone, _start(start, n_tokens, options.seed)),
        place=place,
        answer=answer,
        letters=letters,
        separator=separator,
        dropout=options.dropout,
        reading=_reading(backbone, n_tokens + separator, options),
        generator=generator,
    )
    _favour_none(prompted, learn, options.seed, device)

    def keep() -> None:
        if out is not None:
            save_prompt(prompted, out)

    fit = fit_labels(
        prompted,
        learn,
        choose,
        groups=_groups(prompted, options),
        options=options,
        device=device,
        name=backbone.name,
        better=keep,
        monitor=monitor,
        progress=progress,
    )
    keep()
    return FinetuneResult(
        model=prompted,
        reports=fit.reports,
        best_epoch=fit.best_epoch,
        scores=fit.scores,
        finished=fit.finished,
        message=fit.message,
    )


def _checked(options: FinetuneOptions) -> FinetuneOptions:
    default = FinetuneOptions()
    for name in _OF_FINE_TUNING:
        usual, found = getattr(default, name), getattr(options, name)
        if found != usual:
            raise ValueError(
                f"options.{name} must be {usual!r}, a prompt has no use for it; got "
                f"{found!r}."
            )
    return options


def _classes(data: LabelledSequences) -> LabelledSequences:
    if data.task not in ("binary", "multiclass"):
        raise LabelError(f"train must be labelled with classes; got {data.task}.")
    return data


def _start(start: str | None, n_tokens: int, seed: int) -> str:
    """Return the DNA that the prompt starts from."""
    if n_tokens < 1:
        raise ValueError(f"n_tokens must be at least 1; got {n_tokens}.")
    if start is None:
        rng = np.random.default_rng([seed, 7])
        return "".join(rng.choice(list(BASES), n_tokens))
    if not start:
        raise ValueError("start must hold bases, or be None; got ''.")
    return (start * (n_tokens // len(start) + 1))[:n_tokens]


def _reading(
    backbone: HyenaLM, taken: int, options: FinetuneOptions
) -> SequenceInput | None:
    """Say how sequences are read where ``taken`` tokens of the context are gone."""
    room = backbone.config.l_max - taken
    if room < 1:
        return None  # which the model refuses, saying why
    longest = options.longest
    if longest is None:
        longest = min(room, backbone.context_length)
    return SequenceInput(longest, options.too_long, options.strands)


def _favour_none(
    model: PromptedModel,
    learn: LabelledSequences,
    seed: int,
    device: str | torch.device | None,
) -> None:
    """Shift the logits of letters so that their mean over sequences is zero.

    A letter that the model hardly ever saw, such as N, has odds of one to millions
    before anything is learnt, whatever the sequence is (Zhao et al. 2021, arXiv
    2102.09690, on what language models think of a label as such).
    """
    if model.answer != "letters":
        return
    some = np.random.default_rng([seed, 9]).permutation(len(learn))[:_LOOKED_AT]
    looked = learn.take(some)
    rows = model.reading.rows([f"row {i + 1}" for i in some], looked.sequences)
    found = model.logits(rows, device=device)
    bias = model.readout.linear.bias
    bias.data -= torch.from_numpy(found.mean(axis=0)).to(bias)


def _groups(model: PromptedModel, options: FinetuneOptions) -> ParameterGroups:
    """Let the prompt and a linear readout learn, of which the matrix decays."""
    free, decayed = [model.prompt], []
    if model.answer == "linear":
        weight, bias = model.readout.linear.parameters()
        free, decayed = [model.prompt, bias], [weight]
    rate = options.learning_rate
    groups = [(free, 0.0), (decayed, options.weight_decay)]
    return [
        {"params": params, "lr": rate, "weight_decay": decay}
        for params, decay in groups
        if params
    ]
