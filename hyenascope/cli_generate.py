"""``hyenascope generate``: DNA that a model would write."""

import sys
from pathlib import Path

import click

from hyenascope.cli_errors import plain_errors
from hyenascope.cli_options import COUNT


@click.command()
@click.argument("prompt", default="")
@click.option("--model", "model_name", required=True,
              help="A name of `hyenascope models`, a folder or a file.")  # fmt: skip
@click.option("-n", "--bases", type=COUNT, default=500, show_default=True)
@click.option("--samples", type=COUNT, default=1, show_default=True)
@click.option("--temperature", type=click.FloatRange(min=0), default=1.0,
              show_default=True, help="0 always takes the likeliest.")  # fmt: skip
@click.option("--top-k", type=click.IntRange(1, 4))
@click.option("--top-p", type=click.FloatRange(0, 1, min_open=True))
@click.option("--banned", default="", help="Letters never drawn: GC.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False),
              help="FASTA; standard output if not given.")  # fmt: skip
@click.option("--device", help="cpu, cuda, cuda:1 …; CUDA if there is one.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def generate(
    prompt: str,
    model_name: str,
    bases: int,
    samples: int,
    temperature: float,
    top_k: int | None,
    top_p: float | None,
    banned: str,
    seed: int,
    out: Path | None,
    device: str | None,
    quiet: bool,
) -> None:
    """Let a model go on from PROMPT, a DNA text that may be empty; as FASTA."""
    with plain_errors():
        import torch

        from hyenascope.data.atomic import atomic_path
        from hyenascope.models.checkpoint import load_pretrained
        from hyenascope.models.generate import generate as write

        model = load_pretrained(model_name)
        found = write(
            model,
            prompt,
            n=bases,
            samples=samples,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            banned=tuple(banned),
            generator=torch.Generator().manual_seed(seed),
            device=device,
            progress=not quiet,
        )
        text = "".join(
            f">{model.name}_{number} seed={seed}\n{dna}\n"
            for number, dna in enumerate(found, start=1)
        )
        if out is None:
            sys.stdout.write(text)
            return
        with atomic_path(out) as path:
            path.write_text(text, encoding="ascii")
        click.echo(f"{samples:,} × {bases:,} bases: {out}")
