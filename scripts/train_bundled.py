"""Train the two checkpoints that ship with the package, and write their cards.

``python scripts/train_bundled.py demo-synthetic``
``python scripts/train_bundled.py yeast-1k --fasta S_cerevisiae.R64-1-1.fa.gz --gtf …``

A run that is killed goes on when the same command is given again; ``--card`` judges the
shipped weights anew without training. Hours on two CPU cores; set
``GLIBC_TUNABLES=glibc.malloc.mmap_threshold=4294967296`` to spare page faults.
"""

import argparse
import logging
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from jaxtyping import UInt64

from hyenascope.data.example import DEMO_CONTIG, demo_genome, demo_training_genome
from hyenascope.data.fasta import FastaReader
from hyenascope.models.checkpoint import load_pretrained, save_pretrained
from hyenascope.models.config_dialects import read_config
from hyenascope.models.hyena import HyenaConfig
from hyenascope.sequence.dna import reverse_complement
from hyenascope.training.genome_data import GenomeData
from hyenascope.training.judgement import judge, write_judgement
from hyenascope.training.model_card import CURVES_FILE
from hyenascope.training.open_genomes import open_genomes
from hyenascope.training.pretrain import PretrainOptions, pretrain
from hyenascope.training.software import Software, software

HELD_OUT_YEAST = ("VIII", "XVI")
WORD = 32  # bases: as many as fit 64 bits
WEIGHTS = Path(__file__).parents[1] / "hyenascope" / "weights"


@dataclass(frozen=True)
class Recipe:
    """All that decides the weights, and the words of the card."""

    name: str
    config: HyenaConfig
    options: PretrainOptions
    data: GenomeData
    genes: Path | None
    about: str
    limits: str
    command: str


def demo_recipe() -> Recipe:
    """Return the recipe of ``demo-synthetic``."""
    held_out = demo_genome()
    return Recipe(
        name="demo-synthetic",
        config=HyenaConfig(d_model=64, d_inner=256, n_layer=2, embed_dropout=0.0),
        options=PretrainOptions(
            steps=6000,
            batch_size=16,
            micro_batch=8,
            learning_rate=3e-3,
            seed=1,
        ),
        data=open_genomes(
            {**demo_training_genome().sequences, **held_out.sequences},
            validation=[DEMO_CONTIG],
        ),
        genes=None,
        about="Six contigs of 1 Mb drawn by `hyenascope.data.example."
        f"demo_training_genome()`; held out: `{DEMO_CONTIG}`, 100 kb of the same "
        "grammar with another seed. The grammar's own entropy on the held-out contig, "
        f"genes and motifs known, is {held_out.entropy():.4f} nats per base: no "
        "model can do better on average.",
        limits="It knows a made-up genome and nothing of any organism. It exists so "
        "that examples and tests run offline on variants whose true effect is known.",
        command="python scripts/train_bundled.py demo-synthetic --card",
    )


def yeast_recipe(fasta: Path, genes: Path | None) -> Recipe:
    """Return the recipe of ``yeast-1k``."""
    data = open_genomes(fasta, validation=HELD_OUT_YEAST, leave_out=["Mito"])
    # The file knows no repeats: what is held out says itself what it has seen before.
    seen = words_of(text for _, text in data.texts("train"))
    masked = dict(_contigs(fasta)) | {
        region.chrom: repeats_in_lower_case(text, seen)
        for region, (_, text) in zip(data.valid, data.texts("valid"), strict=True)
    }
    data = open_genomes(masked, validation=HELD_OUT_YEAST, leave_out=["Mito"])
    return Recipe(
        name="yeast-1k",
        config=HyenaConfig(embed_dropout=0.0),
        options=PretrainOptions(
            steps=12_000,
            batch_size=16,
            micro_batch=8,
            learning_rate=2e-3,
            seed=1,
        ),
        data=data,
        genes=genes,
        about="The 16 nuclear chromosomes of *Saccharomyces cerevisiae* R64-1-1 "
        "(sacCer3, Ensembl); chromosomes VIII and XVI held out, the mitochondrion "
        f"left out. Soft-masked are held-out bases that lie in {WORD} bases which the "
        "training text holds too, on either strand.",
        limits="A small model of one yeast genome. Its scores of variants must be "
        "read beside the Markov baselines, which at high order profit from repeats. "
        "The smoothing constant of those was chosen on the held-out chromosomes, "
        "which favours them slightly.",
        command="python scripts/train_bundled.py yeast-1k --card --fasta "
        "Saccharomyces_cerevisiae.R64-1-1.fa.gz --gtf "
        "Saccharomyces_cerevisiae.R64-1-1.96.gtf.gz",
    )


def _contigs(fasta: Path) -> Iterator[tuple[str, str]]:
    with FastaReader(fasta) as genome:
        for name, size in genome.contigs.items():
            yield name, genome.fetch_region(name, 0, size)


def words_of(texts: Iterable[str]) -> UInt64[np.ndarray, " words"]:
    """Return every run of `WORD` bases in texts, on either strand, sorted."""
    both = (strand for text in texts for strand in (text, reverse_complement(text)))
    return np.unique(np.concatenate([_words(strand) for strand in both]))


def repeats_in_lower_case(text: str, seen: UInt64[np.ndarray, " _"]) -> str:
    """Return a text with those bases in lower case that lie in a word of `words_of`."""
    own = _words(text)
    if not len(seen):
        return text.upper()
    place = np.searchsorted(seen, own)
    begins = seen[np.minimum(place, len(seen) - 1)] == own
    # A base lies in a word that begins at it or up to WORD - 1 bases before it.
    edges = np.zeros(len(text) + 1, np.int64)
    edges[: len(own)] += begins
    edges[WORD : WORD + len(own)] -= begins
    inside = np.cumsum(edges[:-1]) > 0
    letters = np.frombuffer(text.upper().encode(), np.uint8).copy()
    letters[inside] += ord("a") - ord("A")
    return letters.tobytes().decode()


def _words(text: str) -> UInt64[np.ndarray, " words"]:
    """Return every word as a number of two bits a base; N counts as A."""
    codes = np.zeros(256, np.uint64)
    codes[[ord(base) for base in "ACGTacgt"]] = [0, 1, 2, 3] * 2
    base = codes[np.frombuffer(text.encode(), np.uint8)]
    words = np.zeros(max(0, len(text) - WORD + 1), np.uint64)
    for place in range(WORD):
        words = (words << np.uint64(2)) | base[place : place + len(words)]
    return words


def train(recipe: Recipe, run: Path) -> None:
    """Run the recipe, or go on with it; then ship the weights."""
    made_with = software()  # before the weights change, which git tracks
    result = pretrain(
        recipe.config,
        recipe.data,
        options=recipe.options,
        out=run,
        save_every=100,
        validate_every=250,
    )
    if not result.finished:
        raise SystemExit(result.message)
    result.model.name = recipe.name
    made = {"made_with": asdict(made_with)}
    save_pretrained(result.model, WEIGHTS / recipe.name, metadata=made)
    result.history.to_csv(run / "history.tsv", sep="\t", index=False)


def write(recipe: Recipe, run: Path) -> None:
    """Hold the shipped weights against held-out text and write their card."""
    folder = WEIGHTS / recipe.name
    model = load_pretrained(folder)
    found = judge(model, recipe.data, genes=recipe.genes, progress=True)
    logging.info("%s", found.table.nats)
    made = read_config(folder / "config.json").metadata["made_with"]
    curves = folder / CURVES_FILE
    history = run / "history.tsv" if (run / "history.tsv").exists() else curves
    write_judgement(
        folder,
        model,
        recipe.data,
        found,
        options=recipe.options,
        history=pd.read_csv(history, sep="\t", float_precision="round_trip"),
        about=recipe.about,
        command=recipe.command,
        limits=recipe.limits,
        licence="Apache-2.0",
        made_with=Software(**made),
    )


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=("demo-synthetic", "yeast-1k"))
    parser.add_argument("--fasta", type=Path, help="the yeast genome, for yeast-1k")
    parser.add_argument("--gtf", type=Path, help="its genes, for a table by class")
    parser.add_argument(
        "--run", type=Path, help="folder of the run; default: runs/NAME"
    )
    parser.add_argument("--card", action="store_true", help="judge, do not train")
    parser.add_argument("--threads", type=int, help="CPU threads; all by default")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if arguments.name == "yeast-1k" and arguments.fasta is None:
        parser.error("yeast-1k needs --fasta")
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    yeast = arguments.name == "yeast-1k"
    recipe = yeast_recipe(arguments.fasta, arguments.gtf) if yeast else demo_recipe()
    run = arguments.run or Path("runs") / recipe.name
    if not arguments.card:
        train(recipe, run)
    write(recipe, run)


if __name__ == "__main__":
    main()
