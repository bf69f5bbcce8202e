"""The table of speed and memory on a GPU: kernels, the model, attention.

Run it with ``python -m tests.benchmarks.gpu`` from a checkout, with nothing installed
but PyTorch and Triton; it takes less than eight minutes. Times are medians over
repetitions between CUDA events, the spread is (largest − least) / median. Fractions of
the bandwidth floor are the bytes that must be moved once, over what a copy of 1 GiB
moves in the same run. Nothing here passes or fails.
"""

import argparse
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch
from torch import Tensor
from torch.nn import functional

import tests.benchmarks.without_jaxtyping  # noqa: F401  # isort: split
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.ops.fft_conv import gated_fft_conv
from tests.benchmarks.published import published_hidden
from tests.benchmarks.report import Row, publish, save_rows, say, speed_table

MODEL = {way: f"tiny, 1 kb × 256, {way}" for way in ("forward", "training step")}
GRAPH = "tiny, 1 kb × 1, forward, CUDA graph of torch.compile"
BESIDE_ATTENTION = "gated convolution, 1 Mb, beside attention"
MEGABASE = "large-1m, training at 1 Mb, checkpointed, peak GB"
WIDTH, TOKENS = 256, 2**21  # channels, and positions of a whole batch
LENGTHS = (1_024, 2_048, 4_096, 8_192, 16_384, 32_768, 131_072, 2**20)
LARGE = HyenaConfig(
    d_model=256, n_layer=8, d_inner=1024, l_max=2**20, embed_dropout=0.0,
    checkpoint_mixer=True, checkpoint_mlp=True,
)  # fmt: skip
TINY = HyenaConfig(l_max=4_098, embed_dropout=0.0)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--save", type=Path, help="a JSON file to write")
    given = parser.parse_args()
    rows = measured()
    publish(speed_table(rows) + "\n", None)
    if given.save is not None:
        save_rows(rows, given.save)


def measured() -> list[Row]:
    """Return every row; those say so that need a GPU where there is none."""
    if not torch.cuda.is_available():
        return [
            Row(what, "no GPU here", "", None, target) for what, target in _planned()
        ]
    warnings.simplefilter("error", UserWarning)  # a stand-in is not timed
    copied = _bandwidth()
    say(f"{torch.cuda.get_device_name()}: a copy moves {copied / 1e12:.2f} TB/s")
    rows = []
    for length in LENGTHS:
        for dtype in (torch.bfloat16, torch.float32):
            rows += _convolutions(length, dtype, copied)
    rows += _models()
    rows.append(_graph())
    rows.append(_attention())
    rows.append(_megabase())
    return rows


def _planned() -> list[tuple[str, str]]:
    named = [
        (_name(way, length, dtype), _target(length))
        for length in LENGTHS
        for dtype in (torch.bfloat16, torch.float32)
        for way in ("forward", "forward and backward")
    ]
    return [
        *named,
        *((name, "≥ 2") for name in MODEL.values()),
        (GRAPH, "none"),
        (BESIDE_ATTENTION, "≥ 160"),
        (MEGABASE, "< 80"),
    ]


def _name(way: str, length: int, dtype: torch.dtype) -> str:
    return f"gated convolution, {length:,}, {str(dtype).removeprefix('torch.')}, {way}"


def _target(length: int) -> str:
    return "≥ 4" if length <= 8_192 else "≥ 2"


def _convolutions(length: int, dtype: torch.dtype, copied: float) -> list[Row]:
    batch = max(1, TOKENS // length)
    shape = (batch, WIDTH, length)
    v, x0, x1 = (torch.randn(shape, device="cuda", dtype=dtype) for _ in range(3))
    k = torch.randn(WIDTH, length, device="cuda") / length
    skip = torch.randn(WIDTH, device="cuda")
    leaves = [v, x0, x1, k, skip]

    def run(backend: str, *, back: bool) -> None:
        with torch.set_grad_enabled(back):
            y = gated_fft_conv(v, k, (x0, x1), bias=skip, backend=backend)  # type: ignore[arg-type]
            if back:
                torch.autograd.grad(y, leaves, x0)

    rows = []
    for way, back in (("forward", False), ("forward and backward", True)):
        for leaf in leaves:
            leaf.requires_grad_(back)
        name, target = _name(way, length, dtype), _target(length)
        theirs, wide = _seconds(lambda back=back: run("torch", back=back))
        floor = (11 if back else 4) * v.nbytes / copied  # read and written once
        ours, spread = _seconds(lambda back=back: run("triton", back=back))
        rows.append(
            Row(
                name,
                f"torch {theirs * 1e3:.2f} ms",
                f"{ours * 1e3:.2f} ms",
                theirs / ours,
                target,
                f"{floor / ours:.0%} of the floor, spread {wide:.0%} and {spread:.0%}",
            )
        )
        say(str(rows[-1]))
    return rows


def _models() -> list[Row]:
    model = HyenaLM(TINY, generator=torch.Generator().manual_seed(0)).cuda().eval()
    tokens = torch.randint(7, 11, (256, 1_024), device="cuda")

    def forward(run: Callable[[HyenaLM, Tensor], Tensor]) -> None:
        with torch.no_grad():
            run(model, tokens)

    def step(run: Callable[[HyenaLM, Tensor], Tensor]) -> None:
        logits = model.head(run(model, tokens))[:, :-1]
        loss = functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())
        loss.backward()

    rows = []
    for way, act in (("forward", forward), ("training step", step)):
        model.train(way != "forward")
        theirs, _ = _seconds(lambda act=act: act(published_hidden))
        best = {}
        for backend in ("torch", "triton"):
            model.backend = backend
            best[backend], _ = _seconds(lambda act=act: act(HyenaLM.hidden))
        backend = min(best, key=best.__getitem__)
        both = ", ".join(f"{name} {found * 1e3:.1f} ms" for name, found in best.items())
        rows.append(
            Row(
                MODEL[way],
                f"published {theirs * 1e3:.1f} ms",
                both,
                theirs / best[backend],
                "≥ 2",
                f"ratio of {backend}",
            )
        )
        say(str(rows[-1]))
    return rows


def _graph() -> Row:
    """Time a pass so short that launches are most of it, replayed and not."""
    model = HyenaLM(TINY, generator=torch.Generator().manual_seed(0)).cuda().eval()
    tokens = torch.randint(7, 11, (1, 1_024), device="cuda")
    replayed = torch.compile(model, mode="reduce-overhead", fullgraph=True)

    def run(model: Callable[[Tensor], Tensor]) -> None:
        with torch.no_grad():
            model(tokens)

    theirs, _ = _seconds(lambda: run(model))
    with warnings.catch_warnings():  # Inductor says that PyTorch transforms
        warnings.simplefilter("ignore", UserWarning)
        for _ in range(3):  # compile, record, replay
            run(replayed)
        ours, spread = _seconds(lambda: run(replayed))
    return Row(
        GRAPH, f"step by step {theirs * 1e3:.2f} ms",
        f"{ours * 1e3:.2f} ms", theirs / ours, "none", f"spread {spread:.0%}",
    )  # fmt: skip


def _attention() -> Row:
    """Beside causal attention of one head of 64 channels four times over."""
    length, heads = 2**20, WIDTH // 64
    q, k, v = (
        torch.randn(1, heads, length, 64, device="cuda", dtype=torch.bfloat16)
        for _ in range(3)
    )

    def attend() -> None:
        functional.scaled_dot_product_attention(q, k, v, is_causal=True)

    theirs, _ = _seconds(attend, most=2)
    parts = [x.reshape(1, length, WIDTH).mT.contiguous() for x in (q, k, v)]
    taps = torch.randn(WIDTH, length, device="cuda") / length

    def convolve(backend: str) -> None:
        gates = (parts[0], parts[1])
        with torch.no_grad():
            gated_fft_conv(parts[2], taps, gates, backend=backend)  # type: ignore[arg-type]

    found = {
        way: _seconds(lambda way=way: convolve(way)) for way in ("torch", "triton")
    }
    best = min(found, key=lambda way: found[way][0])
    ours, spread = found[best]
    both = ", ".join(f"{way} {took * 1e3:.1f} ms" for way, (took, _) in found.items())
    return Row(
        BESIDE_ATTENTION, f"attention {theirs:.2f} s",
        both, theirs / ours, "≥ 160", f"ratio of {best}, spread {spread:.0%}",
    )  # fmt: skip


def _megabase() -> Row:
    model = HyenaLM(LARGE, generator=torch.Generator().manual_seed(0)).cuda().train()
    tokens = torch.randint(7, 11, (1, 2**20), device="cuda")
    torch.cuda.reset_peak_memory_stats()

    def step() -> None:
        with torch.autocast("cuda", dtype=torch.bfloat16):
            logits = model(tokens)[:, :-1]
            targets = tokens[:, 1:].flatten()
            functional.cross_entropy(logits.flatten(0, 1), targets).backward()

    seconds, _ = _seconds(step, most=2)
    peak = torch.cuda.max_memory_allocated() / 1e9
    return Row(
        MEGABASE, "80 GB, the paper's GPU",
        f"{peak:.1f} GB", peak, "< 80", f"{seconds:.2f} s a step, bf16 autocast",
    )  # fmt: skip


def _seconds(run: Callable[[], None], most: int = 10) -> tuple[float, float]:
    """Return the median and the spread of a few repetitions, in seconds."""
    run()
    torch.cuda.synchronize()
    found = []
    for _ in range(most):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        run()
        end.record()
        torch.cuda.synchronize()
        found.append(start.elapsed_time(end) / 1e3)
    middle = median(found)
    return middle, (max(found) - min(found)) / middle


def _bandwidth() -> float:
    """Bytes per second that a copy reads and writes."""
    x = torch.empty(2**30, dtype=torch.uint8, device="cuda")
    y = torch.empty_like(x)
    return 2 * x.nbytes / _seconds(lambda: y.copy_(x))[0]  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
