"""Time mutagenesis beside loops of full passes and beside tangermeme.

Run it with ``python -m tests.benchmarks.mutagenesis``; ``--case`` picks some.

The full-pass baseline reads one row per mutant and strand with the same model, at
the batch size that suits it best at that length. It is timed on some mutants and
scaled to all of them (``rows timed`` says how many), for a map at 131,072 bp would
take hours. Nothing here passes or fails.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tangermeme.saturation_mutagenesis import saturation_mutagenesis as tangermeme_ism

from hyenascope.data.fasta import FastaReader
from hyenascope.data.interval import Interval
from hyenascope.data.track_data import TrackData
from hyenascope.data.track_files import write_tracks
from hyenascope.interpret.ism import conditional_map, saturation_mutagenesis
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.incremental import Mutant, ReferencePass, picked
from hyenascope.models.mutant_passes import batches
from hyenascope.models.one_hot_module import OneHotLM
from hyenascope.models.predict import base_log_probs
from hyenascope.sequence.one_hot import one_hot
from hyenascope.sequence.tokenizer import BASE_TOKENS, tokenize
from tests.benchmarks.peak_memory import peak_memory

POSITIONS, WINDOW = 512, 512
TARGETS = {1024: 1.6, 16_384: 25.0, 131_072: 150.0}


def main() -> None:
    """Run the cases and print a line each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", default="", help="only cases whose name holds this")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    say(f"torch {torch.__version__}, {options.threads} threads, tiny-1k shape, float32")
    cases: dict[str, Callable[[Path], None]] = {
        **{f"ism-{length}": ism_case(length) for length in TARGETS},
        "conditional-1k": conditional_1k,
        "conditional-160k": conditional_160k,
        "megabase": megabase,
        "streaming": streaming,
        "tangermeme": beside_tangermeme,
    }
    for name, case in cases.items():
        if options.case in name:
            with tempfile.TemporaryDirectory() as folder:
                case(Path(folder))


def ism_case(length: int) -> Callable[[Path], None]:
    """Time a map of 512 positions, both strands, W = 512, in one context."""

    def run(folder: Path) -> None:
        model = tiny(length)
        with genome(folder, 3 * length + 4096) as reader:
            start = 3 * length // 2
            place = Interval("I", start, start + POSITIONS)

            def map_() -> TrackData:
                return saturation_mutagenesis(
                    model, reader, place, window=WINDOW, context=length
                )

            ours = least(map_, 1 if length > 10_000 else 2)
            row, timed, batch = full_pass(model, reader, length)
        full = row * 2 * 3 * POSITIONS
        say(
            f"ISM {POSITIONS} x 3, both strands, W {WINDOW}, L {length:>7,}: ours "
            f"{ours:8.1f} s, full passes {full:10.1f} s (batch {batch}, {timed} rows "
            f"timed), {full / ours:6.1f} x (target {TARGETS[length]})"
        )

    return run


def full_pass(
    model: HyenaLM, reader: FastaReader, length: int
) -> tuple[float, int, int]:
    """Return the least seconds per full pass over batch sizes, rows timed, batch."""
    row = torch.from_numpy(tokenize(reader.fetch(Interval("I", 0, length))))
    sizes = (1, 2, 4, 8, 16) if length <= 2048 else (1, 2) if length < 50_000 else (1,)
    best, timed, chosen = float("inf"), 0, 0
    with torch.inference_mode():
        for size in sizes:
            rows = row.repeat(size, 1)

            def read(rows: torch.Tensor = rows) -> torch.Tensor:
                tables = base_log_probs(model(rows))
                return picked(tables, rows)[:, -WINDOW:].sum(1)

            repeats = max(3, 32 * 1024 // length // size)
            read()
            begin = time.perf_counter()
            for _ in range(repeats):
                read()
            seconds = (time.perf_counter() - begin) / repeats / size
            timed += repeats * size
            if seconds < best:
                best, chosen = seconds, size
    return best, timed, chosen


def conditional_1k(folder: Path) -> None:
    """Time a conditional map of 1 kb on both strands."""
    with genome(folder, 1024) as reader:
        model = tiny(1024)
        seconds = least(
            lambda: conditional_map(
                model, reader, Interval("I", 0, 1024), strands="both"
            ),
            5,
        )
    say(f"conditional map, 1 kb, both strands: {seconds * 1e3:.0f} ms (target 200)")


def conditional_160k(folder: Path) -> None:
    """Count the passes of a conditional map of 160 kb on both strands."""
    model, passes = tiny(160_000), 0
    plain = model.backbone.forward

    def counted(*inputs: Any, **options: Any) -> Any:
        nonlocal passes
        passes += 1
        return plain(*inputs, **options)

    model.backbone.forward = counted  # type: ignore[method-assign]
    with genome(folder, 160_000) as reader:
        begin = time.perf_counter()
        conditional_map(
            model, reader, Interval("I", 0, 160_000), context=160_000, strands="both"
        )
    seconds = time.perf_counter() - begin
    say(
        f"conditional map, 160 kb, both strands: {passes} passes (target 2), "
        f"{seconds:.1f} s"
    )


def megabase(folder: Path) -> None:
    """Count the mutants that take as long as one pass over a megabase."""
    del folder
    length = 1_000_000
    model = tiny(length)
    rng = np.random.default_rng(0)
    row = rng.integers(7, 11, length)
    places = np.sort(rng.choice(np.arange(500_000, 504_000), 500, replace=False))
    with torch.inference_mode():
        tokens = torch.from_numpy(row)
        begin = time.perf_counter()
        reference = ReferencePass(
            model, tokens, start=500_000, end=504_000, window=WINDOW
        )
        first = time.perf_counter() - begin
        begin = time.perf_counter()
        model.hidden(tokens[None])
        once = time.perf_counter() - begin
        mutants = [mutant(row, int(p)) for p in places]
        begin = time.perf_counter()
        for batch in batches(reference, mutants):
            reference.log_probs(batch)
        seconds = time.perf_counter() - begin
    say(
        f"1 Mb context: reference pass {first:.1f} s, one more pass {once:.1f} s, 500 "
        f"mutants {seconds:.1f} s: {500 * once / seconds:,.0f} mutants in the time of "
        "one pass (target 500)"
    )


def mutant(row: np.ndarray, place: int) -> Mutant:
    """Substitute one base."""
    new = row[place : place + WINDOW].copy()
    new[0] = BASE_TOKENS[0] + (new[0] - BASE_TOKENS[0] + 1) % 4
    return Mutant(place, new, 1)


def streaming(folder: Path) -> None:
    """Write 100 maps of 1 kb to one file and watch the memory."""
    model = tiny(1024)
    peaks: list[float] = []
    with genome(folder, 120_000) as reader:

        def maps() -> Iterator[TrackData]:
            for i in range(100):
                place = Interval("I", 2000 + 1024 * i, 2000 + 1024 * (i + 1))
                yield saturation_mutagenesis(
                    model, reader, place, score="conditional", context=1024
                )
                peaks.append(peak_memory() / 2**20)

        write_tracks(maps(), folder / "maps.parquet")
    say(
        f"100 maps of 1 kb to one file: peak memory {peaks[9]:.0f} MB after 10, "
        f"{peaks[99]:.0f} MB after 100"
    )


def beside_tangermeme(folder: Path) -> None:
    """Map every substitution of 1 kb by the likelihood of the whole of it."""
    model = tiny(1024)

    def likelihood(hidden: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        table = base_log_probs(model.head(hidden))[:, 1:]
        return (table * rows[:, 1:]).sum((1, 2))[:, None].float()

    module = OneHotLM(model, likelihood, layout="4 length").eval()
    with genome(folder, 1024) as reader:
        text = reader.fetch(Interval("I", 0, 1024))
        rows = torch.from_numpy(one_hot(text).T.copy())[None].float()
        ours = least(
            lambda: saturation_mutagenesis(
                model,
                reader,
                Interval("I", 0, 1024),
                score="full",
                strands="forward",
                context=1024,
            ),
            1,
        )
    theirs, chosen = float("inf"), 0
    with torch.no_grad():
        for size in (4, 8, 32):  # on an eighth of the positions, to choose a batch
            seconds = least(
                lambda size=size: tangermeme_ism(
                    module, rows, start=0, end=128, batch_size=size, device="cpu"
                ),
                1,
            )
            if seconds < theirs:
                theirs, chosen = seconds, size
        theirs = least(
            lambda: tangermeme_ism(module, rows, batch_size=chosen, device="cpu"), 1
        )
    say(
        f"1 kb, every substitution by the whole likelihood: ours {ours:.1f} s, "
        f"tangermeme {theirs:.1f} s (batch {chosen}), {theirs / ours:.1f} x (target 2)"
    )


def tiny(length: int) -> HyenaLM:
    """Make the published tiny-1k shape for a context of ``length`` bases."""
    generator = torch.Generator().manual_seed(0)
    return HyenaLM(HyenaConfig(l_max=length + 2), generator=generator).eval()


def genome(folder: Path, length: int) -> FastaReader:
    """Write a random contig."""
    path = folder / "random.fa"
    text = "".join(np.random.default_rng(0).choice(list("ACGT"), length))
    path.write_text(f">I\n{text}\n")
    return FastaReader(path)


def least(job: Callable[[], object], repeats: int) -> float:
    """Least wall seconds over the repeats."""
    found = []
    for _ in range(repeats):
        begin = time.perf_counter()
        job()
        found.append(time.perf_counter() - begin)
    return min(found)


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
