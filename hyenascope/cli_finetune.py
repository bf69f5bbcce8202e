"""``hyenascope finetune`` and ``predict``: answers for sequences."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from hyenascope.cli_errors import plain_errors
from hyenascope.cli_options import COUNT, FILE, FOLDER, grouped, names

if TYPE_CHECKING:
    from hyenascope.data.labelled_sequences import LabelledSequences
    from hyenascope.training.finetune_result import FinetuneResult

_SOURCE = click.Path(path_type=Path, exists=True)
_POOLINGS = ["mean", "last", "first", "max", "sum", "attention"]
_METRICS = ["loss", "accuracy", "mcc", "f1", "f1_macro", "auroc", "auprc", "pearson",
            "spearman", "r2", "mse"]  # fmt: skip

_data_options = grouped(
    click.option("--labels", help="Column of the labels, or several: a,b."),
    click.option("--genome", type=FILE, help="FASTA that intervals are read from."),
    click.option("--regression", is_flag=True, help="Labels are numbers."),
)  # fmt: skip

_recipe_options = grouped(
    click.option("--epochs", type=COUNT, default=20, show_default=True),
    click.option("--patience", type=COUNT, default=5, show_default=True,
                 help="Epochs without a better one after which to stop."),
    click.option("--select-by", type=click.Choice(_METRICS), default="loss",
                 show_default=True, help="What the best epoch is best in."),
    click.option("--batch-size", type=COUNT, default=32, show_default=True),
    click.option("--learning-rate", type=float, default=1e-3, show_default=True),
    click.option("--layer-decay", type=float, default=1.0, show_default=True,
                 help="Each block's rate as a fraction of that of the block above."),
    click.option("--freeze", default="nothing", show_default=True,
                 help="nothing, backbone, or how many of the lowest blocks."),
    click.option("--weight-decay", type=click.FloatRange(min=0), default=0.1,
                 show_default=True),
    click.option("--dropout", type=click.FloatRange(0, 1), default=0.1,
                 show_default=True),
    click.option("--pooling", type=click.Choice(_POOLINGS), default="mean",
                 show_default=True),
    click.option("--balanced", is_flag=True, help="Every class counts alike."),
    click.option("--both-strands/--forward-only", "both", default=True,
                 show_default=True, help="In training by a fair coin, later averaged."),
    click.option("--longest", type=COUNT, help="Bases read; the context if not given."),
    click.option("--too-long", default="refuse", show_default=True,
                 type=click.Choice(["refuse", "centre", "start", "end"])),
    click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True),
)  # fmt: skip

_scratch_options = grouped(
    click.option("--model", "model_name",
                 help="A name of `hyenascope models`, a folder or a file; a new model "
                 "if not given."),
    click.option("--width", type=COUNT, default=128, show_default=True,
                 help="Channels of a new model."),
    click.option("--layers", type=COUNT, default=2, show_default=True,
                 help="Blocks of a new model."),
    click.option("--context", type=COUNT, default=1024, show_default=True,
                 help="Longest context of a new model, in bases."),
)  # fmt: skip


@click.command()
@click.argument("train", type=_SOURCE)
@click.option("--out", type=FOLDER, required=True, help="Folder for the model.")
@_data_options
@click.option("--validation",
              help="A file like TRAIN, or a share of its rows: 0.1.")  # fmt: skip
@click.option("--judge", metavar="SPLIT",
              help="A split of TRAIN to judge at the end, such as test, without rows "
              "that training holds too.")  # fmt: skip
@_scratch_options
@_recipe_options
@click.option("--device", help="cpu, cuda, cuda:1 …; CUDA if there is one.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def finetune(train: Path, out: Path, **typed: Any) -> None:  # noqa: ANN401
    """Train a model on labelled sequences.

    TRAIN is a CSV or TSV with columns sequence and label, FASTA with headers
    >name|label, BED with --genome, or the folder of a GUE or Genomic Benchmarks data
    set. Test rows are not looked at but by --judge.
    """
    with plain_errors():
        from hyenascope.data.labelled_sources import collect_labelled
        from hyenascope.training.finetune import finetune as tune

        labels, task = _columns(typed["labels"]), _task(typed)
        data = None
        if typed["judge"] is not None:
            data = collect_labelled(train, labels, task=task, genome=typed["genome"])
            data.split(typed["judge"])  # refuses one that is not there
        result = tune(
            _model(typed),
            train,
            labels=labels,
            task=task,
            genome=typed["genome"],
            validation=_validation(typed["validation"]),
            options=_options(typed),
            device=typed["device"],
            out=out,
            progress=not typed["quiet"],
        )
        click.echo(result.message)
        click.echo("validation rows, which chose the epoch:\n")
        click.echo(result.scores.round(4).to_string())
        if data is not None:
            _judge(result, data, typed["judge"], out)
        click.echo(f"\nthe model is in {out}")


def _judge(
    result: "FinetuneResult", data: "LabelledSequences", split: str, out: Path
) -> None:
    """Judge a split that chose nothing, and put it on the card."""
    from hyenascope.training.label_card import write_label_card
    from hyenascope.training.label_evaluation import evaluate_labels

    found = evaluate_labels(result.model, data, split=split, duplicates="drop")
    write_label_card(out, result, evaluations=[found])
    click.echo(f"\n{split} rows, without {found.dropped:,} that leak:\n")
    click.echo(found.table.round(4).to_string())


@click.command()
@click.argument("sequences", type=FILE)
@click.option("--model", "folder", type=FOLDER, required=True,
              help="Folder of `hyenascope finetune`.")  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True,
              help="Ends in .tsv, .csv or .parquet.")  # fmt: skip
@click.option("--genome", type=FILE, help="FASTA that intervals are read from.")
@click.option("--batch-size", type=COUNT, help="By default what fits.")
@click.option("--device", help="cpu, cuda, cuda:1 …; CUDA if there is one.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def predict(
    sequences: Path,
    folder: Path,
    out: Path,
    genome: Path | None,
    batch_size: int | None,
    device: str | None,
    quiet: bool,
) -> None:
    """Answer for sequences of a FASTA or BED file."""
    with plain_errors():
        from hyenascope.data.atomic import atomic_path
        from hyenascope.models.fine_tuned import load_fine_tuned

        if out.suffix not in (".tsv", ".csv", ".parquet"):
            raise ValueError(f"out must end in .tsv, .csv or .parquet; got {out.name}.")
        table = load_fine_tuned(folder).predict(
            sequences,
            genome=genome,
            batch_size=batch_size or "auto",
            device=device,
            progress=not quiet,
        )
        table.index.name = "name"
        with atomic_path(out) as path:
            if out.suffix == ".parquet":
                table.to_parquet(path)
            else:
                table.to_csv(path, sep="\t" if out.suffix == ".tsv" else ",")
        click.echo(f"{len(table):,} sequences: {out}")


def _model(typed: dict[str, Any]) -> Any:  # noqa: ANN401
    from hyenascope.models.hyena import HyenaConfig

    if typed["model_name"] is not None:
        return typed["model_name"]
    return HyenaConfig(
        d_model=typed["width"],
        d_inner=4 * typed["width"],
        n_layer=typed["layers"],
        l_max=typed["context"] + 2,
    )


def _task(typed: dict[str, Any]) -> Literal["regression"] | None:
    return "regression" if typed["regression"] else None


def _columns(text: str | None) -> str | list[str] | None:
    found = names(text)
    return found[0] if len(found) == 1 else found or None


def _validation(text: str | None) -> float | str | None:
    if text is None:
        return None
    try:
        return float(text)
    except ValueError:
        return text


def _options(typed: dict[str, Any]) -> Any:  # noqa: ANN401
    from hyenascope.training.finetune_options import FinetuneOptions

    same = ("epochs", "patience", "select_by", "batch_size", "learning_rate", "seed",
            "layer_decay", "weight_decay", "dropout", "pooling", "longest",
            "too_long")  # fmt: skip
    frozen = typed["freeze"]
    return FinetuneOptions(
        frozen=int(frozen) if frozen.isdigit() else frozen,
        class_weights="balanced" if typed["balanced"] else None,
        reverse_complement=typed["both"],
        strands="both" if typed["both"] else "forward",
        **{name: typed[name] for name in same},
    )
