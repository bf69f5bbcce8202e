"""Logits from the cache against full passes."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hyenascope.models.checkpoint import load_pretrained
from hyenascope.models.decoding import Decoder, cache_bytes
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.online_conv import TILE
from tests.toy_models import first_order

DTYPES = [torch.float64, torch.float32, torch.bfloat16]
ROUNDING = {torch.float32: 1e-6, torch.bfloat16: 1e-2}


def random_model(
    seed: int = 0, dtype: torch.dtype = torch.float64, **changes: object
) -> HyenaLM:
    """A small model whose filters and weights are far from their start."""
    numbers = {"d_model": 12, "n_layer": 2, "d_inner": 24, "l_max": 300, **changes}
    generator = torch.Generator().manual_seed(seed)
    model = HyenaLM(HyenaConfig(**numbers), generator=generator)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(2.5)
    return model.to(dtype).eval()


def random_row(length: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(7, 12, length)


def fed(decoder: Decoder, rows: torch.Tensor) -> torch.Tensor:
    """Logits before the first of the tokens and after each: "batch tokens+1 vocab"."""
    steps = [decoder.logits] + [decoder.feed(column) for column in rows.unbind(-1)]
    return torch.stack(steps, dim=1)


@torch.inference_mode()
def check_every_step(
    model: HyenaLM, row: np.ndarray, prompt: int, dtype: torch.dtype
) -> None:
    """Steps of a float64 model are the full pass; of others, as near as a full pass."""
    tokens = torch.from_numpy(row)[None]
    true = model(tokens)
    model.to(dtype)
    full = model(tokens)
    steps = fed(
        Decoder(model, [row[:prompt]], room=len(row) - prompt), tokens[:, prompt:]
    )
    if prompt == 0:
        assert not steps[:, 0].any()
        steps = steps[:, 1:]
    part = slice(max(0, prompt - 1), None)
    scale = true.abs().max()
    ours = float(((steps - true[:, part]) / scale).abs().max())
    if dtype == torch.float64:
        assert ours < 1e-10
        return
    theirs = float(((full - true) / scale)[:, part].abs().max())
    assert ours < 2 * theirs + ROUNDING[dtype]


@settings(deadline=None, max_examples=15)
@given(
    order=st.integers(2, 4),
    n_layer=st.integers(1, 3),
    short_filter_order=st.integers(1, 4),
    filter_skip=st.booleans(),
    layout=st.sampled_from(["order_first", "channel_first"]),
    normalized=st.booleans(),
    prompt=st.sampled_from([0, 1, 2, 3, TILE, 50]),
    room=st.sampled_from([0, 1, TILE - 1, TILE, TILE + 1, 2 * TILE + 7, 4 * TILE + 1]),
    dtype=st.sampled_from(DTYPES),
    seed=st.integers(0, 9),
)
def test_every_step_is_the_full_pass(
    order, n_layer, short_filter_order, filter_skip, layout, normalized, prompt, room,
    dtype, seed,
):  # fmt: skip
    model = random_model(
        seed,
        order=order,
        n_layer=n_layer,
        short_filter_order=short_filter_order,
        filter_skip=filter_skip,
        filter_layout=layout,
        normalized=normalized,
    )
    row = random_row(max(1, prompt + room), seed)
    check_every_step(model, row, prompt, dtype)


@pytest.mark.parametrize(
    ("prompt", "dtype"),
    [(1, torch.float32), (700, torch.float64), (1026, torch.float32)],
)
def test_the_bundled_model_over_its_whole_context(prompt, dtype):
    model = load_pretrained("demo-synthetic").double().eval()
    check_every_step(model, random_row(model.config.l_max), prompt, dtype)


def test_prompts_of_any_length_run_side_by_side():
    model = random_model()
    rows = [random_row(length, length) for length in (5, 0, 70, 1)]
    new = torch.from_numpy(np.stack([random_row(40, seed) for seed in range(4)]))
    steps = fed(Decoder(model, rows, room=40), new)
    for row, tokens, together in zip(rows, new, steps, strict=True):
        alone = fed(Decoder(model, [row], room=40), tokens[None])[0]
        torch.testing.assert_close(together, alone, atol=1e-12, rtol=0)


def test_rows_that_are_taken_grow_apart_as_full_passes_do():
    model = random_model(order=3)
    prompts, first = [random_row(9, 1), random_row(9, 2)], random_row(TILE + 2)
    decoder = Decoder(model, prompts, room=2 * TILE)
    fed(decoder, torch.from_numpy(np.stack([first, first])))
    decoder.take(torch.tensor([1, 1, 0]))
    new = torch.from_numpy(np.stack([random_row(20, seed) for seed in range(3)]))
    steps = fed(decoder, new)
    kept = torch.from_numpy(np.stack([[*prompts[i], *first] for i in (1, 1, 0)]))
    with torch.inference_mode():
        full = model(torch.cat([kept, new], dim=1))
    torch.testing.assert_close(steps, full[:, -21:], atol=1e-10, rtol=0)


def test_cache_bytes_is_what_is_kept():
    model = random_model(dtype=torch.float32, order=3)
    decoder = Decoder(model, [random_row(5), random_row(6)], room=70)
    kept = [
        column
        for layer in decoder._layers
        for column in [*layer.short._left, *(conv.columns for conv in layer.longs)]
    ]
    assert sum(x.nbytes for x in kept) == 2 * cache_bytes(model, 70)


def test_the_model_has_no_gradients_from_it_and_needs_no_context():
    decoder = Decoder(random_model(), [random_row(5)], room=1)
    assert not decoder.feed(torch.tensor([7])).requires_grad


@pytest.mark.parametrize(
    ("prompts", "room", "message"),
    [
        ([], 1, r"prompts must hold at least one row; got none"),
        ([random_row(3)], 298, r"room must .* 300 tokens .*; got 298, 301 in all"),
        ([random_row(3)], -1, r"room must be 0 or more .*; got -1"),
    ],
)
def test_what_does_not_fit_is_refused(prompts, room, message):
    with pytest.raises(ValueError, match=message):
        Decoder(random_model(), prompts, room=room)


def test_a_token_without_room_is_refused():
    decoder = Decoder(random_model(), [random_row(3)], room=0)
    with pytest.raises(ValueError, match=r"u must be one of 0 columns"):
        decoder.feed(torch.tensor([7]))


def test_models_that_cannot_run_token_by_token_are_refused():
    for model, reason in [
        (random_model(bidirectional=True), "a two-sided model"),
        (first_order(), "a FirstOrderLM with a forward pass of its own"),
    ]:
        with pytest.raises(ValueError, match=f"model must be causal .*got {reason}"):
            Decoder(model, [random_row(3)], room=1)
