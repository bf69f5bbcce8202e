"""Save a fine-tuned model with its head, labels and reading, and load it again.

See `hyenascope.models.headed_folder` for the files. ``head.json`` has the task, labels,
pooling, and how sequences are read.
"""

from collections.abc import Mapping
from dataclasses import asdict

import torch

from hyenascope._typing import StrPath
from hyenascope.models.headed_folder import HeadFacts, load_headed, write_headed
from hyenascope.models.hyena import HyenaLM
from hyenascope.models.sequence_input import SequenceInput
from hyenascope.models.sequence_model import SequenceModel
from hyenascope.models.sequence_task import SequenceTask


def save_fine_tuned(
    model: SequenceModel,
    folder: StrPath,
    *,
    card: str | None = None,
    metadata: Mapping[str, object] | None = None,
) -> None:
    """Write a folder that `load_fine_tuned` reads back, bit for bit.

    Each file appears whole or not at all; an interrupt between them leaves a folder
    that is refused, not one that mixes two models.

    Parameters
    ----------
    model
        Left as it is.
    folder
        Made if missing; older files are replaced, an older card only by ``card``.
    card
        Model card in Markdown, for ``README.md``.
    metadata
        JSON values to keep: data, scores.

    Raises
    ------
    TypeError
        If the model is of a class of its own, such as `PromptedModel`.
    ValueError
        If ``metadata`` holds what JSON cannot.
    OSError
        If the disk refuses.
    """
    if type(model) is not SequenceModel:
        raise TypeError(
            "model must be a SequenceModel, whose head.json says all; got "
            f"{type(model).__name__} (a PromptedModel goes to save_prompt)."
        )
    head = {
        "task": asdict(model.task),
        "pooling": model.readout.pooling,
        "dropout": model.readout.dropout.p,
        "reading": asdict(model.reading),
    }
    write_headed(model, folder, head, card=card, metadata=metadata)


def load_fine_tuned(
    folder: StrPath, *, device: str | torch.device | None = None
) -> SequenceModel:
    """Return the model of a folder of `save_fine_tuned`, in eval mode.

    Parameters
    ----------
    folder
        As saved.
    device
        Where the model goes; the CPU if None.

    Raises
    ------
    FileNotFoundError
        If the folder or a file of it is missing.
    ValueError
        If a file is damaged, of a newer version, or of another save than the rest.

    Examples
    --------
    >>> import tempfile
    >>> from hyenascope.models.hyena import HyenaConfig
    >>> backbone = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    >>> model = SequenceModel(backbone, SequenceTask("binary", ("no", "yes")))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_fine_tuned(model, folder)
    ...     load_fine_tuned(folder).task.label_names
    ('no', 'yes')
    """
    return load_headed(folder, _build, device=device)


def _build(backbone: HyenaLM, head: HeadFacts) -> SequenceModel:
    if "bin_size" in head:
        raise ValueError("it is one of bases; load_track_model reads it.")
    task = SequenceTask(head["task"]["kind"], tuple(head["task"]["label_names"]))
    return SequenceModel(
        backbone,
        task,
        pooling=head["pooling"],
        dropout=head["dropout"],
        reading=SequenceInput(**head["reading"]),
    )
