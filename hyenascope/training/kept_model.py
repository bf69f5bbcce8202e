"""A fine-tuned model that is trained once: a folder keeps it, whole or not at all."""

import json
import logging
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from hyenascope.data.labelled_sequences import LabelledSequences
from hyenascope.models.checkpoint import checkpoint_hash
from hyenascope.models.config_dialects import read_config
from hyenascope.models.fine_tuned import load_fine_tuned
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.sequence_model import SequenceModel
from hyenascope.training.finetune import finetune
from hyenascope.training.finetune_options import FinetuneOptions

_LOGGER = logging.getLogger("hyenascope")


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

    While it is trained, a folder ending in ``.unfinished`` holds the best so far.

    Parameters
    ----------
    start, data, options, device, progress
        As for `hyenascope.training.finetune.finetune`.
    folder
        Of the finished model and ``history.tsv``, a row per epoch.

    Raises
    ------
    ValueError
        If the folder holds a model of other options, data or weights to start from.
    KeyboardInterrupt
        If the training was stopped; nothing is kept.

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
    if folder.is_dir():
        _refuse_another(folder, start, data, options)
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


def _refuse_another(
    folder: Path, start: Start, data: LabelledSequences, options: FinetuneOptions
) -> None:
    """Refuse a model that these arguments would not have made."""
    made = read_config(folder / "config.json").metadata
    wanted = {
        "options": asdict(options),
        "begun_from": start.weights(options.seed),
        "made_from": json.loads(data.provenance.to_json()),
    }
    other = [key for key, value in wanted.items() if made.get(key) != value]
    if other:
        raise ValueError(
            f"folder must hold models that these arguments would make; {folder} "
            f"differs in {', '.join(other).replace('_', ' ')}. Give another folder."
        )
