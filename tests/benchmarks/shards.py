"""Variants per second in shards, by one worker and by two, and what that comes to.

Run it with ``python -m tests.benchmarks.shards``. Each worker has one thread; of a run
the rate is that between the ends of its first and last shard, so that starting
processes does not count. Nothing here passes or fails.
"""

import argparse
import logging
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from distributed import Client, LocalCluster

from hyenascope.cluster import jobs
from hyenascope.data.variant import Variant
from hyenascope.interpret.scores import ScoreName
from hyenascope.models.checkpoint import load_pretrained
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from tests.benchmarks.sides import say

TINY = HyenaConfig()
SCORES: tuple[tuple[tuple[ScoreName, ...], int], ...] = (
    (("conditional",), 1),
    (
        ("conditional", "likelihood"),
        8,
    ),  # a mutant each: a share of the variants will do
)
MODELS = {
    "yeast-1k": (None, 6_000),
    "tiny-1k, 1 kb": (replace(TINY, l_max=1_026), 4_000),
    "small-32k, 16 kb": (
        replace(TINY, d_model=256, d_inner=1_024, n_layer=4, l_max=32_770),
        480,
    ),
}


def main() -> None:
    """Run the models and print a line each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="", help="only those whose name holds this")
    options = parser.parse_args()
    say(f"torch {torch.__version__}, one thread a worker, both strands, float32")
    for name, (config, variants) in MODELS.items():
        if options.model in name:
            model = load_pretrained(name) if config is None else fresh(config)
            for scores, share in SCORES:
                count = variants // share
                rates = [rate(model, count, scores, workers) for workers in (1, 2)]
                say(
                    f"{name}, {' and '.join(scores)}: {rates[0]:.0f} variants/s by one "
                    f"worker, {rates[1]:.0f} by two, efficiency "
                    f"{rates[1] / rates[0] / 2:.0%}"
                )


def rate(
    model: HyenaLM, variants: int, scores: tuple[ScoreName, ...], workers: int
) -> float:
    """Return variants per second, SNVs 20 bp apart on a random contig."""
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            memory_limit=None,
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.CRITICAL,
            env={"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
        ) as cluster,
        Client(cluster) as client,
    ):
        path = Path(folder) / "g.fa"
        size = 20 * variants + 40_000
        text = "".join(np.random.default_rng(0).choice(list("ACGT"), size))
        path.write_text(f">I\n{text}\n")
        run = jobs.score_variants(
            model,
            [snv(text, 20_000 + 20 * i) for i in range(variants)],
            path,
            Path(folder) / "run",
            scheduler=client,
            shard_size=-(-variants // 12),
            scores=scores,
            progress=False,
        )
        return run.status().per_second


def snv(text: str, pos: int) -> Variant:
    """Change the base at a 1-based position."""
    ref = text[pos - 1]
    return Variant("I", pos, ref, "ACGT"[("ACGT".index(ref) + 1) % 4])


def fresh(config: HyenaConfig) -> HyenaLM:
    """Make a model of a published shape, untrained."""
    return HyenaLM(config, generator=torch.Generator().manual_seed(0)).eval()


if __name__ == "__main__":
    main()
