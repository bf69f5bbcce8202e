"""``hyenascope browse``: the page of a result, in the browser."""

import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hyenascope.cli_errors import plain_errors
from hyenascope.cli_options import FILE, OUT_FILE
from hyenascope.cli_outputs import check_outputs

if TYPE_CHECKING:
    import anndata as ad

    from hyenascope.data.fasta import FastaReader
    from hyenascope.data.interval import Interval

_WIDEST = 1_000_000


@click.command()
@click.argument("result", type=click.Path(path_type=Path, exists=True))
@click.option("--fasta", type=FILE, required=True, help="Reference genome.")
@click.option(
    "--model",
    "model_name",
    required=True,
    help="What scored the variants: a name, a folder or a weights file.",
)
@click.option(
    "--region",
    help="Such as chrI:1-20,000, 1-based; by default all "
    "variants of the first contig that has some.",
)
@click.option("--genes", type=FILE, help="GTF or GFF3, drawn above.")
@click.option("--score", help="Column that places variants; by default the first.")
@click.option("--out", type=OUT_FILE, help="The page; by default beside RESULT.")
@click.option("--device", help="cpu, cuda, cuda:1 …; CUDA if there is one.")
@click.option("--no-open", is_flag=True, help="Write the page, open no browser.")
def browse(
    result: Path,
    fasta: Path,
    model_name: str,
    region: str | None,
    genes: Path | None,
    score: str | None,
    out: Path | None,
    device: str | None,
    no_open: bool,
) -> None:
    """Look at RESULT, an h5ad of `hyenascope score` or the folder of its run.

    One page that zooms from the whole region to single letters, offline.
    """
    with plain_errors():
        from hyenascope.data.fasta import FastaReader
        from hyenascope.data.interval import Interval
        from hyenascope.models.checkpoint import checkpoint_hash, load_pretrained
        from hyenascope.report import write_scores_page

        page = out or result.with_name(f"{result.name}.html")
        check_outputs([page], inputs=[fasta, *([genes] if genes else [])])
        scores = _read(result)
        shift = float(scores.uns["hyenascope"]["modulation_shift"])
        model = load_pretrained(model_name, modulation_shift=shift)
        made_by = scores.uns["hyenascope"]["checkpoint_hash"]
        if checkpoint_hash(model) != made_by:
            raise ValueError(
                f"--model must be what scored {result}, checkpoint {made_by}; got "
                f"{model_name}, checkpoint {checkpoint_hash(model)}."
            )
        with FastaReader(fasta) as genome:
            asked = Interval.parse(region) if region else _all_of_it(scores, genome)
            place = genome.inside(asked)
            write_scores_page(
                scores, model, genome, page, place,
                genes=genes, score=score, device=device,
            )  # fmt: skip
        click.echo(f"wrote {page}: {place}")
        if not no_open and not webbrowser.open(page.resolve().as_uri()):
            click.echo("No browser could be opened here; open the page in one.")


def _read(result: Path) -> "ad.AnnData":
    from hyenascope.cluster.run import Run
    from hyenascope.interpret.read_scores import read_scores

    if result.is_dir():
        found = Run(result).read()
    elif result.suffix == ".h5ad":
        found = read_scores(result)
    else:
        raise ValueError(
            f"RESULT must be an h5ad or the folder of a run; got {result}."
        )
    if "conditional" not in found.var_names and "kind" not in found.var:
        raise ValueError(f"RESULT must hold scores of variants; got {result}.")
    return found


def _all_of_it(scores: "ad.AnnData", genome: "FastaReader") -> "Interval":
    """Return the stretch of the first contig with variants, a margin on both sides."""
    from hyenascope.data.interval import Interval

    known = scores.obs[scores.obs["status"] == "ok"]
    if known.empty:
        raise ValueError("RESULT must hold a variant with a score; got none.")
    chrom = str(known["chrom"].iloc[0])
    places = known["pos"][known["chrom"] == chrom]
    start, end = max(0, int(places.min()) - 501), int(places.max()) + 500
    size = genome.contigs[genome.resolve(chrom)]
    return Interval(chrom, start, min(end, start + _WIDEST, size))
