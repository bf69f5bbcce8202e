"""The same verbs from a shell."""

import json
import logging
import os
import platform
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import click

from hyenascope.cli_browse import browse
from hyenascope.cli_errors import plain_errors
from hyenascope.cli_evaluate import evaluate
from hyenascope.cli_finetune import finetune, predict
from hyenascope.cli_generate import generate
from hyenascope.cli_options import OUT_FILE
from hyenascope.cli_outputs import check_outputs, say_facts
from hyenascope.cli_places import embed, ism
from hyenascope.cli_pretrain import pretrain
from hyenascope.cli_reproduce import reproduce
from hyenascope.cli_score import score, status
from hyenascope.cli_tracks import finetune_tracks, predict_tracks

_CHECKOUT = Path(__file__).parents[1]
_BENCHMARKS = (
    "speed",
    "training",
    "variants",
    "mutagenesis",
    "generation",
    "finetuning",
    "shards",
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


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="hyenascope")
def main() -> None:
    """From a FASTA and a HyenaDNA model to what a base change does."""
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    logging.getLogger("hyenascope").setLevel(logging.INFO)
    # Our own error says it in one line.
    logging.getLogger("huggingface_hub").setLevel(logging.CRITICAL)


main.add_command(score)
main.add_command(status)
main.add_command(ism)
main.add_command(embed)
main.add_command(browse)
main.add_command(pretrain)
main.add_command(evaluate)
main.add_command(finetune)
main.add_command(predict)
main.add_command(finetune_tracks)
main.add_command(predict_tracks)
main.add_command(generate)
main.add_command(reproduce)


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
        say_facts(summary(found))
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
    type=OUT_FILE,
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
            check_outputs([save], inputs=[])
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
        say_facts(facts)


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
