"""A plain next-token training loop: windows of a genome in, a model out.

AdamW as published (Nguyen et al. 2023, arXiv 2306.15794): betas 0.9 and 0.999,
weight decay 0.1 on everything but the filter network, which has none; cosine
schedule after a short warm-up, gradient clipping at 1.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional
from tqdm.auto import tqdm

from hyenascope._device import borrow, resolve_device
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.sequence.tokenizer import (
    BASE_TOKENS,
    N_TOKEN,
    reverse_complement_tokens,
    tokenize,
)

IGNORED = -100  # target that the loss skips, as in torch's cross entropy


@dataclass(frozen=True)
class PretrainOptions:
    """How to train; defaults follow the published recipe at a small scale.

    Parameters
    ----------
    steps
        Optimiser steps.
    batch_size, length
        Windows per step and bases per window.
    learning_rate, min_learning_rate
        Peak of the schedule and its floor as a fraction of the peak.
    warmup
        Fraction of the steps that ramp up linearly.
    weight_decay, clip
        AdamW's decay (the filter network has none), gradient norm limit.
    micro_batch
        Windows per forward pass; gradients add up to ``batch_size``.
    reverse_complement
        Read each window from a strand drawn by a fair coin.
    max_n_fraction
        A window with more N than this is drawn again.
    seed
        Decides weights, windows, strands and dropout.
    """

    steps: int = 1000
    batch_size: int = 32
    length: int = 1024
    learning_rate: float = 6e-4
    min_learning_rate: float = 0.1
    warmup: float = 0.01
    weight_decay: float = 0.1
    clip: float = 1.0
    micro_batch: int = 8
    reverse_complement: bool = True
    max_n_fraction: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        least = {"steps": 1, "batch_size": 1, "micro_batch": 1, "length": 2}
        for name, bound in least.items():
            if (value := getattr(self, name)) < bound:
                raise ValueError(f"{name} must be at least {bound}; got {value}.")


@dataclass(frozen=True)
class PretrainResult:
    """A trained model and how it went.

    ``losses`` holds the mean training loss of each step in nats per base;
    ``tokens`` counts the bases the model has read.
    """

    model: HyenaLM
    losses: list[float] = field(repr=False)
    tokens: int = 0


def pretrain(
    config: HyenaConfig,
    sequences: Mapping[str, str],
    *,
    options: PretrainOptions | None = None,
    device: str | torch.device | None = None,
    progress: bool = True,
    on_step: Callable[[int, HyenaLM, float], None] | None = None,
) -> PretrainResult:
    """Train a causal model to predict the next base.

    Windows start anywhere with equal chance; N and other ambiguous letters are
    read but never a target.

    Parameters
    ----------
    config
        The network; ``l_max`` must hold ``options.length``.
    sequences
        Contig name to text; lower case counts as upper case.
    options
        The recipe.
    device
        Where to run; CUDA if there is one.
    progress
        Show a bar.
    on_step
        Called after each step with the step (1-based), the model and its loss.

    Raises
    ------
    ValueError
        If no contig is as long as a window, the window does not fit ``l_max``,
        or nearly all of the text is N.
    FloatingPointError
        If the loss stops being finite.

    Examples
    --------
    >>> config = HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34)
    >>> options = PretrainOptions(steps=2, batch_size=2, length=32)
    >>> pretrain(config, {"I": "ACGT" * 50}, options=options, progress=False).tokens
    128
    """
    options = options or PretrainOptions()
    if options.length > config.l_max:
        raise ValueError(
            f"length must fit l_max={config.l_max} tokens; got {options.length}."
        )
    if config.bidirectional:
        raise ValueError(
            "config must be causal to predict the next base; got a two-sided one."
        )
    windows = _Windows(sequences, options)
    place = resolve_device(device)
    with _seeded(options.seed, place):
        generator = torch.Generator().manual_seed(options.seed)
        model = HyenaLM(config, generator=generator).to(place).train()
        losses = _train(model, windows, options, progress=progress, on_step=on_step)
    tokens = options.steps * options.batch_size * options.length
    return PretrainResult(model.eval(), losses, tokens)


def parameter_groups(model: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Split parameters as published: the filter network without weight decay.

    Its linear layers, sine frequencies and, where trained, position features
    carry their own decay of 0 in the published recipe; everything else, norms and
    biases included, decays.

    Examples
    --------
    >>> groups = parameter_groups(HyenaLM(HyenaConfig()), 0.1)
    >>> [group["weight_decay"] for group in groups]
    [0.1, 0.0]
    """
    inside: list[nn.Parameter] = []
    outside: list[nn.Parameter] = []
    for name, p in model.named_parameters():
        of_filter = ".implicit_filter." in name or ".pos_emb." in name
        (inside if of_filter else outside).append(p)
    return [
        {"params": outside, "weight_decay": weight_decay},
        {"params": inside, "weight_decay": 0.0},
    ]


def next_token_loss(
    logits: Float[Tensor, "batch length vocab"],
    tokens: Int64[Tensor, "batch length"],
) -> Float[Tensor, ""]:
    """Mean cross-entropy of the next base in nats, over targets A, C, G, T.

    Examples
    --------
    >>> tokens = torch.tensor([[7, 8, 9, 10]])
    >>> next_token_loss(torch.zeros(1, 4, 16), tokens)  # log 16
    tensor(2.7726)
    """
    targets = tokens[:, 1:].clone()
    known = (targets >= BASE_TOKENS[0]) & (targets <= BASE_TOKENS[-1])
    targets[~known] = IGNORED
    return functional.cross_entropy(
        logits[:, :-1].flatten(0, 1).float(),
        targets.flatten(),
        ignore_index=IGNORED,
    )


def evaluate(
    model: HyenaLM,
    sequences: Sequence[str],
    *,
    length: int = 1024,
    batch_size: int = 8,
    device: str | torch.device | None = None,
    progress: bool = False,
) -> float:
    """Mean nats per base of text the model has not seen.

    Windows overlap by half and only the later half counts (the first window
    counts whole), so every base is judged with at least ``length / 2`` bases of
    left context. Probabilities are renormalised over A, C, G, T; bases that
    are N do not count.

    Examples
    --------
    >>> model = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    >>> evaluate(model, ["ACGT" * 20], length=32) > 0
    True
    """
    jobs = [job for text in sequences for job in _judged_windows(text, length)]
    batches = list(_batches(jobs, batch_size))
    total, count = 0.0, 0
    with borrow(model, device) as place, torch.inference_mode():
        for windows, skips in tqdm(batches, disable=not progress):
            tokens = torch.from_numpy(windows).to(place)
            base_logits = model(tokens)[:, :-1, BASE_TOKENS[0] : N_TOKEN]
            target = tokens[:, 1:] - BASE_TOKENS[0]
            judged = (target >= 0) & (target < len(BASE_TOKENS))
            place_in_window = torch.arange(1, tokens.shape[1], device=place)
            judged &= place_in_window >= torch.from_numpy(skips).to(place)[:, None]
            log_p = base_logits.double().log_softmax(-1)[judged]
            total -= float(log_p.gather(-1, target[judged][:, None]).sum())
            count += int(judged.sum())
    return total / count if count else math.nan


class _Windows:
    """Draws batches of token windows from contigs held in memory."""

    def __init__(self, sequences: Mapping[str, str], options: PretrainOptions) -> None:
        self.options = options
        texts = [tokenize(text).astype(np.int8) for text in sequences.values()]
        self.contigs = [t for t in texts if len(t) >= options.length]
        if not self.contigs:
            longest = max((len(t) for t in texts), default=0)
            raise ValueError(
                f"sequences must hold a contig of at least {options.length} bp; "
                f"the longest has {longest}."
            )
        room = np.array([len(t) - options.length + 1 for t in self.contigs])
        self.chance = room / room.sum()
        self.room = room

    def draw(self, rng: np.random.Generator) -> Int64[Tensor, "batch length"]:
        rows = [self._window(rng) for _ in range(self.options.batch_size)]
        return torch.from_numpy(np.stack(rows).astype(np.int64))

    def _window(self, rng: np.random.Generator) -> np.ndarray:
        for _ in range(1000):
            contig = rng.choice(len(self.contigs), p=self.chance)
            start = int(rng.integers(self.room[contig]))
            window = self.contigs[contig][start : start + self.options.length]
            flip = self.options.reverse_complement and rng.random() < 0.5
            if (window == N_TOKEN).mean() <= self.options.max_n_fraction:
                return reverse_complement_tokens(window) if flip else window
        raise ValueError(
            "sequences must hold windows with at most "
            f"{self.options.max_n_fraction:.0%} N; none came in 1,000 draws."
        )


def _train(
    model: HyenaLM,
    windows: _Windows,
    options: PretrainOptions,
    *,
    progress: bool,
    on_step: Callable[[int, HyenaLM, float], None] | None,
) -> list[float]:
    rng = np.random.default_rng(options.seed)
    optimizer = torch.optim.AdamW(
        parameter_groups(model, options.weight_decay), lr=options.learning_rate
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, _cosine(options))
    losses: list[float] = []
    for step in tqdm(range(1, options.steps + 1), disable=not progress, unit="step"):
        losses.append(_train_step(model, optimizer, windows.draw(rng), options))
        schedule.step()
        if on_step is not None:
            on_step(step, model, losses[-1])
    return losses


def _train_step(
    model: HyenaLM,
    optimizer: torch.optim.Optimizer,
    batch: Tensor,
    options: PretrainOptions,
) -> float:
    optimizer.zero_grad(set_to_none=True)
    place = next(model.parameters()).device
    total = 0.0
    for rows in batch.split(options.micro_batch):
        tokens = rows.to(place)
        loss = next_token_loss(model(tokens), tokens) * len(rows) / len(batch)
        loss.backward()
        total += loss.item()
    if not math.isfinite(total):
        raise FloatingPointError(
            f"the training loss must stay finite; got {total}. "
            "Lower learning_rate or check the input."
        )
    nn.utils.clip_grad_norm_(model.parameters(), options.clip)
    optimizer.step()
    return total


def _cosine(options: PretrainOptions) -> Callable[[int], float]:
    """Linear warm-up, then half a cosine down to the floor."""
    ramp = max(1, round(options.steps * options.warmup))

    def factor(step: int) -> float:
        if step < ramp:
            return (step + 1) / ramp
        done = (step - ramp) / max(1, options.steps - ramp)
        floor = options.min_learning_rate
        return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))

    return factor


@contextmanager
def _seeded(seed: int, place: torch.device) -> Iterator[None]:
    """Seed dropout, and leave the caller's random state as it was."""
    devices = [place] if place.type == "cuda" else []
    with torch.random.fork_rng(devices):
        torch.manual_seed(seed)
        yield


def _judged_windows(text: str, length: int) -> list[tuple[np.ndarray, int]]:
    """Windows with the number of leading bases that are context only."""
    tokens, step = tokenize(text), length // 2
    skip = length - step
    windows = [(tokens[:length], 0)] if len(tokens) > 1 else []
    for start in range(step, len(tokens) - skip, step):
        windows.append((tokens[start : start + length], skip))
    return windows


def _batches(
    jobs: list[tuple[np.ndarray, int]], batch_size: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Stack windows of one length."""
    by_length = sorted(jobs, key=lambda job: len(job[0]))
    for _, group in groupby(by_length, key=lambda job: len(job[0])):
        rows = list(group)
        for start in range(0, len(rows), batch_size):
            windows, skips = zip(*rows[start : start + batch_size], strict=True)
            yield np.stack(windows), np.array(skips)
