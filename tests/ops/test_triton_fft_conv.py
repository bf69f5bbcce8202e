"""The fused kernels in Triton's interpreter, against the O(length²) definition."""

import os
import subprocess
import sys

import pytest
import torch

from hyenascope.ops.fft_conv import fft_conv, gated_fft_conv, notice
from hyenascope.ops.reference import direct_conv

pytest.importorskip("triton", reason="needs Triton: pip install triton")
if torch.cuda.is_available():
    pytest.skip("kernels are compiled where there is a GPU", allow_module_level=True)
from hyenascope.ops import _triton_fft_conv
from hyenascope.ops._triton_fft_conv import fused_conv
from hyenascope.ops._triton_launch import broken

COMPILE = """
import sys
import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from hyenascope.ops import _triton_fft_conv, _triton_long_conv, _triton_long_kernels

size, dtype, kernels = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
rows = {"v", "gate", "x0", "x1", "y", "grad", "of_v", "of_x0", "of_x1"}
numbers = {"batch", "length", "channels", "pairs"}
for name in kernels:
    if name in ("_forward", "_backward"):
        kernel = getattr(_triton_fft_conv, name)
        plan = _triton_fft_conv._Plan(size, "cpu")
        given = plan.constants(gated=True)
    else:
        kernel = getattr(_triton_long_kernels, name)
        plan = _triton_long_conv.Plan(size, "cpu")
        given = plan.constants(rows=name.startswith("rows"))
    given["GATED"] = True
    options = {name: given.pop(name) for name in ("num_stages", "num_warps")}
    kinds = {
        name: "constexpr" if name in given
        else "i32" if name in numbers or name.endswith(("_row", "_channel"))
        else f"*{dtype}" if name in rows
        else "*fp32"
        for name in kernel.arg_names
    }
    given = {name: value for name, value in given.items() if name in kinds}
    source = ASTSource(fn=kernel, signature=kinds, constexprs=given)
    hopper = GPUTarget("cuda", 90, 32)
    print(triton.compile(source, target=hopper, options=options).metadata.shared)
"""
SHARED = 227 * 1024  # bytes, of one program on an H100
SHAPES = [(1, 1, 1), (2, 1, 2), (3, 2, 1), (1, 3, 100), (5, 2, 257), (2, 1, 1_000)]


def draw(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def inputs(batch, channels, length, taps=None):
    rows = [draw(batch, channels, length, seed=seed) for seed in range(3)]
    k = draw(channels, taps or length, seed=3) / length**0.5
    return [*rows, k, draw(channels, seed=4)]


def definition(x0, x1, v, k, skip):
    return x0 * direct_conv(v * x1, k, bias=skip)


def with_gradients(function, given, cotangent):
    """Return the result and the gradient of everything given."""
    given = [x.detach().requires_grad_() for x in given]
    y = function(*given)
    return [y.detach(), *torch.autograd.grad(y, given, cotangent.to(y.dtype))]


def fused(x0, x1, v, k, skip):
    return fused_conv(v, k, skip, (x0, x1))


def agree(found, expected, within):
    for number, (a, b) in enumerate(zip(found, expected, strict=True)):
        error = (a.double() - b).abs().max()
        assert error <= within * b.abs().max(), number  # NaN is not either


@pytest.fixture(autouse=True)
def nothing_is_left_unwritten(monkeypatch):
    """Fill what the kernels write with NaN first."""

    def filled(make):
        return lambda *args, **kwargs: make(*args, **kwargs).fill_(float("nan"))

    monkeypatch.setattr(torch, "empty", filled(torch.empty))
    monkeypatch.setattr(torch, "empty_like", filled(torch.empty_like))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_values_and_gradients_are_those_of_the_definition(shape):
    given, cotangent = inputs(*shape), draw(*shape, seed=5)
    expected = with_gradients(definition, given, cotangent)
    single = [x.float() for x in given]
    agree(with_gradients(fused, single, cotangent), expected, 2e-6)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_is_summed_in_float32(dtype):
    given = inputs(3, 2, 300)
    given[:3] = [x.to(dtype).double() for x in given[:3]]
    cotangent = draw(3, 2, 300, seed=5).to(dtype).double()
    expected = with_gradients(definition, given, cotangent)
    half = [*(x.to(dtype) for x in given[:3]), *(x.float() for x in given[3:])]
    found = with_gradients(fused, half, cotangent)
    assert [x.dtype for x in found] == [dtype] * 4 + [torch.float32] * 2
    agree(found[:4], expected[:4], 4 * torch.finfo(dtype).eps)
    agree(found[-2:], expected[-2:], 2e-6)


def test_float16_does_not_overflow_within():
    v = torch.full((1, 1, 400), 300.0, dtype=torch.float16)
    y = fft_conv(v, torch.full((1, 400), 0.5), backend="triton")
    expected = direct_conv(v.double(), torch.full((1, 400), 0.5, dtype=torch.float64))
    assert expected.max() > torch.finfo(torch.float16).max / 2
    fits = expected < torch.finfo(torch.float16).max
    torch.testing.assert_close(y.double()[fits], expected[fits], rtol=1e-3, atol=1)


@pytest.mark.parametrize("taps", [1, 40, 300])
def test_plain_convolution_with_any_number_of_taps(taps):
    _, _, u, k, bias = inputs(3, 2, 100, taps)
    for skip in (bias, None):
        single = [x.float() if x is not None else None for x in (u, k, skip)]
        y = fft_conv(single[0], single[1], bias=single[2], backend="triton")
        expected = direct_conv(u, k, bias=skip)
        torch.testing.assert_close(y.double(), expected, rtol=0, atol=1e-5)


def test_strided_views_are_read_as_they_lie():
    streams = draw(3, 6, 90).float()
    x0, x1, v = streams.chunk(3, dim=1)
    k, skip = draw(2, 90, seed=3).float(), draw(2, seed=4).float()
    expected = fused(*(x.clone() for x in (x0, x1, v)), k, skip)
    assert torch.equal(fused(x0, x1, v, k, skip), expected)
    turned = v.mT.contiguous().mT
    torch.testing.assert_close(fused(x0, x1, turned, k, skip), expected)


def test_the_batch_is_added_up_in_parts(monkeypatch):
    given, cotangent = inputs(9, 2, 70), draw(9, 2, 70, seed=5)
    single = [x.float() for x in given]
    monkeypatch.setattr(_triton_fft_conv, "_PROGRAMS", 1)
    together = with_gradients(fused, single, cotangent)
    monkeypatch.setattr(_triton_fft_conv, "_PROGRAMS", 6)
    agree(with_gradients(fused, single, cotangent), together, 1e-6)


def test_the_same_bits_each_time():
    given = [x.float() for x in inputs(3, 2, 100)]
    first, second = (with_gradients(fused, given, given[0]) for _ in range(2))
    assert all(map(torch.equal, first, second))


def test_nan_stays_in_its_channel_and_pair():
    v = draw(4, 2, 50).float()
    v[0, 1, 20] = float("nan")
    y = fft_conv(v, draw(2, 50, seed=1).float(), backend="triton")
    bad = y.isnan().any(-1)
    assert bad.tolist() == [[False, True], [False, True], [False] * 2, [False] * 2]


def test_empty_batches_come_back_empty():
    u = torch.zeros(0, 2, 5)
    assert fft_conv(u, torch.zeros(2, 5), backend="triton").shape == (0, 2, 5)


@pytest.mark.parametrize(
    ("u", "message"),
    [
        (torch.zeros(1, 1, 2**20 + 1), r"at most 1,048,576 pos.*; got 1,048,577\."),
        (torch.zeros(1, 1, 4, dtype=torch.float64), r"float32, .*; got torch.float64"),
    ],
)
def test_refuses(u, message):
    with pytest.raises(ValueError, match=message):
        fft_conv(u, torch.zeros(1, 4), backend="triton")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"x0": (1, 2, 9)},
            r"x0 must have the shape of v, \(3, 2, 9\); got \(1, 2, 9\)",
        ),
        ({"x1": (3, 2, 8)}, r"x1 must have the shape of v"),
        ({"skip": (1,)}, r"bias must have 2 channels, as v has; got 1\."),
        ({"k": (1, 9)}, r"k must have 2 channels, as v has; got 1\."),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_refuses_shapes_that_it_would_read_beyond(change, message):
    shapes = {"v": (3, 2, 9), "k": (2, 9), "skip": (2,), "x0": (3, 2, 9)}
    shapes |= {"x1": (3, 2, 9)} | change
    v, k, skip, x0, x1 = (torch.zeros(shape) for shape in shapes.values())
    with pytest.raises(ValueError, match=message):
        fused_conv(v, k, skip, (x0, x1))


class Unbuilt:
    """A kernel that no compiler likes."""

    def __init__(self, error):
        self.error = error

    def __getitem__(self, grid):
        def run(*given, **constants):
            raise self.error

        return run


FAILURES = [RuntimeError("Failed to find C compiler"), OSError("no ptxas")]


@pytest.fixture
def unbroken():
    yield
    broken.clear()
    notice.cache_clear()


@pytest.mark.usefixtures("unbroken")
@pytest.mark.parametrize("way", ["_forward", "_backward"])
@pytest.mark.parametrize("error", FAILURES, ids=str)
def test_what_does_not_compile_is_done_by_pytorch_with_one_notice(
    way, error, monkeypatch
):
    x0, x1, v, k, skip = (x.float() for x in inputs(3, 2, 100))

    def gated(x0, x1, v, k, skip):
        return gated_fft_conv(v, k, (x0, x1), bias=skip, backend="triton")

    given, cotangent = [x0, x1, v, k, skip], draw(3, 2, 100, seed=5)
    expected = with_gradients(definition, inputs(3, 2, 100), cotangent)
    monkeypatch.setattr(_triton_fft_conv, way, Unbuilt(error))
    with pytest.warns(UserWarning, match=f"falls back to 'torch': .*{error}"):
        found = with_gradients(gated, given, cotangent)
    agree(found, expected, 2e-6)
    with_gradients(gated, given, cotangent)  # a second warning would be an error


@pytest.mark.usefixtures("unbroken")
def test_without_gates_pytorch_stands_in_too(monkeypatch):
    _, _, u, k, skip = (x.float() for x in inputs(3, 2, 100))
    cotangent = draw(3, 2, 100, seed=5)

    def plain(u, k, skip, backend="torch"):
        return fft_conv(u, k, bias=skip, backend=backend)

    expected = with_gradients(plain, [u, k, skip], cotangent)
    monkeypatch.setattr(_triton_fft_conv, "_backward", Unbuilt(FAILURES[0]))
    with pytest.warns(UserWarning, match="falls back"):
        found = with_gradients(
            lambda *given: plain(*given, backend="triton"), [u, k, skip], cotangent
        )
    agree(found, [x.double() for x in expected], 2e-6)


@pytest.mark.usefixtures("unbroken")
def test_want_of_memory_is_no_failure_to_compile(monkeypatch):
    monkeypatch.setattr(
        _triton_fft_conv, "_forward", Unbuilt(torch.OutOfMemoryError("full"))
    )
    with pytest.raises(torch.OutOfMemoryError, match="full"):
        fft_conv(torch.ones(1, 1, 4), torch.ones(1, 4), backend="triton")
    assert not broken


def compiled(kernels, size, dtype, tmp_path):
    """Compile for a GPU that is not here; return the shared memory of each."""
    env = {
        **os.environ,
        "TRITON_INTERPRET": "0",
        "TRITON_CACHE_DIR": str(tmp_path),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    command = [sys.executable, "-W", "ignore", "-c", COMPILE, str(size), dtype]
    command += kernels
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    shared = [int(line) for line in done.stdout.split()]
    assert len(shared) == len(kernels)
    return shared


@pytest.mark.slow
@pytest.mark.parametrize(("size", "dtype"), [(512, "bf16"), (8_192, "fp32")])
def test_compiles_for_a_gpu_that_is_not_here(size, dtype, tmp_path):
    assert max(compiled(["_forward", "_backward"], size, dtype, tmp_path)) <= SHARED
