"""Save a track model with its head, and load it again.

See `hyenascope.models.headed_folder` for the files. ``head.json`` has the task, labels,
window, bins and strands.
"""

from collections.abc import Mapping
from dataclasses import asdict

import torch

from hyenascope._typing import StrPath
from hyenascope.models.headed_folder import HeadFacts, load_headed, write_headed
from hyenascope.models.hyena import HyenaLM
from hyenascope.models.sequence_task import SequenceTask
from hyenascope.models.track_model import TrackModel


def save_track_model(
    model: TrackModel,
    folder: StrPath,
    *,
    card: str | None = None,
    metadata: Mapping[str, object] | None = None,
) -> None:
    """Write a folder that `load_track_model` reads back, bit for bit.

    Parameters
    ----------
    model, folder, card, metadata
        As in `hyenascope.models.fine_tuned.save_fine_tuned`.

    Raises
    ------
    ValueError
        If ``metadata`` holds what JSON cannot.
    OSError
        If the disk refuses.
    """
    head = {
        "task": asdict(model.task),
        "window": model.window,
        "bin_size": model.bin_size,
        "strands": model.strands,
        "dropout": model.readout.dropout.p,
        "units": model.units,
    }
    write_headed(model, folder, head, card=card, metadata=metadata)


def load_track_model(
    folder: StrPath, *, device: str | torch.device | None = None
) -> TrackModel:
    """Return the model of a folder of `save_track_model`, in eval mode.

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
        If a file is damaged, of a newer version, or of another save than the rest, or
        the model is one of whole sequences.

    Examples
    --------
    >>> import tempfile
    >>> from hyenascope.models.hyena import HyenaConfig
    >>> backbone = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    >>> model = TrackModel(backbone, SequenceTask("regression", ("signal",)))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_track_model(model, folder)
    ...     load_track_model(folder).task.label_names
    ('signal',)
    """
    return load_headed(folder, _build, device=device)


def _build(backbone: HyenaLM, head: HeadFacts) -> TrackModel:
    if "bin_size" not in head:
        raise ValueError("it is one of whole sequences; load_fine_tuned reads it.")
    return TrackModel(
        backbone,
        SequenceTask(head["task"]["kind"], tuple(head["task"]["label_names"])),
        window=head["window"],
        bin_size=head["bin_size"],
        strands=head["strands"],
        dropout=head["dropout"],
        units=head["units"],
    )
