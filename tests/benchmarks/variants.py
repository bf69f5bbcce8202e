"""Time variant scoring beside a loop of full passes.

Run it with ``python -m tests.benchmarks.variants``.

The baseline reads a window of its own for the reference and the alternate of every
variant on both strands, eight windows at a time; it is what most scripts do. Ours
shares the reference pass of a window between its variants, and takes a conditional
score from that pass alone. Nothing here passes or fails.
"""

import sys
import tempfile
import time
from pathlib import Path

import torch

from hyenascope.data.fasta import FastaReader
from hyenascope.data.interval import Interval
from hyenascope.data.synthetic import synthetic_genome
from hyenascope.data.variant import Variant, all_snvs
from hyenascope.interpret.variant_effect import score_variants
from hyenascope.models.checkpoint import load_pretrained
from hyenascope.models.hyena import HyenaLM
from hyenascope.sequence.tokenizer import reverse_complement_tokens, tokenize

COUNT = 1000
SPAN = Interval("chrB", 20_000, 40_000)


def evenly(genome: FastaReader) -> list[Variant]:
    """Take SNVs at even distances, one of three at each base."""
    every = list(all_snvs(SPAN, genome.fetch(SPAN)))
    return every[:: len(every) // COUNT][:COUNT]


def full_passes(model: HyenaLM, genome: FastaReader, variants: list[Variant]) -> None:
    """Read reference and alternate windows, both strands, eight at a time."""
    rows = []
    for variant in variants:
        start = variant.start - 512
        text = genome.fetch_region(variant.chrom, start, start + 1024)
        for haplotype in (text, variant.apply(text, start)):
            forward = tokenize(haplotype)
            rows += [forward, reverse_complement_tokens(forward)]
    with torch.inference_mode():
        for i in range(0, len(rows), 8):
            batch = torch.stack([torch.from_numpy(row) for row in rows[i : i + 8]])
            model(batch).log_softmax(-1)


def main() -> None:
    """Print the table."""
    torch.set_num_threads(2)
    model = load_pretrained("yeast-1k")
    with tempfile.TemporaryDirectory() as folder:
        genome = synthetic_genome(seed=3, contigs={"chrB": 60_000})
        path = Path(genome.write(folder).fasta)
        with FastaReader(path) as reader:
            variants = evenly(reader)
            jobs = {
                "full passes": lambda: full_passes(model, reader, variants),
                "likelihood": lambda: score_variants(model, variants, reader),
                "conditional": lambda: score_variants(
                    model, variants, reader, scores=("conditional",)
                ),
            }
            seconds: dict[str, list[float]] = {name: [] for name in jobs}
            for _ in range(2):
                for name, job in jobs.items():
                    begin = time.perf_counter()
                    job()
                    seconds[name].append(time.perf_counter() - begin)
    write = sys.stdout.write
    write(f"{COUNT} SNVs over {SPAN.length:,} bp, yeast-1k, both strands\n")
    for name, values in seconds.items():
        ratio = min(seconds["full passes"]) / min(values)
        write(f"{name:<12} {min(values):7.1f} s   {ratio:5.1f} x\n")


if __name__ == "__main__":
    main()
