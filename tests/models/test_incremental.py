"""The exact engine against full passes."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.incremental import (
    Mutant,
    ReferencePass,
    bytes_per_place,
    cannot_increment,
    picked,
)
from hyenascope.models.mutant_passes import FullPasses, batches
from hyenascope.models.predict import base_log_probs
from tests.toy_models import first_order

LIMIT = {torch.float32: 1e-5, torch.float64: 1e-10}


def random_model(
    seed: int = 0, dtype: torch.dtype = torch.float32, **changes: object
) -> HyenaLM:
    """A small model whose filters and weights are far from their start."""
    numbers = {"d_model": 12, "n_layer": 2, "d_inner": 24, "l_max": 140, **changes}
    generator = torch.Generator().manual_seed(seed)
    model = HyenaLM(HyenaConfig(**numbers), generator=generator)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(2.5)
    return model.to(dtype).eval()


def full_table(model: HyenaLM, tokens: torch.Tensor) -> torch.Tensor:
    return base_log_probs(model(tokens[None]))[0]


def applied(tokens: torch.Tensor, mutant: Mutant) -> torch.Tensor:
    row = tokens.clone()
    row[mutant.start : mutant.start + len(mutant.tokens)] = torch.from_numpy(
        mutant.tokens
    )
    return row


def worst_error(model: HyenaLM, tokens: torch.Tensor, mutants: list[Mutant]) -> float:
    """Largest difference to full passes over the mutants' windows, of max |log p|."""
    with torch.inference_mode():
        window = max(len(mutant.tokens) for mutant in mutants)
        start = min(mutant.start for mutant in mutants)
        end = max(mutant.start for mutant in mutants) + 1
        reference = ReferencePass(model, tokens, start=start, end=end, window=window)
        tables = reference.log_probs(mutants)
        worst = 0.0
        for table, mutant in zip(tables, mutants, strict=True):
            full = full_table(model, applied(tokens, mutant))
            part = full[mutant.start : mutant.start + len(mutant.tokens)]
            known = ~part.isnan()
            difference = (table[: len(part)] - part)[known].abs()
            if difference.numel():
                scale = full[~full.isnan()].abs().max()
                worst = max(worst, float(difference.max() / scale))
    return worst


@st.composite
def cases(draw: st.DrawFn) -> tuple[dict[str, object], np.ndarray, list[Mutant]]:
    """A model's numbers, a row, and mutants that may start and end anywhere."""
    length = draw(st.sampled_from([1, 2, 3, 5, 16, 17, 33, 70, 129]))
    config: dict[str, object] = {
        "order": draw(st.integers(2, 4)),
        "n_layer": draw(st.integers(1, 3)),
        "short_filter_order": draw(st.integers(1, 4)),
        "filter_skip": draw(st.booleans()),
        "seed": draw(st.integers(0, 3)),
    }
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    row = rng.integers(7, 12, length)
    mutants = []
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.sampled_from([0, length - 1, int(rng.integers(length))]))
        window = draw(st.integers(1, length - start))
        changed = draw(st.sampled_from([0, 1, 2, 5, None]))
        new = row[start : start + window].copy()
        stop = window if changed is None else min(changed, window)
        new[:stop] = rng.integers(7, 12, stop)
        mutants.append(Mutant(start, new, None if changed is None else stop))
    return config, row, mutants


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["f32", "f64"])
@settings(max_examples=60, deadline=None)
@given(case=cases())
def test_incremental_equals_a_full_pass(dtype, case):
    config, row, mutants = case
    model = random_model(dtype=dtype, **config)
    assert worst_error(model, torch.from_numpy(row), mutants) <= LIMIT[dtype]


@pytest.mark.parametrize("order", [2, 3])
@pytest.mark.parametrize("shift", [-7, -1, 1, 6])
def test_an_indel_moves_the_right_edge(order, shift):
    model = random_model(order=order, dtype=torch.float64)
    rng = np.random.default_rng(1)
    long = rng.integers(7, 11, 120)
    row, start = long[:100], 40
    if shift > 0:  # insertion: the window's last bases fall out
        haplotype = np.concatenate(
            [row[:start], rng.integers(7, 11, shift), row[start:]]
        )
    else:  # deletion: bases from beyond the window move in
        haplotype = np.concatenate([row[:start], long[start - shift :]])
    mutant = Mutant(start, haplotype[start:100])
    assert worst_error(model, torch.from_numpy(row), [mutant]) <= 1e-10


def test_a_longer_changed_stretch_uses_the_fft_and_agrees():
    model = random_model(dtype=torch.float64)
    row = np.random.default_rng(2).integers(7, 11, 90)
    new = row[10:80].copy()
    new[:20] = 7
    assert worst_error(model, torch.from_numpy(row), [Mutant(10, new, 20)]) <= 1e-10


def test_identity_edit_changes_nothing():
    model = random_model()
    row = torch.from_numpy(np.random.default_rng(3).integers(7, 11, 64))
    with torch.inference_mode():
        reference = ReferencePass(model, row, start=0, end=64, window=64)
        for changed in (0, 1, None):
            same = Mutant(20, row[20:50].numpy(), changed)
            table = reference.log_probs([same])[0, :30]
            torch.testing.assert_close(
                table, reference.table[20:50], atol=2e-6, rtol=0, equal_nan=True
            )


def test_what_lies_before_the_mutation_does_not_change_at_all():
    model = random_model()
    row = torch.from_numpy(np.random.default_rng(4).integers(7, 11, 64))
    with torch.inference_mode():
        reference = ReferencePass(
            model, row, start=30, end=31, window=34, keep_hidden=True
        )
        new = row[30:].numpy().copy()
        new[0] = 7 + (new[0] - 6) % 4
        rows = reference.hidden_rows([Mutant(30, new, 1)])[0]
        assert torch.equal(rows[:30], reference.final[:30])
        torch.testing.assert_close(
            rows,
            model.hidden(applied(row, Mutant(30, new, 1))[None])[0],
            atol=2e-5,
            rtol=1e-5,
        )


def test_windows_cut_short_by_the_end_of_the_row_are_exact():
    model = random_model(dtype=torch.float64)
    row = np.random.default_rng(5).integers(7, 11, 50)
    mutants = [Mutant(p, np.append([8], row[p + 1 :]), 1) for p in (0, 30, 48, 49)]
    assert worst_error(model, torch.from_numpy(row), mutants) <= 1e-10


def test_a_batch_and_one_at_a_time_give_the_same():
    model = random_model()
    row = torch.from_numpy(np.random.default_rng(6).integers(7, 11, 80))
    mutants = [Mutant(p, np.append([9], row[p + 1 : p + 20].numpy())) for p in range(9)]
    with torch.inference_mode():
        reference = ReferencePass(model, row, start=0, end=60, window=20)
        together = reference.log_probs(mutants)
        for found, mutant in zip(together, mutants, strict=True):
            alone = reference.log_probs([mutant])[0]
            torch.testing.assert_close(found, alone, atol=1e-5, rtol=0, equal_nan=True)


def test_batches_keep_order_and_stay_in_cache():
    model = random_model()
    row = torch.full((130,), 7)
    with torch.inference_mode():
        fast = ReferencePass(model, row, start=0, end=130, window=130)
        slow = FullPasses(model, row, start=0, end=130, window=130)
    mutants = [Mutant(i % 130, np.zeros(1000, np.int64)) for i in range(200)]
    cut = list(batches(fast, mutants))
    assert [m.start for batch in cut for m in batch] == [m.start for m in mutants]
    tokens = max(len(batch) for batch in cut) * 1000
    assert tokens * model.config.widest * 4 <= 4 * 2**20
    wide = [Mutant(0, np.zeros(10**6, np.int64))] * 2
    assert [len(batch) for batch in batches(fast, wide)] == [1, 1]
    short = [Mutant(0, np.zeros(1, np.int64))] * 1000
    rows = 4 * 2**20 // (4 * model.config.widest) // 130  # whole rows, not mutants
    assert len(next(batches(slow, short))) == rows
    assert len(next(batches(fast, short, whole_rows=True))) == rows


def test_kept_memory_is_what_is_announced():
    model = random_model(order=3)
    row = torch.full((130,), 7)
    with torch.inference_mode():
        reference = ReferencePass(model, row, start=0, end=100, window=1)
    kept = reference.table[:100].nbytes + sum(
        tensor.nbytes
        for layer in reference._layers
        for tensor in [layer.left, *layer.inputs, *layer.outputs, *layer.gates]
    )
    assert kept == pytest.approx(100 * bytes_per_place(model), rel=0.05)


def test_picked_leaves_out_what_is_no_base():
    table = torch.full((3, 4), 0.25, dtype=torch.float64).log()
    found = picked(table, torch.tensor([7, 11, 4]))
    assert found[0] == pytest.approx(np.log(0.25))
    assert found[1:].isnan().all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"start": 5, "end": 5}, "start and end must hold places of the 10 tokens"),
        ({"start": -1}, "start and end must hold places"),
        ({"end": 11}, "start and end must hold places of the 10 tokens; got 0 and 11"),
        ({"window": 0}, "window must be at least 1; got 0"),
    ],
)
def test_refusals(changes, message):
    numbers = {"start": 0, "end": 10, "window": 4, **changes}
    with pytest.raises(ValueError, match=message):
        ReferencePass(random_model(), torch.full((10,), 7), **numbers)


def test_left_padding_is_refused():
    row = torch.tensor([4, 4, 7, 8, 9])
    with pytest.raises(ValueError, match=r"padded on the right.* got \[PAD\] on the"):
        ReferencePass(random_model(), row, start=2, end=5, window=2)


def test_mutants_that_do_not_fit_are_refused():
    model = random_model()
    with torch.inference_mode():
        reference = ReferencePass(model, torch.full((10,), 7), start=2, end=6, window=4)
        with pytest.raises(ValueError, match="must start at 2 to 5; got 6"):
            reference.hidden([Mutant(6, np.array([7]))])
        with pytest.raises(ValueError, match="at 2 must have 1 to 4 tokens; got 5"):
            reference.hidden([Mutant(2, np.full(5, 7))])
        end = ReferencePass(model, torch.full((10,), 7), start=8, end=10, window=2)
        with pytest.raises(ValueError, match="at 9 must have 1 to 1 tokens; got 2"):
            end.hidden([Mutant(9, np.full(2, 7))])
        with pytest.raises(ValueError, match="keep_hidden must be True"):
            reference.hidden_rows([Mutant(2, np.array([7]))])


def test_models_that_need_full_passes_are_named():
    assert "two-sided" in cannot_increment(random_model(bidirectional=True))
    assert "FirstOrderLM" in cannot_increment(first_order())
    with pytest.raises(
        ValueError, match="must be causal Hyena blocks; got a two-sided"
    ):
        ReferencePass(
            random_model(bidirectional=True),
            torch.full((9,), 7),
            start=0,
            end=1,
            window=1,
        )


@pytest.mark.gpu
def test_incremental_on_a_gpu():
    model = random_model(dtype=torch.float64).cuda()
    row = np.random.default_rng(7).integers(7, 11, 100)
    mutants = [Mutant(p, np.append([8], row[p + 1 : p + 30]), 1) for p in (0, 40, 99)]
    with torch.inference_mode():
        tokens = torch.from_numpy(row).cuda()
        reference = ReferencePass(model, tokens, start=0, end=100, window=30)
        tables = reference.log_probs(mutants).cpu()
        for table, mutant in zip(tables, mutants, strict=True):
            new = applied(torch.from_numpy(row), mutant)
            part = full_table(model, new.cuda()).cpu()[mutant.start :][:30]
            torch.testing.assert_close(
                table[: len(part)], part, atol=1e-9, rtol=0, equal_nan=True
            )
