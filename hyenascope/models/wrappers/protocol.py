"""The little that the verbs ask of a model, whoever made it.

A model reads DNA as text, forward strand, and answers in arrays. What it cannot do it
need not offer: a language model offers ``log_probs`` and ``embed``, a network of
readouts ``predict``, and whoever wants what is not there is told so. Checks of what
goes in and what comes out are made here, once for all.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Float32, Float64, Int64
from torch import nn

from hyenascope._device import borrow, resolve_device
from hyenascope.models.state_layouts import tensors_hash
from hyenascope.models.wrappers.token_bases import TokenBases
from hyenascope.sequence.one_hot import one_hot

Offer = Literal["log_probs", "embed", "predict", "gradients"]
"""What a model can be asked for."""

Place = tuple[int, int]
"""First and stop index of bases, 0-based, in a sequence."""

_VERBS: dict[Offer, str] = {
    "log_probs": "likelihoods",
    "embed": "embeddings",
    "predict": "predictions",
    "gradients": "gradients",
}


class NoAnswerError(ValueError):
    """The model has no answer, or none in numbers, to one of the sequences."""


class WrappedModel(ABC):
    """A sequence model of any kind, as the verbs see it.

    Subclass it and write `modules`, and of `_tokenize`, `_log_probs`, `_embed`,
    `_predict` and `network` those that belong to ``offers``.

    Parameters
    ----------
    name
        What results call it.
    context_length
        Most bases that it reads at once.
    alphabet
        Letters that it reads, of A, C, G, T and N.
    causal
        Whether ``log_probs`` looks at the bases before one alone.
    offers
        What it can be asked for.
    outputs, units
        Names of what ``predict`` gives, and the unit of the numbers.
    other_strand
        For each output the number of the one that is the same on the other strand,
        as RNA− is of RNA+; each is its own if None.
    bin_size
        Bases per bin of ``predict``; None where an output is one number.
    fixed_length
        Whether every sequence must have exactly ``context_length`` bases.
    batch_size
        Sequences per pass.

    Raises
    ------
    ValueError
        If a number is out of range, or the alphabet lacks a base.
    """

    def __init__(
        self,
        name: str,
        *,
        context_length: int,
        alphabet: str = "ACGTN",
        causal: bool = False,
        offers: Sequence[Offer] = (),
        outputs: Sequence[str] = (),
        units: str = "model output",
        other_strand: Sequence[int] | None = None,
        bin_size: int | None = None,
        fixed_length: bool = False,
        batch_size: int = 8,
    ) -> None:
        if not {"A", "C", "G", "T"} <= set(alphabet) <= set("ACGTN"):
            raise ValueError(
                f"alphabet must hold A, C, G, T and perhaps N; got {alphabet!r}."
            )
        for what, value in (
            ("context_length", context_length),
            ("batch_size", batch_size),
            ("bin_size", 1 if bin_size is None else bin_size),
        ):
            if value < 1:
                raise ValueError(f"{what} must be at least 1; got {value}.")
        if bin_size is not None and context_length % bin_size:
            raise ValueError(
                f"bin_size must divide the length of {context_length:,} bp; "
                f"got {bin_size}."
            )
        if isinstance(outputs, str) or len(set(outputs)) < len(outputs):
            raise ValueError(f"outputs must have names of their own; got {outputs!r}.")
        own = range(len(outputs))
        pairs = np.array(own if other_strand is None else other_strand, np.int64)
        if sorted(pairs) != list(own) or (pairs[pairs] != own).any():
            raise ValueError(
                "other_strand must pair the numbers of outputs, each the other of its "
                f"other; got {list(pairs[:8])} for {len(outputs)} outputs."
            )
        self.name = name
        self.context_length = context_length
        self.alphabet = alphabet
        self.causal = causal
        self.offers = frozenset(offers)
        self.outputs = tuple(outputs)
        self.units = units
        self.other_strand = pairs
        self.bin_size = bin_size
        self.fixed_length = fixed_length
        self.batch_size = batch_size
        self._where: torch.device | None = None  # while it is borrowed

    def __repr__(self) -> str:
        what = ", ".join(sorted(_VERBS[offer] for offer in self.offers))
        return (
            f"{type(self).__name__}({self.name!r}, {self.context_length:,} bp: {what})"
        )

    @property
    @abstractmethod
    def modules(self) -> Sequence[nn.Module]:
        """Everything with weights: moved, used in eval mode, put back."""

    @property
    def weights_hash(self) -> str:
        """SHA-256 of all weights and buffers, by name."""
        digest = hashlib.sha256()
        for module in self.modules:
            digest.update(tensors_hash(dict(module.state_dict())).encode("ascii"))
        return digest.hexdigest()

    @property
    def options(self) -> dict[str, object]:
        """What else its numbers rest on, for the records of results."""
        return {}

    @property
    def weight_versions(self) -> tuple[int, ...]:
        """How often each weight was changed in place."""
        found = [p for module in self.modules for p in module.parameters()]
        return tuple(parameter._version for parameter in found)

    def require(self, *offers: Offer) -> None:
        """Refuse what is not offered.

        Raises
        ------
        ValueError
            If the model lacks one of ``offers``.
        """
        for offer in offers:
            if offer not in self.offers:
                raise ValueError(
                    f"model must give {_VERBS[offer]} for this; {self!r} does not."
                )

    def tokenize(self, sequence: str) -> TokenBases:
        """Return the tokens of a sequence and the bases that each covers.

        One token per base, ids 0 to 4 for A, C, G, T and N, unless the model says
        otherwise.

        Raises
        ------
        ValueError
            If the sequence cannot be read.
        """
        (text,) = self._checked([sequence])
        return self._tokenize(text)

    def logits(
        self,
        sequences: str | Sequence[str],
        *,
        device: str | torch.device | None = None,
    ) -> list[Float32[np.ndarray, "_ vocab"]]:
        """Return what a language model gives at each of its tokens, as it is.

        Raises
        ------
        ValueError
            If the model gives no likelihoods, or a sequence cannot be read.
        """
        self.require("log_probs")
        texts = self._checked(sequences)
        with self.borrowed(device) as where, torch.inference_mode():
            found = self._logits(texts, where)
        self._finite(found)
        return found

    def log_probs(
        self,
        sequences: str | Sequence[str],
        *,
        places: Sequence[Place] | None = None,
        device: str | torch.device | None = None,
    ) -> list[Float64[np.ndarray, "_ 4"]]:
        """Return log p(base at i | what the model sees of the others), in nats.

        Over A, C, G, T: the four probabilities of a row sum to one. A causal model
        sees the bases before i, a masked one all but i: its rows add up to the
        pseudo-log-likelihood (Salazar et al. 2020, arXiv 1910.14659).

        Parameters
        ----------
        sequences
            DNA texts.
        places
            For each sequence the first and stop index of the rows that are wanted;
            the others are NaN. A masked model works for these alone.
        device
            Where to run; CUDA if there is one.

        Returns
        -------
        list of arrays "length 4"
            NaN also where there is nothing to see, as at a causal model's first
            base, and for a base that no token of the vocabulary can spell there.

        Raises
        ------
        ValueError
            If the model gives no likelihoods, a sequence cannot be read, or the
            model answers with NaN.
        """
        self.require("log_probs")
        texts = self._checked(sequences)
        wanted = [(0, len(text)) for text in texts] if places is None else list(places)
        if len(wanted) != len(texts):
            raise ValueError(
                f"places must be one for each of {len(texts)} sequences; got "
                f"{len(wanted)}."
            )
        for (start, stop), text in zip(wanted, texts, strict=True):
            if not 0 <= start < stop <= len(text):
                raise ValueError(
                    f"places must lie in their sequence of {len(text):,} bp; "
                    f"got {start} to {stop}."
                )
        with self.borrowed(device) as where, torch.inference_mode():
            found = self._log_probs(texts, wanted, where)
        for number, (table, text) in enumerate(zip(found, texts, strict=True)):
            if table.shape != (len(text), 4) or np.isposinf(table).any():
                raise NoAnswerError(
                    f"log_probs of {self.name} must be finite or NaN, 4 for each of "
                    f"{len(text):,} bp; got shape {table.shape} for sequence {number}."
                )
        return found

    def embed(
        self,
        sequences: str | Sequence[str],
        *,
        device: str | torch.device | None = None,
    ) -> list[Float32[np.ndarray, "_ channels"]]:
        """Return the hidden state at every base: that of the token that covers it.

        Raises
        ------
        ValueError
            If the model gives no embeddings, a sequence cannot be read, or the model
            answers with NaN.
        """
        self.require("embed")
        texts = self._checked(sequences)
        with self.borrowed(device) as where, torch.inference_mode():
            found = self._embed(texts, where)
        self._finite(found)
        return found

    def predict(
        self,
        sequences: str | Sequence[str],
        *,
        device: str | torch.device | None = None,
    ) -> Float[np.ndarray, "batch bins outputs"]:
        """Return the outputs of sequences of one length; one bin where not binned.

        Raises
        ------
        ValueError
            If the model gives no predictions, a sequence cannot be read or has
            another length than the first, or the model answers with NaN.
        """
        self.require("predict")
        texts = self._checked(sequences)
        if not texts:
            raise ValueError("sequences must hold at least one; got none.")
        if self.bin_size is not None and len(texts[0]) % self.bin_size:
            # Where the bins would be is the network's secret.
            raise NoAnswerError(
                f"sequences must be whole bins of {self.bin_size} bp for predictions "
                f"of {self.name}; got {len(texts[0]):,} bp."
            )
        if len({len(text) for text in texts}) > 1:
            raise ValueError(
                "sequences must have one length for predictions; got "
                f"{sorted({len(text) for text in texts})}."
            )
        with self.borrowed(device) as where, torch.inference_mode():
            found = self._predict(texts, where)
        self._finite(list(found))
        return found

    def rows(self, text: str) -> Float32[np.ndarray, "length 4"]:
        """Return the one-hot rows of a sequence; N is a row of zeros."""
        return one_hot(text)

    @property
    def network(self) -> nn.Module:
        """The model on one-hot rows ``batch length 4`` to ``batch bins outputs``.

        Raises
        ------
        ValueError
            If the model has no gradients at its letters.
        """
        self.require("gradients")
        raise NotImplementedError

    def bins(self, length: int, bins: int) -> Int64[np.ndarray, " bins"]:
        """Return where each bin starts, 0-based in a sequence of ``length`` bases.

        Bins lie in the middle; what is cut off on either side is alike.

        Raises
        ------
        ValueError
            If the bins cover more than there is, or cannot lie in the middle.
        """
        size = self.bin_size or length
        spare = length - bins * size
        if spare < 0 or spare % 2:
            raise ValueError(
                f"bin_size must fit: {bins} bins of {size} bp must lie in the middle "
                f"of {length:,} bp; got {self.bin_size}."
            )
        return spare // 2 + size * np.arange(bins)

    @contextmanager
    def borrowed(
        self, device: str | torch.device | None = None
    ) -> Iterator[torch.device]:
        """Use all modules in eval mode on ``device``, then put them back.

        Within a block, None is the block's device.
        """
        outer = self._where
        where = resolve_device(outer if device is None else device)
        with ExitStack() as stack:
            for module in self.modules:
                stack.enter_context(borrow(module, where))
            self._where = where
            try:
                yield where
            finally:
                self._where = outer

    def _checked(self, sequences: str | Sequence[str]) -> list[str]:
        texts = [sequences] if isinstance(sequences, str) else list(sequences)
        for text in texts:
            if not isinstance(text, str):
                raise TypeError(f"sequences must be DNA texts; got {text!r}.")
        texts = [text.upper() for text in texts]
        for number, text in enumerate(texts):
            odd = next((i for i, c in enumerate(text) if c not in self.alphabet), None)
            if odd is not None:
                raise ValueError(
                    f"sequence {number} must be written in {self.alphabet}, the "
                    f"alphabet of {self.name}; got {text[odd]!r} at index {odd}."
                )
            exact = self.fixed_length and len(text) != self.context_length
            if exact or not 1 <= len(text) <= self.context_length:
                wanted = "" if self.fixed_length else "1 to "
                raise ValueError(
                    f"sequence {number} must have {wanted}{self.context_length:,} bp "
                    f"to fit {self.name}; got {len(text):,}."
                )
        return texts

    def _finite(self, found: Sequence[Float[np.ndarray, "..."]]) -> None:
        for number, array in enumerate(found):
            if not np.isfinite(array).all():
                count = int((~np.isfinite(array)).sum())
                raise NoAnswerError(
                    f"outputs of {self.name} must be finite; got {count:,} NaN or "
                    f"infinite of {array.size:,} numbers for sequence {number}."
                )

    def _tokenize(self, text: str) -> TokenBases:
        ids = np.array(["ACGTN".index(letter) for letter in text], np.int64)
        return TokenBases(ids, np.arange(len(text)), np.arange(1, len(text) + 1))

    def _logits(
        self, texts: Sequence[str], device: torch.device
    ) -> list[Float32[np.ndarray, "_ vocab"]]:
        raise NotImplementedError

    def _log_probs(
        self, texts: Sequence[str], places: Sequence[Place], device: torch.device
    ) -> list[Float64[np.ndarray, "_ 4"]]:
        raise NotImplementedError

    def _embed(
        self, texts: Sequence[str], device: torch.device
    ) -> list[Float32[np.ndarray, "_ channels"]]:
        raise NotImplementedError

    def _predict(
        self, texts: Sequence[str], device: torch.device
    ) -> Float[np.ndarray, "batch bins outputs"]:
        raise NotImplementedError
