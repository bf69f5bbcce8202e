"""Our own model behind the same protocol, for what takes models of any kind."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float32, Float64
from torch import nn

from hyenascope.models.hyena import HyenaLM
from hyenascope.models.model_checks import require_model
from hyenascope.models.predict import embed, log_probs, logits
from hyenascope.models.state_layouts import checkpoint_hash
from hyenascope.models.wrappers.protocol import Place, WrappedModel
from hyenascope.models.wrappers.token_bases import TokenBases
from hyenascope.sequence.tokenizer import tokenize


class HyenaModel(WrappedModel):
    """A `HyenaLM` as a wrapped model.

    The verbs take a `HyenaLM` as it is, and then read mutants incrementally; they
    unwrap this one. It is for `check_model`, an `Ensemble`, and comparison.

    Parameters
    ----------
    model
        Causal or two-sided; the latter gives no likelihoods.

    Examples
    --------
    >>> from hyenascope.models.hyena import HyenaConfig
    >>> config = HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34)
    >>> HyenaModel(HyenaLM(config)).log_probs("ACGT")[0].shape
    (4, 4)
    """

    def __init__(self, model: HyenaLM) -> None:
        require_model(model)
        causal = not model.config.bidirectional
        super().__init__(
            model.name,
            context_length=model.context_length,
            causal=causal,
            offers=("log_probs", "embed") if causal else ("embed",),
        )
        self.model = model

    @property
    def modules(self) -> Sequence[nn.Module]:
        """The network."""
        return [self.model]

    @property
    def weights_hash(self) -> str:
        """That of the checkpoint."""
        return checkpoint_hash(self.model)

    def _tokenize(self, text: str) -> TokenBases:
        return TokenBases(
            tokenize(text), np.arange(len(text)), np.arange(1, len(text) + 1)
        )

    def _logits(
        self, texts: Sequence[str], device: torch.device
    ) -> list[Float32[np.ndarray, "_ vocab"]]:
        return logits(self.model, list(texts), device=device)

    def _log_probs(
        self, texts: Sequence[str], places: Sequence[Place], device: torch.device
    ) -> list[Float64[np.ndarray, "_ 4"]]:
        tables = log_probs(self.model, list(texts), device=device)
        self._finite([table[1:] for table in tables])  # before the first is nothing
        for table, (start, stop) in zip(tables, places, strict=True):
            table[:start] = table[stop:] = np.nan
        return tables

    def _embed(
        self, texts: Sequence[str], device: torch.device
    ) -> list[Float32[np.ndarray, "_ channels"]]:
        found = embed(self.model, list(texts), pool="none", device=device)
        return list(found)
