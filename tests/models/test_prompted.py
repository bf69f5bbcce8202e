"""A prompt of embeddings, against the text that they embed."""

import numpy as np
import pytest
import torch

from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.label_tokens import LabelTokenModel
from hyenascope.models.prompted import PromptedModel, dna_prompt
from hyenascope.models.sequence_input import SequenceInput
from hyenascope.models.sequence_task import SequenceTask
from hyenascope.sequence.dna import reverse_complement
from hyenascope.sequence.tokenizer import PAD_TOKEN, SEP_TOKEN, tokenize

BINARY = SequenceTask("binary", ("no", "yes"))
THREE = SequenceTask("multiclass", ("x", "y", "z"))
WORDS, TEXTS = "ACCGTN", ["ACGTTGCA", "GG", "TTTTNACGTACC"]


def backbone(**numbers):
    config = HyenaConfig(d_model=8, n_layer=2, d_inner=16, l_max=34, **numbers)
    generator = torch.Generator().manual_seed(0)
    return HyenaLM(config, generator=generator).double().eval()


def prompted(task=BINARY, *, language=None, **options):
    language = language or backbone()
    return PromptedModel(language, task, dna_prompt(language, WORDS), **options).eval()


def plain(task, text, separator=True, place="before"):
    """Logits of the model without a prompt, on the prompt's text and a sequence."""
    words, end = tokenize(WORDS), np.array([SEP_TOKEN] if separator else [], np.int64)
    row = np.concatenate([tokenize(text), end])
    row = np.concatenate([words, row] if place == "before" else [row, words])
    return LabelTokenModel(backbone(), task)(torch.from_numpy(row)[None])[0]


@pytest.mark.parametrize("separator", [True, False])
@pytest.mark.parametrize("task", [BINARY, THREE], ids=["binary", "three"])
@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.parametrize("grad", [True, False])
def test_embedded_dna_does_what_the_text_does(task, separator, place, grad):
    model = prompted(task, separator=separator, place=place)
    longest = max(map(len, TEXTS))
    tokens = torch.full((len(TEXTS), longest), PAD_TOKEN)
    for row, text in enumerate(TEXTS):
        tokens[row, : len(text)] = torch.from_numpy(tokenize(text))
    with torch.set_grad_enabled(grad):
        found = model(tokens)
        expected = torch.stack([plain(task, text, separator, place) for text in TEXTS])
    torch.testing.assert_close(found, expected, atol=1e-12, rtol=0)


def test_the_sequence_is_turned_and_the_prompt_is_not():
    model = prompted(THREE, reading=SequenceInput(12), place="before")
    both = [plain(THREE, t) for t in (TEXTS[0], reverse_complement(TEXTS[0]))]
    expected = ((both[0] + both[1]) / 2).softmax(0)
    found = model.predict(TEXTS[0]).loc["0"]
    np.testing.assert_allclose(found, expected.detach(), atol=1e-6)


@pytest.mark.parametrize(
    ("answer", "learning"),
    [
        ("letters", {"prompt"}),
        ("linear", {"prompt", "readout.linear.weight", "readout.linear.bias"}),
    ],
)
def test_gradients_reach_nothing_else(answer, learning):
    model = prompted(answer=answer, dropout=0.0).train()
    model(torch.tensor([[7, 8, 9], [10, 10, 7]])).sum().backward()
    reached = {n for n, p in model.named_parameters() if p.grad is not None}
    assert reached == learning
    assert float(model.prompt.grad.abs().amin(dim=1).min()) > 0  # each token's row


@pytest.mark.parametrize("place", ["before", "after"])
def test_the_gradient_of_the_prompt_is_right(place):
    model = prompted(THREE, place=place)
    tokens = torch.tensor([[7, 8, 9], [10, PAD_TOKEN, PAD_TOKEN]])
    start = model.prompt.detach().clone()

    def logits(prompt):
        return torch.func.functional_call(model, {"prompt": prompt}, (tokens,))

    assert torch.autograd.gradcheck(logits, (start.requires_grad_(),))


def test_dropout_is_the_prompts_alone():
    language = backbone(embed_dropout=0.5)
    tokens = torch.tensor([[7, 8, 9]])
    calm = prompted(language=language, dropout=0.0)
    torch.testing.assert_close(calm.train()(tokens), calm.eval()(tokens))
    wild = prompted(language=language, dropout=0.5)
    assert not torch.allclose(wild.train()(tokens), wild.eval()(tokens))
    assert not language.training


@pytest.mark.parametrize("place", ["before", "after"])
def test_a_linear_readout_takes_any_task_and_two_sided_models(place):
    task, language = (
        SequenceTask("regression", ("strength", "noise")),
        backbone(bidirectional=True),
    )
    model = prompted(task, answer="linear", language=language, place=place)
    together = model.predict(TEXTS).to_numpy()
    for number, text in enumerate(TEXTS):
        alone = model.predict(text).to_numpy()[0]
        np.testing.assert_allclose(together[number], alone, atol=1e-12)


def test_the_context_holds_prompt_sequence_and_separator():
    assert prompted().reading.longest == 34 - len(WORDS) - 1
    assert prompted(separator=False).reading.longest == 34 - len(WORDS)
    model = prompted()
    model(torch.full((1, 27), 7))
    with pytest.raises(ValueError, match=r"tokens must fit the 27 .* got 28"):
        model(torch.full((1, 28), 7))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"reading": SequenceInput(28)}, "reading.longest must be at most 27.*got 28"),
        ({"answer": "linear", "letters": "AT"}, "letters must be None .* got 'AT'"),
        ({"letters": "A"}, "letters must be 2 different ones"),
        ({"language": backbone(bidirectional=True)}, "must be causal"),
    ],
)
def test_refusals(options, message):
    with pytest.raises(ValueError, match=message):
        prompted(**options)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((0, 8), "prompt must have at least 1 token .* got 0"),
        ((33, 8), "leave room for a base in the context of 34 tokens; got 33"),
        ((2, 7), "prompt must have the model's width, 8; got 7"),
    ],
)
def test_a_prompt_that_does_not_fit_is_refused(shape, message):
    with pytest.raises(ValueError, match=message):
        PromptedModel(backbone(), BINARY, torch.zeros(shape))
