"""Hold every explanation of the demo model against the grammar that wrote the DNA.

Run it with ``python -m tests.benchmarks.truth_synthetic``; ``--quick`` for a glance,
``--out docs/truth-synthetic.md`` for the page.

The genome is drawn from the grammar of ``demo-synthetic`` with a seed that its training
never saw. Two questions: do important bases lie in planted elements, and are predicted
effects of substitutions ranked as the true ones? Nothing here passes or fails.
"""

import argparse
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int

from hyenascope.data.example import demo_training_genome
from hyenascope.data.fasta import FastaReader
from hyenascope.data.interval import Interval
from hyenascope.data.synthetic import SyntheticGenome
from hyenascope.interpret.baselines import Baselines
from hyenascope.models.checkpoint import load_pretrained
from hyenascope.sequence.context import TrinucleotideFrequency
from hyenascope.sequence.markov import MarkovModel
from tests.benchmarks.agreement import Estimate, auprc, auroc, bootstrap, spearman
from tests.benchmarks.explanations import (
    Case,
    Explanation,
    model_methods,
    reference_methods,
)
from tests.benchmarks.planted_loci import (
    ELEMENTS,
    NONCODING,
    PLAIN,
    PLANTED,
    UPSTREAM,
    held_out_genome,
    inside,
    planted_loci,
)
from tests.benchmarks.report import made_by, publish, say, table

MODEL = "demo-synthetic"
MARKOV_ORDER = 8
RIVAL = "Markov"
READING = """\
- *What is a substitution worth?* Exact ISM that also counts the bases after the change
  ranks true effects best, everywhere and within planted elements, and far better than
  counting words. 128 bases after the change are worth as much as the whole window, in a
  fifth of the time. The conditional score, first-order ISM and saliency, for the price
  of a pass or two, are above the Markov model; integrated gradients and DeepLIFT from
  uniform bases are below it in plain sequence.
- *Where are the motifs?* Exact ISM, the scan that hides eight bases and the dependency
  map find planted elements against all bases, about three times better than chance;
  gradients along a path hardly do. Promoter motifs and start codons stand out in ISM.
  Splice sites do not: only the dependency map sees them, far below the oracle.
- *Whose fault is it?* The model's. The oracle puts the true effects through the same
  rule as ISM and finds splice sites; the demo weights are small, and have learnt the
  chain, the codons and the promoters, and little of splicing.
- Even the oracle's AUPRC is not one: in a reading frame a stop codon is as bad as a
  broken splice site, and lies in plain sequence.
- A method without a column per letter says the same of all three alternates; that alone
  costs much of its Spearman correlation.
"""


@dataclass(frozen=True, eq=False)
class Truth:
    """Rows of all loci end to end: one per base, and one per substitution of it."""

    block: Int[np.ndarray, " bases"]
    plain: Bool[np.ndarray, " bases"]
    noncoding: Bool[np.ndarray, " bases"]
    planted: Bool[np.ndarray, " bases"]
    elements: Mapping[str, Bool[np.ndarray, " bases"]]
    effects: Float64[np.ndarray, "bases 4"]
    alternate: Bool[np.ndarray, "bases 4"]

    @classmethod
    def of(cls, genome: SyntheticGenome, loci: Sequence[Interval]) -> "Truth":
        """Ask the genome."""

        def marks(regions: tuple[str, ...]) -> Bool[np.ndarray, " bases"]:
            return np.concatenate([inside(genome, locus, regions) for locus in loci])

        letters = [np.array(list(genome.fetch(locus))) for locus in loci]
        return cls(
            np.repeat(np.arange(len(loci)), [locus.length for locus in loci]),
            marks(PLAIN),
            marks(NONCODING),
            marks(PLANTED),
            {name: marks(regions) for name, regions in ELEMENTS.items()},
            np.concatenate([genome.true_effects(locus) for locus in loci]),
            np.concatenate(letters)[:, None] != np.array(list("ACGT")),
        )


@dataclass(frozen=True, eq=False)
class Scored:
    """What a method is worth: each metric by name."""

    metrics: Mapping[str, Estimate]
    seconds: float


def score(
    found: Sequence[Explanation], truth: Truth, resamples: int
) -> dict[str, Estimate]:
    """Hold one method's explanations of all loci against the truth."""
    importance = np.concatenate([each.importance for each in found])
    effects = np.concatenate([each.effects for each in found])
    measure = partial(bootstrap, resamples=resamples)
    scored = {
        "AUPRC": measure(auprc(importance, truth.planted), truth.block),
        "AUROC": measure(auroc(importance, truth.planted), truth.block),
    }
    rows = truth.planted | truth.noncoding
    scored["non-coding"] = measure(
        auprc(importance[rows], truth.planted[rows]), truth.block[rows]
    )
    subsets = {"all": truth.plain | truth.planted}
    subsets |= {"plain": truth.plain, "planted": truth.planted}
    for name, bases in subsets.items():
        rows = truth.alternate & bases[:, None]
        block = np.repeat(truth.block[:, None], 4, axis=1)[rows]
        scored[name] = measure(spearman(effects[rows], truth.effects[rows]), block)
    for name, element in truth.elements.items():
        rows = element | truth.noncoding
        metric = auprc(importance[rows], element[rows])
        scored[name] = measure(metric, truth.block[rows])
    return scored


def count_words(texts: Iterable[str], order: int) -> Baselines:
    """Fit the baselines on text instead of a file."""
    texts = list(texts)
    return Baselines(
        MarkovModel.fit(texts, order),
        TrinucleotideFrequency.fit(texts),
        sum(map(len, texts)),
    )


def explain(fasta: Path, locus: Interval) -> dict[str, tuple[Explanation, float]]:
    """Run every method of the model on one locus; with seconds."""
    torch.set_num_threads(1)
    found = {}
    with FastaReader(fasta) as reader:
        case = Case(load_pretrained(MODEL), reader, locus)
        for name, method in model_methods().items():
            begin = time.perf_counter()
            found[name] = method(case), time.perf_counter() - begin
    return found


def run(
    genome: SyntheticGenome, loci: Sequence[Interval], *, workers: int, resamples: int
) -> tuple[dict[str, Scored], Truth]:
    """Explain and score: models in worker processes, references here."""
    truth = Truth.of(genome, loci)
    rows: dict[str, list[tuple[Explanation, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        fasta = genome.write(folder).fasta
        spawned = get_context("spawn")
        with (
            ProcessPoolExecutor(workers, mp_context=spawned) as pool,
            FastaReader(fasta) as reader,
        ):
            waiting = pool.map(partial(explain, fasta), loci)
            model = load_pretrained(MODEL)
            words = count_words(demo_training_genome().sequences.values(), MARKOV_ORDER)
            for name, method in reference_methods(genome, words).items():
                for locus in loci:
                    begin = time.perf_counter()
                    found = method(Case(model, reader, locus))
                    took = time.perf_counter() - begin
                    rows.setdefault(name, []).append((found, took))
            for i, each in enumerate(waiting, start=1):
                say(f"locus {i} of {len(loci)}")
                for name, item in each.items():
                    rows.setdefault(name, []).append(item)
    scored = {
        name: Scored(
            score([explanation for explanation, _ in each], truth, resamples),
            float(np.mean([seconds for _, seconds in each])),
        )
        for name, each in rows.items()
    }
    return scored, truth


def cell(scored: Mapping[str, Scored], name: str, metric: str) -> str:
    """Write a number, its interval, and a mark where it differs from the rival's."""
    mine = scored[name].metrics[metric]
    low, high = (mine - scored[RIVAL].metrics[metric]).interval
    mark = " ▲" if low > 0 else " ▽" if high < 0 else ""
    return f"{mine}{mark}"


def page(
    scored: Mapping[str, Scored], truth: Truth, loci: Sequence[Interval], made: str
) -> str:
    """Lay out the two tables."""
    main = ("AUPRC", "non-coding", "AUROC", "all", "plain", "planted")
    first = [
        [name, *(cell(scored, name, key) for key in main), f"{item.seconds:.2f}"]
        for name, item in scored.items()
    ]
    base = truth.planted.mean()
    lone = truth.planted.sum() / (truth.planted | truth.noncoding).sum()
    rates = [
        f"{element.sum() / (element | truth.noncoding).sum():.3f}"
        for element in truth.elements.values()
    ]
    counts = [f"{element.sum():,}" for element in truth.elements.values()]
    second = [
        [name, *(cell(scored, name, key) for key in truth.elements)] for name in scored
    ]
    resamples = len(scored[RIVAL].metrics["AUPRC"].resamples)
    return f"""# What an explanation is worth: synthetic truth

{made}

{len(loci)} loci of {loci[0].length} bp on `{loci[0].chrom}`, a contig of the grammar
that `{MODEL}` was trained on, drawn with another seed. Each begins {
        UPSTREAM
    } bp before a
promoter and holds a whole intron. Both strands; in brackets the middle 95 % of
{resamples:,} bootstrap resamples of whole loci. ▲ better and ▽ worse than {RIVAL} (an
interpolated Markov model of order {MARKOV_ORDER} of the training text, by what a
substitution does to the likelihood of both strands): the interval of the paired
difference leaves out 0.

How a result becomes one number per base is fixed by its kind, not by what looks best:
minus the mean of the three alternates for effects, the mean absolute slope for
gradients, the number itself for contributions and losses
(`tests/benchmarks/explanations.py`). A method that says nothing of the letters predicts
the same effect for all three alternates.

## Important bases and ranked effects

AUPRC and AUROC: bases of planted elements (motifs, decoy motifs, splice sites, start
and stop codons) against all others, by importance: {truth.planted.sum():,} of
{len(truth.planted):,} bases, so that the AUPRC of chance is {base:.3f}. Non-coding:
against background, untranslated and intron bases alone (chance {lone:.3f}), for a codon
is a motif of its own kind. Spearman: predicted against true effect of every SNV,
everywhere, in plain sequence (coding, intron, untranslated, background) and within
planted elements.

{
        table(
            [
                "method",
                "AUPRC",
                "AUPRC, non-coding",
                "AUROC",
                "Spearman, all",
                "Spearman, plain",
                "Spearman, planted",
                "s per locus",
            ],
            first,
        )
    }

## AUPRC by kind of element

Bases of one kind against non-coding sequence.

{
        table(
            ["method", *truth.elements],
            [["*bases*", *counts], ["*base rate*", *rates], *second],
        )
    }

## Reading

{READING}"""


def main() -> None:
    """Run and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two short loci")
    parser.add_argument("--loci", type=int, help="how many; 20 by default")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--out", type=Path, help="also write the page to this file")
    options = parser.parse_args()
    begin = time.perf_counter()
    genome, model = held_out_genome(), load_pretrained(MODEL)
    loci = planted_loci(
        genome,
        options.loci or (2 if options.quick else 20),
        length=130 if options.quick else 400,
        margin=model.config.context_length,
        introns=not options.quick,
    )
    resamples = 100 if options.quick else 1000
    scored, truth = run(genome, loci, workers=options.workers, resamples=resamples)
    made = made_by(
        "python -m tests.benchmarks.truth_synthetic",
        [model],
        time.perf_counter() - begin,
        f"{options.workers} processes of one thread, CPU",
    )
    publish(page(scored, truth, loci, made), options.out)


if __name__ == "__main__":
    main()
