"""Plans of a pass: what they choose, and what a pass really takes."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from hyenascope.models import forward_plan as home
from hyenascope.models.forward_plan import (
    Surroundings,
    convolved_at_once,
    fitting_plan,
    forward_plan,
    keeps_spectra,
    kept_spectra,
    memory_bytes,
)
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.hyena_filter import HyenaFilter

TINY = HyenaConfig(l_max=2**20)
LARGE = HyenaConfig(d_model=256, n_layer=8, d_inner=1024, l_max=2**20)

MEASURE = """
import sys

import torch

from hyenascope.models.hyena import HyenaConfig, HyenaLM
from tests.benchmarks.peak_memory import peak_memory as peak


length, limit, dtype = int(sys.argv[1]), sys.argv[2], getattr(torch, sys.argv[3])
model = HyenaLM(HyenaConfig(l_max=2**18)).eval().to(dtype)
model.max_memory = None if limit == "none" else limit
with torch.inference_mode():
    model.hidden(torch.full((1, 100), 7))
    before = peak()
    model.hidden(torch.full((1, length), 7))
print(peak() - before, model.plan(length).peak)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs the peak of a process")
@pytest.mark.parametrize(
    ("limit", "dtype"),
    [
        *(("none", dtype) for dtype in ("float32", "float64", "bfloat16")),
        ("500 MB", "float32"),
        ("1 GB", "float64"),
    ],
)
def test_the_estimate_is_what_a_pass_takes(limit, dtype):
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, "200000", limit, dtype],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "OMP_NUM_THREADS": "1"},  # beside other tests
        capture_output=True,
        text=True,
        check=True,
    )
    taken, planned = map(int, done.stdout.split())
    assert 0.7 * planned < taken < 1.2 * planned + 64e6  # and what malloc keeps


def test_less_memory_means_smaller_pieces():
    plans = [
        forward_plan(LARGE, 1, 1_000_000, Surroundings(limit=limit))
        for limit in (None, 4 * 10**9, 3 * 10**9)
    ]
    assert [plan.fits for plan in plans] == [True] * 3
    groups = [plan.groups for plan in plans]
    assert groups == sorted(groups)
    assert groups[0] < groups[-1]
    assert plans[0].peak > plans[-1].peak


def test_memory_grows_with_length_and_width():
    def peak(config, length):
        return forward_plan(config, 1, length, Surroundings()).peak

    assert peak(TINY, 10_000) < peak(TINY, 20_000) < peak(LARGE, 20_000)


def test_a_batch_is_cut_on_a_cpu_and_to_the_limit_on_a_gpu():
    assert forward_plan(TINY, 64, 1_024, Surroundings()).rows == 13  # 15 would leave 4
    gpu = Surroundings(on_gpu=True)
    whole = forward_plan(TINY, 64, 1_024, gpu)
    assert whole.rows == 64
    part = forward_plan(TINY, 64, 1_024, replace(gpu, limit=whole.peak // 3))
    assert part.fits
    assert 1 <= part.rows < 64


@pytest.mark.parametrize("on_gpu", [False, True])
def test_refuses_what_does_not_fit_and_says_what_would(on_gpu):
    around = Surroundings(limit=10**9, on_gpu=on_gpu)
    around = replace(around, is_set=not on_gpu)
    with pytest.raises(ValueError, match=r"hold about .* GB .* got 1\.0 GB") as caught:
        fitting_plan(LARGE, 1, 1_000_000, around)
    said = str(caught.value)
    assert said.startswith("free GPU memory must" if on_gpu else "max_memory must")
    assert ("device='cpu'" in said) == on_gpu
    longest = int(said.split("at most ")[1].split()[0].replace(",", ""))
    assert forward_plan(LARGE, 1, longest, around).fits
    assert not forward_plan(LARGE, 1, longest + 1, around).fits


def test_a_limit_below_any_row_names_no_length():
    with pytest.raises(ValueError, match=r"got 1\.0 kB\. Take [\d.]+ MB\.$"):
        fitting_plan(LARGE, 1, 1_000, Surroundings(limit=1_000))


@pytest.mark.parametrize(
    ("config", "length", "most", "keeps"),
    [
        (replace(LARGE, n_layer=8), 160_000, 3 * 2**30, True),  # 2.6 GB
        (replace(LARGE, n_layer=8), 160_000, 2**30, False),
        (TINY, 1_000_000, 3 * 2**30, False),  # 1.07 GB a layer
        (TINY, 450_000, 2**30, True),
    ],
)
def test_spectra_are_kept_where_there_is_room(config, length, most, keeps):
    assert keeps_spectra(config, length, most, 4) == keeps
    assert (
        forward_plan(config, 1, length, Surroundings(spectra=most)).keeps_spectra
        == keeps
    )


def test_a_gpu_keeps_no_more_for_the_memory_of_its_host(monkeypatch):
    monkeypatch.setattr(home, "KEPT_SPECTRA", 3 * 2**30)
    monkeypatch.setattr(HyenaFilter, "kept_bytes", 3 * 2**30)
    assert Surroundings.of(torch.empty(1)).spectra == 3 * 2**30
    assert Surroundings.of(torch.empty(1, device="meta")).spectra == 2**30
    own = HyenaFilter(HyenaConfig())
    assert own._may_keep == 3 * 2**30
    assert own.to("meta")._may_keep == 2**30


def test_kept_spectra_are_counted_all_through_a_pass():
    """With few groups of channels at a time the MLP takes the most, and they rest."""
    config, length = replace(LARGE, d_inner=8_192), 100_000
    kept, made = (
        forward_plan(config, 1, length, Surroundings(spectra=spectra, on_gpu=True))
        for spectra in (3 * 2**30, 0)
    )
    spectra = 8 * 256 * (kept.transform + 2) * 4
    assert kept.keeps_spectra
    assert not made.keeps_spectra
    assert kept.peak - made.peak == spectra


def test_a_layer_keeps_half_a_gib_at_most_over_all_lengths(monkeypatch):
    monkeypatch.setattr("hyenascope.models.hyena_filter.KEPT_OF_A_LAYER", 2**17)
    own = HyenaFilter(HyenaConfig(d_model=16, l_max=600)).eval()
    with torch.no_grad():
        for length in range(100, 600, 50):
            own.spectra(length)
            assert own.bytes_in_use <= 2**17
    assert own.bytes_in_use > 0


def test_says_itself_in_words():
    said = str(forward_plan(TINY, 3, 1_000_000, Surroundings(limit=4 * 10**9)))
    assert "3 × 1,000,000 tokens" in said
    assert "FFT of 2,097,152 points" in said
    assert "of 4.0 GB allowed" in said


@pytest.mark.parametrize(
    ("given", "count"),
    [("1B", 1), ("2 kb", 2_000), ("1.5 GB", 1_500_000_000), (" 1GiB ", 2**30), (7, 7)],
)
def test_reads_limits(given, count):
    assert memory_bytes(given) == count


@pytest.mark.parametrize("given", ["8", "GB", "-1 GB", "0 GB", 0, -5, True, "1 PB"])
def test_refuses_other_limits(given):
    with pytest.raises(
        ValueError, match=r"max_memory must be a number of bytes above 0"
    ):
        memory_bytes(given)


def test_long_transforms_are_few_at_a_time_but_one_for_each_thread():
    short, long = (
        convolved_at_once(1, n, Surroundings(threads=2)) for n in (1_000, 1_000_000)
    )
    assert short == home._LEAST_CHANNELS
    assert long == 2
    assert convolved_at_once(1, 1_000_000, Surroundings(threads=8)) == 8


def test_a_limit_leaves_a_quarter_to_spectra():
    assert kept_spectra(None) == kept_spectra(10**12) == home.KEPT_SPECTRA
    assert 2**30 <= home.KEPT_SPECTRA <= 3 * 2**30
    assert kept_spectra(1_000) == 250


class TestModel:
    def test_plans_for_its_own_limit_or_another(self):
        model = HyenaLM(HyenaConfig(l_max=2**17))
        assert model.plan(100_000).limit is None
        model.max_memory = "1 GB"
        assert model.plan(100_000).limit == 10**9
        assert model.plan(100_000, max_memory="2 GB").limit == 2 * 10**9

    @torch.no_grad()
    def test_gives_the_same_within_a_limit(self):
        config = HyenaConfig(d_model=64, n_layer=2, d_inner=128, l_max=20_000)
        model = HyenaLM(config, generator=torch.Generator().manual_seed(0)).eval()
        tokens = torch.randint(7, 11, (2, 20_000))
        expected = model(tokens)
        assert model.backbone.layers[0].mixer.filter_fn._spectra
        model.max_memory = smallest = min(
            plan.peak
            for plan in (model.plan(20_000, max_memory=n) for n in (1, 30_000_000))
        )
        assert model.plan(20_000, 2).peak <= smallest
        torch.testing.assert_close(model(tokens), expected, rtol=0, atol=1e-5)
        assert not model.backbone.layers[0].mixer.filter_fn._spectra
        model.max_memory = None
        torch.testing.assert_close(model(tokens), expected, rtol=0, atol=1e-5)

    @torch.no_grad()
    def test_a_limit_forgets_what_was_kept_and_keeps_one_length(self):
        model = HyenaLM(HyenaConfig()).eval()
        filter_fn = model.backbone.layers[0].mixer.filter_fn
        model(torch.full((1, 100), 7))
        assert filter_fn.bytes_in_use
        model.max_memory = "100 MB"
        assert not filter_fn.bytes_in_use
        for length in (100, 101):
            model(torch.full((1, length), 7))
        assert [key[1] for key in filter_fn._spectra] == [101]

    def test_refuses_before_the_work(self):
        model = HyenaLM(HyenaConfig())
        model.max_memory = 1_000
        with (
            torch.no_grad(),
            pytest.raises(ValueError, match=r"^max_memory must hold about .* kB"),
        ):
            model(torch.full((1, 100), 7))

    @pytest.mark.parametrize(
        ("length", "batch", "said"),
        [
            (0, 1, r"length must be 1 to 1026; got 0"),
            (1_027, 1, r"length must be 1 to 1026; got 1027"),
            (10, 0, r"batch must be at least 1; got 0"),
        ],
    )
    def test_refuses_to_plan(self, length, batch, said):
        with pytest.raises(ValueError, match=said):
            HyenaLM(HyenaConfig()).plan(length, batch)
