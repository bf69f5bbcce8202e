"""``hyenascope pretrain``: from FASTA files to a trained model."""

from pathlib import Path
from typing import Any

import click

from hyenascope.cli_errors import plain_errors
from hyenascope.cli_options import (
    COUNT,
    FILE,
    FOLDER,
    Bytes,
    grouped,
    names,
    split_options,
)

_window_options = grouped(
    click.option("--lower-case", default="keep", show_default=True,
                 type=click.Choice(["keep", "mask", "skip"]),
                 help="Soft-masked bases: read as any, read but never asked for, or "
                 "windows with more than --max-lower-case of them passed over."),
    click.option("--max-lower-case", default=0.5, show_default=True,
                 type=click.FloatRange(0, 1), help="For --lower-case skip."),
    click.option("--unknown", default="ignore", show_default=True,
                 type=click.Choice(["ignore", "target"]),
                 help="N: read but never asked for, or asked for as published."),
    click.option("--max-unknown", default=0.1, show_default=True,
                 type=click.FloatRange(0, 1),
                 help="Windows with a larger share of N are passed over."),
    click.option("--both-strands/--forward-only", "reverse_complement", default=True,
                 show_default=True, help="Strand of a window: by a fair coin, or one."),
    click.option("--balance", default="bases", show_default=True,
                 type=click.Choice(["bases", "genomes"]),
                 help="Read every base, or every genome, equally often."),
)  # fmt: skip

_model_options = grouped(
    click.option("--model", "model_name",
                 help="Go on from a name of `hyenascope models`, a folder or a file."),
    click.option("--width", type=COUNT, default=128, show_default=True,
                 help="Channels of a new model."),
    click.option("--layers", type=COUNT, default=2, show_default=True,
                 help="Blocks of a new model."),
    click.option("--context", type=COUNT,
                 help="Longest context of a new model, in bases; --length if not "
                 "given."),
    click.option("--objective", default="next_token", show_default=True,
                 type=click.Choice(["next_token", "masked"]),
                 help="masked makes the new model two-sided."),
)  # fmt: skip

_recipe_options = grouped(
    click.option("--steps", type=COUNT, default=1000, show_default=True),
    click.option("--length", type=click.IntRange(min=2), default=1024,
                 show_default=True, help="Bases per window."),
    click.option("--batch-size", type=COUNT, default=32, show_default=True,
                 help="Windows per step, over all devices."),
    click.option("--start-length", type=click.IntRange(min=2),
                 help="Sequence-length warm-up: begin with windows of so many bases "
                 "and double them."),
    click.option("--preset", default="modern", show_default=True,
                 type=click.Choice(["paper", "modern"])),
    click.option("--learning-rate", type=float, help="The preset's if not given."),
    click.option("--min-learning-rate", type=click.FloatRange(0, 1),
                 help="End of the schedule, as a fraction of the peak."),
    click.option("--warmup", type=click.FloatRange(0, 1),
                 help="Fraction of the steps that ramp up."),
    click.option("--weight-decay", type=click.FloatRange(min=0)),
    click.option("--clip", type=float, default=1.0, show_default=True,
                 help="Largest norm of the gradient."),
    click.option("--append-sep", is_flag=True,
                 help="End each window with [SEP], as published checkpoints expect."),
    click.option("--ema", type=click.FloatRange(0, 1),
                 help="Decay of a moving average of the weights."),
    click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True),
)  # fmt: skip

_machine_options = grouped(
    click.option("--device", help="cpu, cuda, cuda:1 …; CUDA if there is one."),
    click.option("--devices", type=COUNT, default=1, show_default=True,
                 help="How many of them."),
    click.option("--strategy", default="auto", show_default=True,
                 type=click.Choice(["auto", "ddp", "fsdp"])),
    click.option("--precision", default="32", show_default=True,
                 type=click.Choice(["32", "bf16", "64"])),
    click.option("--micro-batch", type=COUNT,
                 help="Windows per pass; by default what fits."),
    click.option("--max-memory", type=Bytes(),
                 help="For the activations of a pass: 8G."),
    click.option("--gradient-checkpointing/--no-gradient-checkpointing", default=None,
                 help="Less memory for a third more time; by default where a pass "
                 "would not fit."),
    click.option("--workers", type=click.IntRange(min=0), default=0,
                 show_default=True, help="Processes that read ahead."),
)  # fmt: skip


@click.command()
@click.argument("genomes", nargs=-1, required=True, type=FILE)
@click.option("--out", type=FOLDER, required=True,
              help="Folder of the run; one that is there goes on.")  # fmt: skip
@split_options
@_window_options
@_model_options
@_recipe_options
@_machine_options
@click.option("--save-every", type=COUNT, default=500, show_default=True,
              help="Steps between checkpoints.")  # fmt: skip
@click.option("--keep", type=COUNT, default=2, show_default=True,
              help="Checkpoints that stay, the best apart.")  # fmt: skip
@click.option("--validate-every", type=COUNT, default=500, show_default=True,
              help="Steps between looks at held-out text.")  # fmt: skip
@click.option("--logger", "loggers", multiple=True,
              type=click.Choice(["csv", "tensorboard", "wandb"]),
              help="May be repeated.")  # fmt: skip
@click.option("--quiet", is_flag=True, help="No progress bar.")
def pretrain(genomes: tuple[Path, ...], out: Path, **typed: Any) -> None:  # noqa: ANN401
    """Train a model on FASTA files.

    Killed or stopped with Ctrl-C, the same command goes on where it was.
    """
    with plain_errors():
        from hyenascope.training.pretrain import pretrain as train

        result = train(
            _model(typed),
            list(genomes),
            options=_options(typed),
            hardware=_hardware(typed),
            validation=typed["validation"],
            test=names(typed["test"]),
            leave_out=names(typed["leave_out"]),
            intervals=typed["intervals"],
            genes=typed["genes"],
            out=out,
            save_every=typed["save_every"],
            validate_every=typed["validate_every"],
            keep=typed["keep"],
            loggers=typed["loggers"],
            progress=not typed["quiet"],
        )
        click.echo(result.message)
        looks = [r.validation for r in result.reports if r.validation is not None]
        if looks:
            last, best = looks[-1], min(looks)
            click.echo(f"held-out loss: {last:.4f} nats, at best {best:.4f}")
        click.echo(f"the model is in {out}")


def _model(typed: dict[str, Any]) -> Any:  # noqa: ANN401
    from hyenascope.models.checkpoint import load_pretrained
    from hyenascope.models.hyena import HyenaConfig

    if typed["model_name"] is not None:
        return load_pretrained(typed["model_name"])
    context = typed["context"] or typed["length"]
    return HyenaConfig(
        d_model=typed["width"],
        d_inner=4 * typed["width"],
        n_layer=typed["layers"],
        l_max=context + 2,
        bidirectional=typed["objective"] == "masked",
    )


def _options(typed: dict[str, Any]) -> Any:  # noqa: ANN401
    from hyenascope.training.pretrain import PretrainOptions
    from hyenascope.training.warmup import length_stages
    from hyenascope.training.windows import WindowRules

    same = ("steps", "length", "batch_size", "preset", "learning_rate", "ema", "seed",
            "objective", "micro_batch", "min_learning_rate", "warmup", "clip",
            "weight_decay", "append_sep")  # fmt: skip
    stages: tuple[Any, ...] = ()
    if typed["start_length"] is not None:
        stages = length_stages(
            typed["length"], typed["steps"], start=typed["start_length"]
        )
    rules = ("lower_case", "max_lower_case", "unknown", "max_unknown",
             "reverse_complement", "balance")  # fmt: skip
    return PretrainOptions(
        stages=stages,
        windows=WindowRules(**{name: typed[name] for name in rules}),
        **{name: typed[name] for name in same},
    )


def _hardware(typed: dict[str, Any]) -> Any:  # noqa: ANN401
    from hyenascope.training.hardware import Hardware

    same = ("device", "devices", "strategy", "precision", "max_memory", "workers",
            "gradient_checkpointing")  # fmt: skip
    return Hardware(**{name: typed[name] for name in same})
