"""A model and a target as one plain network on one-hot DNA, for other people's tools.

tangermeme, Captum, TF-MoDISco's drivers and ledidi take a `torch.nn.Module` from
``batch 4 length`` to ``batch outputs``, channels A, C, G, T.
"""

import copy
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hyenascope.data.interval import Interval
from hyenascope.interpret.attribution import check_window
from hyenascope.interpret.attribution_window import Window
from hyenascope.interpret.gradient_targets import LogLikelihood, Target
from hyenascope.interpret.model_output import ModelOutput
from hyenascope.interpret.wrapped_gradients import OutputNetwork, check_target
from hyenascope.models.elementwise import Gelu, Product
from hyenascope.models.model_checks import AnyModel
from hyenascope.models.one_hot_module import Layout, OneHotLM
from hyenascope.models.wrappers.any_model import native
from hyenascope.models.wrappers.protocol import WrappedModel

Strand = Literal["forward", "reverse"]


class ScoreModule(nn.Module):
    """One number of a model per one-hot sequence, ``batch 4 length`` to ``batch 1``.

    N is a row of zeros, or what a wrapped model has for it. The model is shared, not
    copied; its training flag is the caller's affair, as other tools see to it.

    Parameters
    ----------
    model
        Our own, or a wrapped one with gradients.
    target
        A `LogLikelihood` (labels ``"own"``), `BaseScore`, `EmbeddingDirection` or
        `HeadOutput`; of a wrapped model a `ModelOutput`.
    interval
        What the sequences stand for, 0-based half-open; it has their length. For
        targets with positions; if None, it begins at 0 and has the context's length.
    strand
        Which strand the model reads; the rows are always of the forward one.
    layout
        ``"4 length"`` or ``"length 4"``.

    Raises
    ------
    ValueError
        If the target does not fit the model, or the interval the context.
    TypeError
        If the target is of another kind of model.

    Examples
    --------
    >>> from hyenascope.models.hyena import HyenaConfig, HyenaLM
    >>> model = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34)).eval()
    >>> net = ScoreModule(model, LogLikelihood(), Interval("I", 0, 4))
    >>> net(torch.eye(4)[None]).shape
    torch.Size([1, 1])
    """

    def __init__(
        self,
        model: AnyModel,
        target: Target | ModelOutput,
        interval: Interval | None = None,
        *,
        strand: Strand = "forward",
        layout: Layout = "4 length",
    ) -> None:
        super().__init__()
        if strand not in ("forward", "reverse"):
            raise ValueError(f"strand must be 'forward' or 'reverse'; got {strand!r}.")
        if layout not in ("length 4", "4 length"):
            raise ValueError(
                f"layout must be 'length 4' or '4 length'; got {layout!r}."
            )
        model = native(model)
        if interval is None:
            interval = Interval("sequence", 0, model.context_length)
        check_window(model, interval.length)
        self.length = interval.length
        self.layout: Layout = layout
        self.strand: Strand = strand
        self.network = _network(model, target, interval, reverse=strand == "reverse")

    def forward(self, rows: Float[Tensor, "batch a b"]) -> Float[Tensor, "batch 1"]:
        """Return the target's number of each sequence.

        Raises
        ------
        ValueError
            If the rows have not the interval's length, or no axis of four letters.
        """
        last = rows if self.layout == "length 4" else rows.transpose(1, 2)
        if last.shape[1:] != (self.length, 4):
            raise ValueError(
                f"rows must have axes 'batch {self.layout}' with length {self.length}; "
                f"got {tuple(rows.shape)}."
            )
        if self.strand == "reverse":
            last = last.flip(1, 2)
        return self.network(last)[:, None].to(rows.dtype)


def for_tangermeme(module: ScoreModule) -> ScoreModule:
    """Copy a module so that tangermeme's DeepLIFT finds a rule for every step.

    tangermeme hooks modules by their type: gates become its ``BilinearOp``, our GELU
    becomes PyTorch's. Numbers are the same up to rounding; weights are copied. Without
    this ``tangermeme.deep_lift_shap`` leaves the gates out, and its contributions do
    not add up. Where a target has a log-softmax (`LogLikelihood`, `BaseScore`), give it
    ``additional_nonlinear_ops=tangermeme_rules()`` too.

    Raises
    ------
    ImportError
        If tangermeme, ``pip install hyenascope[motifs]``, is missing.
    """
    bilinear = _deep_lift_shap().BilinearOp
    copied = copy.deepcopy(module)
    for parent in list(copied.modules()):
        for name, child in list(parent.named_children()):
            if type(child) is Product:
                setattr(parent, name, bilinear("...,...->..."))
            elif type(child) is Gelu:
                setattr(parent, name, nn.GELU(approximate="tanh"))
    return copied


def tangermeme_rules(nodes: int = 8) -> dict[type[nn.Module], Callable[..., object]]:
    """Return the rule that tangermeme lacks: log-softmax, by integrated gradients.

    Parameters
    ----------
    nodes
        Of the quadrature between a sequence and its reference.

    Raises
    ------
    ImportError
        If tangermeme, ``pip install hyenascope[motifs]``, is missing.
    """
    return {nn.LogSoftmax: _deep_lift_shap().integrated_gradients_op(K=nodes)}


def _deep_lift_shap() -> ModuleType:
    try:
        return import_module("tangermeme.deep_lift_shap")
    except ImportError as err:
        raise ImportError(
            "tangermeme must be installed for this "
            "(pip install hyenascope[motifs]); got none."
        ) from err


def _network(
    model: AnyModel, target: Target | ModelOutput, interval: Interval, *, reverse: bool
) -> nn.Module:
    if isinstance(model, WrappedModel):
        check_target(model, target)
        assert isinstance(target, ModelOutput)
        return OutputNetwork(model, target, interval, reverse=reverse)
    if not isinstance(target, Target):
        raise TypeError(
            "target must be a LogLikelihood, BaseScore, EmbeddingDirection or "
            f"HeadOutput of our own model; got {target!r}."
        )
    if isinstance(target, LogLikelihood) and target.labels == "fixed":
        raise ValueError(
            "target must have labels='own' in a network that knows no sequence; got "
            "'fixed'."
        )
    where = next(model.parameters()).device
    rows = torch.zeros(interval.length, 4, device=where)
    reading = target.read(model, Window(interval, reverse), rows)
    return _Read(OneHotLM(model, reading.readout, reach=reading.reach))


class _Read(nn.Module):
    def __init__(self, net: OneHotLM) -> None:
        super().__init__()
        self.net = net

    def forward(self, rows: Tensor) -> Tensor:
        found: Tensor = self.net(rows)
        return found.to(rows.dtype)
