"""Arrays in a block and back: a page must read what was packed."""

import base64
import gzip
import json
import struct

import numpy as np
import plotly.graph_objects as go
import pytest

from hyenascope.viz.packing import Packer, encoded, joined


def unpack(value, block: bytes):
    """Read what `Packer` wrote, as saved_page.js does."""
    if isinstance(value, list):
        return [unpack(item, block) for item in value]
    if not isinstance(value, dict):
        return value
    if "at" not in value:
        return {key: unpack(item, block) for key, item in value.items()}
    dtype = np.dtype("<" + value["dtype"])
    size = value["n"] * dtype.itemsize
    planes = np.frombuffer(block[value["at"] : value["at"] + size], np.uint8)
    flat = planes.reshape(dtype.itemsize, value["n"]).T.copy().view(dtype).reshape(-1)
    return flat.reshape(value.get("shape", -1))


def there_and_back(value):
    packer = Packer()
    header = json.loads(json.dumps(packer.pack(value), allow_nan=False))
    return unpack(header, packer.data())


def bdata(spec) -> np.ndarray:
    flat = np.frombuffer(base64.b64decode(spec["bdata"]), spec["dtype"])
    shape = spec.get("shape", "-1")
    return flat.reshape([int(size) for size in shape.split(",")])


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", ">i4"])
@pytest.mark.parametrize("shape", [(0,), (1,), (7,), (2, 3), (2, 3, 4)])
def test_whole_numbers_come_back(dtype, shape):
    values = (np.arange(np.prod(shape)) * 3 % 127).reshape(shape).astype(dtype)
    for back in (there_and_back({"a": values})["a"], bdata(encoded(values))):
        np.testing.assert_array_equal(back, values)
        assert back.shape == shape


@pytest.mark.parametrize("largest", [2**31 - 1, 2**31, 3_000_000_000])
def test_no_whole_number_wraps_around(largest):
    values = np.array([-5, largest])
    for back in (there_and_back({"x": values})["x"], bdata(encoded(values))):
        np.testing.assert_array_equal(back, values)


def test_truth_values_become_numbers():
    back = there_and_back({"a": np.array([True, False, True])})["a"]
    assert back.tolist() == [1, 0, 1]


@pytest.mark.parametrize("start", [0, 8_388_608, 12_000_000, 16_777_216, 248_000_000])
@pytest.mark.parametrize("offset", [0.0, 0.5])
def test_positions_on_and_between_bases_stay_exact(start, offset):
    x = start + np.arange(20.0) + offset
    for back in (there_and_back({"x": x})["x"], bdata(encoded(x))):
        np.testing.assert_array_equal(back, x)


@pytest.mark.parametrize("name", ["y", "z"])
@pytest.mark.parametrize("scale", [1e-30, 1e-4, 1.0, 123.0, 9e5])
def test_signals_keep_the_digits_that_hover_text_shows(name, scale):
    values = scale * np.random.default_rng(0).normal(size=2000)
    back = there_and_back({name: values})[name]
    np.testing.assert_allclose(back, values, rtol=2.0**-15 + 1e-7)
    off = [f"{a:.3g}" != f"{b:.3g}" for a, b in zip(back, values, strict=True)]
    assert np.mean(off) < 0.02  # a last digit at the edge of rounding


def test_what_is_neither_signal_nor_letter_is_not_rounded():
    values = np.random.default_rng(0).normal(size=100).astype(np.float32)
    back = there_and_back({"customdata": values})["customdata"]
    np.testing.assert_array_equal(back, values)


@pytest.mark.parametrize("name", ["y", "z", "top", "x"])
def test_gaps_and_infinities_stay(name):
    values = np.array([np.nan, 1.0, np.inf, -np.inf, 0.0, -0.0, -2.5])
    np.testing.assert_array_equal(there_and_back({name: values})[name], values)


@pytest.mark.parametrize(("name", "kept"), [("y", 18), ("z", 18), ("top", 9)])
def test_only_the_kept_bits_are_there(name, kept):
    values = np.random.default_rng(0).normal(size=20_000)
    found = there_and_back({name: values})[name]
    bits = np.asarray(found, np.float32).view(np.uint32)
    assert not (bits & ((1 << (23 - kept)) - 1)).any()
    # Half a unit of the last kept bit, and that of rounding to float32 before it.
    bound = 2.0 ** -(kept + 1) + 2.0**-24
    assert (np.abs(found / values - 1) <= bound).all()


def test_texts_stay_lists_and_what_is_no_number_is_nothing():
    texts = np.array([["A", None], ["é", np.nan]], dtype=object)
    expected = {"text": [["A", None], ["é", None]]}
    for made in (there_and_back({"text": texts}), encoded({"text": texts})):
        assert made == expected


def test_lists_and_numbers_of_numpy_are_plain_json():
    value = {
        "list": [1.5, float("nan"), np.float64("inf"), np.int64(3)],
        "tuple": (np.bool_(True), None, "x"),
    }
    expected = {"list": [1.5, None, None, 3], "tuple": [True, None, "x"]}
    for made in (there_and_back(value), encoded(value)):
        assert json.loads(json.dumps(made, allow_nan=False)) == expected


def test_many_arrays_lie_beside_one_another_in_whole_words():
    rng = np.random.default_rng(1)
    value = {
        f"trace{n}": {"x": rng.integers(0, 99, n), "c": rng.normal(size=(n, 2))}
        for n in range(9)
    }
    packer = Packer()
    header = packer.pack(value)
    assert all(part["at"] % 8 == 0 for t in header.values() for part in t.values())
    assert len(packer.data()) % 8 == 0
    back = unpack(header, packer.data())
    for name, trace in value.items():
        np.testing.assert_array_equal(back[name]["x"], trace["x"])
        np.testing.assert_allclose(back[name]["c"], trace["c"], rtol=1e-7)


def test_a_figure_of_plotly_comes_back_too():
    z = np.arange(6.0).reshape(2, 3)
    figure = go.Figure(go.Heatmap(z=z, x=np.arange(3))).to_dict()
    assert "bdata" in figure["data"][0]["z"]
    back = there_and_back(figure)["data"][0]
    np.testing.assert_array_equal(back["z"], z)
    np.testing.assert_array_equal(back["x"], [0, 1, 2])


@pytest.mark.parametrize("dtype", ["f4", "i1", "u1", "i2", "u2", "i4"])
@pytest.mark.parametrize("shape", [(5,), (2, 3)])
def test_encoded_is_what_plotly_itself_sends(dtype, shape):
    values = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    expected = go.Figure(go.Heatmap(customdata=values)).to_dict()
    assert encoded(values) == expected["data"][0]["customdata"]


def test_joined_is_length_header_padding_block():
    packer = Packer()
    header = json.dumps(packer.pack({"x": np.arange(3, dtype="i4")})).encode()
    raw = gzip.decompress(base64.b64decode(joined(header, packer.data())))
    (length,) = struct.unpack("<I", raw[:4])
    assert raw[4 : 4 + length] == header
    start = -(-(4 + length) // 8) * 8
    assert raw[start:] == packer.data()


def test_the_same_content_is_the_same_text():
    assert joined(b"{}", b"12345678") == joined(b"{}", b"12345678")
