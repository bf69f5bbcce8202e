"""Scores of variants from a shell, by one process or by many."""

import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from hyenascope.cli_errors import plain_errors
from hyenascope.cli_options import (
    FILE,
    FOLDER,
    OUT_FILE,
    run_options,
    shared,
    strands_option,
    workers_options,
)
from hyenascope.cli_outputs import check_outputs, say_facts, say_run

if TYPE_CHECKING:
    import anndata as ad
    import pandas as pd

    from hyenascope.cluster.run import Run, RunStatus
    from hyenascope.data.fasta import FastaReader
    from hyenascope.models.hyena import HyenaLM

UNFINISHED = 3
"""Exit code of `hyenascope status` for a run that is not finished."""

_SCORES = (
    *("conditional", "likelihood", "downstream", "full_sum", "full_mean"),
    *("embedding_l2", "embedding_cosine", "last_l2", "last_cosine", "last_inner"),
    *("variant_cosine", "traitgym", "gpn_msa", "bend", "dart_eval"),
)


def _shift(
    _context: click.Context, _option: click.Parameter, value: str | None
) -> float | str | None:
    if value is None or value == "auto":
        return value
    try:
        return float(value)
    except ValueError:
        raise click.BadParameter(f"must be a number or auto; got {value}.") from None


@click.command()
@click.argument("variants", type=FILE)
@click.option("--fasta", type=FILE, required=True, help="Reference genome.")
@click.option(
    "--out",
    type=OUT_FILE,
    multiple=True,
    help="h5ad, vcf, vcf.gz, bcf, tsv, csv or parquet; may be repeated. With --run it "
    "may be left out.",
)
@click.option("--report", type=OUT_FILE, help="Also write an HTML page.")
@click.option("--genes", type=FILE, help="GTF or GFF3 for the report.")
@click.option("--region", help="Only variants here: chr1:1,000-2,000, 1-based.")
@click.option(
    "--score",
    "scores",
    multiple=True,
    type=click.Choice(_SCORES),
    default=("conditional", "likelihood"),
    show_default=True,
    help="May be repeated; the last four are what those benchmarks publish.",
)
@strands_option("both")
@click.option(
    "--context",
    type=click.IntRange(min=4),
    help="Window in bp; by default the model's, at most 16,384.",
)
@click.option(
    "--on-error",
    default="flag",
    show_default=True,
    type=click.Choice(("raise", "flag", "skip")),
)
@click.option(
    "--modulation-shift",
    callback=_shift,
    metavar="FLOAT|auto",
    help="Shift of the filter's window: 0.0, 0.05, or auto, which lets the "
    "likelihood of --fasta decide.",
)
@run_options
@workers_options
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def score(**typed: Any) -> None:  # noqa: ANN401
    """Score VARIANTS (VCF, BCF, TSV or CSV) against a genome.

    With --workers or --scheduler in shards, which survive what ends this command: the
    same command again computes what is missing. `hyenascope status` says how far it is.
    Tables are then written a few thousand rows at a time; an h5ad, a VCF and a report
    hold the whole result in memory.
    """
    with plain_errors():
        from hyenascope.data.annotation import read_genes
        from hyenascope.data.fasta import FastaReader
        from hyenascope.data.interval import Interval
        from hyenascope.interpret.score_files import score_suffix
        from hyenascope.models.checkpoint import load_pretrained

        variants, fasta, genes = typed["variants"], typed["fasta"], typed["genes"]
        out, report, shift = typed["out"], typed["report"], typed["modulation_shift"]
        for path in out:
            score_suffix(path)
        if report is not None and report.suffix.lower() not in (".html", ".htm"):
            raise ValueError(f"report must end in .html; got {report}.")
        outputs = [*out, *([report] if report else [])]
        check_outputs(outputs, inputs=[variants, fasta, *([genes] if genes else [])])
        split = shared(typed, next(iter(outputs), None))
        model = load_pretrained(
            typed["model_name"],
            modulation_shift=shift,
            fasta=fasta if shift == "auto" else None,
        )
        with FastaReader(fasta) as genome:
            if genes is not None:  # a wrong file is said before the work, not after
                read_genes(genes, Interval(next(iter(genome.contigs)), 0, 1))
            if split is None:
                facts = _score_here(model, genome, typed)
            else:
                facts = _score_in_shards(model, genome, typed, *split)
        if typed["as_json"]:
            run = {} if split is None else {"run": str(split[0])}
            wrote = {"wrote": list(map(str, outputs))}
            click.echo(json.dumps({**facts, **wrote, **run}))
            return
        say_facts(facts)
        for path in outputs:
            click.echo(f"wrote {path}")
        if split is not None and not outputs:
            say_run(split[0], f"{facts['variants']} variants")


@click.command()
@click.argument("folder", type=FOLDER)
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def status(folder: Path, as_json: bool) -> None:
    """Say how far the run in FOLDER is; exit with 3 if it is not finished."""
    with plain_errors():
        from hyenascope.cluster.run import Run

        found = Run(folder).status()
        facts = {**asdict(found), "finished": found.finished}
        if as_json:
            rate = facts["per_second"]
            facts["per_second"] = rate if math.isfinite(rate) else None
            click.echo(json.dumps(facts))
        else:
            say_facts(_in_words(found))
    if not found.finished:
        sys.exit(UNFINISHED)


def _score_here(
    model: "HyenaLM", genome: "FastaReader", typed: Mapping[str, Any]
) -> dict[str, object]:
    """Score in this process, write what was asked for and return the facts."""
    from hyenascope.interpret.variant_effect import score_variants
    from hyenascope.report import summary

    found = score_variants(model, typed["variants"], genome, **_options(typed))
    _write_whole(found, model, genome, typed, typed["out"])
    return summary(found)


def _score_in_shards(
    model: "HyenaLM",
    genome: "FastaReader",
    typed: Mapping[str, Any],
    folder: Path,
    who: Mapping[str, Any],
) -> dict[str, object]:
    """Score in a run of shards, and hold no more of it than a format needs."""
    from hyenascope.cluster import jobs
    from hyenascope.data.table_files import TABLE_SUFFIXES, write_table
    from hyenascope.interpret.score_files import score_suffix
    from hyenascope.interpret.score_summary import score_summary

    run = jobs.score_variants(
        model, typed["variants"], genome, folder, **who, **_options(typed)
    )
    whole = []
    for path in typed["out"]:
        if score_suffix(path) in TABLE_SUFFIXES:
            write_table(_tables(run), path)
        else:
            whole.append(path)
    if whole or typed["report"]:
        found = run.read()
        # As the file has them, which is what an annotated VCF must keep.
        found = found[np.argsort(found.obs["input_row"])].copy()
        del found.obs["input_row"]
        _write_whole(found, model, genome, typed, whole)
    how_far = run.status()
    return score_summary(run.provenance, how_far.rows, how_far.status)


def _options(typed: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was typed as the arguments of `score_variants`."""
    from hyenascope.interpret.scores import PUBLISHED

    named = [name for each in typed["scores"] for name in PUBLISHED.get(each, (each,))]
    same = ("context", "strands", "region", "on_error", "device")
    return {
        "scores": tuple(dict.fromkeys(named)),
        "batch_size": typed["batch_size"] or "auto",
        "progress": not typed["quiet"],
        **{name: typed[name] for name in same},
    }


def _tables(run: "Run") -> "Iterator[pd.DataFrame]":
    """Yield the rows of a run as one process writes them."""
    from hyenascope.interpret.scoring_options import ScoringOptions

    scores = list(ScoringOptions.from_record(run.manifest.options).columns().index)
    for table in run.tables(as_given=True):
        facts = table.columns[: table.columns.get_loc(scores[0])]
        columns = [*facts.drop("input_row"), *scores]
        yield table[columns].rename(columns={"row": "variant"})


def _write_whole(
    found: "ad.AnnData",
    model: "HyenaLM",
    genome: "FastaReader",
    typed: Mapping[str, Any],
    out: Sequence[Path],
) -> None:
    """Write files, and the report if there is to be one."""
    from hyenascope.interpret.score_files import write_scores
    from hyenascope.report import report_scores

    for path in out:
        write_scores(found, path, source=_vcf(typed["variants"]), genome=genome)
    if typed["report"] is not None:
        report_scores(
            found,
            model,
            genome,
            typed["report"],
            genes=typed["genes"],
            device=typed["device"],
        )


def _in_words(found: "RunStatus") -> dict[str, object]:
    rate = found.per_second
    left = (found.rows - found.rows_done) / rate if rate > 0 else math.nan
    return {
        "verb": found.verb,
        "rows": f"{found.rows_done:,} of {found.rows:,}",
        "shards": f"{found.shards_done:,} of {found.shards:,}",
        **({f"  {name}": f"{n:,}" for name, n in found.status.items()}),
        "rows per second": f"{rate:.1f}" if math.isfinite(rate) else "not known yet",
        "left": "nothing" if found.finished else _hours(left),
    }


def _hours(seconds: float) -> str:
    if not math.isfinite(seconds):
        return "not known yet"
    return f"{seconds / 3600:.1f} h" if seconds > 3600 else f"{seconds:.0f} s"


def _vcf(path: Path) -> Path | None:
    """Return the path if its records can be annotated in place."""
    from hyenascope.interpret.score_files import VCF_SUFFIXES

    return path if path.name.lower().endswith(VCF_SUFFIXES) else None
