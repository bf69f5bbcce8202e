"""A frozen model with a trainable prompt beside every sequence.

What the model is told to do is a few rows where embeddings of tokens would stand; its
weights stay as they were, and one backbone serves many prompts. After the published
soft prompting (Nguyen et al. 2023, arXiv 2306.15794, section 4.3; Lester et al. 2021,
arXiv 2104.08691): the sequence ends with ``[SEP]``, and the answer is the letter of a
class as the next token. The published code puts the prompt before the sequence, as the
text says; equation 3.2 puts it after. Both are here; after the sequence it is next to
the answer, and learns in fewer steps.
"""

from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from hyenascope.models.hyena import HyenaLM
from hyenascope.models.label_tokens import label_letters, label_weight
from hyenascope.models.model_checks import require_causal
from hyenascope.models.sequence_input import SequenceInput
from hyenascope.models.sequence_model import SequenceModel
from hyenascope.models.sequence_task import SequenceTask
from hyenascope.ops.cache_pieces import cache_pieces
from hyenascope.sequence.tokenizer import PAD_TOKEN, SEP_TOKEN, tokenize

Answer = Literal["letters", "linear"]
Place = Literal["before", "after"]


class PromptedModel(SequenceModel):
    """A backbone that is frozen here, with a prompt that is not.

    Strands are those of the sequence alone: the prompt is never turned. The backbone
    stays in eval mode while the prompt trains.

    Parameters
    ----------
    backbone
        Shared, not copied; its parameters stop requiring gradients.
    task
        What the outputs are; classes, for ``"letters"``.
    prompt
        Where training starts, such as `dna_prompt`; a copy becomes the parameter.
    place
        ``"after"`` the sequence and its ``[SEP]``, where the last row of the prompt is
        the token that answers; or ``"before"`` it.
    answer
        ``"letters"`` reads the language model's head at the last token, see
        `hyenascope.models.label_tokens`, and trains the prompt alone; ``"linear"``
        trains a linear readout of that state too, for any task.
    letters
        Of the classes, as in `hyenascope.models.label_tokens.label_letters`.
    separator
        End each sequence with ``[SEP]``.
    dropout
        Of the prompt's numbers, in training.
    reading
        How sequences are read; what the context leaves beside the prompt, both
        strands, if None.
    generator
        Source of the linear readout's random weights.

    Raises
    ------
    ValueError
        If prompt, longest sequence and ``[SEP]`` do not fit the context, the prompt
        is empty or of another width, or letters do not fit the task.

    Examples
    --------
    >>> from hyenascope.models.hyena import HyenaConfig
    >>> backbone = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    >>> task = SequenceTask("binary", ("no", "yes"))
    >>> model = PromptedModel(backbone, task, dna_prompt(backbone, "ACGT"))
    >>> (
    ...     model.reading.longest,
    ...     [n for n, p in model.named_parameters() if p.requires_grad],
    ... )
    (29, ['prompt'])
    """

    def __init__(
        self,
        backbone: HyenaLM,
        task: SequenceTask,
        prompt: Float[Tensor, "tokens channels"],
        *,
        place: Place = "after",
        answer: Answer = "letters",
        letters: str | None = None,
        separator: bool = True,
        dropout: float = 0.1,
        reading: SequenceInput | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        if place not in ("before", "after"):
            raise ValueError(f"place must be 'before' or 'after'; got {place!r}.")
        if answer not in ("letters", "linear"):
            raise ValueError(f"answer must be 'letters' or 'linear'; got {answer!r}.")
        if answer == "linear" and letters is not None:
            raise ValueError(f"letters must be None with 'linear'; got {letters!r}.")
        room = _room(backbone, prompt, separator)
        reading = reading or SequenceInput(min(room, backbone.context_length))
        if reading.longest > room:
            raise ValueError(
                f"reading.longest must be at most {room:,}, what the context of "
                f"{backbone.config.l_max:,} tokens leaves beside the prompt; got "
                f"{reading.longest:,}."
            )
        super().__init__(
            backbone, task, pooling="last", reading=reading, generator=generator
        )
        self.place: Place = place
        self.answer: Answer = answer
        self.separator = separator
        self.letters = label_letters(task, letters) if answer == "letters" else None
        weight = backbone.lm_head.weight
        self.to(weight.device, weight.dtype)
        self.prompt = nn.Parameter(prompt.detach().to(weight, copy=True))
        self.prompt_dropout = nn.Dropout(dropout)
        self.backbone.requires_grad_(False)
        self._read_letters()

    @property
    def n_tokens(self) -> int:
        """Rows of the prompt."""
        return len(self.prompt)

    def train(self, mode: bool = True) -> "PromptedModel":
        """Set training mode, but for the backbone: it gets no dropout."""
        super().train(mode)
        self.backbone.eval()
        return self

    def forward(
        self,
        tokens: Int[Tensor, "batch length"],
        *,
        mask: Bool[Tensor, "batch length"] | None = None,
    ) -> Float[Tensor, "batch outputs"]:
        """Return logits; the prompt and ``[SEP]`` are added here.

        ``mask`` is True at real tokens; if None, everywhere but at padding. Padding
        stands on the right.

        Raises
        ------
        ValueError
            If a sequence does not fit the context beside the prompt.
        """
        real = tokens != PAD_TOKEN if mask is None else mask
        room = _room(self.backbone, self.prompt, self.separator)
        if tokens.shape[1] > room:
            raise ValueError(
                f"tokens must fit the {room:,} that the context leaves beside the "
                f"prompt; got {tokens.shape[1]:,}."
            )
        tokens, real = self._ended(tokens, real)
        if torch.is_grad_enabled():
            return self._answered(tokens, real)
        length = self.n_tokens + tokens.shape[1]
        row_bytes = length * self.config.widest * self.prompt.element_size()
        pieces = cache_pieces(tokens, max(1, len(tokens)), row_bytes)
        return torch.cat([self._answered(tokens[p], real[p]) for p in pieces])

    def _answered(
        self, tokens: Int[Tensor, "batch length"], real: Bool[Tensor, "batch length"]
    ) -> Float[Tensor, "batch outputs"]:
        embedded = self.backbone.backbone.embeddings.word_embeddings(tokens)
        joined, real = self._joined(embedded, real)
        return self.readout(self.backbone.backbone(joined, real), real)

    def _joined(
        self,
        embedded: Float[Tensor, "batch length channels"],
        real: Bool[Tensor, "batch length"],
    ) -> tuple[Float[Tensor, "batch joined channels"], Bool[Tensor, "batch joined"]]:
        """Put the prompt before the sequences, or after the last real token of each."""
        prompt = self.prompt_dropout(self.prompt).to(embedded.dtype)
        count = self.n_tokens
        if self.place == "before":
            rows = prompt.expand(len(embedded), -1, -1)
            ones = real.new_ones(rows.shape[:2])
            return torch.cat([rows, embedded], dim=1), torch.cat([ones, real], dim=1)
        longer = functional.pad(embedded, (0, 0, 0, count))
        columns = torch.arange(longer.shape[1], device=real.device)
        number = columns - real.sum(dim=1, keepdim=True)  # of the prompt's row there
        inside = (number >= 0) & (number < count)
        rows = prompt[number.clamp(0, count - 1)]
        return torch.where(inside[..., None], rows, longer), number < count

    def _ended(
        self, tokens: Int[Tensor, "batch length"], real: Bool[Tensor, "batch length"]
    ) -> tuple[Int[Tensor, "batch ended"], Bool[Tensor, "batch ended"]]:
        """Put ``[SEP]`` after the last real token of each row."""
        if not self.separator:
            return tokens, real
        end = real.sum(dim=1, keepdim=True)
        tokens = functional.pad(tokens, (0, 1), value=PAD_TOKEN)
        real = functional.pad(real, (0, 1), value=False)
        return tokens.scatter(1, end, SEP_TOKEN), real.scatter(1, end, True)

    @torch.no_grad()
    def _read_letters(self) -> None:
        """Let the readout be the language model's head, and no longer trainable."""
        if self.letters is None:
            return
        require_causal(self.backbone)
        linear = self.readout.linear
        linear.weight.copy_(label_weight(self.backbone, self.task, self.letters))
        linear.bias.zero_()
        self.readout.requires_grad_(False)


def dna_prompt(model: HyenaLM, dna: str) -> Float[Tensor, "tokens channels"]:
    """Return the embeddings of DNA: a prompt that does what the text in front would.

    Raises
    ------
    ValueError
        If the text is no DNA.

    Examples
    --------
    >>> from hyenascope.models.hyena import HyenaConfig
    >>> model = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    >>> dna_prompt(model, "ACG").shape
    torch.Size([3, 8])
    """
    table = model.backbone.embeddings.word_embeddings.weight.detach()
    return table[torch.from_numpy(tokenize(dna))]


def _room(
    backbone: HyenaLM, prompt: Float[Tensor, "tokens channels"], separator: bool
) -> int:
    """Count the bases that fit the context beside a prompt."""
    config = backbone.config
    if prompt.shape[1] != config.d_model:
        raise ValueError(
            f"prompt must have the model's width, {config.d_model}; got "
            f"{prompt.shape[1]}."
        )
    room = config.l_max - len(prompt) - separator
    if not len(prompt) or room < 1:
        raise ValueError(
            f"prompt must have at least 1 token and leave room for a base in the "
            f"context of {config.l_max:,} tokens; got {len(prompt):,}."
        )
    return room
