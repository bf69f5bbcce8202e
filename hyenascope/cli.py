"""The same verbs from a shell."""

import json
import logging
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hyenascope.cli_errors import plain_errors
from hyenascope.cli_evaluate import evaluate
from hyenascope.cli_finetune import finetune, predict
from hyenascope.cli_generate import generate
from hyenascope.cli_options import FILE, grouped
from hyenascope.cli_pretrain import pretrain
from hyenascope.cli_reproduce import reproduce
from hyenascope.cli_tracks import finetune_tracks, predict_tracks

if TYPE_CHECKING:
    import pandas as pd

_PATH = click.Path(path_type=Path, dir_okay=False)
_SCORES = (
    *("conditional", "likelihood", "downstream", "full_sum", "full_mean"),
    *("embedding_l2", "embedding_cosine", "last_l2", "last_cosine", "last_inner"),
    *("variant_cosine", "traitgym", "gpn_msa", "bend", "dart_eval"),
)
_MATRIX_SUFFIXES = (".npz", ".tsv", ".parquet")
_CHECKOUT = Path(__file__).parents[1]
_BENCHMARKS = (
    "speed",
    "training",
    "variants",
    "mutagenesis",
    "generation",
    "finetuning",
)
_EXTRAS = {
    "anywidget": "widgets",
    "kaleido": "lab",
    "jupyterlab": "lab",
    "lightning-fabric": "train",
    "scikit-learn": "train",
    "captum": "attribution",
    "tangermeme": "motifs",
}


def _shift(
    _context: click.Context, _option: click.Parameter, value: str | None
) -> float | str | None:
    if value is None or value == "auto":
        return value
    try:
        return float(value)
    except ValueError:
        raise click.BadParameter(f"must be a number or auto; got {value}.") from None


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="hyenascope")
def main() -> None:
    """From a FASTA and a HyenaDNA model to what a base change does."""
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    logging.getLogger("hyenascope").setLevel(logging.INFO)
    # Our own error says it in one line.
    logging.getLogger("huggingface_hub").setLevel(logging.CRITICAL)


main.add_command(pretrain)
main.add_command(evaluate)
main.add_command(finetune)
main.add_command(predict)
main.add_command(finetune_tracks)
main.add_command(predict_tracks)
main.add_command(generate)
main.add_command(reproduce)

_run_options = grouped(
    click.option("--model", "model_name", required=True,
                 help="A name of `hyenascope models`, a folder or a weights file."),
    click.option("--device", help="cpu, cuda, cuda:1 …; CUDA if there is one."),
    click.option("--batch-size", type=click.IntRange(min=1),
                 help="Sequences per pass; by default what fits."),
    click.option("--quiet", is_flag=True, help="No progress bar."),
)  # fmt: skip


@main.command()
@click.argument("variants", type=FILE)
@click.option("--fasta", type=FILE, required=True, help="Reference genome.")
@click.option(
    "--out",
    type=_PATH,
    required=True,
    multiple=True,
    help="h5ad, vcf, vcf.gz, bcf, tsv, csv or parquet; may be repeated.",
)
@click.option("--report", type=_PATH, help="Also write an HTML page.")
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
@click.option(
    "--strands",
    default="both",
    show_default=True,
    type=click.Choice(("forward", "reverse", "both")),
)
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
@_run_options
def score(
    variants: Path,
    fasta: Path,
    out: tuple[Path, ...],
    report: Path | None,
    genes: Path | None,
    region: str | None,
    scores: tuple[str, ...],
    strands: str,
    context: int | None,
    on_error: str,
    modulation_shift: float | str | None,
    model_name: str,
    device: str | None,
    batch_size: int | None,
    quiet: bool,
) -> None:
    """Score VARIANTS (VCF, BCF, TSV or CSV) against a genome."""
    with plain_errors():
        from hyenascope.data.annotation import read_genes
        from hyenascope.data.fasta import FastaReader
        from hyenascope.data.interval import Interval
        from hyenascope.interpret.score_files import score_suffix, write_scores
        from hyenascope.interpret.scores import PUBLISHED
        from hyenascope.interpret.variant_effect import score_variants
        from hyenascope.models.checkpoint import load_pretrained
        from hyenascope.report import report_scores, summary

        named = [name for each in scores for name in PUBLISHED.get(each, (each,))]
        for path in out:
            score_suffix(path)
        if report is not None and report.suffix.lower() not in (".html", ".htm"):
            raise ValueError(f"report must end in .html; got {report}.")
        outputs = [*out, *([report] if report else [])]
        _check_outputs(outputs, inputs=[variants, fasta, *([genes] if genes else [])])
        model = load_pretrained(
            model_name,
            modulation_shift=modulation_shift,  # type: ignore[arg-type]
            fasta=fasta if modulation_shift == "auto" else None,
        )
        with FastaReader(fasta) as genome:
            if genes is not None:  # a wrong file is said before the work, not after
                read_genes(genes, Interval(next(iter(genome.contigs)), 0, 1))
            found = score_variants(
                model,
                variants,
                genome,
                context=context,
                scores=tuple(dict.fromkeys(named)),  # type: ignore[arg-type]
                strands=strands,  # type: ignore[arg-type]
                region=region,
                on_error=on_error,  # type: ignore[arg-type]
                batch_size=batch_size or "auto",
                device=device,
                progress=not quiet,
            )
            for path in out:
                write_scores(found, path, source=_vcf(variants), genome=genome)
            if report is not None:
                report_scores(found, model, genome, report, genes=genes, device=device)
        _say_facts(summary(found))
        for path in outputs:
            click.echo(f"wrote {path}")


@main.command()
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def models(as_json: bool) -> None:
    """List the models that can be loaded by name."""
    with plain_errors():
        from hyenascope.models.checkpoint import list_models

        table = list_models()
        if as_json:
            click.echo(table.to_json(orient="records", indent=2))
        else:
            click.echo(table.to_string(index=False))


@main.command()
@click.argument("sequences", type=FILE)
@click.option("--genome", type=FILE, help="Where a BED is read from.")
@click.option("--out", type=_PATH, required=True, help="npz, tsv or parquet.")
@click.option(
    "--pool",
    default="mean",
    show_default=True,
    type=click.Choice(("mean", "last", "max")),
)
@click.option(
    "--layer",
    type=int,
    default=-1,
    show_default=True,
    help="-1 the final norm, i the stream after i blocks.",
)
@click.option(
    "--strands",
    default="forward",
    show_default=True,
    type=click.Choice(("forward", "reverse", "both")),
)
@_run_options
def embed(
    sequences: Path,
    genome: Path | None,
    out: Path,
    pool: str,
    layer: int,
    strands: str,
    model_name: str,
    device: str | None,
    batch_size: int | None,
    quiet: bool,
) -> None:
    """Embed SEQUENCES (FASTA, or BED with --genome), one row each."""
    with plain_errors():
        import pandas as pd

        from hyenascope.data.sequences import collect_sequences
        from hyenascope.models import predict
        from hyenascope.models.checkpoint import load_pretrained

        _check_outputs([out], inputs=[sequences, *([genome] if genome else [])])
        if out.suffix not in _MATRIX_SUFFIXES:
            raise ValueError(
                f"out must end in {', '.join(_MATRIX_SUFFIXES)}; got {out}."
            )
        named = collect_sequences(sequences, genome=genome)
        values = predict.embed(
            load_pretrained(model_name),
            pd.DataFrame({"name": named.names, "sequence": named.texts}),
            pool=pool,  # type: ignore[arg-type]
            layer=layer,
            strands=strands,  # type: ignore[arg-type]
            batch_size=batch_size or "auto",
            device=device,
            progress=not quiet,
        )
        _write_matrix(pd.DataFrame(values, index=list(named.names)), out)
        click.echo(f"wrote {out}: {len(values):,} sequences × {len(values[0])}")


@main.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo"),
    show_default=True,
    help="Folder to write to.",
)
def demo(out: Path) -> None:
    """Score the bundled example variants offline and write a report."""
    with plain_errors():
        from hyenascope.data.example import example_locus
        from hyenascope.data.fasta import FastaReader
        from hyenascope.data.interval import Interval
        from hyenascope.interpret.score_files import write_scores
        from hyenascope.interpret.variant_effect import score_variants
        from hyenascope.models.checkpoint import load_pretrained
        from hyenascope.report import (
            ranked,
            report_scores,
            summary,
            write_scores_page,
        )

        out.mkdir(parents=True, exist_ok=True)
        locus = example_locus(out)
        model = load_pretrained("demo-synthetic")
        found = score_variants(model, locus.variants, locus.fasta, progress=True)
        shown = ["ref", "alt", "conditional", "likelihood", "markov", "cpg"]
        top = ranked(found, "conditional")[shown].head(10)
        click.echo("\nThe ten strongest variants (nats, alternate − reference):\n")
        click.echo(top.round(3).to_string())
        click.echo()
        _say_facts(summary(found))
        write_scores(found, out / "scores.h5ad")
        write_scores(found, out / "scores.vcf", source=locus.variants)
        report_scores(
            found,
            model,
            locus.fasta,
            out / "report.html",
            genes=locus.genes,
            interval=locus.interval,
            title="Example variants on a synthetic genome",
        )
        genome = FastaReader(locus.fasta)
        chrom = locus.interval.chrom
        whole = Interval(chrom, 0, genome.contigs[chrom])
        page = out / "locus.html"
        write_scores_page(found, model, genome, page, whole, genes=locus.genes)
    click.echo(f"\nwrote {out / 'report.html'}: open it in any browser, offline.")
    click.echo(f"wrote {page}: {whole.length:,} bp that zoom to single letters.")
    click.echo("`make lab` opens the notebooks in JupyterLab.")


@main.command()
@click.option(
    "--browser", is_flag=True, help="Instead: what a reader of live figures waits for."
)
@click.option(
    "--save",
    type=_PATH,
    help="Also write the table of the network, and the machine, as JSON.",
)
def bench(browser: bool, save: Path | None) -> None:
    """Measure speed and memory against named baselines; up to an hour in all."""
    names = ("browser",) if browser else _BENCHMARKS
    with plain_errors():
        if not (_CHECKOUT / "tests" / "benchmarks").is_dir():
            raise ValueError(
                "hyenascope bench needs a checkout of hyenascope: its benchmarks are "
                "not part of the installed package."
            )
        if save is not None:
            if browser:
                raise ValueError("--save must go without --browser; got both.")
            _check_outputs([save], inputs=[])
        for name in names:  # in processes of their own: peak memory is of one
            command = [sys.executable, "-m", f"tests.benchmarks.{name}"]
            if name == "speed" and save is not None:
                command += ["--save", str(save.resolve())]
            code = subprocess.run(command, cwd=_CHECKOUT, check=False).returncode
            if code:
                sys.exit(code)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def doctor(as_json: bool) -> None:
    """Say what is installed, where models run, and what is missing."""
    facts = _doctor_facts()
    if as_json:
        click.echo(json.dumps(facts, indent=2))
    else:
        _say_facts(facts)


def _doctor_facts() -> dict[str, object]:
    import torch

    facts: dict[str, object] = {
        "hyenascope": metadata.version("hyenascope"),
        "python": platform.python_version(),
        "platform": platform.platform(),
    }
    for package in ("torch", "anndata", "pysam", "pyfaidx", "plotly", "pandas"):
        facts[package] = metadata.version(package)
    cuda = torch.cuda.is_available()
    facts["device"] = torch.cuda.get_device_name() if cuda else "cpu"
    facts["cpu threads"] = torch.get_num_threads()
    facts["memory"] = _memory()
    for package, extra in _EXTRAS.items():
        facts[package] = _version_or_hint(package, extra)
    facts["browser for PNG"] = _browser() or "missing: install Chromium or Chrome"
    return facts


def _version_or_hint(package: str, extra: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return f"missing: pip install 'hyenascope[{extra}]'"


def _memory() -> str:
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        free = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return "unknown"
    return f"{free / 2**30:.1f} of {total / 2**30:.1f} GiB free"


def _browser() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    return next((path for name in names if (path := shutil.which(name))), None)


def _vcf(path: Path) -> Path | None:
    """Return the path if its records can be annotated in place."""
    from hyenascope.interpret.score_files import VCF_SUFFIXES

    return path if path.name.lower().endswith(VCF_SUFFIXES) else None


def _write_matrix(frame: "pd.DataFrame", path: Path) -> None:
    import numpy as np

    from hyenascope.data.atomic import atomic_path

    frame.columns = [f"e{i}" for i in range(frame.shape[1])]
    with atomic_path(path) as target:
        if path.suffix == ".npz":
            names = np.array(frame.index, dtype=str)
            np.savez_compressed(target, names=names, embedding=frame.to_numpy())
        elif path.suffix == ".parquet":
            frame.reset_index(names="name").to_parquet(target, index=False)
        else:
            frame.to_csv(target, sep="\t", index_label="name")


def _check_outputs(outputs: Sequence[Path], *, inputs: Sequence[Path]) -> None:
    """Find out before hours of work what would be lost after them."""
    taken = {path.resolve() for path in inputs}
    for path in outputs:
        folder = path.resolve().parent
        if not folder.is_dir():
            raise ValueError(f"the folder of {path} must exist; it does not.")
        if not os.access(folder, os.W_OK):
            raise ValueError(f"the folder of {path} must be writable; it is not.")
        if path.resolve() in taken:
            raise ValueError(f"{path} must not be an input or named twice.")
        taken.add(path.resolve())


def _say_facts(facts: dict[str, object]) -> None:
    width = max(map(len, facts))
    for name, value in facts.items():
        click.echo(f"{name:<{width}}  {value}")
