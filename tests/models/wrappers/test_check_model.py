"""The kit finds what it is for: each broken promise by a model that breaks it."""

import numpy as np
import pytest
import torch
from torch import nn

from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.wrappers import (
    FunctionModel,
    HyenaModel,
    OneHotModel,
    check_model,
)
from hyenascope.models.wrappers.protocol import NoAnswerError
from tests.wrapped_models import PlainHyena, Stranded, small_hyena


def hyena():
    config = HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34)
    return HyenaLM(config, generator=torch.Generator().manual_seed(0))


def failed(model, **options):
    report = check_model(model, **options)
    return [check.name for check in report.checks if check.holds is False]


def test_ours_keeps_its_word():
    report = check_model(hyena())
    assert report.ok, report
    assert "holds" in str(report)
    assert "<table" in report._repr_html_()
    assert list(report.table.columns) == ["", "found"]


class Ahead(PlainHyena):
    """Says that it is causal, and looks at what follows."""

    def _log_probs(self, texts, places, device):
        turned = super()._log_probs([text[::-1] for text in texts], places, device)
        return [table[::-1].copy() for table in turned]


class Unnormalised(PlainHyena):
    def _log_probs(self, texts, places, device):
        found = super()._log_probs(texts, places, device)
        return [table + 0.1 for table in found]


class Crowded(PlainHyena):
    """Others in the batch matter, as with batch normalisation that was left on."""

    def _embed(self, texts, device):
        return [states * len(texts) for states in super()._embed(texts, device)]


def test_a_model_that_looks_ahead():
    assert failed(Ahead(hyena())) == ["log_probs: what is seen"]


def test_rows_that_do_not_sum_to_one():
    assert failed(Unnormalised(hyena())) == ["log_probs: shape and sum"]


def test_company_that_matters():
    assert failed(Crowded(hyena())) == ["embed: alone and in a batch"]


def test_chance():
    rng = np.random.default_rng(0)
    model = FunctionModel(lambda texts: rng.random(len(texts)), context_length=20)
    assert "predict: the same twice" in failed(model)


def test_a_masked_model_that_sees_the_answer():
    model = PlainHyena(hyena())
    model.causal = False
    # Two-sided by word, but a row of a causal model does not see its own base.
    assert failed(model) == []

    class Peeks(PlainHyena):
        def _log_probs(self, texts, places, device):
            found = super()._log_probs(texts, places, device)
            return [np.roll(table, -1, axis=0) for table in found]

    peeking = Peeks(hyena())
    peeking.causal = False
    assert "log_probs: what is seen" in failed(peeking)


def test_padding_that_is_seen():
    class Padded(PlainHyena):
        def _log_probs(self, texts, places, device):
            longest = max(map(len, texts))
            full = [text.rjust(longest, "A") for text in texts]
            tables = super()._log_probs(full, [(0, longest)] * len(full), device)
            return [
                table[longest - len(t) :]
                for table, t in zip(tables, texts, strict=True)
            ]

    assert failed(Padded(small_hyena())) == ["log_probs: alone and in a batch"]


def test_nan_of_our_own_network_is_no_answer():
    hyena = small_hyena()
    with torch.no_grad():
        hyena.backbone.ln_f.weight.fill_(torch.nan)
    for ask in (HyenaModel(hyena).log_probs, HyenaModel(hyena).logits):
        with pytest.raises(NoAnswerError, match="must be finite; got"):
            ask("ACGTACGT")


def test_places_are_one_for_each():
    model = HyenaModel(small_hyena())
    with pytest.raises(ValueError, match="places must be one for each of 2 seq"):
        model.log_probs(["ACGT", "ACGT"], places=[(0, 1)])
    tables = model.log_probs(["ACGT", "ACGTA"], places=[(1, 3), (2, 5)])
    assert [np.isfinite(table[:, 0]).tolist() for table in tables] == [
        [False, True, True, False],
        [False, False, True, True, True],
    ]


def test_a_length_must_be_one():
    with pytest.raises(ValueError, match="length must be at least 1; got 0"):
        check_model(small_hyena(), length=0)


@pytest.mark.parametrize(("pairs", "gap"), [(None, False), ((1, 0), True)])
def test_strands_are_compared_output_by_output(pairs, gap):
    model = OneHotModel(
        Stranded(), context_length=16, outputs=2, bin_size=4, other_strand=pairs
    )
    (line,) = [
        line
        for line in str(check_model(model)).splitlines()
        if line.startswith("predict: reverse complement")
    ]
    assert ("differ by 0.0e+00" in line) == gap


def test_gradients_of_something_else():
    class Noisy(nn.Module):
        def forward(self, rows):
            shift = rows.sum() if torch.is_inference_mode_enabled() else 0.0
            return rows.sum(dim=2) + shift

    model = OneHotModel(Noisy(), context_length=16, outputs=4)
    assert "gradients: of what is predicted" in failed(model)


def test_an_error_of_the_model_is_a_property_that_fails():
    class Broken(nn.Module):
        def forward(self, rows):
            raise RuntimeError("out of cheese")

    report = check_model(OneHotModel(Broken(), context_length=16))
    assert not report.ok
    assert "RuntimeError: out of cheese" in str(report)


def test_what_is_no_model(unchecked):
    with pytest.raises(TypeError, match="model must be a HyenaLM; got 'tiny'"):
        check_model("tiny")
