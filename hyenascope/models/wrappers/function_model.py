"""Any Python function from DNA to numbers."""

import hashlib
from collections.abc import Callable, Sequence
from types import CodeType
from typing import Any

import numpy as np
import torch
from jaxtyping import Float64
from torch import nn

from hyenascope.models.wrappers.protocol import WrappedModel


class FunctionModel(WrappedModel):
    """A function from DNA texts to an array, wherever it is computed.

    Parameters
    ----------
    function
        Takes a list of texts of one length; returns an array ``batch``,
        ``batch outputs`` or ``batch bins outputs``.
    context_length, name, alphabet, units, other_strand, bin_size
        As in `WrappedModel`.
    fixed_length, batch_size
        As in `WrappedModel`.
    outputs
        Names of the outputs, or how many there are.

    Examples
    --------
    >>> def gc(texts):
    ...     return [(text.count("G") + text.count("C")) / len(text) for text in texts]
    >>> FunctionModel(gc, context_length=100, outputs=("GC",)).predict(["GATC", "GGGC"])
    array([[[0.5]],
    <BLANKLINE>
           [[1. ]]])
    """

    def __init__(
        self,
        function: Callable[[list[str]], Any],
        *,
        context_length: int,
        outputs: Sequence[str] | int = 1,
        name: str | None = None,
        alphabet: str = "ACGTN",
        units: str = "model output",
        other_strand: Sequence[int] | None = None,
        bin_size: int | None = None,
        fixed_length: bool = False,
        batch_size: int = 64,
    ) -> None:
        if not callable(function):
            raise TypeError(f"function must be callable; got {function!r}.")
        if isinstance(outputs, int):
            outputs = [f"output {i}" for i in range(outputs)]
        super().__init__(
            name or str(getattr(function, "__name__", type(function).__name__)),
            context_length=context_length,
            alphabet=alphabet,
            offers=("predict",),
            outputs=outputs,
            units=units,
            other_strand=other_strand,
            bin_size=bin_size,
            fixed_length=fixed_length,
            batch_size=batch_size,
        )
        self.function = function

    @property
    def modules(self) -> Sequence[nn.Module]:
        """None that we know of."""
        return []

    @property
    def weights_hash(self) -> str:
        """SHA-256 of the function's name and code; what it refers to is not seen."""
        where = getattr(self.function, "__module__", "")
        kind = getattr(self.function, "__qualname__", type(self.function).__qualname__)
        code = getattr(self.function, "__code__", None)
        digest = hashlib.sha256(f"{self.name} {where}.{kind}".encode())
        if code is not None:
            digest.update(code.co_code)
            plain = [
                each.co_code if isinstance(each, CodeType) else each
                for each in code.co_consts
            ]
            digest.update(repr((code.co_names, code.co_varnames, plain)).encode())
        return digest.hexdigest()

    def _predict(
        self, texts: Sequence[str], device: torch.device
    ) -> Float64[np.ndarray, "batch bins outputs"]:
        del device
        parts = []
        for at in range(0, len(texts), self.batch_size):
            batch = list(texts[at : at + self.batch_size])
            found = np.asarray(self.function(batch), np.float64)
            if found.ndim == 1:
                found = found[:, None]
            if found.ndim == 2:
                found = found[:, None]
            fits = found.ndim == 3 and len(found) == len(batch)
            if not fits or found.shape[2] != len(self.outputs):
                raise ValueError(
                    f"{self.name} must give 'batch', 'batch outputs' or 'batch bins "
                    f"outputs' for {len(batch)} sequences and {len(self.outputs)} "
                    f"outputs; got shape {found.shape}."
                )
            self.bins(len(batch[0]), found.shape[1])
            parts.append(found)
        return np.concatenate(parts)
