"""Hold every score of the bundled models against two saturation experiments.

Run it with ``python -m tests.benchmarks.truth_real --shared ../shared``; add
``--out docs/truth-real.md`` for the page.

Saturation MPRA (Kircher et al. 2019): what each SNV of 17 regulatory elements does to
expression. BRCA1 saturation genome editing (Findlay et al. 2018): which SNVs break the
gene. Neither bundled model has seen a human base. Nothing here passes or fails.
"""

import argparse
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import torch

from hyenascope.data.fasta import FastaReader
from hyenascope.data.variant import Variant
from hyenascope.interpret.baselines import Baselines
from hyenascope.interpret.scores import SCORES, BaselineName, ScoreName
from hyenascope.interpret.variant_effect import score_variants
from hyenascope.models.checkpoint import load_pretrained
from tests.benchmarks.agreement import (
    Estimate,
    auroc,
    bootstrap,
    mean_of,
    spearman,
)
from tests.benchmarks.report import made_by, publish, say, table

MODELS = ("demo-synthetic", "yeast-1k")
RELEASE, BARCODES, SIGNIFICANT = "GRCh37", 10, 1e-5
MARKOV_ORDER = 8
RIVAL = "Markov"
PIECE = 500
DOWNSTREAM = 64
"""Bases of the downstream score: elements are short, and it has none at their ends."""

LEAST = 5
"""Rows that both classes of a comparison must have."""

BASELINES = {"markov": RIVAL, "cpg": "CpG", "trinucleotide": "trinucleotide"}
PUBLISHED = {"CADD.score": "*CADD*", "phyloP (mammalian)": "*phyloP, mammals*"}
FEW = ("conditional", "downstream", "likelihood")
"""Scores in the tables by experiment."""

FILES = {
    "effects": "data/mpra_satmut/satmut_mpra.tsv.gz",
    "places": "data/mpra_satmut/elements.tsv",
    "elements": "data/mpra_satmut/elements.fa",
    "editing": "data/human_hg19_brca1/BRCA1_SGE_Findlay2018.tsv.gz",
    "brca1": "data/human_hg19_brca1/hg19.chr17_BRCA1.fa.gz",
    "human": "data/human_hg19_chr20/hg19.chr20.fa.gz",
}
READING = """\
- Neither model tells what a human SNV does to expression: means over the experiments
  lie at chance, as do words. What stands out is the yeast model on the TERT promoter,
  one element measured four times: one finding, not four.
- Neither tells lost from kept BRCA1 function. Log-likelihood scores lie at chance or a
  little on the wrong side, also within a consequence class. What conservation and
  annotation know (phyloP, CADD) is far away.
- `full_sum`, `full_mean` and `likelihood` rank substitutions alike, and `downstream`
  nearly so: they are one score here, not four.
- Distances at the last base mostly say how near the change is to the window's end:
  their correlations come of where in an element the effects lie. The inner product
  depends on the window more than on the change.
- With this many cells some marks are luck, and classes with a handful of SNVs of one
  kind (see LOF / FUNC) say nothing.
- Use these weights to learn the tools, never to judge human variants.
"""


@dataclass(frozen=True)
class Column:
    """A score of one table: its values, and whether the sign says which way."""

    values: np.ndarray
    signed: bool

    @property
    def harm(self) -> np.ndarray:
        """Larger for what should do more harm: minus a signed score."""
        return -self.values if self.signed else self.values


Columns = Mapping[str, Column]
Estimates = Mapping[str, Mapping[str, Estimate]]
"""By score, then by metric."""


def mpra_table(files: Mapping[str, Path]) -> pd.DataFrame:
    """Read SNVs of one release with enough barcodes, as variants of `elements.fa`."""
    every = pd.read_csv(files["effects"], sep="\t", dtype={"Chrom": str})
    rows = every[
        (every["Release"] == RELEASE)
        & (every["Barcodes"] >= BARCODES)
        & every["Alt"].isin(list("ACGT"))
    ]
    places = pd.read_csv(files["places"], sep="\t")
    first = places[places["release"] == RELEASE].set_index("element")["start1"]
    return pd.DataFrame(
        {
            "chrom": rows["Element"] + f"|{RELEASE}",
            "pos": rows["Pos"] - rows["Element"].map(first) + 1,
            "ref": rows["Ref"],
            "alt": rows["Alt"],
            "element": rows["Element"],
            "effect": rows["Coefficient"],
            "significant": rows["pValue"] < SIGNIFICANT,
        }
    ).reset_index(drop=True)


def brca1_table(files: Mapping[str, Path]) -> pd.DataFrame:
    """Read the edited SNVs."""
    rows = pd.read_csv(files["editing"], sep="\t")
    return rows.rename(
        columns={
            "pos_hg19": "pos",
            "function.score.mean": "effect",
            "func.class": "class",
        }
    )


def read_scores(fasta: Path, job: tuple[str, pd.DataFrame]) -> pd.DataFrame:
    """Score one piece with one model, both strands; one column per score."""
    name, piece = job
    torch.set_num_threads(1)
    with FastaReader(fasta) as reader:
        found = score_variants(
            load_pretrained(name),
            piece[["chrom", "pos", "ref", "alt"]],
            reader,
            scores=get_args(ScoreName),
            baselines=(),
            downstream_window=DOWNSTREAM,
        )
    values = found[:, list(get_args(ScoreName))].X
    return pd.DataFrame(values, index=piece.index, columns=get_args(ScoreName))


def model_columns(
    pool: ProcessPoolExecutor, fasta: Path, rows: pd.DataFrame
) -> dict[str, Column]:
    """Score a table with every model, by pieces of one contig."""
    pieces = [
        part.iloc[i : i + PIECE]
        for _, part in rows.groupby("chrom", sort=False)
        for i in range(0, len(part), PIECE)
    ]
    jobs = [(name, piece) for name in MODELS for piece in pieces]
    found: dict[str, list[pd.DataFrame]] = {name: [] for name in MODELS}
    done = pool.map(partial(read_scores, fasta), jobs)
    for i, ((name, _), scores) in enumerate(zip(jobs, done, strict=True), start=1):
        say(f"{fasta.name}: piece {i} of {len(jobs)}")
        found[name].append(scores)
    return {
        f"{name}: {score}": Column(
            pd.concat(parts)[score].reindex(rows.index).to_numpy(),
            SCORES[score].signed,
        )
        for name, parts in found.items()
        for score in get_args(ScoreName)
    }


def baseline_columns(
    baselines: Baselines, fasta: Path, rows: pd.DataFrame
) -> dict[str, Column]:
    """Judge by words of human DNA that holds none of these variants."""
    assert set(BASELINES) == set(get_args(BaselineName))
    found = []
    with FastaReader(fasta) as reader:
        for chrom, pos, ref, alt in rows[["chrom", "pos", "ref", "alt"]].values:
            variant = Variant(chrom, pos, ref, alt)
            flank, start, end = baselines.flank(variant), variant.start, variant.end
            size = reader.contigs[chrom]
            left = reader.fetch_region(chrom, max(0, start - flank), start)
            right = reader.fetch_region(chrom, end, min(size, end + flank))
            sides = baselines.judge(variant, left, right)
            found.append([sides[name][1] - sides[name][0] for name in BASELINES])
    values = np.array(found)
    return {
        label: Column(values[:, i], signed=True)
        for i, label in enumerate(BASELINES.values())
    }


def known(columns: Columns) -> np.ndarray:
    """Rows for which every column has a number."""
    return np.all(np.isfinite([each.values for each in columns.values()]), axis=0)


def positions(rows: pd.DataFrame) -> np.ndarray:
    """Blocks to resample: the three changes of one base stay together."""
    return np.unique(rows["pos"].to_numpy(), return_inverse=True)[1]


def against_mpra(rows: pd.DataFrame, columns: Columns, seed: int) -> Estimates:
    """Hold the scores of one experiment against what it measured."""
    effect = rows["effect"].to_numpy()
    significant = rows["significant"].to_numpy()
    measure = partial(bootstrap, blocks=positions(rows), seed=seed)
    nothing = Estimate(np.nan, np.full(1, np.nan))
    return {
        name: {
            "signed": measure(spearman(column.values, effect))
            if column.signed
            else nothing,
            "size": measure(spearman(np.abs(column.values), np.abs(effect))),
            "AUROC": measure(auroc(np.abs(column.values), significant)),
        }
        for name, column in columns.items()
    }


def against_brca1(rows: pd.DataFrame, columns: Columns) -> Estimates:
    """Hold the scores against function, in all and by consequence."""
    function, kind = rows["effect"].to_numpy(), rows["class"].to_numpy()
    judged = kind != "INT"
    groups = {"LOF or FUNC": judged}
    for name in consequences(rows):
        groups[name] = judged & (rows["consequence"] == name).to_numpy()
    blocks = positions(rows)
    found: dict[str, dict[str, Estimate]] = {}
    for label, column in columns.items():
        found[label] = {"function": bootstrap(spearman(-column.harm, function), blocks)}
        for name, group in groups.items():
            metric = auroc(column.harm[group], kind[group] == "LOF")
            inside = np.unique(blocks[group], return_inverse=True)[1]
            found[label][name] = bootstrap(metric, inside)
    return found


def consequences(rows: pd.DataFrame) -> list[str]:
    """Name the classes with enough of both outcomes, the largest first."""
    counts = pd.crosstab(rows["consequence"], rows["class"])[["LOF", "FUNC"]]
    enough = counts[(counts >= LEAST).all(axis=1)]
    return list(enough.sum(axis=1).sort_values(ascending=False).index)


def cell(found: Estimates, name: str, metric: str) -> str:
    """Write a number, its interval, and a mark where it differs from the rival's."""
    mine, rival = found[name][metric], found[RIVAL][metric]
    if not np.isfinite(mine.value):
        return str(mine)
    low, high = (mine - rival).interval
    mark = " ▲" if low > 0 else " ▽" if high < 0 else ""
    return f"{mine}{mark}"


def mpra_page(experiments: Mapping[str, tuple[pd.DataFrame, Estimates]]) -> str:
    """Lay out the three tables of the MPRA."""
    each = [found for _, found in experiments.values()]
    metrics = ("signed", "size", "AUROC")
    mean = {
        name: {key: mean_of(found[name][key] for found in each) for key in metrics}
        for name in each[0]
    }
    count = sum(len(rows) for rows, _ in experiments.values())
    names = [*(f"{m}: {s}" for m in MODELS for s in FEW), *BASELINES.values()]

    def by_experiment(metric: str) -> str:
        return table(
            ["experiment", "SNVs", "significant", *names],
            [
                [
                    label,
                    f"{len(rows):,}",
                    f"{rows['significant'].sum():,}",
                    *(cell(found, name, metric) for name in names),
                ]
                for label, (rows, found) in experiments.items()
            ],
        )

    summary = table(
        ["score", "Spearman, signed", "Spearman, sizes", "AUROC, significant"],
        [[name, *(cell(mean, name, key) for key in metrics)] for name in mean],
    )
    return f"""## Saturation MPRA

{count:,} SNVs of {len(experiments)} experiments (Kircher et al. 2019, Nature
Communications 10:3583; {RELEASE}, at least {BARCODES} barcodes). The model reads the
element alone. *Signed*: score against log2 effect on expression; *sizes*: the absolute
values of both; *AUROC*: the absolute score tells significant SNVs (p < {SIGNIFICANT:g})
from the others. Means over the experiments, which share some elements:

{summary}

### Sizes by experiment (Spearman)

{by_experiment("size")}

### Significant or not by experiment (AUROC)

{by_experiment("AUROC")}
"""


def brca1_page(rows: pd.DataFrame, found: Estimates) -> str:
    """Lay out the two tables of BRCA1."""
    counts = rows["class"].value_counts()
    groups = consequences(rows)
    kinds = pd.crosstab(rows["consequence"], rows["class"])
    sizes = [f"{kinds.loc[g, 'LOF']!s} / {kinds.loc[g, 'FUNC']!s}" for g in groups]
    overall = table(
        ["score", "AUROC, LOF against FUNC", "Spearman, function"],
        [
            [name, *(cell(found, name, key) for key in ("LOF or FUNC", "function"))]
            for name in found
        ],
    )
    by_kind = table(
        ["score", *groups],
        [
            ["*LOF / FUNC*", *sizes],
            *([name, *(cell(found, name, g) for g in groups)] for name in found),
        ],
    )
    return f"""## BRCA1 saturation genome editing

{len(rows):,} SNVs (Findlay et al. 2018, Nature 562:217): {counts["LOF"]:,} of lost
function, {counts["FUNC"]:,} functional, {counts["INT"]:,} between, which only the
Spearman correlation counts. More harm is minus a signed score and plus a distance;
positive correlations are in the right direction. CADD and phyloP, as published with the
data, know alignments, proteins and annotations.

{overall}

### By consequence (AUROC)

{by_kind}
"""


def shared_files(shared: Path) -> dict[str, Path]:
    """Find every input.

    Raises
    ------
    ValueError
        If one is missing.
    """
    files = {name: shared / path for name, path in FILES.items()}
    missing = [str(path) for path in files.values() if not path.is_file()]
    if missing:
        raise ValueError(
            f"shared must be the folder of the shared data sets; got {shared}, "
            f"without {', '.join(missing)}."
        )
    return files


def run(files: Mapping[str, Path], workers: int) -> tuple[str, str]:
    """Score, measure and lay out both parts."""
    baselines = Baselines.fit(files["human"], markov_order=MARKOV_ORDER)
    mpra, editing = mpra_table(files), brca1_table(files)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        first = model_columns(pool, files["elements"], mpra)
        second = model_columns(pool, files["brca1"], editing)
    first |= baseline_columns(baselines, files["elements"], mpra)
    second |= baseline_columns(baselines, files["brca1"], editing)
    for column, label in PUBLISHED.items():
        second[label] = Column(editing[column].to_numpy(float), signed=False)
    mpra, first = kept(mpra, first, known(first))
    experiments = {}
    for i, name in enumerate(mpra["element"].unique()):
        rows, columns = kept(mpra, first, (mpra["element"] == name).to_numpy())
        experiments[name] = rows, against_mpra(rows, columns, seed=i)
        say(f"{name}: measured")
    editing, second = kept(editing, second, known(second))
    return mpra_page(experiments), brca1_page(editing, against_brca1(editing, second))


def kept(
    rows: pd.DataFrame, columns: Columns, which: np.ndarray
) -> tuple[pd.DataFrame, dict[str, Column]]:
    """Keep some rows of a table and of its scores."""
    return rows[which].reset_index(drop=True), {
        name: Column(each.values[which], each.signed) for name, each in columns.items()
    }


def page(parts: Iterable[str], made: str) -> str:
    """Put the parts together."""
    return f"""# What a score is worth: real experiments

{made}

**HyenaDNA-class models are near chance on hard sets of human variants, and the two
bundled models are far smaller and have never seen a human base.** This page says what
their scores are worth, beside what counting words gives.

Both strands, default context; `downstream` adds up {DOWNSTREAM} bases. In brackets
the middle 95 % of bootstrap resamples of positions, so that the three changes of a base
stay together; neighbouring bases are not independent either, and true uncertainty is
larger. ▲ better and ▽ worse than {RIVAL}:
the interval of the paired difference leaves out 0. {RIVAL} (interpolated, order
{MARKOV_ORDER}), CpG and trinucleotide are counted on human chromosome 20, which holds
none of these loci. Each score is defined in `hyenascope.interpret.scores`.

{chr(10).join(parts)}
## Reading

{READING}"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--out", type=Path, help="also write the page to this file")
    options = parser.parse_args(arguments)
    try:
        files = shared_files(options.shared)
    except ValueError as err:
        parser.error(str(err))
    begin = time.perf_counter()
    parts = run(files, options.workers)
    made = made_by(
        "python -m tests.benchmarks.truth_real --shared ../shared",
        map(load_pretrained, MODELS),
        time.perf_counter() - begin,
        f"{options.workers} processes of one thread, CPU",
    )
    publish(page(parts, made), options.out)


if __name__ == "__main__":
    main()
