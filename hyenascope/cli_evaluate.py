"""``hyenascope evaluate``: a model on text that it has not seen."""

from pathlib import Path

import click

from hyenascope.cli_errors import plain_errors
from hyenascope.cli_options import FILE, names, split_options


@click.command()
@click.argument("genomes", nargs=-1, required=True, type=FILE)
@click.option(
    "--model",
    "model_name",
    required=True,
    help="A name of `hyenascope models`, a folder or a weights file.",
)
@split_options
@click.option("--most-order", type=click.IntRange(0, 13), default=12,
              show_default=True, help="Of the Markov models.")  # fmt: skip
@click.option("--device", help="cpu, cuda, cuda:1 …; CUDA if there is one.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def evaluate(
    genomes: tuple[Path, ...],
    model_name: str,
    validation: float | list[str] | None,
    test: str | None,
    leave_out: str | None,
    intervals: Path | None,
    genes: Path | None,
    most_order: int,
    device: str | None,
    quiet: bool,
) -> None:
    """Hold a model against Markov models on text it has not seen.

    Give the genomes and the split that it was trained with: the Markov models count
    what it was trained on, and all judge what was held out. Nats per base.
    """
    with plain_errors():
        from hyenascope.models.checkpoint import load_pretrained
        from hyenascope.training.judgement import judge
        from hyenascope.training.open_genomes import open_genomes

        model = load_pretrained(model_name)
        data = open_genomes(
            list(genomes),
            validation=validation,
            test=names(test),
            leave_out=names(leave_out),
            intervals=intervals,
            progress=not quiet,
        )
        found = judge(
            model,
            data,
            genes=genes,
            orders=range(1, most_order + 1),
            device=device,
            progress=not quiet,
        )
        table = found.table.nats.round(4)
        table.loc["bases judged"] = found.table.bases
        click.echo(table.astype(object).to_string())
        click.echo("\nnats per base by the bases to the left:\n")
        click.echo(found.positions.frame.round(4).to_string(index=False))
