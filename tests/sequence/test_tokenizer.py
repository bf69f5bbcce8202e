"""The published tokenizer's own answers, and the scoring path by hand."""

import json
from pathlib import Path

import numpy as np
import pytest

from hyenascope.sequence.dna import IUPAC, reverse_complement
from hyenascope.sequence.tokenizer import (
    BASE_TOKENS,
    BOS_TOKEN,
    CLS_TOKEN,
    MASK_TOKEN,
    N_TOKEN,
    PAD_TOKEN,
    SEP_TOKEN,
    UNK_TOKEN,
    VOCABULARY,
    Tokenizer,
    complement_tokens,
    detokenize,
    reverse_complement_tokens,
    tokenize,
)

GOLDEN = json.loads(
    (Path(__file__).parent / "golden" / "tokenizer_cases.json").read_text("utf-8")
)
VARIANTS = {"standalone": "cls_sep", "training": "sep"}


def published(case, padding_side="left"):
    """The tokenizer and call arguments that a golden case was made with."""
    kwargs = case["kwargs"]
    special = VARIANTS[case["variant"]] if kwargs["add_special_tokens"] else "none"
    padding = {True: "longest", "do_not_pad": "none"}.get(
        kwargs.get("padding", "do_not_pad"), kwargs.get("padding")
    )
    tokenizer = Tokenizer(
        special, GOLDEN["get_config"]["model_max_length"], padding_side
    )
    truncate = kwargs.get("truncation", False)
    arguments = {"padding": padding, "truncate": truncate}
    return tokenizer, arguments | {"max_length": kwargs.get("max_length")}


def assert_encoding(encoding, expected):
    assert encoding.input_ids.tolist() == expected["input_ids"]
    assert encoding.attention_mask.tolist() == expected["attention_mask"]
    assert encoding.token_type_ids.tolist() == expected["token_type_ids"]


def test_vocabulary_and_special_ids():
    assert dict(zip(VOCABULARY, range(12), strict=True)) == GOLDEN["vocab"]
    assert GOLDEN["special_ids"] == {
        "bos_token_id": BOS_TOKEN,
        "eos_token_id": SEP_TOKEN,
        "sep_token_id": SEP_TOKEN,
        "cls_token_id": CLS_TOKEN,
        "pad_token_id": PAD_TOKEN,
        "mask_token_id": MASK_TOKEN,
        "unk_token_id": UNK_TOKEN,
    }
    assert [VOCABULARY[i] for i in (*BASE_TOKENS, N_TOKEN)] == list("ACGTN")


@pytest.mark.parametrize("case", GOLDEN["encode"], ids=lambda case: ascii(case["text"]))
def test_encode(case):
    text = "".join(map(chr, case["codepoints"]))
    assert_encoding(Tokenizer()(text), case["no_special_tokens"])
    for variant, special in VARIANTS.items():
        tokenizer = Tokenizer(special)
        assert_encoding(tokenizer(text), case[variant])
        assert tokenizer.encode(text).tolist() == case[f"{variant}_default_call"]
        mask = tokenizer.special_tokens_mask(text).tolist()
        assert mask == case[variant]["special_tokens_mask"]


@pytest.mark.parametrize("case", GOLDEN["encode"], ids=lambda case: ascii(case["text"]))
def test_decode_what_was_encoded(case):
    ids = case["no_special_tokens"]["input_ids"]
    decode = Tokenizer().decode
    assert decode(ids, skip_special=True) == case["decode_skip_special_True"]
    assert decode(ids, skip_special=False) == case["decode_skip_special_False"]


@pytest.mark.parametrize("case", GOLDEN["decode"], ids=["skip", "keep"])
def test_decode_every_id(case):
    skip = case["skip_special_tokens"]
    assert Tokenizer().decode(case["ids"], skip_special=skip) == case["text"]
    assert Tokenizer().decode(np.array(case["ids"]), skip_special=skip) == case["text"]


def test_decode_beyond_the_vocabulary():
    assert GOLDEN["decode_id_12"] == "raises KeyError"
    with pytest.raises(KeyError, match="ids must be 0 to 11; got 12"):
        Tokenizer().decode([7, 12])


def test_padding_and_truncation():
    for case in GOLDEN["padding_truncation"]:
        tokenizer, arguments = published(case)
        assert_encoding(tokenizer(case["text"], **arguments), case["out"])


@pytest.mark.parametrize("side", ["left", "right"])
def test_batches(side):
    for case in GOLDEN["batch" if side == "left" else "padding_side_right"]:
        tokenizer, arguments = published(case, side)
        assert_encoding(tokenizer.batch(case["texts"], **arguments), case["out"])


@pytest.mark.parametrize("case", GOLDEN["pair"])
def test_pairs(case):
    special = VARIANTS[case["variant"]] if case["add_special_tokens"] else "none"
    assert_encoding(Tokenizer(special).encode_pair(*case["texts"]), case["out"])


@pytest.mark.parametrize("case", GOLDEN["training_item"])
def test_training_items(case):
    data, target = Tokenizer("sep" if case["add_eos"] else "none").training_item(
        case["text"],
        max_length=case["max_length"],
        replace_n=case["replace_N_token"],
    )
    assert data.tolist() == case["data"]
    assert target.tolist() == case["target"]


def test_batch_refuses_what_is_not_a_rectangle():
    with pytest.raises(ValueError, match=r"one length .* got lengths \[1, 2\]"):
        Tokenizer().batch(["A", "AC"], padding="none")
    with pytest.raises(ValueError, match="texts must hold at least one text"):
        Tokenizer().batch([])
    with pytest.raises(ValueError, match="max_length must be given"):
        Tokenizer().batch(["A"], truncate=True)


def test_tokenize_reads_either_case_and_every_iupac_code():
    expected = [*BASE_TOKENS, *[N_TOKEN] * 11]
    assert tokenize(IUPAC).tolist() == expected
    assert tokenize(IUPAC.lower()).tolist() == expected
    assert tokenize("").shape == (0,)


def test_tokenize_equals_the_published_tokenizer_on_upper_case():
    seq = "ACGTNNTGCA"
    np.testing.assert_array_equal(tokenize(seq), Tokenizer().encode(seq))


@pytest.mark.parametrize(
    ("seq", "message"),
    [
        ("AC-1", "got '-' at index 2"),
        ("ACGTU", "got 'U' .* at index 4"),
        ("A?", r"got '\?' at index 1"),
        ("ACÅ-", "got 'Å' at index 2"),
        ("AC\n", r"got '\\n' at index 2"),
    ],
)
def test_tokenize_names_the_first_character_it_refuses(seq, message):
    with pytest.raises(ValueError, match=message):
        tokenize(seq)


def test_detokenize_undoes_tokenize():
    assert detokenize(tokenize("acgtNRACC")) == "ACGTNNACC"
    with pytest.raises(ValueError, match=r"7 to 11 .* got 4 at index 1"):
        detokenize(np.array([7, 4]))


def test_token_complements_agree_with_text():
    seq = "AACGTTTNGC"
    tokens = reverse_complement_tokens(tokenize(seq))
    assert detokenize(tokens) == reverse_complement(seq)
    assert tokens.flags.c_contiguous


def test_token_complements_keep_special_tokens_and_rows():
    batch = np.array([[7, 8, 9, 10, 11], [10, 10, 1, 4, 4]])
    assert complement_tokens(batch).tolist() == [[10, 9, 8, 7, 11], [7, 7, 1, 4, 4]]
    assert reverse_complement_tokens(batch)[1].tolist() == [4, 4, 1, 7, 7]


@pytest.mark.parametrize("token", [-1, 12])
def test_token_complements_refuse_other_ids(token):
    with pytest.raises(ValueError, match=f"tokens must be 0 to 11; got {token}"):
        complement_tokens(np.array([7, token]))


def test_the_published_example():
    """HazyResearch/hyena-dna issue 77: bases, then [SEP]."""
    expected = [7, 9, 8, 10, 7, 8, 7, 10, 10, 9, 9, 8, 8, 1]
    assert Tokenizer("sep").encode("AGCTACATTGGCC").tolist() == expected
