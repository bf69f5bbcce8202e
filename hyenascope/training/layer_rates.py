"""Which layers learn, and how fast each."""

from torch import nn

from hyenascope.models.hyena import HyenaLM
from hyenascope.models.sequence_model import SequenceModel
from hyenascope.models.track_model import TrackModel
from hyenascope.training.learning_options import LearningOptions
from hyenascope.training.optimizers import parameter_groups

ParameterGroups = list[dict[str, object]]


def layer_groups(
    model: SequenceModel | TrackModel, options: LearningOptions
) -> ParameterGroups:
    """Return parameter groups for AdamW, and freeze what is not to learn.

    From the top: the readout with the final norm at the full rate, then each block at
    ``layer_decay`` of the one above it, the embedding last. Within a layer, decay is
    that of the preset ``"modern"`` of `hyenascope.training.optimizers`. Frozen layers
    get ``requires_grad=False``.

    Raises
    ------
    ValueError
        If more blocks are to be frozen than there are.

    Examples
    --------
    >>> from hyenascope.models.hyena import HyenaConfig
    >>> from hyenascope.models.sequence_task import SequenceTask
    >>> from hyenascope.training.finetune_options import FinetuneOptions
    >>> backbone = HyenaLM(HyenaConfig(d_model=8, n_layer=2, d_inner=16, l_max=34))
    >>> model = SequenceModel(backbone, SequenceTask("binary", ("no", "yes")))
    >>> groups = layer_groups(model, FinetuneOptions(layer_decay=0.5, frozen=1))
    >>> [group["lr"] for group in groups]
    [0.001, 0.001, 0.001, 0.001, 0.0005, 0.0005]
    """
    layers = _from_the_top(model)
    asleep = _frozen_layers(model.backbone, options)
    awake = len(layers) - asleep
    for layer in layers[awake:]:
        layer.requires_grad_(False)
    groups: ParameterGroups = []
    for place, layer in enumerate(layers[:awake]):
        depth = max(0, place - 1)  # the final norm learns with the readout
        rate = options.learning_rate * options.layer_decay**depth
        for group in parameter_groups(layer, options.weight_decay, preset="modern"):
            groups.append({**group, "lr": rate})
    return groups


def _from_the_top(model: SequenceModel | TrackModel) -> list[nn.Module]:
    below = model.backbone.backbone
    return [model.readout, below.ln_f, *reversed(below.layers), below.embeddings]


def _frozen_layers(backbone: HyenaLM, options: LearningOptions) -> int:
    """Count layers from the bottom: the embedding is the first."""
    blocks = backbone.config.n_layer
    if options.frozen == "nothing":
        return 0
    if options.frozen == "backbone":
        return blocks + 2
    assert isinstance(options.frozen, int)
    if options.frozen > blocks:
        raise ValueError(
            f"frozen must be at most the model's {blocks} blocks; got {options.frozen}."
        )
    return options.frozen + 1
