"""Run a model over many sequences: logits, likelihoods, embeddings.

Sequences are sorted by length and batched with right padding, which a causal
model never sees; a two-sided model gets a mask. Results come back in the order
the sequences came, so one sequence alone and in any batch gives the same
numbers up to float32 rounding. No special tokens are added: position 0 has no
prediction, and L bases give L − 1 predictions per strand.
"""

from typing import Literal, get_args

import numpy as np
import torch
from jaxtyping import Float, Float32, Float64
from torch import Tensor

from hyenascope._typing import Strands, StrPath
from hyenascope.data.fasta import FastaReader
from hyenascope.data.sequences import SequenceSource, collect_sequences
from hyenascope.models.batching import BatchSize, TokenRow, map_batches
from hyenascope.models.hyena import HyenaLM
from hyenascope.models.model_checks import require_causal, require_model
from hyenascope.models.pooling import pool as pool_hidden
from hyenascope.sequence.tokenizer import (
    BASE_TOKENS,
    N_TOKEN,
    reverse_complement_tokens,
    tokenize,
)

Pool = Literal["mean", "last", "max", "none"]


def logits(
    model: HyenaLM,
    sequences: SequenceSource,
    *,
    genome: FastaReader | StrPath | None = None,
    batch_size: BatchSize = "auto",
    device: str | torch.device | None = None,
    progress: bool = False,
) -> list[Float32[np.ndarray, "_ vocab"]]:
    """Return raw next-token logits, one array per sequence.

    Row i scores the token at i + 1 and has seen bases 0 … i. Columns are token
    ids (A7 C8 G9 T10 N11); ids 12–15 were never trained.

    Parameters
    ----------
    model
        Borrowed: used in eval mode on ``device`` and put back.
    sequences, genome
        As in `hyenascope.data.sequences.collect_sequences`.
    batch_size
        Sequences per pass; ``"auto"`` fits the memory at hand.
    device
        Where to run; CUDA if there is one.
    progress
        Show a bar.

    Raises
    ------
    ValueError
        If a sequence is longer than the model's ``l_max``, is empty or holds
        letters that are not IUPAC DNA.

    Examples
    --------
    >>> from hyenascope.models.hyena import HyenaConfig
    >>> model = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    >>> [x.shape for x in logits(model, ["ACGT", "AC"])]
    [(4, 16), (2, 16)]
    """
    rows = _token_rows(model, sequences, genome)
    return map_batches(
        model,
        rows,
        lambda model, tokens, mask: model(tokens, mask=mask).float(),
        batch_size=batch_size,
        device=device,
        progress=progress,
    )


def log_probs(
    model: HyenaLM,
    sequences: SequenceSource,
    *,
    genome: FastaReader | StrPath | None = None,
    strands: Strands = "forward",
    batch_size: BatchSize = "auto",
    device: str | torch.device | None = None,
    progress: bool = False,
) -> list[Float64[np.ndarray, "_ 4"]]:
    """Return log p(base at i | the other side of i) over A, C, G, T, in nats.

    Renormalised over the four bases: the mass of N and special tokens is left
    out, so each row's probabilities sum to one. ``"forward"`` reads the bases
    left of i (row 0 is NaN). ``"reverse"`` reads the reverse complement, that
    is the bases right of i, and is given back in forward order and letters
    (the last row is NaN). ``"both"`` is the mean of the two log-probabilities
    where both exist, else the one that does; its rows need not sum to one.

    Other parameters and errors are those of `logits`; a two-sided model is
    refused, because it sees the base it would predict.

    Examples
    --------
    >>> from hyenascope.models.hyena import HyenaConfig
    >>> model = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    >>> table = log_probs(model, "ACGT")[0]
    >>> np.exp(table[1:]).sum(axis=1).round(6)
    array([1., 1., 1.])
    """
    require_causal(model)
    check_strands(strands)
    rows = _token_rows(model, sequences, genome)

    def read(strand_rows: list[TokenRow]) -> list[Float64[np.ndarray, "_ 4"]]:
        return map_batches(
            model,
            strand_rows,
            lambda model, tokens, mask: base_log_probs(model(tokens, mask=mask)),
            batch_size=batch_size,
            device=device,
            progress=progress,
        )

    forward = read(rows) if strands != "reverse" else []
    if strands == "forward":
        return forward
    flipped = read([reverse_complement_tokens(row) for row in rows])
    reverse = [table[::-1, ::-1].copy() for table in flipped]
    if strands == "reverse":
        return reverse
    return [mean_known(np.stack(pair)) for pair in zip(forward, reverse, strict=True)]


def log_likelihood(
    model: HyenaLM,
    sequences: SequenceSource,
    *,
    genome: FastaReader | StrPath | None = None,
    strands: Strands = "forward",
    batch_size: BatchSize = "auto",
    device: str | torch.device | None = None,
    progress: bool = False,
) -> Float64[np.ndarray, " sequences"]:
    """Return the log-likelihood of each sequence in nats.

    The sum over all bases but the first of log p(base | bases before it),
    renormalised over A, C, G, T and added in float64. Bases that are N are
    read but not scored. ``"reverse"`` scores the reverse complement,
    ``"both"`` is the mean of the two.

    Parameters and errors are those of `log_probs`.

    Examples
    --------
    >>> from hyenascope.models.hyena import HyenaConfig
    >>> model = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    >>> log_likelihood(model, ["ACGT", "A"])[1]
    np.float64(0.0)
    """
    sums, _ = _scored(
        model, sequences, genome, strands, batch_size, device, progress=progress
    )
    return sums


def perplexity(
    model: HyenaLM,
    sequences: SequenceSource,
    *,
    genome: FastaReader | StrPath | None = None,
    strands: Strands = "forward",
    batch_size: BatchSize = "auto",
    device: str | torch.device | None = None,
    progress: bool = False,
) -> Float64[np.ndarray, " sequences"]:
    """Return exp(−log-likelihood / scored bases) of each sequence.

    4 is a coin with four sides; NaN where no base is scored. Parameters and
    errors are those of `log_probs`.

    Examples
    --------
    >>> from hyenascope.models.hyena import HyenaConfig
    >>> model = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    >>> bool(perplexity(model, "ACGTACGT")[0] > 1)
    True
    """
    sums, counts = _scored(
        model, sequences, genome, strands, batch_size, device, progress=progress
    )
    known = counts > 0
    mean = np.divide(sums, counts, out=np.full_like(sums, np.nan), where=known)
    return np.exp(-mean)


def embed(
    model: HyenaLM,
    sequences: SequenceSource,
    *,
    genome: FastaReader | StrPath | None = None,
    pool: Pool = "mean",
    layer: int = -1,
    strands: Strands = "forward",
    batch_size: BatchSize = "auto",
    device: str | torch.device | None = None,
    progress: bool = False,
) -> Float32[np.ndarray, "sequences channels"] | list[np.ndarray]:
    """Return hidden states, pooled over the bases of each sequence.

    Parameters
    ----------
    model, sequences, genome, batch_size, device, progress
        As in `logits`.
    pool
        ``"mean"``, ``"max"`` or ``"last"`` over real bases (padding never
        counts), giving one row of ``d_model`` numbers per sequence; ``"none"``
        a list of arrays "length channels".
    layer
        −1 the final norm; i the residual stream after i blocks.
    strands
        ``"both"`` is the mean of the two strands' embeddings, position by
        position for ``pool="none"``.

    Raises
    ------
    ValueError
        As `logits`, and if ``pool`` or ``layer`` is unknown.

    Examples
    --------
    >>> from hyenascope.models.hyena import HyenaConfig
    >>> model = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    >>> embed(model, ["ACGT", "AC"]).shape
    (2, 8)
    """
    if pool not in ("mean", "last", "max", "none"):
        raise ValueError(f"pool must be 'mean', 'last', 'max' or 'none'; got {pool!r}.")
    check_strands(strands)
    rows = _token_rows(model, sequences, genome)

    def pooled(model: HyenaLM, tokens: Tensor, mask: Tensor) -> Tensor:
        hidden = model.hidden(tokens, mask=mask, layer=layer).float()
        return hidden if pool == "none" else pool_hidden(hidden, pool, mask)

    def read(strand_rows: list[TokenRow]) -> list[np.ndarray]:
        return map_batches(
            model,
            strand_rows,
            pooled,
            batch_size=batch_size,
            device=device,
            progress=progress,
            per_position=pool == "none",
        )

    forward = read(rows) if strands != "reverse" else []
    reverse: list[np.ndarray] = []
    if strands != "forward":
        reverse = read([reverse_complement_tokens(row) for row in rows])
        if pool == "none":
            reverse = [states[::-1].copy() for states in reverse]
    if strands == "both":
        result = [(f + r) / 2 for f, r in zip(forward, reverse, strict=True)]
    else:
        result = forward or reverse
    return result if pool == "none" else np.stack(result)


def base_log_probs(
    logits: Float[Tensor, "batch length vocab"],
) -> Float64[Tensor, "batch length 4"]:
    """Turn logits into log p(base at i | bases before i), over A, C, G, T.

    In nats and float64, moved by one so that row i is about base i: row 0 has
    no left context and is NaN.

    Examples
    --------
    >>> base_log_probs(torch.zeros(1, 2, 16))[0, 1].exp()
    tensor([0.2500, 0.2500, 0.2500, 0.2500], dtype=torch.float64)
    """
    shifted = logits[:, :-1, BASE_TOKENS[0] : N_TOKEN]
    table = shifted.double().log_softmax(-1)
    return torch.nn.functional.pad(table, (0, 0, 1, 0), value=float("nan"))


def mean_known(
    stack: Float64[np.ndarray, "strands *rest"],
) -> Float64[np.ndarray, "*rest"]:
    """Mean over the first axis of what is not NaN; NaN where nothing is.

    Examples
    --------
    >>> mean_known(np.array([[1.0, np.nan], [3.0, np.nan]]))
    array([ 2., nan])
    """
    known = ~np.isnan(stack)
    count = known.sum(axis=0)
    total = np.where(known, stack, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def check_strands(strands: str) -> None:
    """Refuse what is not a strand.

    Raises
    ------
    ValueError
        If ``strands`` is not ``"forward"``, ``"reverse"`` or ``"both"``.
    """
    if strands not in get_args(Strands):
        raise ValueError(
            f"strands must be 'forward', 'reverse' or 'both'; got {strands!r}."
        )


def _scored(
    model: HyenaLM,
    sequences: SequenceSource,
    genome: FastaReader | StrPath | None,
    strands: Strands,
    batch_size: BatchSize,
    device: str | torch.device | None,
    *,
    progress: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """Sum of log-probabilities and number of scored bases, per sequence."""
    require_causal(model)
    check_strands(strands)
    rows = _token_rows(model, sequences, genome)
    sides = {"forward": [rows], "reverse": [], "both": [rows]}[strands]
    if strands != "forward":
        sides = [*sides, [reverse_complement_tokens(row) for row in rows]]

    def summed(model: HyenaLM, tokens: Tensor, mask: Tensor) -> Tensor:
        table = base_log_probs(model(tokens, mask=mask))[:, 1:]
        target = tokens[:, 1:] - BASE_TOKENS[0]
        known = (target >= 0) & (target < len(BASE_TOKENS)) & mask[:, 1:]
        picked = table.gather(-1, target.clamp(0, 3)[..., None])[..., 0]
        total = torch.where(known, picked, 0.0).sum(-1)
        return torch.stack([total, known.sum(-1).double()], dim=-1)

    parts = [
        map_batches(
            model,
            side,
            summed,
            batch_size=batch_size,
            device=device,
            progress=progress,
            per_position=False,
        )
        for side in sides
    ]
    mean = np.mean(parts, axis=0)
    return mean[:, 0], mean[:, 1]


def _token_rows(
    model: HyenaLM, sequences: SequenceSource, genome: FastaReader | StrPath | None
) -> list[TokenRow]:
    require_model(model)
    named = collect_sequences(sequences, genome=genome)
    # Before the first pass: hours of work must not end at the longest sequence.
    for name, text in zip(named.names, named.texts, strict=True):
        if not 1 <= len(text) <= model.config.l_max:
            raise ValueError(
                f"sequence {name} must have 1 to {model.config.l_max} bp to fit the "
                f"context; got {len(text):,}."
            )
    return [_tokens(*pair) for pair in zip(named.names, named.texts, strict=True)]


def _tokens(name: str, text: str) -> TokenRow:
    try:
        return tokenize(text)
    except ValueError as err:
        raise ValueError(f"sequence {name}: {err}") from None
