"""What is to be known of the rows of a benchmark: said, and kept beside the scores."""

import logging
from pathlib import Path

from hyenascope.data.labelled_sequences import LabelledSequences
from hyenascope.data.split_leakage import split_leakage
from hyenascope.training.benchmark_recipes import Recipe

_LOGGER = logging.getLogger("hyenascope")

LEAKS_FILE = "leaks.tsv"
"""In the folder of a task: how many test rows stand in train too."""


def note_facts(
    recipe: Recipe, data: LabelledSequences, place: Path, reach: int
) -> None:
    """Write and say what leaks, and how these rows are not the published ones.

    Parameters
    ----------
    recipe, data
        A task, and its rows.
    place
        Folder for ``leaks.tsv``; made if missing.
    reach
        Bases that are read at most.
    """
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
