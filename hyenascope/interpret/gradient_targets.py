"""What is attributed: one number per sequence, as small named objects.

Positions are 0-based genome coordinates. A target says how far to the right it
looks, so nothing behind that point gets a number other than zero. On the reverse
strand it is read from the reverse complement: what is left of a base there lies
right of it in the genome.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import ArrayLike
from torch import Tensor, nn

from hyenascope.data.interval import Interval
from hyenascope.interpret.attribution_window import Reading, Window
from hyenascope.interpret.head_output import HeadOutput
from hyenascope.models.elementwise import Product
from hyenascope.models.hyena import HyenaLM
from hyenascope.models.model_checks import require_causal
from hyenascope.models.pooling import PoolMode, pool
from hyenascope.sequence.dna import reverse_complement
from hyenascope.sequence.tokenizer import BASE_TOKENS, N_TOKEN


@dataclass(frozen=True)
class LogLikelihood:
    """Sum of log p(base | bases before it) over a region, in nats.

    Over A, C, G, T as in `hyenascope.log_likelihood`: the window's first base and
    N are not scored.

    Parameters
    ----------
    region
        0-based half-open, inside the window; all of it if None.
    labels
        ``"own"``: the likelihood of whichever bases are there, so that a change of
        a scored base changes what is asked as well as the context; differences are
        those of `hyenascope.log_likelihood`. ``"fixed"``: always asks for the bases
        of the given sequence, so that a base counts as context alone.

    Examples
    --------
    >>> str(LogLikelihood(Interval("I", 5, 9)))
    'log-likelihood of I:6-9'
    """

    region: Interval | None = None
    labels: Literal["own", "fixed"] = "own"
    units = "nats"

    def __post_init__(self) -> None:
        if self.labels not in ("own", "fixed"):
            raise ValueError(f"labels must be 'own' or 'fixed'; got {self.labels!r}.")

    def __str__(self) -> str:
        text = f"log-likelihood of {self.region or 'the window'}"
        return text if self.labels == "own" else f"{text}, labels fixed"

    def read(
        self, model: HyenaLM, window: Window, rows: Float[Tensor, "length 4"]
    ) -> Reading:
        """Bind to a model and a window whose one-hot rows, as read, are ``rows``."""
        require_causal(model)
        start, end = window.span(self.region)
        start = max(start, 1)
        if start >= end:
            raise ValueError(
                f"region must hold a base with another before it; got {self.region}."
            )
        own = self.labels == "own"
        labels = None if own else rows[start:end]
        readout = _Likelihood(model.head, start, end, labels)
        return Reading(readout, reach=end - 1, extent=end if own else end - 1)


@dataclass(frozen=True)
class BaseScore:
    """How much the model expects one base at one position.

    Parameters
    ----------
    position
        0-based, inside the window and not its first base; with ``strands="both"``
        or ``"reverse"`` also not the last, which the reverse strand reads first.
    base
        A, C, G or T, of the forward strand.
    scale
        ``"log_prob"``: log p(base | bases before it) over A, C, G, T, in nats;
        ``"logit"``: the raw logit.

    Examples
    --------
    >>> str(BaseScore(41, "G"))
    'log p of G at 42'
    """

    position: int
    base: Literal["A", "C", "G", "T"]
    scale: Literal["log_prob", "logit"] = "log_prob"

    def __post_init__(self) -> None:
        if len(self.base) != 1 or self.base not in "ACGT":
            raise ValueError(f"base must be A, C, G or T; got {self.base!r}.")
        if self.scale not in ("log_prob", "logit"):
            raise ValueError(
                f"scale must be 'log_prob' or 'logit'; got {self.scale!r}."
            )

    @property
    def units(self) -> str:
        """Of the number."""
        return "nats" if self.scale == "log_prob" else "logits"

    def __str__(self) -> str:
        what = "log p" if self.scale == "log_prob" else "logit"
        return f"{what} of {self.base} at {self.position + 1:,}"

    def read(
        self, model: HyenaLM, window: Window, rows: Float[Tensor, "length 4"]
    ) -> Reading:
        """Bind to a model and a window whose one-hot rows, as read, are ``rows``."""
        require_causal(model)
        chrom = window.interval.chrom
        index, _ = window.span(Interval(chrom, self.position, self.position + 1))
        if index == 0:
            raise ValueError(
                "position must have a base before it in the window; "
                f"got {self.position}, the first that is read."
            )
        base = reverse_complement(self.base) if window.reverse else self.base
        column = "ACGT".index(base)
        readout = _OneBase(model.head, index, column, normed=self.scale == "log_prob")
        return Reading(readout, reach=index, extent=index)


@dataclass(frozen=True, eq=False)
class EmbeddingDirection:
    """Hidden states, pooled over a region, along a direction.

    The dot product with ``direction``: the difference of two class means, a probe's
    weights, a principal component.

    Parameters
    ----------
    direction
        ``d_model`` numbers, used as they are.
    region
        0-based half-open, inside the window; all of it if None.
    pool
        As in `hyenascope.embed`. The maximum is not additive: `deep_lift` leaves a
        remainder, which it reports.

    Examples
    --------
    >>> str(EmbeddingDirection(np.ones(4), Interval("I", 5, 9)))
    'mean state of I:6-9 along a direction'
    """

    direction: ArrayLike
    region: Interval | None = None
    pool: PoolMode = "mean"
    units = "along the direction"

    def __str__(self) -> str:
        return f"{self.pool} state of {self.region or 'the window'} along a direction"

    def read(
        self, model: HyenaLM, window: Window, rows: Float[Tensor, "length 4"]
    ) -> Reading:
        """Bind to a model and a window whose one-hot rows, as read, are ``rows``."""
        direction = torch.as_tensor(np.asarray(self.direction), device=rows.device)
        width = model.config.d_model
        if direction.shape != (width,):
            raise ValueError(
                f"direction must hold {width} numbers, one per channel; "
                f"got shape {tuple(direction.shape)}."
            )
        start, end = window.span(self.region)
        readout = _Direction(direction.to(rows.dtype), start, end, self.pool)
        reach = len(rows) if model.config.bidirectional else end
        return Reading(readout, reach=reach, extent=reach)


Target = LogLikelihood | BaseScore | EmbeddingDirection | HeadOutput


def _base_logits(
    head: Callable[[Tensor], Tensor], states: Tensor
) -> Float[Tensor, "batch length 4"]:
    return head(states)[..., BASE_TOKENS[0] : N_TOKEN].double()


class _Likelihood(nn.Module):
    def __init__(
        self,
        head: Callable[[Tensor], Tensor],
        start: int,
        end: int,
        labels: Float[Tensor, "length 4"] | None,
    ) -> None:
        super().__init__()
        self.head, self.start, self.end = head, start, end
        self.labels: Tensor | None
        self.register_buffer("labels", labels, persistent=False)
        self.log_softmax = nn.LogSoftmax(dim=-1)
        self.score = Product()

    def forward(
        self,
        hidden: Float[Tensor, "batch reach channels"],
        rows: Float[Tensor, "batch length 4"],
    ) -> Float[Tensor, " batch"]:
        states = hidden[:, self.start - 1 : self.end - 1]
        table = self.log_softmax(_base_logits(self.head, states))
        asked = rows[:, self.start : self.end] if self.labels is None else self.labels
        return self.score(asked.double().expand_as(table), table).sum(dim=(1, 2))


class _OneBase(nn.Module):
    def __init__(
        self, head: Callable[[Tensor], Tensor], index: int, column: int, *, normed: bool
    ) -> None:
        super().__init__()
        self.head, self.index, self.column = head, index, column
        self.scale = nn.LogSoftmax(dim=-1) if normed else nn.Identity()

    def forward(
        self,
        hidden: Float[Tensor, "batch reach channels"],
        rows: Float[Tensor, "batch length 4"],
    ) -> Float[Tensor, " batch"]:
        logits = _base_logits(self.head, hidden[:, self.index - 1 : self.index])
        return self.scale(logits)[:, 0, self.column]


class _Direction(nn.Module):
    def __init__(
        self, direction: Float[Tensor, " channels"], start: int, end: int, how: PoolMode
    ) -> None:
        super().__init__()
        self.direction: Tensor
        self.register_buffer("direction", direction, persistent=False)
        self.start, self.end = start, end
        self.how: PoolMode = how

    def forward(
        self,
        hidden: Float[Tensor, "batch reach channels"],
        rows: Float[Tensor, "batch length 4"],
    ) -> Float[Tensor, " batch"]:
        pooled = pool(hidden[:, self.start : self.end], self.how)
        return pooled @ self.direction.to(pooled.dtype)
