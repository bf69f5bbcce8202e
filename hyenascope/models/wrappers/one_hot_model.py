"""Networks from one-hot DNA to named outputs, such as Enformer, Borzoi and BPNet."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, get_args

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor, nn

from hyenascope.models.wrappers.protocol import WrappedModel
from hyenascope.sequence.one_hot import one_hot

InputAxes = Literal["batch 4 length", "batch length 4"]
OutputAxes = Literal["batch outputs", "batch outputs bins", "batch bins outputs"]

Select = str | int | Callable[[Any], Tensor]
"""A key or index of what a network returns, or a function of it."""


class OneHotModel(WrappedModel):
    """Any `torch.nn.Module` on one-hot DNA, channels A, C, G, T.

    Parameters
    ----------
    module
        Shared, not copied; used in eval mode and put back.
    context_length
        Bases that it reads.
    outputs
        Names of its outputs, or how many there are.
    bin_size
        Bases per bin; None if an output is one number per sequence. Bins lie in the
        middle of the sequence, so that a network which crops needs to say no more.
    input_axes, output_axes
        How the module has its axes. By default ``"batch outputs bins"`` with a
        ``bin_size`` and ``"batch outputs"`` without.
    select
        What to take of an answer that is no tensor: a key (``"human"``), an index,
        or a function; of a tensor, a function alone.
    unknown
        What N is in every channel: 0, or 0.25.
    fixed_length
        Whether other lengths than ``context_length`` are refused.
    name, units, other_strand, batch_size
        As in `WrappedModel`. Borzoi's targets list ``strand_pair`` for it.

    Raises
    ------
    ValueError
        If an option is unknown, or ``bin_size`` does not divide ``context_length``.

    Examples
    --------
    >>> net = nn.Sequential(nn.Conv1d(4, 2, 3, padding=1), nn.AvgPool1d(4))
    >>> model = OneHotModel(
    ...     net, context_length=16, outputs=("open", "closed"), bin_size=4
    ... )
    >>> model.predict("ACGTACGTACGTACGT").shape  # batch bins outputs
    (1, 4, 2)
    """

    def __init__(
        self,
        module: nn.Module,
        *,
        context_length: int,
        outputs: Sequence[str] | int = 1,
        bin_size: int | None = None,
        input_axes: InputAxes = "batch 4 length",
        output_axes: OutputAxes | None = None,
        select: Select | None = None,
        unknown: float = 0.0,
        fixed_length: bool = True,
        name: str | None = None,
        units: str = "model output",
        other_strand: Sequence[int] | None = None,
        batch_size: int = 8,
    ) -> None:
        if not isinstance(module, nn.Module):
            raise TypeError(f"module must be a torch.nn.Module; got {module!r}.")
        if output_axes is None:
            output_axes = "batch outputs" if bin_size is None else "batch outputs bins"
        for what, value, allowed in (
            ("input_axes", input_axes, get_args(InputAxes)),
            ("output_axes", output_axes, get_args(OutputAxes)),
        ):
            if value not in allowed:
                raise ValueError(f"{what} must be one of {allowed}; got {value!r}.")
        if (output_axes == "batch outputs") != (bin_size is None):
            raise ValueError(
                "bin_size must come with output_axes that have bins, and only with "
                f"them; got {bin_size} and {output_axes!r}."
            )
        if not 0.0 <= unknown <= 1.0:
            raise ValueError(f"unknown must be 0 or 0.25; got {unknown}.")
        if isinstance(outputs, int):
            outputs = [f"output {i}" for i in range(outputs)]
        super().__init__(
            name or type(module).__name__,
            context_length=context_length,
            offers=("predict", "gradients"),
            outputs=outputs,
            units=units,
            other_strand=other_strand,
            bin_size=bin_size,
            fixed_length=fixed_length,
            batch_size=batch_size,
        )
        self.unknown = unknown
        self._network = _Network(module, input_axes, output_axes, select, self)

    @property
    def module(self) -> nn.Module:
        """The network itself."""
        return self._network.module

    @property
    def modules(self) -> Sequence[nn.Module]:
        """The network."""
        return [self.module]

    @property
    def network(self) -> nn.Module:
        """The network on rows ``batch length 4``, to ``batch bins outputs``."""
        return self._network

    @property
    def options(self) -> dict[str, object]:
        """How the network is read."""
        given = {
            "select": self._network.select,
            "unknown": self.unknown,
            "bin_size": self.bin_size,
        }
        named = {"select": getattr(self._network.select, "__qualname__", None)}
        return {**given, **(named if callable(self._network.select) else {})}

    def rows(self, text: str) -> Float32[np.ndarray, "length 4"]:
        """Return the one-hot rows of a sequence, N as this network has it."""
        found = one_hot(text)
        found[found.sum(axis=1) == 0] = self.unknown
        return found

    def _predict(
        self, texts: Sequence[str], device: torch.device
    ) -> Float32[np.ndarray, "batch bins outputs"]:
        parts = []
        for at in range(0, len(texts), self.batch_size):
            rows = np.stack(
                [self.rows(text) for text in texts[at : at + self.batch_size]]
            )
            read = torch.from_numpy(rows).to(device, dtype_of(self.module))
            parts.append(self._network(read).float().cpu().numpy())
        return np.concatenate(parts)


class _Network(nn.Module):
    def __init__(
        self,
        module: nn.Module,
        input_axes: InputAxes,
        output_axes: OutputAxes,
        select: Select | None,
        model: OneHotModel,
    ) -> None:
        super().__init__()
        self.module = module
        self.input_axes: InputAxes = input_axes
        self.output_axes: OutputAxes = output_axes
        self.select = select
        # For names and bins alone; not a module, so not registered.
        self._model = [model]

    def forward(
        self, rows: Float[Tensor, "batch length 4"]
    ) -> Float[Tensor, "batch bins outputs"]:
        rows = rows.to(dtype_of(self.module))
        read = rows if self.input_axes == "batch length 4" else rows.transpose(1, 2)
        answer = self._selected(self.module(read))
        (model,) = self._model
        axes = self.output_axes.split()
        if not isinstance(answer, Tensor) or answer.ndim != len(axes):
            got = tuple(answer.shape) if isinstance(answer, Tensor) else type(answer)
            raise ValueError(
                f"{model.name} must give {self.output_axes!r}, or select must say what "
                f"of its answer does; got {got}."
            )
        if self.output_axes == "batch outputs":
            answer = answer[:, None]
        elif self.output_axes == "batch outputs bins":
            answer = answer.transpose(1, 2)
        if answer.shape[2] != len(model.outputs):
            raise ValueError(
                f"outputs must name the {answer.shape[2]} that {model.name} gives; "
                f"got {len(model.outputs)} names."
            )
        model.bins(rows.shape[1], answer.shape[1])
        return answer

    def _selected(self, answer: object) -> object:
        if callable(self.select):
            return self.select(answer)
        if self.select is None:
            return answer
        if isinstance(answer, Tensor):
            raise ValueError(
                "select must be a function, or None, for a network that returns a "
                f"tensor; got {self.select!r}."
            )
        try:
            return answer[self.select]  # type: ignore[index]
        except (KeyError, IndexError, TypeError):
            there = list(answer) if isinstance(answer, dict) else type(answer).__name__
            raise ValueError(
                f"select must be in what the network returns, {there}; "
                f"got {self.select!r}."
            ) from None


def dtype_of(module: nn.Module) -> torch.dtype:
    """Return the dtype of a network's weights; float32 if it has none."""
    kinds = (p.dtype for p in module.parameters() if p.is_floating_point())
    return next(kinds, torch.float32)
