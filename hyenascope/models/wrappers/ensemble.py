"""Several models asked as one."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float32, Float64
from torch import Tensor, nn

from hyenascope.models.wrappers.protocol import Place, WrappedModel


class Ensemble(WrappedModel):
    """The mean of several models.

    Predictions are averaged; of likelihoods the probabilities are, not their
    logarithms, so that each row still sums to one. An ensemble offers what all its
    members do, embeddings aside, which have no common axes, and gradients only where
    N is the same row to all.

    Parameters
    ----------
    members
        Two or more models with the same outputs and bins.
    weights
        One positive number per member; equal if None.
    name
        What results call it.

    Raises
    ------
    ValueError
        If there are fewer than two members, they share nothing, or their outputs,
        bins or directions differ.

    Examples
    --------
    >>> from hyenascope.models.wrappers.function_model import FunctionModel
    >>> one = FunctionModel(lambda texts: [1.0] * len(texts), context_length=8)
    >>> two = FunctionModel(lambda texts: [4.0] * len(texts), context_length=8)
    >>> Ensemble([one, two], weights=(2.0, 1.0)).predict("ACGT")
    array([[[2.]]])
    """

    def __init__(
        self,
        members: Sequence[WrappedModel],
        *,
        weights: Sequence[float] | None = None,
        name: str | None = None,
    ) -> None:
        if len(members) < 2:
            raise ValueError(f"members must be two or more; got {len(members)}.")
        odd = [member for member in members if not isinstance(member, WrappedModel)]
        if odd:
            raise TypeError(
                "members must be wrapped models, ours as a HyenaModel; got "
                f"{type(odd[0]).__name__}."
            )
        fixed = {member.context_length for member in members if member.fixed_length}
        shortest = min(member.context_length for member in members)
        if fixed and fixed != {shortest}:
            raise ValueError(
                "members must agree on context_length where they read one length; got "
                f"{[member.context_length for member in members]}."
            )
        for what in ("outputs", "units", "bin_size", "causal", "other_strand"):
            kinds = [getattr(member, what) for member in members]
            if what == "other_strand":
                kinds = [kind.tolist() for kind in kinds]
            if any(kind != kinds[0] for kind in kinds):
                raise ValueError(f"members must agree on {what}; got {kinds}.")
        shares = np.ones(len(members)) if weights is None else np.asarray(weights)
        positive = np.isfinite(shares).all() and (shares > 0).all()
        if shares.shape != (len(members),) or not positive:
            raise ValueError(
                f"weights must be {len(members)} positive numbers; got {weights}."
            )
        offers = frozenset.intersection(*(member.offers for member in members))
        offers -= {"embed"}
        unknown = [member.rows("N") for member in members]
        if any((row != unknown[0]).any() for row in unknown):
            offers -= {"gradients"}
        if not offers:
            raise ValueError("members must share likelihoods or predictions; got none.")
        first = members[0]
        letters = "".join(
            c for c in "ACGTN" if all(c in member.alphabet for member in members)
        )
        super().__init__(
            name or " + ".join(member.name for member in members),
            context_length=shortest,
            alphabet=letters,
            causal=first.causal,
            offers=tuple(offers),
            outputs=first.outputs,
            units=first.units,
            other_strand=first.other_strand.tolist(),
            bin_size=first.bin_size,
            fixed_length=any(member.fixed_length for member in members),
        )
        self.members = tuple(members)
        self.shares = shares / shares.sum()
        self._network: nn.Module | None = None

    @property
    def modules(self) -> Sequence[nn.Module]:
        """Those of all members."""
        return [module for member in self.members for module in member.modules]

    @property
    def network(self) -> nn.Module:
        """The mean of the members' networks."""
        self.require("gradients")
        if self._network is None:
            parts = [member.network for member in self.members]
            self._network = _Mean(parts, [float(share) for share in self.shares])
        return self._network

    @property
    def options(self) -> dict[str, object]:
        """Whose mean it is."""
        return {
            "members": [(each.name, each.options) for each in self.members],
            "shares": self.shares.tolist(),
        }

    def rows(self, text: str) -> Float32[np.ndarray, "length 4"]:
        """Return one-hot rows as the members have them."""
        return self.members[0].rows(text)

    def _log_probs(
        self, texts: Sequence[str], places: Sequence[Place], device: torch.device
    ) -> list[Float64[np.ndarray, "_ 4"]]:
        found = [
            member.log_probs(texts, places=places, device=device)
            for member in self.members
        ]
        logs = np.log(self.shares)[:, None, None]
        with np.errstate(invalid="ignore"):  # rows that nobody was asked for
            mixed = [
                np.logaddexp.reduce(np.stack(row) + logs)
                for row in zip(*found, strict=True)
            ]
        # A base that one member cannot spell has no number: the others sum to one.
        return [row - _log_total(row) for row in mixed]

    def _predict(
        self, texts: Sequence[str], device: torch.device
    ) -> Float64[np.ndarray, "batch bins outputs"]:
        found = [member.predict(texts, device=device) for member in self.members]
        shapes = {each.shape for each in found}
        if len(shapes) > 1:
            raise ValueError(f"members must agree on bins; got shapes {shapes}.")
        return np.average(found, axis=0, weights=self.shares)


def _log_total(
    rows: Float64[np.ndarray, "length 4"],
) -> Float64[np.ndarray, "length 1"]:
    """Return log Σp of what is known of each row; 0 where nothing is."""
    known = np.where(np.isnan(rows), -np.inf, rows)
    total = np.logaddexp.reduce(known, axis=1, keepdims=True)
    return np.where(np.isfinite(total), total, 0.0)


class _Mean(nn.Module):
    def __init__(self, parts: Sequence[nn.Module], shares: Sequence[float]) -> None:
        super().__init__()
        self.parts = nn.ModuleList(parts)
        self.shares = list(shares)

    def forward(self, rows: Tensor) -> Tensor:
        pairs = zip(self.shares, self.parts, strict=True)
        return torch.stack([share * part(rows) for share, part in pairs]).sum(dim=0)
