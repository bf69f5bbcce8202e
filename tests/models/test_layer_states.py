"""One pass over several layers gives what a pass per layer gives."""

from dataclasses import replace

import pytest
import torch

from hyenascope.models import layer_states
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.layer_states import pooled_layers
from hyenascope.models.pooling import pool

CONFIG = HyenaConfig(d_model=16, n_layer=3, d_inner=32, l_max=66)


def _model(**changes) -> HyenaLM:
    seeded = torch.Generator().manual_seed(0)
    return HyenaLM(replace(CONFIG, **changes), generator=seeded).eval()


def _batch() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    tokens = torch.randint(7, 11, (5, 40), generator=generator)
    mask = torch.arange(40) < torch.tensor([40, 1, 17, 33, 40])[:, None]
    return tokens.masked_fill(~mask, 4), mask


@pytest.mark.parametrize("mode", ["mean", "max", "last"])
@pytest.mark.parametrize("layers", [(-1,), (0,), (3, -1), (2, 0), (-1, 1, 0, 3, 2)])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_layers_are_those_of_a_pass_each(layers, mode, bidirectional):
    model, (tokens, mask) = _model(bidirectional=bidirectional), _batch()
    found = pooled_layers(model, tokens, mask=mask, layers=layers, mode=mode)
    with torch.no_grad():
        each = [
            pool(model.hidden(tokens, mask=mask, layer=i), mode, mask) for i in layers
        ]
    torch.testing.assert_close(found, torch.stack(each, dim=1), rtol=0, atol=0)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_precisions_are_those_of_a_pass_each(dtype):
    model, (tokens, mask) = _model().to(dtype), _batch()
    found = pooled_layers(model, tokens, mask=mask, layers=(1, 3, -1))
    with torch.no_grad():
        each = [
            pool(model.hidden(tokens, mask=mask, layer=i).float(), "mean", mask)
            for i in (1, 3, -1)
        ]
    torch.testing.assert_close(found, torch.stack(each, dim=1), rtol=0, atol=0)


def test_a_batch_cut_to_the_cache_gives_the_same(monkeypatch):
    model, (tokens, mask) = _model(), _batch()
    whole = pooled_layers(model, tokens, mask=mask, layers=(1, -1))
    one = [slice(i, i + 1) for i in range(5)]
    monkeypatch.setattr(layer_states, "cache_pieces", lambda *_: one)
    pieces = pooled_layers(model, tokens, mask=mask, layers=(1, -1))
    torch.testing.assert_close(pieces, whole, rtol=0, atol=1e-5)


@pytest.mark.parametrize("mode", ["mean", "max", "last"])
def test_tokens_that_are_not_pooled_are_read(mode):
    model, (tokens, mask) = _model(bidirectional=True), _batch()
    pooled = torch.arange(40) % 3 == 0
    pooled = pooled.expand(5, -1)  # the first of each row is one of them
    found = pooled_layers(
        model, tokens, mask=mask, layers=(0, 2), mode=mode, pooled=pooled
    )
    with torch.no_grad():
        each = [
            pool(model.hidden(tokens, mask=mask, layer=i), mode, mask & pooled)
            for i in (0, 2)
        ]
    torch.testing.assert_close(found, torch.stack(each, dim=1), rtol=0, atol=0)


def test_blocks_above_the_highest_layer_are_not_run():
    model, (tokens, mask) = _model(), _batch()
    ran = []
    for number, block in enumerate(model.backbone.layers):
        block.register_forward_hook(lambda *_, number=number: ran.append(number))
    pooled_layers(model, tokens, mask=mask, layers=(0, 2))
    assert ran == [0, 1]


@pytest.mark.parametrize("layers", [(), (-2,), (4,), (1, 1)])
def test_unknown_layers_are_refused(layers):
    tokens, mask = _batch()
    with pytest.raises(ValueError, match=r"layers must be different ones of .* 0 … 3"):
        pooled_layers(_model(), tokens, mask=mask, layers=layers)
