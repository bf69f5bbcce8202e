"""Heads against the published ones, and pooling against its definition."""

from pathlib import Path

import numpy as np
import pytest
import torch

from hyenascope.models.checkpoint import load_pretrained
from hyenascope.models.heads import SequenceClassifier, SequenceDecoder
from hyenascope.models.hyena import HyenaConfig, HyenaLM

GOLDEN = Path(__file__).parent / "golden"
TINY = GOLDEN / "checkpoints" / "tiny" / "weights.safetensors"
MODES = ("mean", "last", "first", "max", "sum")
TYPES = {"f32": torch.float32, "f64": torch.float64}


def arrays(name):
    with np.load(GOLDEN / "heads" / name) as stored:
        return {key: torch.from_numpy(stored[key]) for key in stored.files}


DECODERS = arrays("sequence_decoder.npz")
OUTPUTS = [key for key in DECODERS if key.startswith(("f32", "f64"))]


def close(found, expected):
    """Within 1e-12 in float64, within the rounding of a sum of 19 in float32."""
    tolerance = 1e-12 if expected.dtype == torch.float64 else 2e-6
    torch.testing.assert_close(found, expected, rtol=0, atol=tolerance)


def decoder(d_output, dtype, **options):
    head = SequenceDecoder(8, 3 if d_output == "3" else None, **options)
    if d_output == "3":
        head.output_transform.weight.data = DECODERS["W"].clone()
        head.output_transform.bias.data = DECODERS["b"].clone()
    return head.to(dtype)


@pytest.mark.parametrize("key", OUTPUTS)
def test_decoders_are_those_published(key):
    words = key.split(".")
    dtype, mode, d_output = TYPES[words[0]], words[1], words[-1].split("_")[-1]
    if mode in ("nd_pool", "token"):  # two simpler heads, special cases of this one
        options = {"mode": "pool", "l_output": 0 if mode == "nd_pool" else None}
        options["mode"] = "pool" if mode == "nd_pool" else "last"
    else:
        stated = [word.split("_")[-1] for word in words if word.startswith("l_output")]
        l_output = None if stated in ([], ["None"]) else int(stated[0])
        options = {"mode": mode, "l_output": l_output}
    given = {}
    if "use_lengths" in words:
        given["lengths"] = DECODERS["lengths"]
    if mode == "ragged":
        given["lengths"] = torch.tensor([5, 7, 1, 6])
    if words[2].startswith("mask"):
        given["mask"] = DECODERS[words[2]]
    x = DECODERS["x"].to(dtype)
    if "batch1" in words:
        x, given["mask"] = x[1:2], given["mask"][1:2]
    head = decoder(d_output, dtype, published=True, **options)
    close(head(x, **given), DECODERS[key])


@pytest.mark.parametrize("mode", ["pool", "sum", "last", "first"])
@pytest.mark.parametrize("l_output", [0, 1, 3])
def test_padding_has_no_influence_on_either_side(mode, l_output):
    x = DECODERS["x"].double()
    head = SequenceDecoder(8, l_output=l_output, mode=mode)
    for length in (5, 19):
        alone = head(x[:, :length])
        junk = torch.full((4, 6, 8), torch.nan, dtype=torch.float64)
        real = torch.ones(4, length, dtype=torch.bool)
        none = torch.zeros(4, 6, dtype=torch.bool)
        left = head(
            torch.cat([junk, x[:, :length]], 1), mask=torch.cat([none, real], 1)
        )
        right = torch.cat([x[:, :length], junk], 1)
        close(left, alone)
        close(head(right, mask=torch.cat([real, none], 1)), alone)
        close(head(right, lengths=torch.full((4,), length)), alone)


def test_published_mask_with_left_padding_averages_the_padding():
    x, mask = DECODERS["x"], DECODERS["mask_left_padding"]
    published = SequenceDecoder(8, published=True)(x, mask=mask)
    correct = SequenceDecoder(8)(x, mask=mask)
    row = 1  # 12 pads, 7 real tokens
    close(published[row], x[row, :7].mean(0))
    close(correct[row], x[row, 12:].mean(0))


def test_what_a_decoder_cannot_do_is_refused():
    x, mask = torch.zeros(1, 3, 8), torch.tensor([[True, True, False]])
    with pytest.raises(ValueError, match="at least 3 real tokens; got 2 in row 0"):
        SequenceDecoder(8, l_output=3)(x, mask=mask)
    with pytest.raises(ValueError, match="mask must be None when lengths are given"):
        SequenceDecoder(8)(x, mask=mask, lengths=torch.tensor([2]))
    with pytest.raises(ValueError, match="lengths must be given with mode='ragged'"):
        SequenceDecoder(8, mode="ragged")(x)
    with pytest.raises(ValueError, match="l_output must be None or at least 0; got -1"):
        SequenceDecoder(8, l_output=-1)


@pytest.mark.parametrize("precision", TYPES)
def test_classifier_and_its_gradients_are_those_published(precision):
    golden, dtype = arrays("classifier_tiny.npz"), TYPES[precision]
    classifier = SequenceClassifier(load_pretrained(TINY), 4, published=True)
    classifier.head.weight.data = golden["head.output_transform.weight"].clone()
    classifier.head.bias.data = golden["head.output_transform.bias"].clone()
    classifier.to(dtype)
    embedded = []
    lookup = classifier.model.backbone.embeddings.word_embeddings
    handle = lookup.register_forward_hook(lambda *call: embedded.append(call[-1]))
    logits = classifier(golden["ids"])
    handle.remove()
    loss = torch.nn.functional.cross_entropy(logits, golden["labels"])
    gradients = torch.autograd.grad(
        loss, [embedded[0], classifier.head.weight, classifier.head.bias]
    )
    names = ("input_embeddings", "head_weight", "head_bias")
    found = {"logits": logits, "loss": loss} | {
        f"grad_{name}": gradient
        for name, gradient in zip(names, gradients, strict=True)
    }
    for name, value in found.items():
        expected = golden[f"{precision}.{name}"]
        error = (value - expected).abs().max() / expected.abs().max()
        assert error <= (1e-10 if precision == "f64" else 1e-5), name


def test_hugging_face_classifier_takes_the_token_before_the_padding():
    golden = arrays("hf_sequence_classification_tiny.npz")
    classifier = SequenceClassifier(
        load_pretrained(TINY), 3, pool="last", bias=False, published=True
    )
    classifier.head.weight.data = golden["score_weight"]
    picked = golden["f32.hidden"][torch.arange(5), golden["pooled_position"]]
    with torch.no_grad():
        hidden = classifier.model.hidden(golden["ids"])
        logits = classifier(golden["ids"])
    for found, expected in (
        (hidden, golden["f32.hidden"]),
        (logits, picked @ golden["score_weight"].T),
        (logits, golden["f32.logits"]),
    ):
        torch.testing.assert_close(found, expected, rtol=0, atol=2e-5)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_classifier_gives_a_sequence_alone_and_padded_the_same(mode, bidirectional):
    config = HyenaConfig(
        d_model=8, n_layer=2, d_inner=16, l_max=34, bidirectional=bidirectional
    )
    classifier = SequenceClassifier(HyenaLM(config), 3, pool=mode).double().eval()
    alone = torch.tensor([[7, 8, 9, 10, 10]])
    padded = torch.tensor([[7, 8, 9, 10, 10, 4, 4], [9, 9, 9, 8, 7, 7, 10]])
    with torch.no_grad():
        close(classifier(padded)[:1], classifier(alone))


def test_own_mask_goes_before_the_padding_token():
    config = HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34)
    classifier = SequenceClassifier(HyenaLM(config), 3, pool="last").eval()
    tokens = torch.tensor([[7, 8, 1]])
    with torch.no_grad():
        without_end = classifier(tokens, mask=tokens != 1)
        close(without_end, classifier(tokens[:, :2]))
        assert not torch.allclose(without_end, classifier(tokens))
