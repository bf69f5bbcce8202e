"""``hyenascope reproduce``: a published table again, beside its honest target."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hyenascope.cli_errors import plain_errors
from hyenascope.cli_options import COUNT, FOLDER, grouped, names

if TYPE_CHECKING:
    import pandas as pd

    from hyenascope.training.benchmark_recipes import Recipe
    from hyenascope.training.finetune_options import FinetuneOptions

_BASELINES = ("kmer", "cnn", "scratch")

_changes = grouped(
    click.option("--epochs", type=COUNT, help="In place of the recipe's."),
    click.option("--batch-size", type=COUNT, help="In place of the recipe's."),
    click.option("--learning-rate", type=float, help="In place of the recipe's."),
    click.option("--both-strands", is_flag=True,
                 help="In training by a fair coin, later averaged."),
)  # fmt: skip


@click.command()
@click.argument("name")
@click.option("--out", type=FOLDER, required=True,
              help="Folder for downloads, models, tables and figures.")  # fmt: skip
@click.option("--genome", "genomes", multiple=True, metavar="FASTA|ASSEMBLY=FASTA",
              help="Where intervals are read from; may be repeated: "
              "GRCh38=hg38.fa.")  # fmt: skip
@click.option("--model", "model_name",
              help="A name of `hyenascope models`, a folder, a file, or scratch; the "
              "paper's checkpoint if not given.")  # fmt: skip
@click.option(
    "--seeds", default="0", show_default=True, help="0,1,2: one training each."
)
@click.option("--baselines", default="kmer", show_default=True,
              help="Of kmer,cnn,scratch, or none.")  # fmt: skip
@_changes
@click.option("--data", type=FOLDER,
              help="Where benchmarks are; OUT/data if not given.")  # fmt: skip
@click.option("--no-download", is_flag=True, help="Read what is there as it is.")
@click.option("--drop-leaks", is_flag=True, help="Judge without test rows that leak.")
@click.option("--device", help="cpu, cuda, cuda:1 …; CUDA if there is one.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def reproduce(name: str, out: Path, **typed: Any) -> None:  # noqa: ANN401
    """Train and judge again what the HyenaDNA paper published.

    NAME is a task such as genomic_benchmarks/human_nontata_promoters, or a whole table:
    genomic_benchmarks or nucleotide_transformer. The numbers of each task are in
    OUT/TABLE/TASK/scores.tsv as soon as it is done.

    Give the same command again if it was stopped or killed: finished models and the
    tables of finished tasks are kept, and the seed that was being trained begins again.
    """
    with plain_errors():
        from hyenascope.training.benchmark_recipes import find_recipes
        from hyenascope.training.reproduce import reproduce as run

        def options(recipe: "Recipe") -> "FinetuneOptions":
            return _changed(recipe, typed)

        recipes = find_recipes(name)
        table = run(
            name,
            out,
            model=typed["model_name"],
            genome=_genome(typed["genomes"]),
            seeds=_seeds(typed["seeds"]),
            baselines=_baselines(typed["baselines"]),
            options=options,
            data=typed["data"],
            download=not typed["no_download"],
            duplicates="drop" if typed["drop_leaks"] else "keep",
            device=typed["device"],
            progress=not typed["quiet"],
        )
        how = [options(recipe) for recipe in recipes]
        _write(recipes, how, table, out, name.rpartition("/")[2])


def _write(
    recipes: Sequence["Recipe"],
    how: Sequence["FinetuneOptions"],
    table: "pd.DataFrame",
    out: Path,
    stem: str,
) -> None:
    """Write the table, the page and the figures, and say where they are."""
    from hyenascope.data.atomic import atomic_path
    from hyenascope.training.benchmark_page import benchmark_page, own_metrics
    from hyenascope.viz.benchmark_dots import plot_benchmark
    from hyenascope.viz.export import write_html, write_image

    with atomic_path(out / f"{stem}.tsv") as path:
        table.to_csv(path, sep="\t", index=False)
    with atomic_path(out / f"{stem}.md") as path:
        path.write_text(benchmark_page(recipes, how, table, out), encoding="utf-8")
    written = [f"{stem}.tsv", f"{stem}.md"]
    drawn = own_metrics(recipes, table)
    for metric in drawn["metric"].unique():
        figure = plot_benchmark(drawn, metric=metric, title=stem)
        written.append(f"{stem}-{metric}.html")
        write_html(figure, out / written[-1], title=stem)
        try:
            write_image(figure, out / f"{stem}-{metric}.png")
        except (ImportError, RuntimeError) as err:
            click.echo(f"no {stem}-{metric}.png: {err}", err=True)
        else:
            written.append(f"{stem}-{metric}.png")
    click.echo(
        drawn[["task", "model", "metric", "value", "split"]].to_string(index=False)
    )
    for file in written:
        click.echo(f"wrote {out / file}")


def _changed(recipe: "Recipe", typed: dict[str, Any]) -> "FinetuneOptions":
    same = ("epochs", "batch_size", "learning_rate")
    changes = {key: typed[key] for key in same if typed[key] is not None}
    if typed["both_strands"]:
        changes |= {"reverse_complement": True, "strands": "both"}
    return replace(recipe.options, **changes)


def _genome(given: Sequence[str]) -> Path | dict[str, Path] | None:
    """Read one path, or paths with the assembly in front of each."""
    if not given:
        return None
    if len(given) == 1 and ("=" not in given[0] or Path(given[0]).exists()):
        found = {"": Path(given[0])}
    else:
        pairs = [text.partition("=") for text in given]
        found = {assembly: Path(path) for assembly, _, path in pairs}
    for assembly, path in found.items():
        if not path.is_file():
            what = f"{assembly}={path}" if assembly else str(path)
            raise ValueError(f"genome must be a FASTA or ASSEMBLY=FASTA; got {what}.")
    return found[""] if list(found) == [""] else found


def _seeds(text: str) -> list[int]:
    found = names(text)
    if not found or not all(part.isdecimal() for part in found):
        raise ValueError(f"--seeds must be whole numbers such as 0,1,2; got {text!r}.")
    return [int(part) for part in found]


def _baselines(text: str) -> list[Any]:
    found = [] if text == "none" else names(text)
    for name in found:
        if name not in _BASELINES:
            known = ", ".join(_BASELINES)
            raise ValueError(f"--baselines must be of {known}, or none; got {name!r}.")
    return found
