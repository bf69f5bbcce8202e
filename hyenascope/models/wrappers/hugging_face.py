"""Language models of Hugging Face transformers: causal ones and masked ones.

Evo and other causal models read a token after another; Nucleotide Transformer,
DNABERT-2, Caduceus and GPN fill masks. Tokens of any kind are mapped back to bases
(`hyenascope.models.wrappers.token_bases`), so that all give the same four odds per
base.
"""

import inspect
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from types import ModuleType
from typing import Literal, get_args

import numpy as np
import torch
from jaxtyping import Float32, Float64, Int64
from torch import Tensor, nn

from hyenascope._typing import StrPath
from hyenascope.models.wrappers.base_tables import causal_row, masked_row
from hyenascope.models.wrappers.protocol import NoAnswerError, Place, WrappedModel
from hyenascope.models.wrappers.token_bases import AnyTokenizer, TokenBases, TokenMap

Kind = Literal["causal", "masked"]

Masking = Literal["each", "none"]
"""Whether the token in question is hidden, in a pass of its own, or all are read at
once as they are: quicker by as much as there are tokens, and it sees the answer."""

_LONGEST_DEFAULT = 16_384
_NO_LIMIT = 10**9  # tokenizers without a limit say 10^30


class HuggingFaceModel(WrappedModel):
    """A language model and its tokenizer, as transformers has them.

    Of a causal model whose tokens have several lengths (byte pairs), where a token ends
    follows from later bases too: its rows know a little of these, and `check_model`
    says how much.

    Parameters
    ----------
    model
        With a head over tokens: ``AutoModelForCausalLM`` or ``AutoModelForMaskedLM``.
    tokenizer
        Its own, fast or slow.
    kind
        ``"causal"`` or ``"masked"``.
    context_length
        Bases that it reads at once. By default as many as its tokens surely hold, at
        most 16,384.
    max_tokens
        Most tokens at once, special ones included; by default what the configuration
        and the tokenizer say.
    masking
        Of a masked model, ``"each"`` token in a pass of its own, or ``"none"``.
    prepare
        Makes of DNA what the tokenizer reads, such as k-mers with blanks between.
    name, batch_size
        As in `WrappedModel`.
    alphabet
        Letters that it reads; by default with N if the tokenizer can be mapped to
        bases where there is N.

    Raises
    ------
    ValueError
        If an option is unknown, the tokenizer cannot be mapped to bases, or a masked
        model's has no mask.
    """

    def __init__(
        self,
        model: nn.Module,
        tokenizer: AnyTokenizer,
        *,
        kind: Kind,
        context_length: int | None = None,
        max_tokens: int | None = None,
        masking: Masking = "each",
        prepare: Callable[[str], str] | None = None,
        name: str | None = None,
        alphabet: str | None = None,
        batch_size: int = 8,
    ) -> None:
        for what, value, allowed in (
            ("kind", kind, get_args(Kind)),
            ("masking", masking, get_args(Masking)),
        ):
            if value not in allowed:
                raise ValueError(f"{what} must be one of {allowed}; got {value!r}.")
        if kind == "masked" and masking == "each" and tokenizer.mask_token_id is None:
            raise ValueError("tokenizer must have a mask token for a masked model.")
        self.tokens = TokenMap(tokenizer, prepare=prepare)
        if alphabet is None:
            alphabet = "ACGTN" if self.tokens.reads_n else "ACGT"
        limit = _limit(model, tokenizer) if max_tokens is None else max_tokens
        if limit < 1:
            raise ValueError(f"max_tokens must be at least 1; got {limit}.")
        if context_length is None:
            context_length = _safe_bases(self.tokens, limit)
        super().__init__(
            name or str(getattr(model, "name_or_path", "")) or type(model).__name__,
            context_length=context_length,
            alphabet=alphabet,
            causal=kind == "causal",
            offers=("log_probs", "embed"),
            batch_size=batch_size,
        )
        self.model = model
        self.masking: Masking = masking
        self.limit = limit
        takes = inspect.signature(model.forward).parameters
        self._takes_mask = "attention_mask" in takes
        # What is kept for the next token would only take room.
        self._more = {"use_cache": False} if "use_cache" in takes else {}

    @classmethod
    def from_pretrained(
        cls,
        name_or_path: StrPath,
        *,
        kind: Kind,
        revision: str | None = None,
        trust_remote_code: bool = False,
        context_length: int | None = None,
        max_tokens: int | None = None,
        masking: Masking = "each",
        prepare: Callable[[str], str] | None = None,
        alphabet: str | None = None,
        batch_size: int = 8,
    ) -> "HuggingFaceModel":
        """Load a model and its tokenizer from the hub or a folder.

        Parameters
        ----------
        name_or_path
            Repository, or a folder of ``save_pretrained``.
        kind
            ``"causal"`` or ``"masked"``.
        revision
            Branch, tag or commit of the hub.
        trust_remote_code
            Run Python that comes with the weights. Read it first: it can do whatever
            you can. Without it, a model that needs it is refused by transformers.
        context_length, max_tokens, masking, prepare, alphabet, batch_size
            As in `HuggingFaceModel`.

        Raises
        ------
        ImportError
            If transformers, ``pip install hyenascope[transformers]``, is missing.
        ValueError, OSError
            As transformers and `HuggingFaceModel` say.
        """
        library = _transformers()
        if kind not in get_args(Kind):
            raise ValueError(f"kind must be one of {get_args(Kind)}; got {kind!r}.")
        name = "AutoModelForCausalLM" if kind == "causal" else "AutoModelForMaskedLM"
        options = {"revision": revision, "trust_remote_code": trust_remote_code}
        return cls(
            getattr(library, name).from_pretrained(name_or_path, **options),
            library.AutoTokenizer.from_pretrained(name_or_path, **options),
            kind=kind,
            context_length=context_length,
            max_tokens=max_tokens,
            masking=masking,
            prepare=prepare,
            name=str(name_or_path),
            alphabet=alphabet,
            batch_size=batch_size,
        )

    @property
    def modules(self) -> Sequence[nn.Module]:
        """The network."""
        return [self.model]

    @property
    def options(self) -> dict[str, object]:
        """Which way it reads."""
        return {} if self.causal else {"masking": self.masking}

    def _tokenize(self, text: str) -> TokenBases:
        try:
            found = self.tokens.encode(text)
        except ValueError as err:
            raise NoAnswerError(f"{self.name}: {err}") from err
        if len(found.ids) > self.limit:
            raise NoAnswerError(
                f"sequence must fit the {self.limit:,} tokens of {self.name}; "
                f"got {len(found.ids):,} for {len(text):,} bp."
            )
        return found

    def _logits(
        self, texts: Sequence[str], device: torch.device
    ) -> list[Float32[np.ndarray, "_ vocab"]]:
        rows = [self._tokenize(text).ids for text in texts]
        return [row.numpy() for row in self._run(rows, device)]

    def _log_probs(
        self, texts: Sequence[str], places: Sequence[Place], device: torch.device
    ) -> list[Float64[np.ndarray, "_ 4"]]:
        tables = [np.full((len(text), 4), np.nan) for text in texts]
        if self.causal or self.masking == "none":
            self._read_once(tables, texts, places, device)
        else:
            self._read_masked(tables, texts, places, device)
        return tables

    def _read_once(
        self,
        tables: list[Float64[np.ndarray, "_ 4"]],
        texts: Sequence[str],
        places: Sequence[Place],
        device: torch.device,
    ) -> None:
        """Fill tables from one pass per sequence."""
        found = [self._tokenize(text) for text in texts]
        logits = self._run([each.ids for each in found], device)
        for table, text, (start, stop), each, odds in zip(
            tables, texts, places, found, logits, strict=True
        ):
            rows = odds.double().numpy()
            for base in range(start, stop):
                if not self.causal:
                    token = each.centre(base)
                    table[base] = self._masked(rows[token], text, each, token, base)
                    continue
                token = int(each.covering(base)[0])  # where tokens overlap, the first
                if token > 0:  # what is before it says what it is
                    before = text[each.start[token] : base]
                    table[base] = causal_row(rows[token - 1], self.tokens, before)

    def _read_masked(
        self,
        tables: list[Float64[np.ndarray, "_ 4"]],
        texts: Sequence[str],
        places: Sequence[Place],
        device: torch.device,
    ) -> None:
        """Fill tables from one pass per token, or per base where tokens overlap."""
        jobs: dict[tuple[int, tuple[int, ...]], list[int]] = {}
        found = [self._tokenize(text) for text in texts]
        for number, (start, stop) in enumerate(places):
            for base in range(start, stop):
                hidden = tuple(found[number].covering(base).tolist())
                jobs.setdefault((number, hidden), []).append(base)
        rows = []
        for number, hidden in jobs:
            ids = found[number].ids.copy()
            ids[list(hidden)] = self.tokens.tokenizer.mask_token_id
            rows.append(ids)
        wanted = [found[n].centre(bases[0]) for (n, _), bases in jobs.items()]
        answers = self._run(rows, device, wanted)
        for ((number, _), bases), token, odds in zip(
            jobs.items(), wanted, answers, strict=True
        ):
            for base in bases:
                tables[number][base] = self._masked(
                    odds[0].double().numpy(), texts[number], found[number], token, base
                )

    def _masked(
        self,
        odds: Float64[np.ndarray, " vocab"],
        text: str,
        found: TokenBases,
        token: int,
        base: int,
    ) -> Float64[np.ndarray, " 4"]:
        start, stop = int(found.start[token]), int(found.stop[token])
        return masked_row(odds, self.tokens, text, start, stop, base)

    def _embed(
        self, texts: Sequence[str], device: torch.device
    ) -> list[Float32[np.ndarray, "_ channels"]]:
        found = [self._tokenize(text) for text in texts]
        states = self._run([each.ids for each in found], device, states=True)
        return [
            each_states.numpy()[[each.centre(base) for base in range(len(text))]]
            for each, each_states, text in zip(found, states, texts, strict=True)
        ]

    def _run(
        self,
        rows: Sequence[Int64[np.ndarray, " _"]],
        device: torch.device,
        wanted: Sequence[int] | None = None,
        *,
        states: bool = False,
    ) -> list[Tensor]:
        """Return logits or last states of token rows, "tokens _", float32 on the CPU.

        With ``wanted`` of that token of each row alone: a vocabulary is wide.
        """
        found: list[Tensor | None] = [None] * len(rows)
        for batch in self._batches(rows):
            ids = torch.from_numpy(np.stack([rows[i] for i in batch])).to(device)
            more = {"attention_mask": torch.ones_like(ids)} if self._takes_mask else {}
            answer = self.model(
                input_ids=ids, output_hidden_states=states, **more, **self._more
            )
            values = answer.hidden_states[-1] if states else answer.logits
            if not bool(values.isfinite().all()):
                raise NoAnswerError(
                    f"outputs of {self.name} must be finite; got NaN or infinite ones."
                )
            if wanted is not None:  # before the way to the CPU, which is long
                tokens = torch.tensor([wanted[i] for i in batch], device=device)
                values = values.take_along_dim(tokens[:, None, None], dim=1)
            for i, value in zip(batch, values.float().cpu(), strict=True):
                found[i] = value
        return [value for value in found if value is not None]

    def _batches(self, rows: Sequence[Int64[np.ndarray, " _"]]) -> Iterator[list[int]]:
        """Rows of one length together, so that nothing is padded."""
        by_length: dict[int, list[int]] = {}
        for i, row in enumerate(rows):
            by_length.setdefault(len(row), []).append(i)
        for alike in by_length.values():
            for at in range(0, len(alike), self.batch_size):
                yield alike[at : at + self.batch_size]


def _limit(model: nn.Module, tokenizer: AnyTokenizer) -> int:
    """Most tokens, special ones included."""
    said = [
        getattr(getattr(model, "config", None), "max_position_embeddings", None),
        getattr(tokenizer, "model_max_length", None),
    ]
    known = [int(each) for each in said if each and 0 < each < _NO_LIMIT]
    return min(known, default=_NO_LIMIT)


def _safe_bases(tokens: TokenMap, limit: int) -> int:
    """Return how many bases any sequence may have and surely fit."""
    longest = tokens.longest
    sample = tokens.encode("ACGT" * longest)
    real = sample.start < sample.stop
    start, stop = sample.start[real], sample.stop[real]
    every = len(tokens.by_text) >= 4**longest
    overlapping = bool((start[1:] < stop[:-1]).any())
    width = longest if every and not overlapping else 1
    # What is left over after the last whole token takes a token per base.
    left = limit - int((~real).sum()) - (width - 1)
    return max(1, min(left * width, _LONGEST_DEFAULT))


def _transformers() -> ModuleType:
    try:
        return import_module("transformers")
    except ImportError as err:
        raise ImportError(
            "transformers must be installed for this model "
            "(pip install hyenascope[transformers]); got none."
        ) from err
