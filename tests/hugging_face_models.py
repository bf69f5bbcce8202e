"""Small language models and tokenizers of transformers, made here of random weights.

One of each kind of tokenizer that DNA models come with: letters (HyenaDNA, Evo,
Caduceus, GPN), k-mers side by side (Nucleotide Transformer), k-mers that overlap
(DNABERT) and byte pairs (DNABERT-2).
"""

from itertools import product

import numpy as np
import pytest
import torch

transformers = pytest.importorskip("transformers")
tokenizers = pytest.importorskip("tokenizers")

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def kmers(k):
    return ["".join(letters) for letters in product("ACGT", repeat=k)]


def _fast(tokenizer, *, ends):
    if ends:
        tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
            single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
        )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )


def kmer_tokenizer(k, *, letters=True, ends=True):
    """K-mers side by side; what is left over is read letter by letter."""
    words = [*SPECIAL, *kmers(k), *(kmers(1) if letters and k > 1 else []), "N"]
    model = tokenizers.models.WordLevel(
        {word: i for i, word in enumerate(words)}, unk_token="[UNK]"
    )
    tokenizer = tokenizers.Tokenizer(model)
    pattern = tokenizers.Regex(f"[ACGT]{{{k}}}|.")
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Split(pattern, "isolated")
    return _fast(tokenizer, ends=ends)


def overlapping_tokenizer(k):
    """K-mers with blanks between, as one writes them."""
    words = [*SPECIAL, *kmers(k)]
    model = tokenizers.models.WordLevel(
        {word: i for i, word in enumerate(words)}, unk_token="[UNK]"
    )
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    return _fast(tokenizer, ends=True)


def spaced(k):
    return lambda text: " ".join(text[i : i + k] for i in range(len(text) - k + 1))


def doubled_tokenizer():
    """Letters whose token at the start of a text is another one."""
    words = [*SPECIAL, *"ACGT", "N", *(f"▁{base}" for base in "ACGT")]
    core = tokenizers.Tokenizer(
        tokenizers.models.WordLevel(
            {word: i for i, word in enumerate(words)}, unk_token="[UNK]"
        )
    )
    core.pre_tokenizer = tokenizers.pre_tokenizers.Sequence(
        [
            tokenizers.pre_tokenizers.Metaspace(prepend_scheme="first", split=False),
            tokenizers.pre_tokenizers.Split(tokenizers.Regex("▁?."), "isolated"),
        ]
    )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=core, unk_token="[UNK]", mask_token="[MASK]"
    )


def bpe_tokenizer():
    """Byte pairs, learnt from DNA with a repeated word."""
    rng = np.random.default_rng(0)
    texts = [
        "TATAAA".join("".join(rng.choice(list("ACGT"), 20)) for _ in range(20))
        for _ in range(20)
    ]
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE(unk_token="[UNK]"))
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=60,
        special_tokens=list(SPECIAL),
        initial_alphabet=list("ACGTN"),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return _fast(tokenizer, ends=True)


def bert(tokenizer, seed=0):
    """A masked model with opinions: its weights are not small."""
    torch.manual_seed(seed)
    config = transformers.BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
        initializer_range=0.5,
    )
    return transformers.BertForMaskedLM(config).eval()


def gpt(tokenizer, seed=0):
    """A causal model of the same kind."""
    torch.manual_seed(seed)
    config = transformers.GPT2Config(
        vocab_size=len(tokenizer),
        n_embd=16,
        n_layer=2,
        n_head=2,
        n_positions=64,
        initializer_range=0.5,
        bos_token_id=2,
        eos_token_id=3,
    )
    return transformers.GPT2LMHeadModel(config).eval()
