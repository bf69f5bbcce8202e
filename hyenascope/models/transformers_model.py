"""Our model as Hugging Face transformers has models: saved, loaded and trained there.

After ``import hyenascope.models.transformers_model`` a folder that was saved here
opens by ``AutoModelForCausalLM.from_pretrained`` and ``AutoTokenizer.from_pretrained``;
``Trainer``, pipelines and ``generate`` take it. Needs the extra ``transformers``.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from hyenascope._typing import StrPath
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.sequence.tokenizer import (
    BASE_TOKENS,
    BOS_TOKEN,
    CLS_TOKEN,
    MASK_TOKEN,
    PAD_TOKEN,
    SEP_TOKEN,
    UNK_TOKEN,
    VOCABULARY,
)

try:
    from tokenizers import Regex, Tokenizer, decoders, normalizers, pre_tokenizers
    from tokenizers.models import WordLevel
    from transformers import (
        AutoConfig,
        AutoModelForCausalLM,
        GenerationMixin,
        PreTrainedConfig,
        PreTrainedModel,
        PreTrainedTokenizerFast,
    )
    from transformers.modeling_outputs import CausalLMOutput
except ImportError as err:
    raise ImportError(
        "transformers must be installed for this "
        "(pip install hyenascope[transformers]); got none."
    ) from err

_NO_LABEL = -100  # what transformers does not count


class HyenascopeConfig(PreTrainedConfig):
    """The numbers of a `HyenaConfig`, as transformers keeps them.

    Parameters
    ----------
    hyena
        Fields of `HyenaConfig`; its defaults where one is left out.
    name_of_model
        The model's own name, for the records of results.
    options
        What transformers keeps in every configuration.
    """

    model_type = "hyenascope"

    def __init__(
        self,
        hyena: Mapping[str, Any] | None = None,
        name_of_model: str = "",
        **options: object,
    ) -> None:
        numbers = HyenaConfig(**(hyena or {}))
        self.hyena = asdict(numbers)
        self.name_of_model = name_of_model
        self.hidden_size = numbers.d_model
        self.num_hidden_layers = numbers.n_layer
        self.max_position_embeddings = numbers.l_max
        self.vocab_size = numbers.vocab_rows
        options.setdefault("pad_token_id", PAD_TOKEN)
        options.setdefault("bos_token_id", BOS_TOKEN)
        options.setdefault("eos_token_id", SEP_TOKEN)
        options.setdefault("tie_word_embeddings", True)
        if not options["tie_word_embeddings"]:
            raise ValueError("tie_word_embeddings must be True; got False.")
        super().__init__(**options)


class HyenascopeForCausalLM(PreTrainedModel, GenerationMixin):
    """A causal `HyenaLM` with the interface of transformers.

    ``.hyena`` is the `HyenaLM` itself, which every verb takes.

    Examples
    --------
    >>> import torch
    >>> config = HyenascopeConfig({"d_model": 8, "n_layer": 1, "d_inner": 16})
    >>> model = HyenascopeForCausalLM(config)
    >>> answer = model(torch.tensor([[7, 8, 9, 10]]))
    >>> answer.logits.shape, answer.loss
    (torch.Size([1, 4, 16]), None)
    """

    config_class = HyenascopeConfig
    base_model_prefix = "hyena"
    main_input_name = "input_ids"
    _keep_in_fp32_modules_strict = ("filter_fn",)  # as `HyenaFilter` does itself

    def __init__(self, config: HyenascopeConfig) -> None:
        super().__init__(config)
        self.hyena = HyenaLM(HyenaConfig(**config.hyena))
        if config.name_of_model:
            self.hyena.name = config.name_of_model
        if self.hyena.config.bidirectional:
            raise ValueError("hyena must be causal for a causal LM; got bidirectional.")
        self._tied_weights_keys = _shared(self)
        self.post_init()
        # What is no base would vanish from a text; [SEP] ends it.
        written = {*BASE_TOKENS, SEP_TOKEN}
        others = [i for i in range(config.vocab_size) if i not in written]
        self.generation_config.suppress_tokens = others

    def get_input_embeddings(self) -> nn.Module:
        """Return the table of tokens."""
        return self.hyena.backbone.embeddings.word_embeddings

    def set_input_embeddings(self, value: nn.Embedding) -> None:
        """Replace the table of tokens."""
        self.hyena.backbone.embeddings.word_embeddings = value

    def get_output_embeddings(self) -> nn.Module:
        """Return the head, tied to the table."""
        return self.hyena.lm_head

    def set_output_embeddings(self, new_embeddings: nn.Linear) -> None:
        """Replace the head."""
        self.hyena.lm_head = new_embeddings

    def forward(
        self,
        input_ids: Int[Tensor, "batch length"],
        attention_mask: Int[Tensor, "batch length"]
        | Bool[Tensor, "batch length"]
        | None = None,
        labels: Int[Tensor, "batch length"] | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        num_items_in_batch: Tensor | int | None = None,
        **unused: object,
    ) -> CausalLMOutput | tuple[Tensor | tuple[Tensor, ...], ...]:
        """Return logits, and the loss if there are labels.

        Parameters
        ----------
        input_ids
            Tokens A7 C8 G9 T10 N11; see `transformers_tokenizer`.
        attention_mask
            0 at padding, which must be on the right: a causal model never sees it
            there, and cannot be told to overlook what is on the left.
        labels
            The tokens again, −100 where none counts; moved by one here. The loss is
            the mean cross-entropy over all rows of the vocabulary, in nats.
        num_items_in_batch
            What the sum is divided by instead of its own count: `Trainer` gives it,
            where several batches make one step.
        output_hidden_states
            Return the states after the final norm too.
        return_dict
            False for a tuple.
        unused
            What `generate` gives every model.

        Raises
        ------
        ValueError
            If a mask has padding before a token, or another shape.
        """
        del unused
        if attention_mask is not None:
            _check_padding(attention_mask, input_ids)
        hidden = self.hyena.hidden(input_ids)
        logits = self.hyena.head(hidden)
        loss = None if labels is None else _loss(logits, labels, num_items_in_batch)
        states = (hidden,) if output_hidden_states else None
        if return_dict is False:
            parts = (loss, logits, states)
            return tuple(x for x in parts if x is not None)
        return CausalLMOutput(loss=loss, logits=logits, hidden_states=states)

    def prepare_inputs_for_generation(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, **unused: object
    ) -> dict[str, Tensor | None]:
        """Read everything again for each token: there is no cache here.

        `hyenascope.generate` keeps what it needs and is quicker.
        """
        del unused
        return {"input_ids": input_ids, "attention_mask": attention_mask}

    def _init_weights(self, module: nn.Module) -> None:
        """Leave them as `HyenaLM` has drawn them."""


def to_transformers(model: HyenaLM) -> HyenascopeForCausalLM:
    """Return a copy of a model as transformers has it.

    Raises
    ------
    ValueError
        If the model is two-sided.

    Examples
    --------
    >>> import torch
    >>> model = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34)).eval()
    >>> tokens = torch.tensor([[7, 8, 9, 10]])
    >>> torch.equal(to_transformers(model)(tokens).logits, model(tokens))
    True
    """
    if model.config.bidirectional:
        raise ValueError("model must be causal for transformers; got a two-sided one.")
    config = HyenascopeConfig(asdict(model.config), name_of_model=model.name)
    with torch.random.fork_rng(devices=[]):  # its first weights are for nothing
        made = HyenascopeForCausalLM(config)
    made.hyena.to(next(model.parameters()).dtype)
    made.hyena.load_state_dict(model.state_dict())
    return made.train(model.training)


def save_for_transformers(model: HyenaLM, folder: StrPath) -> None:
    """Write a folder that transformers opens, tokenizer included.

    ``AutoModelForCausalLM.from_pretrained(folder)`` needs this module imported before;
    nothing in the folder is code.

    Raises
    ------
    ValueError
        If the model is two-sided.
    """
    to_transformers(model).save_pretrained(str(folder))
    transformers_tokenizer(model.config.l_max).save_pretrained(str(folder))


def transformers_tokenizer(longest: int | None = None) -> PreTrainedTokenizerFast:
    """Return the tokenizer: a token per base, none added, padding on the right.

    Lower case is read as upper case; what is not A, C, G, T or N is ``[UNK]``.

    Parameters
    ----------
    longest
        Most tokens of the model, at which ``truncation=True`` cuts.

    Examples
    --------
    >>> transformers_tokenizer()("acGTN")["input_ids"]
    [7, 8, 9, 10, 11]
    >>> transformers_tokenizer().decode([7, 8, 9, 10])
    'ACGT'
    """
    words = {word: i for i, word in enumerate(VOCABULARY)}
    core = Tokenizer(WordLevel(words, unk_token=VOCABULARY[UNK_TOKEN]))
    core.normalizer = normalizers.Sequence(
        [normalizers.Replace(letter.lower(), letter) for letter in "ACGTN"]
    )
    core.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    core.decoder = decoders.Fuse()  # no blanks between bases
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        bos_token=VOCABULARY[BOS_TOKEN],
        eos_token=VOCABULARY[SEP_TOKEN],
        sep_token=VOCABULARY[SEP_TOKEN],
        cls_token=VOCABULARY[CLS_TOKEN],
        pad_token=VOCABULARY[PAD_TOKEN],
        mask_token=VOCABULARY[MASK_TOKEN],
        unk_token=VOCABULARY[UNK_TOKEN],
        padding_side="right",
        model_input_names=["input_ids", "attention_mask"],
        **({} if longest is None else {"model_max_length": longest}),
    )


def _shared(module: nn.Module) -> dict[str, str]:
    """Return the names of parameters that are another one, and of that one.

    The head is the table of tokens, and a filter's sines have one frequency.
    """
    names: dict[int, str] = {}
    shared = {}
    for name, parameter in module.named_parameters(remove_duplicate=False):
        first = names.setdefault(id(parameter), name)
        if first != name:
            shared[name] = first
    return shared


def _check_padding(mask: Tensor, tokens: Tensor) -> None:
    if mask.shape != tokens.shape:
        raise ValueError(
            f"attention_mask must have the shape of input_ids, {tuple(tokens.shape)}; "
            f"got {tuple(mask.shape)}."
        )
    real = mask.bool()
    if bool((real[:, 1:] & ~real[:, :-1]).any()):
        raise ValueError(
            "attention_mask must have padding on the right alone: a causal model sees "
            "what is left of a token; got padding before a token."
        )


def _loss(
    logits: Float[Tensor, "batch length vocab"],
    labels: Int[Tensor, "batch length"],
    count: Tensor | int | None,
) -> Float[Tensor, ""]:
    total = nn.functional.cross_entropy(
        logits[:, :-1].flatten(0, 1).float(),
        labels[:, 1:].flatten(),
        ignore_index=_NO_LABEL,
        reduction="mean" if count is None else "sum",
    )
    return total if count is None else total / count


AutoConfig.register(HyenascopeConfig.model_type, HyenascopeConfig, exist_ok=True)
AutoModelForCausalLM.register(HyenascopeConfig, HyenascopeForCausalLM, exist_ok=True)
