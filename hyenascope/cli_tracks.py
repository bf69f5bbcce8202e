"""``hyenascope finetune-tracks`` and ``predict-tracks``: numbers of every base."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hyenascope.cli_errors import plain_errors
from hyenascope.cli_options import COUNT, FILE, FOLDER, OUT_FILE, Share, grouped, names
from hyenascope.cli_track_files import (
    TRACK_FORMATS,
    check_track_file,
    write_track_file,
)

if TYPE_CHECKING:
    from hyenascope.data.fasta import FastaReader
    from hyenascope.data.track_data import TrackData
    from hyenascope.viz.lane import Component


_what_options = grouped(
    click.option("--bigwig", "signals", type=FILE, multiple=True,
                 help="A signal to learn; may be repeated."),
    click.option("--zero-missing", is_flag=True,
                 help="Bases that a bigWig leaves out are 0, not unknown."),
    click.option("--log1p", is_flag=True, help="Learn log(1 + signal)."),
    click.option("--genes", type=FILE,
                 help="GTF or GFF3: learn what every base is, in place of a signal."),
    click.option("--classes",
                 help="With --genes, of intergenic, gene, intron, non-coding exon, UTR "
                 "and CDS (intergenic,CDS if not given); other bases are not learnt "
                 "from."),
    click.option("--contigs", help="Contigs to use; all that have something."),
    click.option("--validation", type=Share(), default=0.1, show_default=True,
                 help="Contigs that choose the epoch (VIII,XVI), or a share of each."),
)  # fmt: skip

_how_options = grouped(
    click.option("--model", "model_name", default="yeast-1k", show_default=True,
                 help="A name of `hyenascope models`, a folder or a file."),
    click.option("--epochs", type=COUNT, default=10, show_default=True),
    click.option("--batch-size", type=COUNT, default=8, show_default=True,
                 help="Windows per step."),
    click.option("--learning-rate", type=float, default=1e-3, show_default=True),
    click.option("--freeze", is_flag=True, help="Train the head alone."),
    click.option("--window", type=COUNT, help="Bases read at a time; the context."),
    click.option("--bin-size", type=COUNT, default=1, show_default=True,
                 help="Bases that share a value of a signal."),
    click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True),
)  # fmt: skip


@click.command("finetune-tracks")
@click.argument("genome", type=FILE)
@click.option("--out", type=FOLDER, required=True, help="Folder for the model.")
@_what_options
@_how_options
@click.option("--device", help="cpu, cuda, cuda:1 …; CUDA if there is one.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def finetune_tracks(genome: Path, out: Path, **typed: Any) -> None:  # noqa: ANN401
    """Train a model to draw tracks along GENOME, a FASTA file.

    The tracks are signals (--bigwig), or what the bases are by an annotation (--genes).
    """
    with plain_errors():
        from hyenascope.data.fasta import FastaReader
        from hyenascope.training.finetune_tracks import finetune_tracks as tune

        _check(typed)
        reader = FastaReader(genome)
        result = tune(
            typed["model_name"],
            reader,
            _tracks(reader, typed),
            validation=typed["validation"],
            options=_options(typed),
            device=typed["device"],
            out=out,
            progress=not typed["quiet"],
        )
        click.echo(result.message)
        click.echo("validation bases, which chose the epoch:\n")
        click.echo(result.scores[["value", "rows"]].round(4).to_string())
        click.echo(f"\nthe model is in {out}")


@click.command("predict-tracks")
@click.argument("genome", type=FILE)
@click.option("--region", required=True, help="Such as chrI:1-20,000, 1-based.")
@click.option("--model", "folder", type=FOLDER, required=True,
              help="Folder of `hyenascope finetune-tracks`.")  # fmt: skip
@click.option("--out", type=OUT_FILE, required=True,
              help=f"Ends in {', '.join(TRACK_FORMATS)}; {{track}} in the name of a "
              ".bw or .bedgraph stands for the track's.")  # fmt: skip
@click.option("--genes", type=FILE, help="GTF or GFF3, drawn below the tracks.")
@click.option("--device", help="cpu, cuda, cuda:1 …; CUDA if there is one.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def predict_tracks(
    genome: Path,
    region: str,
    folder: Path,
    out: Path,
    genes: Path | None,
    device: str | None,
    quiet: bool,
) -> None:
    """Draw the tracks of a region of GENOME, a FASTA file."""
    with plain_errors():
        from hyenascope.data.fasta import FastaReader
        from hyenascope.data.interval import Interval
        from hyenascope.models.predict_track import predict_track
        from hyenascope.models.saved_track_model import load_track_model
        from hyenascope.viz.components import Genes, Line

        model = load_track_model(folder)
        check_track_file(out, model.task.label_names)
        place = Interval.parse(region)
        with FastaReader(genome) as reader:
            track = predict_track(
                model, reader, place, device=device, progress=not quiet
            )
            lanes: list[Component] = [Line(track)]
            lanes += [Genes(genes)] if genes else []
            write_track_file(track, out, dict(reader.contigs), lanes)
        click.echo(f"{place.length:,} bases, {', '.join(track.names)}: {out}")


def _check(typed: dict[str, Any]) -> None:
    """Refuse options that would not be used."""
    if bool(typed["signals"]) == (typed["genes"] is not None):
        raise ValueError("give --bigwig or --genes, one of them.")
    unused = ("zero_missing", "log1p") if typed["genes"] else ("classes",)
    for name in unused:
        if typed[name]:
            needs = "--bigwig" if typed["genes"] else "--genes"
            raise ValueError(f"--{name.replace('_', '-')} must come with {needs}.")


def _tracks(genome: "FastaReader", typed: dict[str, Any]) -> "list[TrackData]":
    from hyenascope.data.annotation import read_genes
    from hyenascope.data.bigwig_tracks import bigwig_tracks
    from hyenascope.data.contigs import ContigNames
    from hyenascope.data.interval import Interval
    from hyenascope.training.region_classes import class_tracks

    contigs = names(typed["contigs"]) or None
    if typed["signals"]:
        return bigwig_tracks(
            typed["signals"],
            genome,
            contigs=contigs,
            zero_missing=typed["zero_missing"],
            log1p=typed["log1p"],
        )
    genes = read_genes(typed["genes"])
    annotated = ContigNames({gene.chrom for gene in genes}, source="the annotation")
    chosen = contigs or [c for c in genome.contigs if annotated.find(c) is not None]
    places = [Interval(c, 0, genome.contigs[genome.resolve(c)]) for c in chosen]
    classes = names(typed["classes"]) or ["intergenic", "CDS"]
    return class_tracks(genes, places, classes=classes)


def _options(typed: dict[str, Any]) -> Any:  # noqa: ANN401
    from hyenascope.training.track_options import TrackOptions

    same = ("epochs", "batch_size", "learning_rate", "window", "bin_size", "seed")
    return TrackOptions(
        frozen="backbone" if typed["freeze"] else "nothing",
        **{name: typed[name] for name in same},
    )
