"""What a model is, what made it and how well it reads: the page beside its weights.

Every number of a card comes from an argument or from the model: none is typed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from hyenascope._typing import StrPath
from hyenascope.data.atomic import atomic_path
from hyenascope.data.markdown_text import code_block, escape_markdown
from hyenascope.models.checkpoint import checkpoint_hash
from hyenascope.models.hyena import HyenaLM
from hyenascope.training.curves import curve_table, write_curves
from hyenascope.training.held_out import HeldOutTable
from hyenascope.training.nats_by_position import PositionNats
from hyenascope.training.software import Software, software

CURVES_FILE = "curves.tsv"

_NAMES_SHOWN = 24


@dataclass(frozen=True)
class TrainingFacts:
    """How a model came to be, in words and numbers for its card.

    Parameters
    ----------
    data
        What the text is and where it comes from, in Markdown: names from files go
        through `hyenascope.data.markdown_text.escape_markdown`.
    fingerprint
        Hash of the data.
    training_bases
        Bases of training text.
    tokens
        Bases that the model has read in training.
    seed
        That decided weights and windows.
    settings
        Name to value, as the run was given them.
    command
        What to type to get these weights and numbers again; empty if there is no way.
    limits
        What the model must not be used for, in Markdown.
    licence
        Of the weights.
    made_with
        The software that trained the model; by default what runs now.

    Raises
    ------
    ValueError
        If a number of bases or tokens is below 1.

    Examples
    --------
    >>> facts = TrainingFacts("Yeast.", "ab12", 100, 250, 1, {}, "python train.py")
    >>> facts.passes
    2.5
    """

    data: str
    fingerprint: str
    training_bases: int
    tokens: int
    seed: int
    settings: Mapping[str, object]
    command: str
    limits: str = ""
    licence: str = ""
    made_with: Software = field(default_factory=software)

    def __post_init__(self) -> None:
        for name in ("training_bases", "tokens"):
            if (value := getattr(self, name)) < 1:
                raise ValueError(f"{name} must be at least 1; got {value}.")

    @property
    def passes(self) -> float:
        """How many times the model has read the training text."""
        return self.tokens / self.training_bases


def model_card(
    model: HyenaLM,
    facts: TrainingFacts,
    held_out: HeldOutTable | None,
    *,
    positions: PositionNats | None = None,
    curves: pd.DataFrame | None = None,
) -> str:
    """Return a card in Markdown.

    Parameters
    ----------
    model
        Whose name, shape and hash the card states.
    facts
        How it came to be.
    held_out
        From `hyenascope.training.held_out.held_out_table`; None if nothing was judged,
        as of a two-sided model.
    positions
        From `hyenascope.training.nats_by_position.nats_by_position`.
    curves
        One row per step, as in `hyenascope.training.curves.curve_table`.

    Raises
    ------
    ValueError
        If ``curves`` lacks a column or has no step.
    """
    sections = {
        "Data": _data(facts, held_out),
        "Training": _training(facts),
    }
    if held_out is not None:
        sections["Held-out nats per base (lower is better)"] = _held_out(held_out)
    if positions is not None:
        sections["Nats per base by left context"] = _positions(positions)
    if curves is not None:
        sections["Loss"] = _loss(curves)
    sections["Made with"] = _made_with(facts)
    if facts.limits:
        sections["Limits"] = facts.limits
    body = [f"## {title}\n\n{text}" for title, text in sections.items()]
    title = f"# {escape_markdown(model.name)}"
    return "\n\n".join([title, _shape(model, facts), *body]) + "\n"


def write_card(
    folder: StrPath,
    model: HyenaLM,
    facts: TrainingFacts,
    held_out: HeldOutTable | None,
    *,
    positions: PositionNats | None = None,
    curves: pd.DataFrame | None = None,
) -> None:
    """Write `model_card` to ``README.md`` and every step to ``curves.tsv`` beside it.

    Each file appears whole or not at all. Parameters and errors are those of
    `model_card`; the folder must exist.

    Raises
    ------
    OSError
        If the folder is missing or the disk refuses.
    """
    card = model_card(model, facts, held_out, positions=positions, curves=curves)
    if curves is not None:
        write_curves(Path(folder) / CURVES_FILE, curves)
    with atomic_path(Path(folder) / "README.md") as path:
        path.write_text(card, encoding="utf-8")


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    r"""Return a Markdown table, the first column to the left and numbers to the right.

    Examples
    --------
    >>> print(markdown_table(["model", "nats"], [["a|b", "1.25"]]))
    | model | nats |
    |---|---:|
    | a\|b | 1.25 |
    """
    lines = [_line(header), "|".join(["", "---", *["---:"] * (len(header) - 1), ""])]
    return "\n".join([*lines, *map(_line, rows)])


def _line(cells: Sequence[str]) -> str:
    one_line = (" ".join(cell.split()).replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(one_line)} |"


def _shape(model: HyenaLM, facts: TrainingFacts) -> str:
    config = model.config
    sides = "two-sided" if config.bidirectional else "causal"
    licence = f" {facts.licence}." if facts.licence else ""
    return (
        f"A {sides} HyenaDNA language model: {config.n_layer} layers, width "
        f"{config.d_model}, {model.num_parameters():,} parameters, context "
        f"{model.context_length:,} bp. Weights `{checkpoint_hash(model)}`.{licence}"
    )


def _data(facts: TrainingFacts, held_out: HeldOutTable | None) -> str:
    judged = "" if held_out is None else f" Held out: {_names(held_out)}."
    return (
        f"{facts.data}\n\nTraining text: {facts.training_bases:,} bases.{judged} "
        f"Fingerprint of the data: `{facts.fingerprint}`."
    )


def _names(held_out: HeldOutTable) -> str:
    names = [
        f"{escape_markdown(name)} ({size:,} bp)"
        for name, size in held_out.texts.items()
    ]
    hidden = len(names) - _NAMES_SHOWN
    more = f" and {hidden:,} more" if hidden > 0 else ""
    return ", ".join(names[:_NAMES_SHOWN]) + more


def _training(facts: TrainingFacts) -> str:
    rows = [list(map(escape_markdown, item)) for item in facts.settings.items()]
    table = f"\n\n{markdown_table(['setting', 'value'], rows)}" if rows else ""
    return (
        f"{facts.tokens:,} tokens, {facts.passes:.2g} times the training text; seed "
        f"{facts.seed}.{table}"
    )


def _held_out(held_out: HeldOutTable) -> str:
    least, most = held_out.left_context
    classes = [name for name in held_out.nats.columns if name != "all"]
    bases = [f"{held_out.bases[name]:,}" for name in classes]
    rows = [["bases judged", f"{held_out.bases['all']:,}", "", *bases]]
    for name, nats in held_out.nats.iterrows():
        values = [f"{nats[column]:.4f}" for column in classes]
        whole = [f"{nats['all']:.4f}", f"{np.exp(nats['all']):.3f}"]
        rows.append([escape_markdown(name), *whole, *values])
    return (
        f"Forward strand; the model reads {least:,} to {most:,} bases of left context. "
        "Markov models are interpolated and count both strands of the training text "
        "(`hyenascope.sequence.markov`). All judge the same bases.\n\n"
        + markdown_table(
            ["model", "nats per base", "perplexity", *map(escape_markdown, classes)],
            rows,
        )
    )


def _positions(positions: PositionNats) -> str:
    frame = positions.frame
    columns = zip(
        frame["context"],
        frame["bases"],
        frame["nats"],
        frame["standard_error"],
        strict=True,
    )
    rows = [[c, f"{n:,}", f"{x:.4f}", f"{e:.4f}"] for c, n, x, e in columns]
    header = ["bases to the left", "bases judged", "nats per base", "standard error"]
    return (
        f"From windows of {positions.edges[-1]:,} bp that do not overlap.\n\n"
        + markdown_table(header, rows)
    )


def _loss(curves: pd.DataFrame) -> str:
    table = curve_table(curves)
    named = {"loss": "training loss", "validation": "validation"}
    rows = [
        [_number(row[name], whole=name not in named) for name in table.columns]
        for _, row in table.iterrows()
    ]
    header = [named.get(name, name) for name in table.columns]
    return (
        "Nats per base; the training loss is the mean over the steps since the row "
        f"above. Every step is in `{CURVES_FILE}`.\n\n" + markdown_table(header, rows)
    )


def _number(value: float, *, whole: bool) -> str:
    if np.isnan(value):
        return ""
    return f"{int(value):,}" if whole else f"{value:.4f}"


def _made_with(facts: TrainingFacts) -> str:
    command = f"\n\n{code_block(facts.command)}" if facts.command else ""
    return f"{facts.made_with}.{command}"
