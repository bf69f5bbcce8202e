"""What a fine-tuned model is, what made it and how well it answers: its folder's page.

Every number of a card comes from an argument: none is typed.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from hyenascope._typing import StrPath
from hyenascope.data.atomic import atomic_path
from hyenascope.data.labelled_sequences import Task
from hyenascope.data.markdown_text import code_span, escape_markdown
from hyenascope.models.config_dialects import read_config
from hyenascope.models.sequence_model import SequenceModel
from hyenascope.models.state_layouts import model_tensors, tensors_hash
from hyenascope.training.card_scores import (
    NAMES_SHOWN,
    calibration_text,
    judged_text,
    judged_title,
    number_text,
    validation_text,
)
from hyenascope.training.finetune_options import FinetuneOptions
from hyenascope.training.finetune_result import FinetuneFacts, FinetuneResult
from hyenascope.training.label_evaluation import LabelEvaluation
from hyenascope.training.model_card import markdown_table

EPOCHS_FILE = "epochs.tsv"
"""All epochs, where there are more than a card has rows for."""

UNFINISHED_CARD = """# Not finished

The weights are those of the best epoch so far, of a run that has not come to its end.
They are not calibrated. When the run ends, a card takes the place of this page.
"""
"""Beside weights that are kept while a run goes on."""

_EPOCHS_SHOWN = 40
_ANSWERS: Mapping[Task, str] = {
    "binary": "how probable each of two classes is",
    "multiclass": "how probable each of {n:,} classes is",
    "multilabel": "how probable each of {n:,} labels is, whatever the others are",
    "regression": "a number for each of {n:,} targets",
}
_CUTS = {
    "refuse": "longer sequences are refused",
    "centre": "of longer sequences the centre",
    "start": "of longer sequences the start",
    "end": "of longer sequences the end",
}
_STRANDS = {
    "both": "the mean over both strands counts",
    "forward": "only the strand that is given counts",
    "reverse": "only the strand opposite to the given one counts",
}


def label_card(
    result: FinetuneResult, *, evaluations: Sequence[LabelEvaluation] = ()
) -> str:
    """Return a card in Markdown.

    Parameters
    ----------
    result
        As `hyenascope.training.finetune.finetune` returns it.
    evaluations
        Of its model, on splits that chose nothing, such as ``test``.

    Raises
    ------
    ValueError
        If the result does not say what made it, as that of a prompt, or an evaluation
        is of another model.
    """
    facts = _facts_of(result)
    weights = tensors_hash(model_tensors(result.model))
    _refuse_other_models(evaluations, weights)
    sections = {
        "Use": _use(result.model),
        "Data": _data(facts, result, evaluations),
        **{
            f"Scores of {escape_markdown(judged_title(each))}": judged_text(each)
            for each in evaluations
        },
        "Scores of the validation rows": validation_text(result),
    }
    if result.model.task.kind != "regression":
        sections["Calibration"] = calibration_text(result, evaluations)
    sections["Training"] = _training(result, facts)
    sections["Made with"] = _made_with(facts)
    body = [f"## {title}\n\n{text}" for title, text in sections.items()]
    begun = f"fine-tuned {facts.backbone}" if facts.backbone else "trained from scratch"
    head = f"# {escape_markdown(f'{facts.data}: {begun}')}"
    return "\n\n".join([head, _what(result.model, facts, weights), *body]) + "\n"


def write_label_card(
    folder: StrPath,
    result: FinetuneResult,
    *,
    evaluations: Sequence[LabelEvaluation] = (),
) -> None:
    """Write `label_card` to ``README.md`` beside the model, in place of an older one.

    Where there are more epochs than a card has rows for, all go to ``epochs.tsv``; one
    of an earlier run is removed where there are not.

    Parameters
    ----------
    folder
        Where ``finetune(out=...)`` has put the model.
    result, evaluations
        As for `label_card`.

    Raises
    ------
    FileNotFoundError
        If there is no model in the folder.
    ValueError
        If another model is in the folder, or as `label_card`.
    OSError
        If the disk refuses.
    """
    card = label_card(result, evaluations=evaluations)
    found = read_config(Path(folder) / "config.json").checkpoint
    wanted = tensors_hash(model_tensors(result.model))
    if found != wanted:
        raise ValueError(
            f"folder must hold the model of result, of weights {wanted}; got {found} "
            f"in {folder}."
        )
    epochs = Path(folder) / EPOCHS_FILE
    if len(result.reports) > _EPOCHS_SHOWN:
        with atomic_path(epochs) as path:
            result.history.to_csv(path, sep="\t", index=False, lineterminator="\n")
    with atomic_path(Path(folder) / "README.md") as path:
        path.write_text(card, encoding="utf-8")
    if len(result.reports) <= _EPOCHS_SHOWN:
        epochs.unlink(missing_ok=True)  # after the older card, which names it


def _facts_of(result: FinetuneResult) -> FinetuneFacts:
    if result.facts is None:
        raise ValueError(
            "result must say what made it, as that of finetune does; got one of a "
            f"{type(result.model).__name__} without facts."
        )
    return result.facts


def _refuse_other_models(evaluations: Sequence[LabelEvaluation], weights: str) -> None:
    for each in evaluations:
        found = each.provenance.get("weights")
        if found != weights:
            raise ValueError(
                "evaluations must be of the model of result, of weights "
                f"{weights}; got {found} in that of {judged_title(each)}."
            )


def _what(model: SequenceModel, facts: FinetuneFacts, weights: str) -> str:
    task, config = model.task, model.config
    answer = _ANSWERS[task.kind].format(n=len(task.label_names))
    text = f"Says of a DNA sequence {answer}: {_names(task.label_names)}."
    if task.kind == "binary":
        text += f" F1, AUROC and AUPRC are those of {code_span(task.label_names[1])}."
    begun = f"{code_span(facts.backbone)}," if facts.backbone else "random"
    parameters = sum(weight.numel() for weight in model.parameters())
    return (
        f"{text}\n\nA HyenaDNA model of width {config.d_model:,} and depth "
        f"{config.n_layer:,}, with {parameters:,} parameters. "
        f"{_reading(model)} Weights `{weights}`. Training began with "
        f"{begun} weights `{facts.begun_from}`."
    )


def _reading(model: SequenceModel) -> str:
    reading, pooling = model.reading, model.readout.pooling
    return (
        f"It reads up to {reading.longest:,} bp, {_CUTS[reading.too_long]}; "
        f"{_STRANDS[reading.strands]}. Its answer is linear in the states of the "
        f"bases, pooled by {code_span(pooling)}."
    )


def _use(model: SequenceModel) -> str:
    text = "ACGTACGT"[: model.reading.longest]
    return (
        "In this folder:\n\n```python\nimport hyenascope as hs\n\n"
        'model = hs.load_fine_tuned(".")\n'
        f'answers = model.predict(["{text}"])\n```\n\n'
        "There is a row per sequence and a column per label. From a shell:\n\n"
        "```\nhyenascope predict sequences.fa --model . --out answers.tsv\n```"
    )


def _data(
    facts: FinetuneFacts, result: FinetuneResult, evaluations: Sequence[LabelEvaluation]
) -> str:
    chosen = "The epoch was chosen by" if result.best_epoch else "Validation rows are"
    text = f"{code_span(facts.data)}. {chosen} {facts.chosen_by}."
    parts = [text, *_counts(facts, result.model.task.kind)]
    if result.model.task.kind == "regression":
        parts.append(_targets(result.model))
    judged = [each.provenance["data"] for each in evaluations]
    if files := _files([facts.provenance, facts.validation, *judged]):
        parts.append(markdown_table(["file", "bytes", "sha256"], files))
    listed = ("files", "label_names", "dev")
    known = [item for item in facts.provenance.items() if item[0] not in listed]
    if known:
        more = [
            f"{escape_markdown(name)} {code_span(_said(value))}"
            for name, value in known
        ]
        parts.append(f"What is known of its making: {', '.join(more)}.")
    return "\n\n".join(parts)


def _counts(facts: FinetuneFacts, kind: Task) -> Iterator[str]:
    """Count the rows of each part, and of each class in it."""
    parts = list(facts.rows)
    rows = [["all", *(f"{facts.rows[part]:,}" for part in parts)]]
    names = [] if kind == "regression" else list(map(str, facts.counts))
    columns = facts.counts.loc[parts].to_numpy().T.tolist()
    for name, counts in list(zip(names, columns, strict=False))[:NAMES_SHOWN]:
        rows.append([escape_markdown(name), *(f"{count:,}" for count in counts)])
    yield markdown_table(["rows", *parts], rows)
    if len(names) > NAMES_SHOWN:
        yield f"The first {NAMES_SHOWN:,} of {len(names):,} labels."


def _targets(model: SequenceModel) -> str:
    names, numbers = model.task.label_names, (model.centre, model.scale)
    means, spreads = (each.tolist() for each in numbers)
    rows = [
        [escape_markdown(name), number_text(mean), number_text(spread)]
        for name, mean, spread in zip(names, means, spreads, strict=True)
    ]
    header = ["training rows", "mean", "standard deviation"]
    return markdown_table(header, rows[:NAMES_SHOWN])


def _files(sources: Iterable[Mapping[str, Any]]) -> list[tuple[str, str, str]]:
    """Return each file once."""
    rows = [
        (escape_markdown(file["file"]), f"{file['bytes']:,}", code_span(file["sha256"]))
        for source in sources
        for file in source.get("files", ())
    ]
    return list(dict.fromkeys(rows))


def _training(result: FinetuneResult, facts: FinetuneFacts) -> str:
    by, seconds = facts.options.select_by, sum(each.seconds for each in result.reports)
    end = "least" if by in ("loss", "mse") else "most"
    text = result.message
    if result.best_epoch:
        text += (
            f" The best epoch has the {end} {by} of the validation rows. It took "
            f"{seconds:,.0f} s on {facts.device}."
        )
    else:
        text += f" It ran on {facts.device}."  # seconds are those of whole epochs
    return "\n\n".join([text, *_epochs(result), _options(facts.options)])


def _epochs(result: FinetuneResult) -> Iterator[str]:
    if not result.reports:
        return
    history = result.history.drop(columns="seconds")
    shown = _shown_epochs(len(history), result.best_epoch)
    rows = []
    for epoch, *numbers in history.iloc[shown].itertuples(index=False):
        number = f"**{epoch:,}** (best)" if epoch == result.best_epoch else f"{epoch:,}"
        rows.append([number, *map(number_text, numbers)])
    yield (
        f"Losses are in {result.model.task.loss_unit}; the numbers beside them are of "
        "the validation rows, before calibration."
    )
    yield markdown_table([str(name).replace("_", " ") for name in history], rows)
    if len(history) > _EPOCHS_SHOWN:
        yield f"All {len(history):,} epochs are in `{EPOCHS_FILE}`."


def _shown_epochs(count: int, best: int) -> list[int]:
    """Return 0-based rows, evenly spaced, with the first, the best and the last."""
    spaced = np.linspace(0, count - 1, min(count, _EPOCHS_SHOWN)).round().astype(int)
    return sorted({*spaced.tolist(), max(best - 1, 0)})


def _options(options: FinetuneOptions) -> str:
    usual = asdict(FinetuneOptions())
    rows = [
        [name, str(value), "" if value == usual[name] else str(usual[name])]
        for name, value in asdict(options).items()
    ]
    return markdown_table(["option", "value", "in place of"], rows)


def _made_with(facts: FinetuneFacts) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in facts.versions.items())
    return versions + (f", commit `{facts.commit}`." if facts.commit else ".")


def _names(names: Sequence[str]) -> str:
    shown = ", ".join(map(code_span, names[:NAMES_SHOWN]))
    hidden = len(names) - NAMES_SHOWN
    return f"{shown} and {hidden:,} more" if hidden > 0 else shown


def _said(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
