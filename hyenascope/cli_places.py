"""Places of a genome from a shell: every substitution, or an embedding each."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from hyenascope.cli_errors import plain_errors
from hyenascope.cli_options import (
    COUNT,
    FILE,
    OUT_FILE,
    model_options,
    run_options,
    shared,
    strands_option,
    workers_options,
)
from hyenascope.cli_outputs import check_outputs, say_run
from hyenascope.cli_track_files import (
    TRACK_FORMATS,
    check_track_file,
    write_track_file,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd

    from hyenascope.cluster.run import Run
    from hyenascope.data.fasta import FastaReader
    from hyenascope.models.hyena import HyenaLM

_MATRIX_FORMATS = (".npz", ".tsv", ".parquet")
_MAP_FORMATS = (".h5ad", ".tsv", ".csv", ".parquet")


@click.command()
@click.argument("genome", type=FILE)
@click.option("--region", help="One place, such as chrI:1-200, 1-based.")
@click.option("--bed", type=FILE, help="Many places, by --workers or --scheduler.")
@click.option(
    "--out",
    type=OUT_FILE,
    help=f"Of one place: {', '.join(TRACK_FORMATS)}, with {{track}} in the name of a "
    f".bw or .bedgraph for A, C, G and T; of many: {', '.join(_MAP_FORMATS)}. With "
    "--run it may be left out.",
)
@click.option(
    "--score",
    default="downstream",
    show_default=True,
    type=click.Choice(("conditional", "downstream", "full")),
)
@click.option("--window", type=COUNT, help="Bases that downstream adds up; 512.")
@click.option("--context", type=COUNT, help="Bases that the model reads.")
@strands_option("both")
@click.option(
    "--center",
    type=click.Choice(("mean4", "alt3")),
    help="0 at the mean of all bases or of the alternates, not at the reference.",
)
@click.option("--genes", type=FILE, help="GTF or GFF3, drawn below the map.")
@model_options
@workers_options
def ism(**typed: Any) -> None:  # noqa: ANN401
    """Change every base of places of GENOME, a FASTA file, to every other.

    Of one --region: a table, a signal or a picture. Of a --bed of any size, or with
    --workers: a row per base, in shards that survive what ends this command. A table
    of them is written a few thousand rows at a time; an h5ad is held in memory.
    """
    with plain_errors():
        from hyenascope.data.fasta import FastaReader
        from hyenascope.models.checkpoint import load_pretrained

        if (typed["region"] is None) == (typed["bed"] is None):
            raise ValueError("give --region or --bed, one of them.")
        out = typed["out"]
        files = [typed[name] for name in ("genome", "bed", "genes") if typed[name]]
        check_outputs([out] if out else [], inputs=files)
        split = shared(typed, out)
        if split is not None and typed["genes"]:
            raise ValueError("--genes must come with a picture of one --region.")
        if split is None and typed["bed"]:
            raise ValueError("--bed must come with --workers or --scheduler.")
        if split is None:
            check_track_file(out, ("A", "C", "G", "T"))
        elif out and out.suffix not in _MAP_FORMATS:
            raise ValueError(f"out must end in {', '.join(_MAP_FORMATS)}; got {out}.")
        model = load_pretrained(typed["model_name"])
        with FastaReader(typed["genome"]) as reader:
            if split is None:
                _map_one(model, reader, typed)
            else:
                _map_many(model, reader, typed, *split)


@click.command()
@click.argument("sequences", type=FILE)
@click.option("--genome", type=FILE, help="Where a BED is read from.")
@click.option(
    "--out",
    type=OUT_FILE,
    help="npz, tsv or parquet. With --run it may be left out.",
)
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
@strands_option("forward")
@run_options
@workers_options
def embed(**typed: Any) -> None:  # noqa: ANN401
    """Embed SEQUENCES (FASTA, or BED with --genome), one row each.

    With --workers or --scheduler in shards, and what is longer than the context is
    read in windows of it. A table of them is written a few thousand rows at a time; an
    npz is held in memory.
    """
    with plain_errors():
        from hyenascope.models.checkpoint import load_pretrained

        sequences, genome, out = typed["sequences"], typed["genome"], typed["out"]
        inputs = [sequences, *([genome] if genome else [])]
        check_outputs([out] if out else [], inputs=inputs)
        if out and out.suffix not in _MATRIX_FORMATS:
            raise ValueError(
                f"out must end in {', '.join(_MATRIX_FORMATS)}; got {out}."
            )
        split = shared(typed, out)
        model = load_pretrained(typed["model_name"])
        if split is None:
            _embed_here(model, typed)
        else:
            _embed_in_shards(model, typed, *split)


def _map_one(model: "HyenaLM", reader: "FastaReader", typed: dict[str, Any]) -> None:
    from hyenascope.data.interval import Interval
    from hyenascope.interpret.ism import saturation_mutagenesis
    from hyenascope.viz.components import Genes, Heatmap
    from hyenascope.viz.lane import Component

    place, out = Interval.parse(typed["region"]), typed["out"]
    options = {name: typed[name] for name in ("score", "window", "context", "strands")}
    track = saturation_mutagenesis(
        model,
        reader,
        place,
        center=typed["center"],
        device=typed["device"],
        progress=not typed["quiet"],
        **options,
    )
    lanes: list[Component] = [Heatmap(track, reader)]
    if typed["genes"]:
        lanes.append(Genes(typed["genes"]))
    write_track_file(track, out, dict(reader.contigs), lanes)
    click.echo(f"wrote {out}: {place.length:,} bases × 4")


def _map_many(
    model: "HyenaLM",
    reader: "FastaReader",
    typed: dict[str, Any],
    folder: Path,
    who: dict[str, Any],
) -> None:
    from hyenascope.cluster import jobs
    from hyenascope.data.interval import Interval

    options = {name: typed[name] for name in ("score", "window", "context", "strands")}
    run = jobs.saturation_mutagenesis(
        model,
        reader,
        typed["bed"] or Interval.parse(typed["region"]),
        folder,
        center=typed["center"],
        device=typed["device"],
        progress=not typed["quiet"],
        **options,
        **who,
    )
    amount = f"{run.folder.rows:,} bases × 4"
    if typed["out"] is None:
        say_run(folder, amount)
        return
    _write_map(run, typed["out"])
    click.echo(f"wrote {typed['out']}: {amount}")


def _embed_here(model: "HyenaLM", typed: dict[str, Any]) -> None:
    import pandas as pd

    from hyenascope.data.sequences import collect_sequences
    from hyenascope.models import predict

    named = collect_sequences(typed["sequences"], genome=typed["genome"])
    values = predict.embed(
        model,
        pd.DataFrame({"name": named.names, "sequence": named.texts}),
        pool=typed["pool"],
        layer=typed["layer"],
        strands=typed["strands"],
        batch_size=typed["batch_size"] or "auto",
        device=typed["device"],
        progress=not typed["quiet"],
    )
    _write_matrix([_named(named.names, np.asarray(values))], typed["out"])
    amount = f"{len(values):,} sequences × {len(values[0])}"
    click.echo(f"wrote {typed['out']}: {amount}")


def _embed_in_shards(
    model: "HyenaLM", typed: dict[str, Any], folder: Path, who: dict[str, Any]
) -> None:
    from hyenascope.cluster import jobs

    run = jobs.embed(
        model,
        typed["sequences"],
        typed["genome"],
        folder,
        layers=(typed["layer"],),
        pool=typed["pool"],
        strands=typed["strands"],
        batch_size=typed["batch_size"] or "auto",
        device=typed["device"],
        progress=not typed["quiet"],
        **who,
    )
    channels = [str(i) for i in range(model.config.d_model)]
    amount = f"{run.folder.rows:,} sequences × {len(channels)}"
    if typed["out"] is None:
        say_run(folder, amount)
        return
    tables = (_named(each["name"], each[channels].to_numpy()) for each in run.tables())
    _write_matrix(tables, typed["out"])
    click.echo(f"wrote {typed['out']}: {amount}")


def _write_map(run: "Run", path: Path) -> None:
    from hyenascope.data.atomic import atomic_path
    from hyenascope.data.table_files import write_table
    from hyenascope.interpret.score_files import h5ad_bytes

    if path.suffix == ".h5ad":
        with atomic_path(path) as target:
            target.write_bytes(h5ad_bytes(run.read()))
    else:
        write_table((table.drop(columns="row") for table in run.tables()), path)


def _named(names: "Sequence[str] | pd.Series", values: np.ndarray) -> "pd.DataFrame":
    import pandas as pd

    frame = pd.DataFrame(values, columns=[f"e{i}" for i in range(values.shape[1])])
    frame.insert(0, "name", list(names))
    return frame


def _write_matrix(frames: "Iterable[pd.DataFrame]", path: Path) -> None:
    import pandas as pd

    from hyenascope.data.atomic import atomic_path
    from hyenascope.data.table_files import write_table

    if path.suffix != ".npz":
        write_table(frames, path)
        return
    whole = pd.concat(list(frames)).set_index("name")
    with atomic_path(path) as target:
        names = np.array(whole.index, dtype=str)
        np.savez_compressed(target, names=names, embedding=whole.to_numpy())
