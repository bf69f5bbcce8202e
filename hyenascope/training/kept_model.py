"""A fine-tuned model that is trained once: a folder keeps it, whole or not at all."""

import json
import logging
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path

import torch

from hyenascope.data.labelled_sequences import LabelledSequences
from hyenascope.data.rows_hash import rows_hash
from hyenascope.models.checkpoint import checkpoint_hash
from hyenascope.models.config_dialects import read_config
from hyenascope.models.fine_tuned import load_fine_tuned
from hyenascope.models.headed_folder import HEAD_FILE
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.sequence_model import SequenceModel
from hyenascope.training.finetune import finetune
from hyenascope.training.finetune_options import FinetuneOptions

_LOGGER = logging.getLogger("hyenascope")

_FILES = (HEAD_FILE, "model.safetensors", "config.json")  # without which none loads


@dataclass(frozen=True, eq=False)
class Start:
    """What a training starts from.

    Parameters
    ----------
    label
        What it is called in tables and folders.
    model
        A backbone, or a configuration without weights.
    """

    label: str
    model: HyenaLM | HyenaConfig

    def weights(self, seed: int) -> str:
        """Return the hash of the backbone's weights before the first step."""
        if isinstance(self.model, HyenaLM):
            return checkpoint_hash(self.model)
        generator = torch.Generator().manual_seed(seed)
        return checkpoint_hash(HyenaLM(self.model, generator=generator))


def kept_model(
    start: Start,
    data: LabelledSequences,
    options: FinetuneOptions,
    folder: Path,
    *,
    device: str | torch.device | None = None,
    progress: bool = True,
) -> SequenceModel:
    """Return the model of a folder; train it and put it there if there is none.

    While it is trained, a folder ending in ``.unfinished`` holds the best so far. That
    is to look at, not to go on from: what did not come to its end begins again.

    Parameters
    ----------
    start, data, options, device, progress
        As for `hyenascope.training.finetune.finetune`.
    folder
        Of the finished model and ``history.tsv``, a row per epoch. One without a whole
        model is no obstacle, see `make_room`.

    Raises
    ------
    ValueError
        If the folder holds a model of other options, data or weights to start from.
    KeyboardInterrupt
        If the training was stopped, by Ctrl-C or by the SIGTERM of a scheduler. The
        best so far is removed, and the next call begins this training again; what has
        no time to clean up leaves it, to be written over.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> data = LabelledSequences(
    ...     "toy",
    ...     tuple(text * n for n in range(1, 5) for text in ("ACAC", "GTTT")),
    ...     np.array([0, 1] * 4),
    ...     ("ac", "gt"),
    ...     ("train",) * 8,
    ...     "binary",
    ... )
    >>> start = Start("small", HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    >>> how = FinetuneOptions(epochs=1)
    >>> with tempfile.TemporaryDirectory() as place:
    ...     first = kept_model(start, data, how, Path(place, "0"), progress=False)
    ...     again = kept_model(start, data, how, Path(place, "0"), progress=False)
    >>> first.predict("ACGT").equals(again.predict("ACGT"))
    True
    """
    make_room(folder)
    if folder.is_dir():
        refuse_another(folder, start, options, data=data)
        return load_fine_tuned(folder)
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    result = finetune(
        start.model,
        data,
        options=options,
        device=device,
        out=unfinished,
        progress=progress,
    )
    if not result.finished:
        shutil.rmtree(unfinished)
        raise KeyboardInterrupt(result.message)
    result.history.to_csv(unfinished / "history.tsv", sep="\t", index=False)
    unfinished.rename(folder)
    _LOGGER.info("%s, %s: %s", data.name, folder.name, result.message)
    return result.model


def make_room(folder: Path) -> None:
    """Move a folder aside that holds no whole model; remove an empty one.

    A copy that was cut off leaves such a folder. What is in it goes to a folder ending
    in ``.aside``, or ``.aside-2`` and so on: nothing is lost.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     Path(place, "small-0").mkdir()
    ...     _ = Path(place, "small-0", "notes.txt").write_text("of yesterday")
    ...     make_room(Path(place, "small-0"))
    ...     print(*(path.name for path in Path(place).iterdir()))
    small-0.aside
    """
    if not folder.is_dir() or all((folder / name).is_file() for name in _FILES):
        return
    if not any(folder.iterdir()):
        folder.rmdir()
        return
    names = (f"{folder.name}.aside{more}" for more in _numbers())
    free = next(it for it in map(folder.with_name, names) if not it.exists())
    folder.rename(free)
    _LOGGER.warning("%s held no whole model; it is now %s.", folder, free.name)


def learning_facts(
    start: Start, options: FinetuneOptions, *, data: LabelledSequences | None = None
) -> dict[str, object]:
    """Return what decides the weights: options, weights before, files, and rows.

    The software is not among it: an update would call for every training anew.

    Parameters
    ----------
    start, options, data
        As for `kept_model`; data are left out if None.
    """
    facts: dict[str, object] = {
        "options": asdict(options),
        "begun_from": start.weights(options.seed),
    }
    if data is not None:
        facts["made_from"] = json.loads(data.provenance.to_json())
        facts["rows_hash"] = rows_hash(data)
    return facts


def refuse_another(
    folder: Path,
    start: Start,
    options: FinetuneOptions,
    *,
    data: LabelledSequences | None = None,
) -> None:
    """Refuse a model that these arguments would not have made.

    Parameters
    ----------
    folder
        Of a model.
    start, options
        What is asked for.
    data
        Not compared if None, as long as they are still to be fetched.

    Raises
    ------
    ValueError
        If it was made in another way.
    """
    made = read_config(folder / "config.json").metadata
    wanted = learning_facts(start, options, data=data)
    other = differing(made, wanted)
    if other:
        raise ValueError(
            f"folder must hold models that these arguments would make; {folder} "
            f"differs in {', '.join(other)}. Give another folder."
        )


def differing(made: Mapping[str, object], wanted: Mapping[str, object]) -> list[str]:
    """Return which facts something was not made with, in words.

    Examples
    --------
    >>> differing({"begun_from": "12ab", "seed": 0}, {"begun_from": "34cd", "seed": 0})
    ['begun from']
    """
    missing = object()
    return [
        name.replace("_", " ")
        for name, value in wanted.items()
        if made.get(name, missing) != value
    ]


def _numbers() -> Iterator[str]:
    yield ""
    yield from (f"-{number}" for number in count(2))
