import anndata as ad
import numpy as np
import pytest
import torch

from hyenascope.interpret.filters import filter_periods, filter_table, implicit_filters
from hyenascope.models.checkpoint import checkpoint_hash
from hyenascope.models.hyena import HyenaConfig, HyenaLM

LAG = np.arange(1026)


def model(**config):
    small = {"d_model": 4, "n_layer": 2, "d_inner": 8, **config}
    return HyenaLM(HyenaConfig(**small), generator=torch.Generator().manual_seed(0))


def with_taps(monkeypatch, k, **config):
    """A model all of whose filters are ``k``."""
    lm = model(**config)
    for block in lm.backbone.layers:
        fn = block.mixer.filter_fn
        outputs = fn.implicit_filter[-1].out_features
        taps = torch.from_numpy(np.repeat(k[:, None], outputs, axis=1)).float()
        monkeypatch.setattr(fn, "forward", lambda length, taps=taps: taps[:length])
    return lm


def row(monkeypatch, k, **config):
    table = filter_table(implicit_filters(with_taps(monkeypatch, k, **config)))
    return table.iloc[0]


def test_taps_are_the_model_s(monkeypatch):
    lm = model()
    filters = implicit_filters(lm, length=100)
    fn = lm.backbone.layers[1].mixer.filter_fn
    assert filters.shape == (8, 100)
    np.testing.assert_array_equal(filters.X[4:], fn(100).detach().numpy().T)
    np.testing.assert_array_equal(filters.obs["skip"][4:], fn.bias.detach().numpy())
    assert filters.obs_names[5] == "1:0:left:1"
    assert filters.obs["layer"].tolist() == [0] * 4 + [1] * 4
    assert filters.var["lag"].tolist() == list(range(100))
    made = filters.uns["hyenascope"]
    assert made["checkpoint_hash"] == checkpoint_hash(lm)
    assert (made["model"], made["length"], made["l_max"]) == ("untitled", 100, 1026)


def test_impulse_response_of_the_mixer_is_the_filter():
    """Against the running model: channel order, layout and convolution index."""
    lm = model(order=3, filter_layout="channel_first", n_layer=1, l_max=32).eval()
    mixer = lm.backbone.layers[0].mixer
    seen = {}

    def watch(index, block, u, v):
        seen[index] = (u[0].numpy(), v[0].numpy())

    with torch.no_grad():
        mixer.operate(mixer.project_in(torch.randn(1, 32, 4)), watch=watch)
    filters = implicit_filters(lm)
    for index, (u, v) in seen.items():
        mine = filters[filters.obs["convolution"] == index]
        for c in range(4):
            expected = (
                np.convolve(u[c], mine.X[c])[:32] + mine.obs["skip"].iloc[c] * u[c]
            )
            np.testing.assert_allclose(v[c], expected, atol=1e-5)


def test_two_sided_filters_have_two_sides():
    lm = model(bidirectional=True, n_layer=1)
    filters = implicit_filters(lm)
    assert filters.obs["side"].tolist() == ["left"] * 4 + ["right"] * 4
    k = lm.backbone.layers[0].mixer.filter_fn(1026).detach().numpy()
    np.testing.assert_array_equal(filters.X, k.T)
    rates = filters.obs["window_rate"].to_numpy()
    np.testing.assert_array_equal(rates[:4], rates[4:])


def test_window_rate_is_that_of_the_model():
    lm = model(modulation_shift=0.0, n_layer=1)
    fn = lm.backbone.layers[0].mixer.filter_fn
    window = torch.exp(-fn.pos_emb.t * fn.modulation.deltas.abs())[0].detach().numpy()
    rates = implicit_filters(lm).obs["window_rate"].to_numpy()
    np.testing.assert_allclose(np.exp(-LAG[:, None] * rates), window, rtol=1e-4)


@pytest.mark.parametrize("half_life", [5, 40, 200])
def test_exponential_decay(monkeypatch, half_life):
    found = row(monkeypatch, -3 * 2.0 ** (-LAG / half_life), modulate=False)
    assert found["half_life"] == pytest.approx(half_life, rel=0.01)
    # Σ 4^(-lag/h) up to n is 1 − 4^(−(n+1)/h) of all; of |k| the same with 2.
    if half_life < 100:
        for column, base in {"energy": 4, "mass": 2}.items():
            for share in (90, 99):
                reach = np.ceil(half_life * -np.log(1 - share / 100) / np.log(base) - 1)
                assert found[f"{column}{share}"] == pytest.approx(reach, abs=1)
    assert np.isnan(found["period"])
    assert np.isnan(found["window_half_life"])


def test_reach_of_a_lone_tap(monkeypatch):
    found = row(monkeypatch, 2.0 * (LAG == 7))
    assert found[["energy90", "energy99", "mass90", "mass99"]].tolist() == [7] * 4


@pytest.mark.parametrize("period", [3.0, 10.5, 2.2, 147.0])
def test_period_of_a_cosine(monkeypatch, period):
    found = row(monkeypatch, 1 + np.cos(2 * np.pi * LAG / period + 1), modulate=False)
    assert found["period"] == pytest.approx(period, rel=0.01)


def test_period_under_the_window(monkeypatch):
    lm = model()
    filters = implicit_filters(lm)
    rate = filters.obs["window_rate"].iloc[3]
    window = np.exp(-LAG * rate) + lm.config.modulation_shift
    codons = with_taps(monkeypatch, window * np.cos(2 * np.pi * LAG / 3))
    assert filter_table(implicit_filters(codons))["period"].iloc[3] == pytest.approx(3)


def test_two_periods_strongest_first(monkeypatch):
    k = np.cos(2 * np.pi * LAG / 3) + 2 * np.cos(2 * np.pi * LAG / 10)
    filters = implicit_filters(with_taps(monkeypatch, k, modulate=False))
    found = filter_periods(filters[:2])
    assert found["period"].round(1).tolist() == [10.0, 3.0] * 2
    assert found["rank"].tolist() == [1, 2, 1, 2]
    assert filter_periods(filters[:2], count=1)["rank"].tolist() == [1, 1]


def test_noise_has_no_period(monkeypatch):
    for seed in range(20):
        k = np.random.default_rng(seed).normal(size=1026)
        assert np.isnan(row(monkeypatch, k, modulate=False)["period"])


def test_window_explains(monkeypatch):
    lm = model()
    rate = implicit_filters(lm).obs["window_rate"].iloc[0]
    window = np.exp(-LAG * rate) + lm.config.modulation_shift
    assert row(monkeypatch, 5 * window)["window_explains"] == pytest.approx(1, abs=1e-6)
    assert row(monkeypatch, 1 / window)["window_explains"] < 0
    assert np.isnan(row(monkeypatch, np.ones(1026))["window_explains"])
    assert row(monkeypatch, window)["window_half_life"] == pytest.approx(
        np.log(2) / rate
    )


def test_a_silent_filter_has_no_numbers(monkeypatch):
    found = row(monkeypatch, np.zeros(1026))
    columns = ["energy90", "mass99", "half_life", "window_explains", "period"]
    assert found[columns].isna().all()


@pytest.mark.parametrize("length", [1, 2, 31, 33])
def test_short_filters(length):
    filters = implicit_filters(model(), length=length, layers=[1])
    assert filters.shape == (4, length)
    assert (filter_table(filters)["energy99"] < length).all()


def test_survives_disk(tmp_path):
    filters = implicit_filters(model())
    filters.write_h5ad(tmp_path / "filters.h5ad")
    back = ad.read_h5ad(tmp_path / "filters.h5ad")
    again = filter_table(back).drop(columns="side")
    expected = filter_table(filters).drop(columns="side")
    np.testing.assert_array_equal(again.to_numpy(float), expected.to_numpy(float))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"length": 0}, r"length must be 1 … 1026 taps; got 0"),
        ({"length": 1027}, r"length must be 1 … 1026 taps; got 1027"),
        ({"layers": [2]}, r"layers must be 0 … 1; got 2"),
        ({"layers": []}, r"layers must name at least one; got none"),
    ],
)
def test_refusals(options, message):
    with pytest.raises(ValueError, match=message):
        implicit_filters(model(), **options)


@pytest.mark.parametrize("count", [0, -1])
def test_refuses_no_periods(count):
    with pytest.raises(ValueError, match=f"count must be at least 1; got {count}"):
        filter_periods(implicit_filters(model()), count=count)
