"""Which modulation shift were these weights trained with? Ask a genome.

The filters of HyenaDNA are multiplied by ``exp(-t |δ|) + shift``, and no published
file states the shift. The loaders that people use say 0.05, the code that trained
the weights defaulted to 0.0. Weights predict held-out DNA best under the shift they
were trained with, so the likelihood of a genome tells the two apart.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from hyenascope._typing import StrPath
from hyenascope.data.fasta import FastaReader
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.predict import log_likelihood
from hyenascope.sequence.tokenizer import BASE_TOKENS, tokenize

SHIFTS = (0.05, 0.0)
"""Candidates; the first wins a tie, being what other loaders assume."""

_PROBE_BASES = 2**18

_log = logging.getLogger("hyenascope")


def likelier_shift(
    build: Callable[[HyenaConfig], HyenaLM],
    config: HyenaConfig,
    fasta: StrPath | Sequence[str],
    *,
    device: str | torch.device | None = None,
) -> float:
    """Return the modulation shift under which DNA is likelier, 0.0 or 0.05.

    Reads about 262,000 bases in windows of one context, spread evenly over the
    sequences, on the forward strand; N is read and not scored. Both means are logged
    to the logger ``"hyenascope"``, in nats per base.

    Parameters
    ----------
    build
        Makes the model with the weights in question from a configuration.
    config
        The configuration; its own shift is ignored.
    fasta
        Path of a FASTA file, or DNA texts.
    device
        Where to run; CUDA if there is one.

    Raises
    ------
    ValueError
        If ``fasta`` has no two bases in a row, or the model is two-sided.

    Examples
    --------
    >>> config = HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34)
    >>> likelier_shift(HyenaLM, config, ["ACGTTGCA"]) in SHIFTS
    True
    """
    windows = list(_windows(fasta, config.context_length))
    scored = sum(_count_scored(window) for window in windows)
    if scored == 0:
        raise ValueError(
            "fasta must hold a base of A, C, G, T after its first; got none."
        )
    nats = {}
    for shift in SHIFTS:
        model = build(replace(config, modulation_shift=shift))
        likelihoods = log_likelihood(model, windows, device=device)
        nats[shift] = -float(likelihoods.sum()) / scored
    best = min(nats, key=lambda shift: nats[shift])
    said = ", ".join(f"{shift}: {value:.5f}" for shift, value in nats.items())
    _log.info(
        "modulation_shift: nats per base over %d bases are %s; taking %s.",
        *(scored, said, best),
    )
    return best


def _windows(fasta: StrPath | Sequence[str], length: int) -> Iterator[str]:
    """Cut evenly spread windows of ``length`` bases, shorter in short sequences."""
    with _opened(fasta) as (sizes, fetch):
        ends = np.cumsum(sizes)
        total = int(ends[-1]) if len(ends) else 0
        count = max(1, min(total, _PROBE_BASES) // length) if total else 0
        for centre in (np.arange(count) + 0.5) * total / max(count, 1):
            i = int(np.searchsorted(ends, centre, side="right"))
            latest = max(0, sizes[i] - length)
            start = min(max(0, int(centre - ends[i]) + sizes[i] - length // 2), latest)
            yield fetch(i, start, min(sizes[i], start + length))


Fetch = Callable[[int, int, int], str]


@contextmanager
def _opened(fasta: StrPath | Sequence[str]) -> Iterator[tuple[list[int], Fetch]]:
    """Lengths, and a function of sequence number, start and end (0-based)."""
    if isinstance(fasta, Sequence) and not isinstance(fasta, str):
        texts = [text for text in fasta if text]
        yield [len(text) for text in texts], lambda i, a, b: texts[i][a:b]
        return
    with FastaReader(Path(fasta)) as genome:
        names = list(genome.contigs)
        sizes = list(genome.contigs.values())
        yield sizes, lambda i, a, b: genome.fetch_region(names[i], a, b)


def _count_scored(window: str) -> int:
    return int(np.isin(tokenize(window)[1:], BASE_TOKENS).sum())
