"""How well a model of labels answers: the tables of its card, in Markdown."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from hyenascope.data.markdown_text import code_span, escape_markdown, one_line
from hyenascope.models.sequence_model import SequenceModel
from hyenascope.training.calibration import (
    TEMPERATURES,
    expected_calibration_error,
    reliability,
)
from hyenascope.training.finetune_result import FinetuneResult
from hyenascope.training.label_evaluation import LabelEvaluation
from hyenascope.training.label_metrics import per_label
from hyenascope.training.model_card import markdown_table

NAMES_SHOWN = 24
"""Of labels, in a list or a table."""

_VALIDATION_LEVEL = 95.0  # of the intervals in `FinetuneResult.scores`


def judged_title(evaluation: LabelEvaluation) -> str:
    """Return which rows an evaluation is of, on one line; not escaped."""
    return one_line(f"{evaluation.name}, {evaluation.split}")


def judged_text(evaluation: LabelEvaluation) -> str:
    """Return what was judged, what was left out, the scores, and those of each label.

    Of two classes, and of more labels than a page holds, there is no table by label.
    """
    level = 100 * evaluation.provenance["bootstrap"]["confidence"]
    parts = [
        f"{evaluation.rows:,} rows. {_duplicates(evaluation)}",
        score_table(evaluation.table, level),
    ]
    if 2 < len(evaluation.task.label_names) <= NAMES_SHOWN:
        each = per_label(evaluation.task, evaluation.truth, evaluation.answers)
        parts.append(_label_table(each))
    return "\n\n".join(parts)


def validation_text(result: FinetuneResult) -> str:
    """Return the scores of the validation rows, and what these rows chose."""
    calibrated = result.model.task.kind != "regression"
    chosen = ["the epoch"] * (result.best_epoch > 0) + ["the calibration"] * calibrated
    text = "No epoch was finished, so these rows chose nothing."
    if chosen:
        text = f"These rows chose {' and '.join(chosen)}, so their scores flatter."
    if calibrated:
        text = f"After calibration. {text}"
    return f"{text}\n\n{score_table(result.scores, _VALIDATION_LEVEL)}"


def calibration_text(
    result: FinetuneResult, evaluations: Sequence[LabelEvaluation]
) -> str:
    """Return what makes probabilities of logits, and how well they come true."""
    tables = {} if result.reliability is None else {"validation": result.reliability}
    for each in evaluations:
        tables[judged_title(each)] = reliability(each.truth, each.answers, each.task)
    rows = [
        [
            escape_markdown(name),
            f"{bins['rows'].sum():,}",
            str(len(bins)),
            number_text(expected_calibration_error(bins)),
        ]
        for name, bins in tables.items()
    ]
    header = ["rows", "probabilities", "bins", "expected calibration error"]
    formula = _formula(result.model)
    return f"{formula}\n\n{markdown_table(header, rows)}" if rows else formula


def score_table(table: pd.DataFrame, level: float) -> str:
    """Return a table of `score_labels`; ``level`` is of its intervals, in per cent."""
    rows = [
        [
            escape_markdown(name),
            number_text(row["value"]),
            _interval(row["low"], row["high"]),
            f"{row['rows']:,}",
            escape_markdown(row["note"]),
        ]
        for name, row in table.iterrows()
    ]
    header = ["metric", "value", f"{level:g} % interval", "rows", "note"]
    return markdown_table(header, rows)


def number_text(value: float) -> str:
    """Write four decimals, or four digits of what is far from one; NaN is nothing.

    Examples
    --------
    >>> number_text(0.5), number_text(-12345.6), number_text(2e-5)
    ('0.5000', '-1.235e+04', '2e-05')
    """
    if np.isnan(value):
        return ""
    near = value == 0 or 1e-3 <= abs(value) < 1e4
    return f"{value:.4f}" if near else f"{value:.4g}"


def _duplicates(evaluation: LabelEvaluation) -> str:
    if evaluation.provenance["duplicates"] != "drop":
        return "Rows that an earlier split holds too were not looked for."
    total = evaluation.rows + evaluation.dropped
    return (
        f"{evaluation.dropped:,} of {total:,} rows were left out, because an earlier "
        "split holds them too, or nearly."
    )


def _label_table(table: pd.DataFrame) -> str:
    written = table.astype(object)
    for column in written:
        whole = column in ("rows", "predicted")
        write = "{:,.0f}".format if whole else number_text
        written[column] = table[column].map(write)
    rows = [
        [escape_markdown(name), *numbers]
        for name, *numbers in written.reset_index().itertuples(index=False)
    ]
    return markdown_table(["label", *map(str, table)], rows)


def _formula(model: SequenceModel) -> str:
    temperature, names = float(model.temperature), model.task.label_names
    outputs = names[1:] if model.task.kind == "binary" else names
    shifts = zip(outputs, model.shift.tolist(), strict=True)
    shifted = [f"{shift:+.4f} of {code_span(name)}" for name, shift in shifts if shift]
    listed = ", ".join(shifted[:NAMES_SHOWN])
    more = " and others" if len(shifted) > NAMES_SHOWN else ""
    text = (
        "Fitted on the validation rows: logits are divided by a temperature of "
        f"{number_text(temperature)}"
        + (f", then shifted, by {listed}{more}." if shifted else ".")
    )
    if np.isclose(temperature, TEMPERATURES).any():
        text += (
            " That is the end of what is tried: these rows are too few, or too well "
            "or too badly answered, to calibrate by."
        )
    return text


def _interval(low: float, high: float) -> str:
    return "" if np.isnan(low) else f"{number_text(low)} to {number_text(high)}"
