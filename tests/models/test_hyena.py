"""The network's contract: what it sees, what it keeps, what it refuses."""

import copy
import pickle
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional

from hyenascope.models import forward_plan, hyena_filter
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.hyena_filter import HyenaFilter
from hyenascope.ops import cache_pieces
from hyenascope.ops.reference import (
    direct_conv,
    direct_short_conv,
    direct_two_sided_conv,
)
from tests.benchmarks.published import published_hidden

SMALL = HyenaConfig(d_model=16, n_layer=2, d_inner=24, l_max=130)
TWO_SIDED = replace(SMALL, bidirectional=True)


def build(config=SMALL, *, seed=0, loud=True):
    """A seeded model in eval mode; ``loud`` makes filters and mixers matter."""
    generator = torch.Generator().manual_seed(seed)
    model = HyenaLM(config, generator=generator).eval()
    if loud:  # initial weights of 0.02 would hide most mistakes
        with torch.no_grad():
            for p in model.parameters():
                p.add_(torch.randn(p.shape, generator=generator) * 0.2)
    return model


def draw(batch, length, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(7, 11, (batch, length), generator=generator)


@pytest.fixture
def filter_fn():
    return build().backbone.layers[0].mixer.filter_fn


@pytest.mark.parametrize(
    ("d_model", "n_layer", "count"),
    [(128, 2, 436_096), (256, 2, 1_641_088), (256, 4, 3_277_568), (256, 8, 6_550_528)],
)
def test_parameter_counts_of_the_published_models(d_model, n_layer, count):
    config = HyenaConfig(
        d_model=d_model, n_layer=n_layer, d_inner=4 * d_model, l_max=34
    )
    assert HyenaLM(config).num_parameters() == count


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"d_model": 0}, r"d_model must be at least 1; got 0\."),
        ({"order": 1}, r"order must be at least 2; got 1\."),
        ({"num_inner_mlps": -1}, r"num_inner_mlps must be at least 0; got -1\."),
        ({"emb_dim": 1}, r"emb_dim must be at least 3; got 1\."),
        ({"emb_dim": 4}, r"emb_dim must be odd; got 4\."),
    ],
)
def test_config_refuses(change, message):
    with pytest.raises(ValueError, match=message):
        HyenaConfig(**change)


def test_too_long_or_empty_input_is_refused():
    model = build()
    with pytest.raises(ValueError, match=r"fit the context of 130 tokens; got 131\."):
        model(draw(1, 131))
    with pytest.raises(ValueError, match=r"at least one token per row; got 0\."):
        model(draw(1, 0))
    with pytest.raises(ValueError, match=r"layer must be -1 .* or 0 … 2; got 3\."):
        model.hidden(draw(1, 4), layer=3)


def test_layers_run_from_embedding_to_last_stream():
    model, tokens = build(), draw(2, 20)
    table = model.backbone.embeddings.word_embeddings
    assert torch.equal(model.hidden(tokens, layer=0), table(tokens))
    last = model.backbone.ln_f(model.hidden(tokens, layer=2))
    assert torch.equal(last, model.hidden(tokens))


def test_prefix_does_not_depend_on_what_follows():
    model, tokens = build(), draw(3, 130)
    whole = model(tokens)
    for length in (1, 2, 3, 64, 129):
        torch.testing.assert_close(
            model(tokens[:, :length]), whole[:, :length], rtol=0, atol=1e-4
        )


def test_right_padding_is_invisible_and_left_padding_is_not():
    model, tokens = build(), draw(2, 60)
    alone = model(tokens)
    padding = torch.full((2, 40), 4)
    right = model(torch.cat([tokens, padding], dim=1))[:, :60]
    left = model(torch.cat([padding, tokens], dim=1))[:, 40:]
    torch.testing.assert_close(right, alone, rtol=0, atol=1e-4)
    assert (left - alone).abs().max() > 0.1  # no mask in a causal model


@pytest.mark.parametrize(
    ("batch", "length"),
    [(1, 1), (1, 2), (5, 3), (0, 7), (7, 20), (2, 129), (3, 130)],
)
@pytest.mark.parametrize("config", [SMALL, TWO_SIDED, replace(SMALL, order=3)])
def test_pieces_change_nothing(monkeypatch, config, batch, length):
    """No gradients, pieces of a few rows: the numbers of the plain pass."""
    model, tokens = build(config), draw(batch, length)
    mask = torch.rand(batch, length, generator=torch.manual_seed(0)) < 0.8
    plain = model.hidden(tokens, mask=mask)
    monkeypatch.setattr(cache_pieces, "_CACHE_BYTES", 2000)
    with torch.no_grad():
        cut = model.hidden(tokens, mask=mask)
    assert plain.requires_grad
    assert not cut.requires_grad
    torch.testing.assert_close(cut, plain.detach(), rtol=1e-4, atol=1e-4)


OWN = {"_GatedConv", "_Mlp", "_ProjectIn", "_ProjectOut"}


def own_functions(y):
    """Names of the functions with a gradient of their own that ``y`` came through."""
    found, seen, ahead = set(), set(), [y.grad_fn]
    while ahead:
        node = ahead.pop()
        if node is not None and node not in seen:
            seen.add(node)
            found.add(node.name().removesuffix("Backward"))
            ahead += [each for each, _ in node.next_functions]
    return found & OWN


@pytest.mark.parametrize(
    "config",
    [SMALL, TWO_SIDED, replace(SMALL, order=3), replace(SMALL, filter_skip=False)],
    ids=["causal", "two-sided", "order-3", "no-skip"],
)
def test_a_step_of_training_has_the_gradients_of_torch(monkeypatch, config):
    """Functions with a gradient of their own, in pieces, beside plain operations."""
    monkeypatch.setattr(cache_pieces, "_CACHE_BYTES", 2000)
    model = build(replace(config, embed_dropout=0.0)).double()
    tokens = draw(3, 20)
    mask = torch.arange(20) < torch.tensor([20, 13, 1])[:, None]
    found = []
    for training in (False, True):
        model.train(training).zero_grad()
        logits = model(tokens, mask=mask)
        assert own_functions(logits) == (OWN if training else set())
        logits.square().mean().backward()
        of = {name: p.grad for name, p in model.named_parameters()}
        found.append((logits.detach(), of))
    torch.testing.assert_close(found[1], found[0], rtol=1e-9, atol=1e-12)


def test_a_step_of_training_on_no_sequences_changes_nothing():
    model = build().train()
    model(draw(0, 9)).sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert not parameter.grad.any()


PARTS = ["mixer.in_proj", "mixer.gates.0", "mixer.out_proj"]
PARTS += ["mlp.fc1", "mlp.act", "mlp.fc2"]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("where", PARTS)
def test_a_hook_inside_a_block_is_called(where, training):
    model, seen = build().train(training), []
    part = model.backbone.layers[0].get_submodule(where)
    handle = part.register_forward_hook(lambda *_: seen.append(where))
    model(draw(1, 9))
    handle.remove()
    model(draw(1, 9))
    assert seen == [where]


def test_a_hook_on_every_module_is_called_in_training_too():
    model, seen = build().train(), []
    register = torch.nn.modules.module.register_module_forward_hook
    handle = register(lambda module, *_: seen.append(module))
    try:
        logits = model(draw(1, 9))
    finally:
        handle.remove()
    block = model.backbone.layers[0]
    assert not own_functions(logits)
    assert all(block.get_submodule(where) in seen for where in PARTS)


class Twice(torch.nn.Module):
    """Two times what a part gives."""

    def __init__(self, part):
        super().__init__()
        self.part = part

    def forward(self, *given):
        return 2 * self.part(*given)


@pytest.mark.parametrize("way", ["module", "method"])
@pytest.mark.parametrize("where", PARTS)
def test_a_layer_put_in_place_of_ours_is_called(where, way):
    model = build(replace(SMALL, embed_dropout=0.0))
    block, tokens = model.backbone.layers[0], draw(1, 9)
    before = model.eval()(tokens)
    part = block.get_submodule(where)
    if way == "method":
        forward = part.forward
        part.forward = lambda *given: 2 * forward(*given)
    else:
        parent, name = where.rsplit(".", 1)
        setattr(block.get_submodule(parent), name, Twice(part))
    after = model(tokens)
    torch.testing.assert_close(model.train()(tokens), after)
    with torch.no_grad():
        torch.testing.assert_close(model.eval()(tokens), after)
    assert (after - before).abs().max() > 0.1


def test_a_mixer_of_another_class_keeps_its_ways():
    model = build(replace(SMALL, embed_dropout=0.0))
    mixer = model.backbone.layers[0].mixer

    class Deaf(type(mixer)):
        def convolve(self, u, *_):
            return torch.zeros_like(u)

    mixer.__class__ = Deaf
    tokens = draw(1, 9)
    torch.testing.assert_close(model.train()(tokens), model.eval()(tokens))


def test_long_convolutions_can_be_watched_in_training_too():
    mixer, seen = build().backbone.layers[0].mixer.train(), []
    projected = mixer.project_in(torch.ones(1, 9, 16))
    mixer.operate(projected, watch=lambda index, *_: seen.append(index))
    assert seen == [0]


@pytest.mark.parametrize("way", ["autocast", "bfloat16"])
def test_a_step_in_half_precision_is_followed_by_torch(way):
    model, tokens = build(replace(SMALL, embed_dropout=0.0)).train(), draw(2, 20)
    model(tokens).square().mean().backward()
    exact = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    if way == "bfloat16":
        model = model.bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=way == "autocast"):
        logits = model(tokens)
    assert not own_functions(logits)
    logits.float().square().mean().backward()
    for parameter, grad in zip(model.parameters(), exact, strict=True):
        assert (parameter.grad - grad).norm() < 0.2 * grad.norm()


def test_one_row_gives_the_same_alone_and_in_a_batch():
    model, tokens = build(), draw(9, 100)
    with torch.inference_mode():
        together = model(tokens)
        for row in range(9):
            alone = model(tokens[row : row + 1])[0]
            torch.testing.assert_close(together[row], alone, rtol=0, atol=1e-4)


def test_block_leaves_its_input_alone():
    model = build()
    stream = torch.randn(2, 30, 16, generator=torch.manual_seed(0))
    before = stream.clone()
    with torch.no_grad():
        model.backbone(stream)
    assert torch.equal(stream, before)


@pytest.fixture(autouse=True)
def fresh_plans():
    forward_plan.forward_plan.cache_clear()
    yield
    forward_plan.forward_plan.cache_clear()


def crowd(monkeypatch):
    """Make every input a long one."""
    forward_plan.forward_plan.cache_clear()
    monkeypatch.setattr(forward_plan, "_PROJECTED_BYTES", 0)
    monkeypatch.setattr(forward_plan, "_LEAST_CHANNELS", 1)


@pytest.mark.parametrize("watching", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_a_batch_in_turns_is_the_batch(monkeypatch, dtype, watching):
    model, tokens = build(SMALL).eval().to(dtype), draw(5, 20)
    if watching:  # then nothing is made in the place of the result
        model.backbone.layers[0].register_forward_hook(lambda *_: None)
    with torch.no_grad():
        together = [model.hidden(tokens, layer=layer) for layer in (-1, 0, 1)]
        crowd(monkeypatch)
        monkeypatch.setattr(forward_plan, "_KEPT_BYTES", 0)
        assert model.plan(20, 5).rows == 1
        in_turns = [model.hidden(tokens, layer=layer) for layer in (-1, 0, 1)]
    within = {"rtol": 1e-5, "atol": 1e-5} if dtype != torch.bfloat16 else {}
    torch.testing.assert_close(in_turns, together, **within)


@pytest.mark.parametrize("place", ["backbone.ln_f", "backbone.layers.1.norm1"])
def test_what_a_hook_keeps_of_a_turn_is_not_written_over(place, monkeypatch):
    model, tokens, held = build(SMALL).eval(), draw(3, 20), []
    crowd(monkeypatch)
    monkeypatch.setattr(forward_plan, "_KEPT_BYTES", 0)

    def keep(_, given, made):
        held.extend((x, x.clone()) for x in (given[0], made))

    model.get_submodule(place).register_forward_hook(keep)
    with torch.no_grad():
        model.hidden(tokens)
    assert len(held) >= 6
    assert all(torch.equal(kept, copy) for kept, copy in held)


HELD = [
    "backbone",
    "backbone.embeddings.word_embeddings",
    "backbone.dropout",
    "backbone.ln_f",
    *(
        f"backbone.layers.{i}{part}"
        for i in range(2)
        for part in ("", ".norm1", ".norm2", ".dropout", ".mlp", ".mlp.fc2")
    ),
    *(f"backbone.layers.{i}.mixer.{x}_proj" for i in range(2) for x in ("in", "out")),
]


@pytest.mark.parametrize(("pieces", "length"), [(False, 60), (True, 60), (False, 1)])
@pytest.mark.parametrize("where", HELD)
@torch.no_grad()
def test_what_a_hook_keeps_is_not_written_over(where, pieces, length, monkeypatch):
    if pieces:
        monkeypatch.setattr(cache_pieces, "_CACHE_BYTES", 5_000)
        crowd(monkeypatch)
    model, tokens, kept = build(replace(SMALL, n_layer=3)), draw(1, length), []
    expected = model(tokens)

    def keep(layer, given, made):
        kept.extend((x, x.clone()) for x in (*given, made) if torch.is_tensor(x))

    model.get_submodule(where).register_forward_hook(keep)
    torch.testing.assert_close(model(tokens), expected)
    assert kept
    assert all(torch.equal(now, then) for now, then in kept)


class Recorder(torch.nn.LayerNorm):
    """Keeps what it norms, and a copy."""

    def forward(self, x):
        self.kept = [*getattr(self, "kept", []), (x, x.clone())]
        return super().forward(x)


@pytest.mark.parametrize("where", ["layers.1.norm1", "layers.1.norm2", "ln_f"])
@torch.no_grad()
def test_what_a_layer_of_another_class_keeps_is_not_written_over(where, monkeypatch):
    monkeypatch.setattr(cache_pieces, "_CACHE_BYTES", 2_000)
    model = build(replace(SMALL, n_layer=3))
    norm = model.backbone.get_submodule(where)
    norm.__class__ = Recorder
    model(draw(1, 60))
    assert norm.kept
    assert all(torch.equal(now, then) for now, then in norm.kept)


@pytest.mark.parametrize("kept_bytes", [0, 2**30])
@torch.no_grad()
def test_a_filter_of_another_class_is_asked_for_its_taps(kept_bytes, monkeypatch):
    monkeypatch.setattr(HyenaFilter, "kept_bytes", kept_bytes)

    class Half(HyenaFilter):
        def forward(self, length):
            return 0.5 * super().forward(length)

    filter_fn = build().backbone.layers[0].mixer.filter_fn
    whole = filter_fn.spectra(50)[0][:]
    filter_fn.__class__ = Half
    filter_fn._spectra.clear()
    torch.testing.assert_close(filter_fn.spectra(50)[0][:], 0.5 * whole)


@torch.no_grad()
def test_hidden_states_of_two_passes_are_apart():
    model, tokens = build(), draw(2, 60)
    first = model.hidden(tokens[:1])
    before = first.clone()
    model.hidden(tokens[1:])
    assert torch.equal(first, before)
    weight = model.backbone.embeddings.word_embeddings.weight
    assert torch.equal(model.hidden(tokens, layer=0), weight[tokens])


@pytest.mark.parametrize("change", [{}, {"order": 3}, {"bidirectional": True}], ids=str)
@torch.no_grad()
def test_long_input_in_groups_of_channels_gives_the_same(change, monkeypatch):
    model, tokens = build(replace(SMALL, **change)).double(), draw(2, 60)
    mask = torch.ones(2, 60, dtype=torch.bool)
    mask[1, 50:] = False
    expected = model(tokens, mask=mask)
    crowd(monkeypatch)
    monkeypatch.setattr(cache_pieces, "_CACHE_BYTES", 5_000)
    monkeypatch.setattr(HyenaFilter, "kept_bytes", 0)
    torch.testing.assert_close(model(tokens, mask=mask), expected)


@torch.no_grad()
def test_whoever_watches_a_long_input_sees_every_channel_once(monkeypatch):
    block, stream = build().backbone.layers[0], torch.randn(1, 60, 16)

    def watched():
        inputs, outputs = torch.zeros(2, 1, 16, 60)

        def watch(index, channels, u, y):
            inputs[:, channels] += u
            outputs[:, channels] += y

        block(stream, None, watch)
        return inputs, outputs

    whole = watched()
    crowd(monkeypatch)
    monkeypatch.setattr(cache_pieces, "_CACHE_BYTES", 2_000)
    torch.testing.assert_close(watched(), whole)


@pytest.mark.parametrize("where", ["mixer.in_proj", "mixer.gates.0", "norm1"])
@torch.no_grad()
def test_hooks_of_a_long_input_are_called(where, monkeypatch):
    model, tokens = build(), draw(1, 60)
    layer = model.backbone.layers[0].get_submodule(where)
    layer.register_forward_hook(lambda layer, given, made: 2 * made)
    expected = model(tokens)
    crowd(monkeypatch)
    torch.testing.assert_close(model(tokens), expected)


@pytest.fixture
def kernels(monkeypatch):
    """How often the fused kernel has been asked."""
    pytest.importorskip("triton", reason="needs Triton: pip install triton")
    from hyenascope.ops import _triton_fft_conv as home

    calls, fused = [], home.fused_conv

    def counted(v, *rest):
        calls.append(tuple(v.shape))
        return fused(v, *rest)

    monkeypatch.setattr(home, "fused_conv", counted)
    return calls


@pytest.mark.parametrize("training", [False, True])
def test_the_kernel_runs_where_it_is_asked_for(kernels, training):
    model = build(replace(SMALL, embed_dropout=0.0)).train(training)
    tokens = draw(3, 60)
    weights = list(model.parameters())

    def run():
        logits = model(tokens)
        return logits, *torch.autograd.grad(logits.square().mean(), weights)

    expected = run()
    assert not kernels
    model.backend = "triton"
    torch.testing.assert_close(run(), expected, rtol=1e-4, atol=1e-5)
    assert kernels == [(3, 16, 60)] * 2
    model.backend = "auto"
    run()
    assert len(kernels) == 2


def test_the_kernel_without_triton_is_refused_at_once(monkeypatch):
    monkeypatch.setitem(sys.modules, "triton", None)
    monkeypatch.delitem(sys.modules, "hyenascope.ops._triton_fft_conv", raising=False)
    model = build()
    with pytest.raises(ImportError, match=r"needs Triton: pip install triton"):
        model.backend = "triton"
    assert model.backend == "auto"


@torch.no_grad()
def test_the_kernel_keeps_its_filters(kernels):
    model, tokens = build(), draw(1, 60)
    model.backend = "triton"
    first = model(tokens)
    filter_fn = model.backbone.layers[0].mixer.filter_fn
    (k,) = filter_fn.kept_taps(60)
    assert filter_fn.kept_taps(60)[0] is k
    filter_fn.implicit_filter[0].weight.mul_(2)
    assert (model(tokens) - first).abs().max() > 1e-3


@pytest.mark.parametrize(
    "change",
    [{"order": 3}, {"bidirectional": True}, "hook", "watch", "double", "long"],
    ids=str,
)
@torch.no_grad()
def test_pytorch_runs_where_the_kernel_cannot(kernels, change, monkeypatch):
    config = replace(SMALL, **change) if isinstance(change, dict) else SMALL
    model, tokens, seen = build(config), draw(2, 60), []
    if change == "double":
        model = model.double()
    if change == "long":
        monkeypatch.setattr("hyenascope.ops._triton_fft_conv.LONGEST", 59)
    expected = model(tokens)
    model.backend = "triton"
    blocks = model.backbone.layers
    if change == "hook":
        for block in blocks:
            block.mixer.gates[0].register_forward_hook(lambda *_: seen.append(0))
    if change == "watch":
        stream = torch.randn(1, 60, 16)
        for block in blocks:
            block(stream, None, lambda index, *_: seen.append(index))
    else:
        assert torch.equal(model(tokens), expected)
    assert not kernels
    assert len(seen) == (2 if change in ("hook", "watch") else 0)


def test_equals_the_published_forward():
    model, tokens = build(HyenaConfig(l_max=515), loud=False), draw(2, 513)
    with torch.no_grad():
        ours, published = model.hidden(tokens), published_hidden(model, tokens)
    torch.testing.assert_close(ours, published, rtol=0, atol=2e-5)


def test_mixer_by_definition():
    """``out_proj(x0 * (k ∗ (v * x1) + D v x1))`` with direct convolutions."""
    mixer = build().double().backbone.layers[0].mixer
    x = torch.randn(2, 20, 16, dtype=torch.float64, generator=torch.manual_seed(0))
    taps, bias = mixer.short_filter.weight[:, 0], mixer.short_filter.bias
    smooth = direct_short_conv(mixer.in_proj(x).mT, taps, bias)
    x0, x1, v = smooth.chunk(3, dim=1)
    filter_fn = mixer.filter_fn
    y = x0 * direct_conv(v * x1, filter_fn(20).T, bias=filter_fn.bias)
    torch.testing.assert_close(mixer(x), mixer.out_proj(y.mT))


def test_two_sided_mixer_by_definition():
    mixer = build(TWO_SIDED).double().backbone.layers[0].mixer
    x = torch.randn(2, 20, 16, dtype=torch.float64, generator=torch.manual_seed(0))
    taps, bias = mixer.short_filter.weight[:, 0], mixer.short_filter.bias
    smooth = direct_short_conv(mixer.in_proj(x).mT, taps, bias, lookahead=1)
    x0, x1, v = smooth.chunk(3, dim=1)
    ahead, behind = mixer.filter_fn(20).T.chunk(2)
    skip = mixer.filter_fn.bias
    y = x0 * direct_two_sided_conv(v * x1, ahead, behind, bias=skip)
    torch.testing.assert_close(mixer(x), mixer.out_proj(y.mT))


def reach(model, length, position):
    """Largest gradient of the output at ``position`` per input position."""
    table = model.backbone.embeddings.word_embeddings
    embedded = table(draw(1, length)).detach().requires_grad_()
    model.backbone(embedded)[0, position].square().sum().backward()
    return embedded.grad[0].abs().amax(dim=-1)


def test_causal_model_sees_itself_and_the_left():
    seen = reach(build().double(), 40, 17)
    assert (seen[:18] > 1e-8).all()
    assert (seen[18:] < 1e-12).all()


@pytest.mark.parametrize("position", [0, 17, 39])
def test_two_sided_model_sees_its_neighbours_and_everything(position):
    seen = reach(build(TWO_SIDED).double(), 40, position)
    assert (seen > 1e-8).all()


def test_both_sides_decay_at_the_same_rates():
    deltas = build(TWO_SIDED).backbone.layers[0].mixer.filter_fn.modulation.deltas
    ahead, behind = deltas.chunk(2, dim=-1)
    assert torch.equal(ahead, behind)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("grad", [True, False], ids=["grad", "no-grad"])
def test_mask_makes_padding_invisible_to_a_two_sided_model(side, grad):
    model, tokens = build(TWO_SIDED), draw(2, 50)
    real = torch.ones(2, 50, dtype=torch.bool)
    parts = [(tokens, real), (torch.full((2, 30), 4), torch.zeros(2, 30).bool())]
    parts = parts[::-1] if side == "left" else parts
    padded, mask = (torch.cat(part, dim=1) for part in zip(*parts, strict=True))
    with torch.set_grad_enabled(grad):
        alone = model(tokens)
        found = model(padded, mask=mask)[mask].view_as(alone)
        blind = model(padded)[mask].view_as(alone)
    torch.testing.assert_close(found, alone, rtol=0, atol=2e-4)
    assert (blind - alone).abs().max() > 0.01


def test_bf16_autocast_keeps_the_filter_in_float32():
    model = build(loud=False)
    tokens = draw(2, 100)
    filter_fn = model.backbone.layers[0].mixer.filter_fn
    with torch.no_grad():
        exact, taps = model.hidden(tokens), filter_fn(100)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            rough = model.hidden(tokens).float()
            assert filter_fn(100).dtype == torch.float32
            assert torch.equal(filter_fn(100), taps)
    assert 0 < (rough - exact).norm() / exact.norm() < 2e-2


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_casting_the_model_keeps_filter_and_stream_wide(dtype):
    model, exact = build(loud=False).to(dtype), build(loud=False)
    filter_fn = model.backbone.layers[0].mixer.filter_fn
    assert {x.dtype for x in filter_fn.state_dict().values()} == {torch.float32}
    assert model.backbone.layers[0].mixer.in_proj.weight.dtype == dtype
    tokens = draw(2, 100)
    with torch.no_grad():
        assert model.hidden(tokens, layer=1).dtype == torch.float32
        error = model.hidden(tokens).float() - exact.hidden(tokens)
    assert error.norm() / exact.hidden(tokens).norm() < 2e-2


@pytest.mark.parametrize("mixer", [False, True])
@pytest.mark.parametrize("mlp", [False, True])
def test_checkpointing_changes_neither_keys_nor_gradients(mixer, mlp):
    plain, tokens = build(), draw(2, 30)
    config = replace(SMALL, checkpoint_mixer=mixer, checkpoint_mlp=mlp)
    other = HyenaLM(config)
    other.load_state_dict(plain.state_dict())
    assert list(other.state_dict()) == list(plain.state_dict())
    for model in (plain, other):
        model.train()
        model.backbone.dropout.p = 0.0
        functional.cross_entropy(model(tokens).mT, tokens).backward()
    for a, b in zip(plain.parameters(), other.parameters(), strict=True):
        assert torch.equal(a.grad, b.grad)


def test_generator_decides_the_weights():
    one, again, other = build(), build(), build(seed=1)
    pairs = zip(one.parameters(), again.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    assert not torch.equal(one.lm_head.weight, other.lm_head.weight)


def test_initial_weights_have_the_published_spread():
    config = HyenaConfig(d_model=64, n_layer=8, d_inner=256, l_max=34)
    block = build(config, loud=False).backbone.layers[3]
    close = {"rel": 0.1}
    assert block.mixer.in_proj.weight.std().item() == pytest.approx(0.02, **close)
    for scaled in (block.mixer.out_proj, block.mlp.fc2):  # 0.02 / √(2 · 8)
        assert scaled.weight.std().item() == pytest.approx(0.005, **close)
        assert scaled.bias.abs().max().item() == 0
    assert block.mixer.filter_fn.bias.std().item() == pytest.approx(1, rel=0.3)
    assert block.mixer.short_filter.weight.abs().max().item() < 3**-0.5
    assert block.norm1.weight.eq(1).all()


def test_head_is_the_embedding():
    model = build()
    table = model.backbone.embeddings.word_embeddings.weight
    assert model.lm_head.weight is table
    tokens = draw(1, 5)
    torch.testing.assert_close(model(tokens), model.hidden(tokens) @ table.T)


class TestSpectra:
    """Filter spectra are kept between calls, and only while they are right."""

    def test_kept_in_eval_mode_without_gradients(self, filter_fn):
        with torch.no_grad():
            first = filter_fn.spectra(50)
            assert filter_fn.spectra(50) is first
            assert filter_fn.spectra(51) is not first
            assert filter_fn.spectra(50) is first

    def test_made_anew_with_gradients_or_in_training(self, filter_fn):
        assert filter_fn.spectra(50)[0].requires_grad
        filter_fn.train()
        with torch.no_grad():
            assert filter_fn.spectra(50) is not filter_fn.spectra(50)

    @pytest.mark.parametrize(
        "change",
        [
            lambda f: f.implicit_filter[0].weight.mul_(2),
            lambda f: f.load_state_dict(
                {k: v + 0.1 for k, v in f.state_dict().items()}
            ),
            lambda f: f.pos_emb.z.mul_(0.5),
            lambda f: f.modulation.deltas.mul_(0.5),
            lambda f: setattr(f.modulation, "shift", 0.0),
            lambda f: setattr(
                f.implicit_filter[1], "freq", torch.nn.Parameter(torch.ones(1, 64))
            ),
            lambda f: f.double(),
        ],
        ids=["in place", "loaded", "clock", "decay", "shift", "replaced", "cast"],
    )
    @torch.no_grad()
    def test_forgotten_when_the_filter_changes(self, filter_fn, change):
        before = filter_fn.spectra(50)[0]
        change(filter_fn)
        after = filter_fn.spectra(50)[0]
        assert not torch.equal(before, after)
        expected = torch.fft.rfft(filter_fn(50).T, n=(after.shape[1] - 1) * 2)
        torch.testing.assert_close(after, expected)

    def test_never_kept_beyond_their_share_of_memory(self, filter_fn, monkeypatch):
        with torch.no_grad():
            size = filter_fn.config.n_layer * filter_fn.spectra(50)[0].nbytes
            filter_fn._spectra.clear()
            monkeypatch.setattr(HyenaFilter, "kept_bytes", 2 * size)
            oldest, newer = filter_fn.spectra(49), filter_fn.spectra(50)
            filter_fn.spectra(48)
            assert filter_fn.spectra(50) is newer
            assert filter_fn.spectra(49) is not oldest
            monkeypatch.setattr(HyenaFilter, "kept_bytes", size - 1)
            assert filter_fn.spectra(52) is not filter_fn.spectra(52)
            assert not filter_fn._spectra

    @pytest.mark.parametrize(
        "change",
        [
            {},
            {"normalized": True},
            {"modulate": False},
            {"order": 3},
            {"order": 4, "filter_layout": "channel_first", "normalized": True},
            {"order": 3, "bidirectional": True},
        ],
        ids=str,
    )
    @torch.no_grad()
    def test_too_long_to_keep_are_made_in_blocks(self, change, monkeypatch):
        model = build(replace(SMALL, **change)).double()
        filter_fn = model.backbone.layers[0].mixer.filter_fn
        whole = filter_fn.spectra(50)
        monkeypatch.setattr(HyenaFilter, "kept_bytes", 0)
        monkeypatch.setattr(hyena_filter, "WRITTEN_AT_ONCE", 5)
        blocks = filter_fn.spectra(50)
        assert not filter_fn._spectra
        for made, expected in zip(blocks, whole, strict=True):
            assert not isinstance(made, torch.Tensor)
            for start, stop in ((0, 3), (3, 5), (1, 2), (3, 16), (2, 4), (0, 16)):
                channels = slice(start, stop)
                torch.testing.assert_close(made[channels], expected[channels])

    @pytest.mark.parametrize("where", ["implicit_filter.1", "implicit_filter.6", ""])
    @torch.no_grad()
    def test_made_whole_where_somebody_looks_on(self, filter_fn, where, monkeypatch):
        monkeypatch.setattr(HyenaFilter, "kept_bytes", 0)
        seen = []
        layer = filter_fn.get_submodule(where)
        layer.register_forward_hook(lambda layer, given, made: seen.append(made.shape))
        assert isinstance(filter_fn.spectra(50)[0], torch.Tensor)
        assert seen

    @torch.no_grad()
    def test_made_whole_where_a_layer_is_not_ours(self, filter_fn, monkeypatch):
        monkeypatch.setattr(HyenaFilter, "kept_bytes", 0)
        filter_fn.modulation = Twice(filter_fn.modulation)
        filter_fn.modulation.shift = 0.0
        assert isinstance(filter_fn.spectra(50)[0], torch.Tensor)

    def test_model_made_in_inference_mode_keeps_none(self):
        with torch.inference_mode():
            model = build(loud=False)
            first = model(draw(1, 9))
            model.backbone.layers[0].mixer.filter_fn.implicit_filter[0].weight.mul_(9)
            assert not torch.equal(model(draw(1, 9)), first)


@pytest.mark.parametrize(
    "clone", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))]
)
def test_copies_are_equal_and_independent(clone):
    model, tokens = build(), draw(1, 30)
    with torch.no_grad():
        expected = model(tokens)
        other = clone(model)
        assert not other.backbone.layers[0].mixer.filter_fn._spectra
        assert torch.equal(other(tokens), expected)
        other.backbone.ln_f.bias.add_(1)
        assert torch.equal(model(tokens), expected)


def test_logits_of_a_known_model():
    """With every weight 0 but the final bias, logits are bias · embedding."""
    model = build(loud=False)
    with torch.no_grad():
        for p in model.parameters():
            p.zero_()
        model.backbone.ln_f.bias.fill_(1.0)
        model.lm_head.weight.copy_(torch.arange(16.0)[:, None].expand(16, 16))
        found = model(draw(1, 3)).numpy()
    np.testing.assert_allclose(found, np.broadcast_to(16.0 * np.arange(16), (1, 3, 16)))


def test_a_generator_leaves_the_global_random_state_alone():
    before = torch.random.get_rng_state()
    HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=8), generator=torch.Generator())
    assert torch.equal(before, torch.random.get_rng_state())
