"""What a model of tracks is, what made it and how well it draws: its folder's page.

Every number of a card comes from an argument: none is typed.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from hyenascope.data.markdown_text import code_span, escape_markdown
from hyenascope.models.state_layouts import model_tensors, tensors_hash
from hyenascope.models.track_model import TrackModel
from hyenascope.training.model_card import markdown_table
from hyenascope.training.track_result import TrackResult

_SHOWN = 24  # stretches, epochs
_WHAT = {
    "multiclass": "how probable each class is",
    "multilabel": "how probable each label is, whatever the others are",
    "regression": "a number for each track",
}
_STRANDS = {
    "both": "both strands",
    "forward": "the strand that is given",
    "reverse": "the strand opposite to the given one",
}


def track_card(result: TrackResult, facts: Mapping[str, Any]) -> str:
    """Return a card in Markdown.

    Parameters
    ----------
    result
        As `hyenascope.training.finetune_tracks.finetune_tracks` returns it.
    facts
        What it wrote into the folder: genome, stretches, options, versions.
    """
    model = result.model
    sections = {
        "Use": _USE,
        "Data": _data(facts),
        "Scores of the validation bases": _scores(result.scores),
        "Training": _training(result, facts),
        "Made with": ", ".join(f"{k} {v}" for k, v in facts["software"].items()) + ".",
    }
    body = [f"## {title}\n\n{text}" for title, text in sections.items()]
    return "\n\n".join([f"# {_title(model)}", _what(model), *body]) + "\n"


_USE = """```python
import hyenascope as hs

model = hs.load_track_model(".")  # this folder
track = hs.predict_track(model, "genome.fa", hs.Interval("chr1", 0, 10_000))
hs.plot_locus([hs.Line(track)], track.interval)
```"""


def _title(model: TrackModel) -> str:
    names = model.task.label_names
    more = f" and {len(names) - 6} more" if len(names) > 6 else ""
    return f"Tracks: {escape_markdown(', '.join(names[:6]))}{more}"


def _what(model: TrackModel) -> str:
    each = "base" if model.bin_size == 1 else f"bin of {model.bin_size:,} bases"
    number = model.task.kind == "regression" and model.units
    units = f" in {escape_markdown(model.units)}" if number else ""
    config = model.config
    return (
        f"It says of every {each} {_WHAT[model.task.kind]}{units}, from windows of "
        f"{model.window:,} bp and the states of {_STRANDS[model.strands]}. Backbone: "
        f"{escape_markdown(model.backbone.name)}, {config.n_layer} layers, width "
        f"{config.d_model}. Weights `{tensors_hash(model_tensors(model))}`."
    )


def _data(facts: Mapping[str, Any]) -> str:
    known = facts["known_bases"]
    rows = [
        [name, f"{known[name]:,}", _some(places)]
        for name, places in facts["stretches"].items()
    ]
    table = markdown_table(["part", "known bases", "stretches, 1-based"], rows)
    return (
        f"Genome {code_span(facts['genome'])}, fingerprint of its contigs "
        f"`{facts['genome_fingerprint']}`.\n\n{table}"
    )


def _some(places: Sequence[str]) -> str:
    hidden = len(places) - _SHOWN
    more = f" and {hidden:,} more" if hidden > 0 else ""
    return escape_markdown(", ".join(places[:_SHOWN])) + more


def _scores(scores: pd.DataFrame) -> str:
    rows = [
        [
            escape_markdown(name),
            f"{row['value']:.4f}",
            f"{row['rows']:,.0f}",
            escape_markdown(row["note"]),
        ]
        for name, row in scores.iterrows()
    ]
    return (
        "They chose the epoch and the calibration, so they flatter. Neighbouring bases "
        "are no independent rows: there are no intervals.\n\n"
        + markdown_table(["metric", "value", "rows", "note"], rows)
    )


def _training(result: TrackResult, facts: Mapping[str, Any]) -> str:
    options = [[name, code_span(value)] for name, value in facts["options"].items()]
    parts = [
        f"{result.message} Begun from weights `{facts['begun_from']}`.",
        markdown_table(["option", "value"], options),
    ]
    if result.reports:
        shown = result.history.tail(_SHOWN)
        rows = [
            [
                f"{row['epoch']:.0f}",
                *(f"{row[name]:.4f}" for name in shown.columns[1:-1]),
                f"{row['seconds']:.1f}",
            ]
            for _, row in shown.iterrows()
        ]
        parts.append(markdown_table([str(name) for name in shown.columns], rows))
    return "\n\n".join(parts)
