"""Draw new DNA from a causal model, base after base.

Each base is drawn from what the model says about it given all bases before it, over
A, C, G and T alone. A cache of every layer makes a base cost about the same at any
length (`hyenascope.models.decoding`). The text is that of a full pass per base, alone
or in any batch, as long as no draw falls within rounding of where one base ends and
the next begins.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from numbers import Integral

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor
from tqdm.auto import tqdm

from hyenascope._device import borrow
from hyenascope.models.decoding import Decoder, cache_bytes
from hyenascope.models.hyena import HyenaLM
from hyenascope.models.incremental import cannot_increment
from hyenascope.models.model_checks import require_model
from hyenascope.sequence.dna import BASES
from hyenascope.sequence.tokenizer import BASE_TOKENS, N_TOKEN, detokenize, tokenize

_BATCH_BYTES = 2**30  # of the cache; rows beyond it wait for the next batch


def generate(
    model: HyenaLM,
    prompt: str | Sequence[str],
    *,
    n: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    banned: str | Sequence[str] = (),
    samples: int = 1,
    generator: torch.Generator | None = None,
    device: str | torch.device | None = None,
    progress: bool = False,
) -> list[str]:
    """Draw ``n`` new bases after a prompt.

    Only A, C, G and T are drawn; N and the special tokens never are, and their
    probability is shared out among the bases. Prompts may hold N and be of different
    lengths. The model says nothing about a first base: without a prompt it is drawn
    as if all bases were alike.

    Parameters
    ----------
    model
        Causal. Borrowed: used in eval mode on ``device`` and put back.
    prompt
        DNA to go on from, in either case, or several. May be ``""``.
    n
        New bases per text. Prompt and new bases together must fit ``l_max``.
    temperature
        Divides the logits: below 1 for likelier, above 1 for more varied text. At 0
        the likeliest base is taken, the first in the order A C G T if several are.
    top_k
        Draw only from the k likeliest bases, and those as likely as the last of them.
    top_p
        Draw only from the fewest likeliest bases that together have at least this
        probability (Holtzman et al. 2020, arXiv 1904.09751), after temperature and
        ``top_k``.
    banned
        Bases never to draw, such as ``"GC"``.
    samples
        Texts per prompt, all from one pass over it.
    generator
        Source of the draws; torch's global one if absent. Text i is the same however
        many follow it, whatever the device.
    device
        Where to run; CUDA if there is one.
    progress
        Show a bar.

    Returns
    -------
    list[str]
        The new bases alone, without the prompt: all samples of the first prompt, then
        those of the next.

    Raises
    ------
    ValueError
        If the model sees both sides or has a forward pass of its own, a prompt is not
        DNA, a number is out of range, the whole does not fit the context, every base
        is banned, or the model's logits are not numbers.
    TypeError
        If ``model`` is no `HyenaLM`.

    Examples
    --------
    >>> from hyenascope.models.hyena import HyenaConfig
    >>> model = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    >>> seed = torch.Generator().manual_seed(0)
    >>> texts = generate(model, "ACGT", n=20, samples=3, banned="G", generator=seed)
    >>> [len(text) for text in texts], sorted(set("".join(texts)))
    ([20, 20, 20], ['A', 'C', 'T'])
    """
    _check_model(model)
    rows = _prompt_tokens([prompt] if isinstance(prompt, str) else prompt)
    _check_numbers(n, samples, temperature, top_k, top_p)
    _check_fit(model, rows, n)
    penalty = _penalty(banned)

    def chances(logits: Tensor) -> Tensor:
        table = logits[:, BASE_TOKENS[0] : N_TOKEN] + penalty.to(logits.device)
        return next_base_probs(table, temperature=temperature, top_k=top_k, top_p=top_p)

    texts: list[str] = []
    total = len(rows) * samples * n
    bar = tqdm(total=total, disable=not progress, unit="base", leave=False)
    with borrow(model, device) as place, torch.inference_mode(), bar:
        for batch in _batches(model, len(rows), samples, n):
            first, last = batch[0], batch[-1]
            decoder = Decoder(model, rows[first : last + 1], room=n - 1)
            decoder.take(torch.tensor(batch, device=place) - first)
            draws = _draws(len(batch), n, generator).to(place)
            texts += _texts(_grow(decoder, draws, chances, bar))
    return texts


def next_base_probs(
    logits: Float[Tensor, "batch 4"],
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
) -> Float64[Tensor, "batch 4"]:
    """Return the chances of the next base from the logits of A, C, G and T.

    In this order: temperature, ``top_k``, ``top_p``, each as in `generate`. A base
    with a logit of −inf has no chance.

    Examples
    --------
    >>> logits = torch.tensor([[0.4, 0.1, 0.3, 0.2]]).log()
    >>> next_base_probs(logits, top_k=2).round(decimals=3)
    tensor([[0.5710, 0.0000, 0.4290, 0.0000]], dtype=torch.float64)
    >>> next_base_probs(logits, temperature=0.0)
    tensor([[1., 0., 0., 0.]], dtype=torch.float64)
    """
    wide = logits.double()
    wide = wide - wide.amax(-1, keepdim=True)
    if temperature == 0:
        return _greedy(wide)
    probs = (wide / temperature).softmax(-1)
    if top_k is not None and top_k < len(BASES):
        kth = probs.topk(top_k).values[:, -1:]
        probs = _renormalized(probs.where(probs >= kth, 0.0))
    if top_p is not None:
        ranked, order = probs.sort(stable=True, dim=-1, descending=True)
        before = ranked.cumsum(-1) - ranked
        kept = ranked.where(before < top_p, 0.0)
        probs = _renormalized(torch.zeros_like(probs).scatter(-1, order, kept))
    return probs


def _grow(
    decoder: Decoder,
    draws: Float64[Tensor, "batch n"],
    chances: Callable[[Tensor], Tensor],
    bar: tqdm,
) -> Int64[Tensor, "batch n"]:
    """Draw and feed one token after the other; nothing reads the last."""
    tokens: list[Tensor] = []
    for column in draws.unbind(-1):
        if tokens:
            decoder.feed(tokens[-1])
        tokens.append(_pick(chances(decoder.logits), column))
        bar.update(len(column))
    return torch.stack(tokens, dim=1)


def _greedy(wide: Tensor) -> Tensor:
    """All of the chance to the first of the greatest; NaN stays NaN."""
    best = torch.nn.functional.one_hot(wide.argmax(-1), wide.shape[-1])
    return best.double() + 0.0 * wide.amax(-1, keepdim=True)


def _renormalized(probs: Tensor) -> Tensor:
    return probs / probs.sum(-1, keepdim=True)


def _pick(
    chances: Float64[Tensor, "batch 4"], draws: Float64[Tensor, " batch"]
) -> Int64[Tensor, " batch"]:
    """Return the token whose stretch of [0, 1) holds the draw; N where that is NaN."""
    ends = chances.cumsum(-1)
    ends = ends / ends[:, -1:]  # to 1 exactly, above every draw
    return N_TOKEN - (draws[:, None] < ends).sum(-1)


def _draws(
    rows: int, n: int, generator: torch.Generator | None
) -> Float64[Tensor, "rows n"]:
    """Numbers in [0, 1), those of one row after those of the other."""
    place = None if generator is None else generator.device
    return torch.stack(
        [
            torch.rand(n, dtype=torch.float64, generator=generator, device=place)
            for _ in range(rows)
        ]
    )


def _batches(model: HyenaLM, prompts: int, samples: int, n: int) -> Iterator[list[int]]:
    """Cut the rows, each named by its prompt, so that the cache of a batch fits."""
    step = max(1, _BATCH_BYTES // max(1, cache_bytes(model, n)))
    rows = [i for i in range(prompts) for _ in range(samples)]
    for start in range(0, len(rows), step):
        yield rows[start : start + step]


def _texts(drawn: Int64[Tensor, "batch n"]) -> list[str]:
    texts = [detokenize(row) for row in drawn.cpu().numpy()]
    if any("N" in text for text in texts):
        raise ValueError("model must give finite logits; got NaN or infinity.")
    return texts


def _prompt_tokens(prompts: Sequence[str]) -> list[Int64[np.ndarray, " _"]]:
    rows = []
    for index, text in enumerate(prompts):
        if not isinstance(text, str):
            raise TypeError(
                f"prompt must be DNA text, or several; got {text!r} at index {index}."
            )
        try:
            rows.append(tokenize(text))
        except ValueError as err:
            raise ValueError(f"prompt {index}: {err}") from None
    return rows


def _penalty(banned: str | Sequence[str]) -> Float[Tensor, " 4"]:
    """Return what to add to the logits: 0, or −inf for a banned base."""
    letters = [letter.upper() for letter in banned]
    for letter in letters:
        if letter not in (*BASES, "N"):
            raise ValueError(
                f"banned must be letters among A, C, G and T; got {letter!r}."
            )
    if set(BASES) <= set(letters):
        raise ValueError("banned must leave a base to draw; got all of A, C, G and T.")
    return torch.tensor([-math.inf if base in letters else 0.0 for base in BASES])


def _check_model(model: object) -> None:
    require_model(model)
    assert isinstance(model, HyenaLM)
    if (reason := cannot_increment(model)) is not None:
        raise ValueError(
            f"model must be causal Hyena blocks to generate; got {reason}."
        )


def _check_numbers(
    n: int, samples: int, temperature: float, top_k: int | None, top_p: float | None
) -> None:
    for name, count in {"n": n, "samples": samples, "top_k": top_k}.items():
        if count is not None and not (isinstance(count, Integral) and count >= 1):
            raise ValueError(f"{name} must be a whole number from 1; got {count!r}.")
    if not 0 <= temperature < math.inf:
        raise ValueError(f"temperature must be 0 or above, finite; got {temperature}.")
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError(f"top_p must be above 0 and at most 1; got {top_p}.")


def _check_fit(model: HyenaLM, rows: Sequence[Int64[np.ndarray, " _"]], n: int) -> None:
    longest = max(map(len, rows), default=0)
    if longest + n > model.config.l_max:
        raise ValueError(
            f"prompt and n must fit the context of {model.config.l_max} bp together; "
            f"got {longest} + {n}."
        )
