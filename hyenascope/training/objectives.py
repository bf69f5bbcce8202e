"""What a model is asked: the next base, or bases that are hidden.

An objective turns a window into what the model reads and what it should answer, both
as long as the window; `IGNORED` stands where nothing is asked.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional

from hyenascope.sequence.tokenizer import BASE_TOKENS, MASK_TOKEN, SEP_TOKEN
from hyenascope.training.windows import Window

Objective = Literal["next_token", "masked"]

IGNORED = -100  # target that the loss skips, as in torch's cross entropy

_HIDDEN = 0.15  # of the bases, as in BERT
_SHOWN_AS_MASK, _SHOWN_AS_ANY = 0.8, 0.9  # the rest is shown as it is


@dataclass(frozen=True, eq=False)
class Example:
    """What the model reads at each position, and what it should answer there."""

    inputs: Int64[np.ndarray, " length"]
    targets: Int64[np.ndarray, " length"]


def next_token(window: Window, *, append_sep: bool = False) -> Example:
    """Ask every position for the token after it.

    Parameters
    ----------
    window
        Bases, and which of them may be asked for.
    append_sep
        End the window with ``[SEP]``, as in the published pretraining; the last base
        is then asked for it.

    Examples
    --------
    >>> window = Window(np.array([7, 8, 11]), np.array([True, True, False]))
    >>> next_token(window).targets
    array([   8, -100, -100])
    """
    tokens, asked = window.tokens, window.asked
    if append_sep:
        tokens, asked = np.append(tokens, SEP_TOKEN), np.append(asked, True)
    targets = np.full(len(tokens), IGNORED, np.int64)
    targets[:-1] = np.where(asked[1:], tokens[1:], IGNORED)
    return Example(tokens, targets)


def masked(window: Window, *, rng: np.random.Generator) -> Example:
    """Hide 15 % of the bases and ask for them.

    Of those hidden, 80 % read ``[MASK]``, 10 % a random base and 10 % themselves
    (Devlin et al. 2018, arXiv 1810.04805).

    Examples
    --------
    >>> window = Window(np.full(400, 7), np.full(400, True))
    >>> example = masked(window, rng=np.random.default_rng(0))
    >>> int((example.targets == 7).sum()), int((example.inputs == MASK_TOKEN).sum())
    (58, 52)
    """
    hidden = window.asked & (rng.random(len(window.tokens)) < _HIDDEN)
    draw = rng.random(len(window.tokens))
    any_base = rng.choice(BASE_TOKENS, len(window.tokens))
    inputs = window.tokens.copy()
    inputs[hidden & (draw < _SHOWN_AS_MASK)] = MASK_TOKEN
    other = hidden & (draw >= _SHOWN_AS_MASK) & (draw < _SHOWN_AS_ANY)
    inputs[other] = any_base[other]
    return Example(inputs, np.where(hidden, window.tokens, IGNORED))


def loss_sum(
    logits: Float[Tensor, "batch length vocab"],
    targets: Int64[Tensor, "batch length"],
) -> Float[Tensor, ""]:
    """Sum of cross entropies in nats over all targets, in float32 at least.

    Examples
    --------
    >>> loss_sum(torch.zeros(1, 2, 16), torch.tensor([[8, IGNORED]]))  # log 16
    tensor(2.7726)
    """
    wide = logits if logits.dtype == torch.float64 else logits.float()
    return functional.cross_entropy(
        wide.flatten(0, 1),
        targets.flatten(),
        ignore_index=IGNORED,
        reduction="sum",
    )
