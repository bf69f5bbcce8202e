"""Train the two checkpoints that ship with the package, and write their cards.

``python scripts/train_bundled.py demo-synthetic``
``python scripts/train_bundled.py yeast-1k --fasta S_cerevisiae.R64-1-1.fa.gz``

About half an hour and an hour on one CPU core; set
``GLIBC_TUNABLES=glibc.malloc.mmap_threshold=4294967296`` to spare page faults.
"""

import argparse
import hashlib
import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import torch

from hyenascope.data.example import DEMO_CONTIG, demo_genome, demo_training_genome
from hyenascope.data.fasta import FastaReader
from hyenascope.models.checkpoint import save_pretrained
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.sequence.markov import MarkovModel
from hyenascope.training.pretrain import PretrainOptions, evaluate, pretrain

ORDERS = range(1, 13)
HELD_OUT_YEAST = ("VIII", "XVI")
WEIGHTS = Path(__file__).parents[1] / "hyenascope" / "weights"


@dataclass(frozen=True)
class Recipe:
    """All that decides the weights, and the words of the card."""

    name: str
    config: HyenaConfig
    options: PretrainOptions
    training: Mapping[str, str]
    held_out: Mapping[str, str]
    data: str
    limits: str


def demo_recipe() -> Recipe:
    """Return the recipe of ``demo-synthetic``."""
    return Recipe(
        name="demo-synthetic",
        config=HyenaConfig(d_model=64, d_inner=256, n_layer=2, embed_dropout=0.0),
        options=PretrainOptions(
            steps=1500,
            batch_size=16,
            micro_batch=8,
            learning_rate=3e-3,
            warmup=0.04,
            seed=1,
        ),
        training=demo_training_genome().sequences,
        held_out=demo_genome().sequences,
        data="Six contigs of 1 Mb drawn by `hyenascope.data.example."
        f"demo_training_genome()`; held out: `{DEMO_CONTIG}`, 100 kb of the same "
        "grammar with another seed. The grammar's own entropy on the held-out contig, "
        f"genes and motifs known, is {demo_genome().entropy():.4f} nats per base: no "
        "model can do better on average.",
        limits="It knows a made-up genome and nothing of any organism. It exists so "
        "that examples and tests run offline on variants whose true effect is known.",
    )


def yeast_recipe(fasta: Path) -> Recipe:
    """Return the recipe of ``yeast-1k``."""
    with FastaReader(fasta) as genome:
        texts = {
            name: genome.fetch_region(name, 0, size)
            for name, size in genome.contigs.items()
            if name != "Mito"
        }
    return Recipe(
        name="yeast-1k",
        config=HyenaConfig(embed_dropout=0.0),
        options=PretrainOptions(
            steps=5000,
            batch_size=16,
            micro_batch=8,
            learning_rate=2e-3,
            warmup=0.04,
            seed=1,
        ),
        training={k: v for k, v in texts.items() if k not in HELD_OUT_YEAST},
        held_out={k: v for k, v in texts.items() if k in HELD_OUT_YEAST},
        data="The 16 nuclear chromosomes of *Saccharomyces cerevisiae* R64-1-1 "
        "(sacCer3, Ensembl); chromosomes VIII and XVI held out, the mitochondrion "
        "left out.",
        limits="A small model of one yeast genome. Its scores of variants must be "
        "read beside the Markov baselines, which at high order profit from repeats.",
    )


def train(recipe: Recipe) -> HyenaLM:
    """Run the recipe."""
    model = pretrain(recipe.config, recipe.training, options=recipe.options).model
    model.name = recipe.name
    return model


def held_out_table(recipe: Recipe, model: HyenaLM) -> dict[str, float]:
    """Nats per base on held-out text: uniform, Markov models, the model."""
    texts = list(recipe.held_out.values())
    rows = {"uniform": math.log(4)}
    for order in ORDERS:
        fitted = MarkovModel.fit(recipe.training.values(), order)
        rows[f"Markov, order {order}"] = fitted.mean_nats(texts)
    rows[recipe.name] = evaluate(model, texts, progress=True)
    return rows


def card(recipe: Recipe, model: HyenaLM, rows: Mapping[str, float]) -> str:
    """Write the model card."""
    options, config = recipe.options, recipe.config
    tokens = options.steps * options.batch_size * options.length
    bases = sum(map(len, recipe.training.values()))
    digest = hashlib.sha256("".join(recipe.training.values()).encode()).hexdigest()
    table = "\n".join(f"| {name} | {nats:.4f} |" for name, nats in rows.items())
    return f"""# {recipe.name}

A HyenaDNA language model ({config.n_layer} layers, width {config.d_model},
{model.num_parameters():,} parameters, context {config.context_length:,} bp), trained
with `hyenascope.pretrain`. Apache-2.0.

## Data

{recipe.data}
Training text: {bases:,} bases, SHA-256 `{digest}`.

## Training

{options.steps:,} steps of {options.batch_size} windows of {options.length:,} bp, drawn
anywhere and from either strand: {tokens:,} tokens, {tokens / bases:.1f} times the
training text. AdamW, peak learning rate {options.learning_rate}, weight decay
{options.weight_decay} (none on the filter network), cosine down to
{options.min_learning_rate:.0%} of the peak, clipping at {options.clip}, seed
{options.seed}, float32. Made by `scripts/train_bundled.py {recipe.name}`.

## Held-out nats per base (lower is better)

Forward strand; the model reads 512 to 1,023 bases of left context. The interpolated
Markov models are fitted on both strands of the same training text
(`hyenascope.sequence.markov`); the smoothing constant of that class was chosen on the
held-out yeast chromosomes, which favours them slightly.

| model | nats per base |
|---|---|
{table}

## Limits

{recipe.limits}
"""


def publish(recipe: Recipe, model: HyenaLM, folder: Path) -> None:
    """Evaluate, then write weights and card."""
    rows = held_out_table(recipe, model)
    logging.info("%s", rows)
    facts: dict[str, object] = {
        "held_out_nats": round(rows[recipe.name], 4),
        "hyenascope": metadata.version("hyenascope"),
        "torch": torch.__version__,
    }
    save_pretrained(model, folder, card=card(recipe, model, rows), metadata=facts)


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=("demo-synthetic", "yeast-1k"))
    parser.add_argument("--fasta", type=Path, help="the yeast genome, for yeast-1k")
    parser.add_argument("--out", type=Path, help="default: hyenascope/weights/NAME")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if arguments.name == "yeast-1k" and arguments.fasta is None:
        parser.error("yeast-1k needs --fasta")
    yeast = arguments.name == "yeast-1k"
    recipe = yeast_recipe(arguments.fasta) if yeast else demo_recipe()
    publish(recipe, train(recipe), arguments.out or WEIGHTS / recipe.name)


if __name__ == "__main__":
    main()
