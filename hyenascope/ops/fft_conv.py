"""Long convolution by FFT, causal or two-sided, in O(length log length).

The transform length is the next fast one ≥ 2·length − 1, the shortest that
keeps the circular convolution from wrapping; 2·length, as published, is often
a bad size (2·450,002 has the factor 32,143).
"""

import warnings
from functools import cache, lru_cache
from importlib import import_module
from types import ModuleType
from typing import Any, Literal, NamedTuple, cast, get_args

import torch
from jaxtyping import Complex, Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from hyenascope.ops.hand_tuned import hand_tuned

_NEAR = 1.05  # times as long, a power of two is quicker
_SHORT = 1_000  # transforms that any even length serves

Backend = Literal["auto", "torch", "triton"]


@lru_cache(maxsize=1024)
def next_fast_length(n: int) -> int:
    """Return a 7-smooth integer ≥ ``n`` that is quick to transform, even above 1.

    FFT libraries have fast kernels for the factors 2, 3, 5 and 7; an even
    length lets the real transform run as a complex one of half the size. Above a
    thousand it is a multiple of 32, and a power of two where that is near: with MKL
    65,610 = 2 · 3⁸ · 5 takes twice as long as 65,856, and 2,000,000 two fifths longer
    than 2²¹.

    Examples
    --------
    >>> [next_fast_length(n) for n in (1, 17, 2051, 900_003, 1_999_999)]
    [1, 18, 2240, 903168, 2097152]
    """
    power = 1 << (n - 1).bit_length()
    if power <= _NEAR * n:
        return power
    step = 2 if n <= _SHORT else 32
    candidate = -(-n // step) * step
    while not _is_smooth(candidate):
        candidate += step
    return candidate


def fft_length(length: int) -> int:
    """Transform length for a convolution of ``length`` positions.

    Examples
    --------
    >>> fft_length(1024)
    2048
    """
    if torch.compiler.is_compiling():  # it warns of a cache
        return next_fast_length.__wrapped__(2 * length - 1)
    return next_fast_length(2 * length - 1)


def filter_spectrum(
    k: Float[Tensor, "channels taps"], length: int
) -> Complex[Tensor, "channels frequencies"]:
    """Real FFT of a causal filter, for `fft_conv` over ``length`` positions.

    It depends on nothing but the weights, so a model in eval mode computes it
    once per length. float32 at least, float64 stays.
    """
    return torch.fft.rfft(_widen(k)[..., :length], n=fft_length(length))


def two_sided_spectrum(
    k: Float[Tensor, "channels taps"],
    k_reverse: Float[Tensor, "channels taps"],
    length: int,
) -> Complex[Tensor, "channels frequencies"]:
    """Real FFT of a two-sided filter: lag 0 and up in ``k``, −1 and down in the other.

    Negative lags sit at the end of the circular buffer, where the index −m
    lives; `hyenascope.ops.reference.direct_two_sided_conv` is the definition.
    """
    n = fft_length(length)
    ring = _widen(k).new_zeros(k.shape[0], n)
    ring[:, : min(length, k.shape[-1])] = _widen(k)[:, :length]
    behind = _widen(k_reverse)[:, : length - 1].flip(-1)
    ring = torch.cat([ring[:, : n - behind.shape[-1]], behind], dim=-1)
    return torch.fft.rfft(ring, n=n)


def fft_conv(
    u: Float[Tensor, "batch channels length"],
    k: Float[Tensor, "channels taps"],
    *,
    bias: Float[Tensor, " channels"] | None = None,
    backend: Backend = "auto",
) -> Float[Tensor, "batch channels length"]:
    """Long causal convolution ``y[i] = sum_{j<=i} k[i-j] u[j] + bias u[i]``.

    Runs in float32 at least and returns the dtype of ``u``; differentiable in
    ``u``, ``k`` and ``bias``.

    Parameters
    ----------
    u
        Input, channel first.
    k
        One filter per channel; taps beyond the length are never reached.
    bias
        Weight of the skip ``bias * u``.
    backend
        ``"torch"``; ``"triton"``, kernels for up to 2²⁰ positions on a GPU, one each
        way up to 4,096 and three above, where two sequences share a transform: rounding
        follows the larger one and NaN reaches the other; ``"auto"`` is torch, for the
        kernels have been tested in Triton's interpreter, and never run on a GPU.

    Raises
    ------
    ValueError
        If ``backend`` is unknown or cannot take ``u``, or the channels of ``u`` and
        ``k`` differ.
    ImportError
        If Triton is asked for and missing.

    Warns
    -----
    UserWarning
        Once, if the kernel does not compile here, and PyTorch stands in for it.

    Examples
    --------
    >>> u = torch.tensor([[[1.0, 2.0, 3.0]]])
    >>> fft_conv(u, torch.tensor([[1.0, 10.0]])).round(decimals=4)
    tensor([[[ 1., 12., 23.]]])
    """
    return _between_gates(u, k, bias, None, backend)


def gated_fft_conv(
    v: Float[Tensor, "batch channels length"],
    k: Float[Tensor, "channels taps"],
    gates: tuple[
        Float[Tensor, "batch channels length"], Float[Tensor, "batch channels length"]
    ],
    *,
    bias: Float[Tensor, " channels"] | None = None,
    backend: Backend = "auto",
) -> Float[Tensor, "batch channels length"]:
    """`fft_conv` between two gates: ``x0 * (conv(u, k) + bias u)`` for ``u = v * x1``.

    The core of a Hyena mixer of order 2. Other parameters and errors are those of
    `fft_conv`.

    Parameters
    ----------
    gates
        ``x0``, which multiplies what comes out, and ``x1``, what goes in.

    Examples
    --------
    >>> v, gates = torch.tensor([[[1.0, 2.0, 3.0]]]), (2 * torch.ones(1, 1, 3),) * 2
    >>> gated_fft_conv(v, torch.tensor([[1.0, 10.0]]), gates).round(decimals=3)
    tensor([[[  4.,  48.,  92.]]])
    """
    return _between_gates(v, k, bias, gates, backend)


def fits_triton(u: Tensor) -> bool:
    """Whether the fused kernel takes such an input, if only it compiles.

    Raises
    ------
    ImportError
        If Triton is missing.
    """
    return bool(triton_kernels().takes(u))


def check_backend(backend: str) -> Backend:
    """Return it, if it is one.

    Raises
    ------
    ValueError
        If it is none.
    """
    if backend not in get_args(Backend):
        raise ValueError(
            f"backend must be 'auto', 'torch' or 'triton'; got {backend!r}."
        )
    return cast(Backend, backend)


def _between_gates(
    v: Tensor,
    k: Tensor,
    bias: Tensor | None,
    gates: tuple[Tensor, Tensor] | None,
    backend: str,
) -> Tensor:
    check_backend(backend)
    if v.shape[1] != k.shape[0]:
        raise ValueError(
            f"k must have one filter per channel of u ({v.shape[1]}); "
            f"got {k.shape[0]} filters."
        )
    if backend == "triton":
        y = _on_triton(v, k, bias, gates)
        if y is not None:
            return y
    u = v if gates is None else v * gates[1]
    y = spectral_conv(u, filter_spectrum(k, u.shape[-1]), bias=bias)
    return y if gates is None else gates[0] * y


def spectral_conv(
    u: Float[Tensor, "batch channels length"],
    spectrum: Complex[Tensor, "channels frequencies"],
    *,
    bias: Float[Tensor, " channels"] | None = None,
) -> Float[Tensor, "batch channels length"]:
    """`fft_conv` with the filter already transformed.

    ``spectrum`` comes from `filter_spectrum` or `two_sided_spectrum` for the
    same length.

    Examples
    --------
    >>> u = torch.ones(1, 1, 4)
    >>> spectrum = filter_spectrum(torch.ones(1, 4), 4)
    >>> spectral_conv(u, spectrum).round(decimals=4)
    tensor([[[1., 2., 3., 4.]]])
    """
    if u.numel() == 0:  # MKL refuses an empty batch
        return u.clone()
    wide = _widen(u)
    if torch.compiler.is_compiling():
        y = _plainly(wide, spectrum)
    elif torch.is_grad_enabled():
        y = _SpectralConv.apply(wide, spectrum)
    else:
        y = _convolve(wide, spectrum)
    if bias is not None:
        room = y if hand_tuned() else None
        y = torch.addcmul(y, wide, bias.to(y.dtype)[:, None], out=room)
    return y.to(u.dtype)


def triton_kernels() -> ModuleType:
    """Import the fused kernels.

    Raises
    ------
    ImportError
        If Triton is missing.
    """
    try:
        return import_module("hyenascope.ops._triton_fft_conv")
    except ImportError as err:
        raise ImportError(
            f"backend='triton' needs Triton: pip install triton; got {err}"
        ) from err


def _on_triton(
    u: Tensor, k: Tensor, bias: Tensor | None, gates: tuple[Tensor, Tensor] | None
) -> Tensor | None:
    """Return the fused kernel's result, or None where it does not compile."""
    kernels = triton_kernels()
    skip = k.new_zeros(k.shape[0]) if bias is None else bias
    try:
        return kernels.fused_conv(u, k, skip, gates)
    except kernels.NotCompiledError as err:
        notice(str(err))
        return None


@cache
def notice(reason: str) -> None:
    """Say once that PyTorch's transforms stand in for the kernel."""
    warnings.warn(f"backend='triton' falls back to 'torch': {reason}", stacklevel=4)


def _convolve(u: Tensor, spectrum: Tensor) -> Tensor:
    length, n = u.shape[-1], fft_length(u.shape[-1])
    return torch.fft.irfft(torch.fft.rfft(u, n=n).mul_(spectrum), n=n)[..., :length]


def _plainly(u: Tensor, spectrum: Tensor) -> Tensor:
    length, n = u.shape[-1], fft_length(u.shape[-1])
    return torch.fft.irfft(torch.fft.rfft(u, n=n) * spectrum, n=n)[..., :length]


class _SpectralConv(torch.autograd.Function):
    """`_convolve`, with real transforms on the way back too.

    Convolving with the filter turned around is the gradient of ``u``; torch's own
    derivative of a real transform takes a complex one of twice the work, and would
    keep the spectrum of ``u``, twice as large as ``u``, which is made again here.
    Second derivatives are not there.
    """

    @staticmethod
    def forward(ctx: Any, u: Tensor, spectrum: Tensor) -> Tensor:  # noqa: ANN401
        ctx.save_for_backward(u, spectrum)
        return _convolve(u, spectrum)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:  # noqa: ANN401
        u, spectrum = ctx.saved_tensors
        back = torch.fft.rfft(grad, n=fft_length(u.shape[-1]))
        for_u, for_spectrum = ctx.needs_input_grad
        of_spectrum = _spectrum_gradient(back, u) if for_spectrum else None
        of_u = _input_gradient(back, spectrum, u.shape[-1]) if for_u else None
        return of_u, of_spectrum


class SpectralGradients(NamedTuple):
    """Of what `spectral_conv` takes, the skip left out."""

    u: Float[Tensor, "batch channels length"]
    spectrum: Complex[Tensor, "channels frequencies"]


def spectral_gradients(
    grad: Float[Tensor, "batch channels length"],
    u: Float[Tensor, "batch channels length"],
    spectrum: Complex[Tensor, "channels frequencies"],
) -> SpectralGradients:
    """Gradients of `spectral_conv` from ``grad``, the gradient of its result.

    What reaches ``u`` is ``grad`` convolved with the filter turned around.

    Examples
    --------
    >>> grad, u = torch.tensor([[[0.0, 1.0]]]), torch.tensor([[[1.0, 2.0]]])
    >>> spectrum = filter_spectrum(torch.tensor([[1.0, 10.0]]), 2)
    >>> spectral_gradients(grad, u, spectrum).u.round(decimals=4)
    tensor([[[10.,  1.]]])
    """
    if u.numel() == 0:  # MKL refuses an empty batch
        return SpectralGradients(u.clone(), torch.zeros_like(spectrum))
    back = torch.fft.rfft(_widen(grad), n=fft_length(u.shape[-1]))
    of_spectrum = _spectrum_gradient(back, _widen(u))
    of_u = _input_gradient(back, spectrum, u.shape[-1])
    return SpectralGradients(of_u.to(u.dtype), of_spectrum)


def _spectrum_gradient(back: Tensor, u: Tensor) -> Tensor:
    n = fft_length(u.shape[-1])
    # Every bin but the first, and the last of an even length, stands for two.
    weight = back.real.new_full((back.shape[-1],), 2 / n)
    weight[0] = 1 / n
    if n % 2 == 0:
        weight[-1] = 1 / n
    product = torch.fft.rfft(u, n=n).conj_physical_().mul_(back)
    return product.sum(0).mul_(weight)


def _input_gradient(back: Tensor, spectrum: Tensor, length: int) -> Tensor:
    """Use up ``back``."""
    turned = back.mul_(spectrum.conj_physical())
    return torch.fft.irfft(turned, n=fft_length(length))[..., :length]


def _widen(x: Tensor) -> Tensor:
    return x if x.dtype == torch.float64 else x.float()


def _is_smooth(n: int) -> bool:
    for factor in (2, 3, 5, 7):
        while n % factor == 0:
            n //= factor
    return n == 1
