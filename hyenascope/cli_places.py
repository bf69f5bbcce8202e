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
from hyenascope.cli_outputs import check_outputs
from hyenascope.cli_track_files import (
    TRACK_FORMATS,
    check_track_file,
    write_track_file,
)

if TYPE_CHECKING:
    import anndata as ad
    import pandas as pd

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
    required=True,
    help=f"Of one place: {', '.join(TRACK_FORMATS)}, with {{track}} in the name of a "
    f".bw or .bedgraph for A, C, G and T; of many: {', '.join(_MAP_FORMATS)}.",
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
    --workers: a row per base, in shards that survive what ends this command.
    """
    with plain_errors():
        from hyenascope.data.fasta import FastaReader
        from hyenascope.models.checkpoint import load_pretrained

        if (typed["region"] is None) == (typed["bed"] is None):
            raise ValueError("give --region or --bed, one of them.")
        out = typed["out"]
        files = [typed[name] for name in ("genome", "bed", "genes") if typed[name]]
        check_outputs([out], inputs=files)
        split = shared(typed, out)
        if split is not None and typed["genes"]:
            raise ValueError("--genes must come with a picture of one --region.")
        if split is None and typed["bed"]:
            raise ValueError("--bed must come with --workers or --scheduler.")
        if split is None:
            check_track_file(out, ("A", "C", "G", "T"))
        elif out.suffix not in _MAP_FORMATS:
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
@click.option("--out", type=OUT_FILE, required=True, help="npz, tsv or parquet.")
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
    read in windows of it.
    """
    with plain_errors():
        import pandas as pd

        from hyenascope.models.checkpoint import load_pretrained

        sequences, genome, out = typed["sequences"], typed["genome"], typed["out"]
        check_outputs([out], inputs=[sequences, *([genome] if genome else [])])
        if out.suffix not in _MATRIX_FORMATS:
            raise ValueError(
                f"out must end in {', '.join(_MATRIX_FORMATS)}; got {out}."
            )
        split = shared(typed, out)
        model = load_pretrained(typed["model_name"])
        if split is None:
            names, values = _embedded(model, typed)
        else:
            from hyenascope.cluster import jobs

            folder, who = split
            found = jobs.embed(
                model,
                sequences,
                genome,
                folder,
                layers=(typed["layer"],),
                pool=typed["pool"],
                strands=typed["strands"],
                batch_size=typed["batch_size"] or "auto",
                device=typed["device"],
                progress=not typed["quiet"],
                **who,
            ).read()
            names, values = found.obs["name"].tolist(), found.X
        _write_matrix(pd.DataFrame(values, index=names), out)
        click.echo(f"wrote {out}: {len(values):,} sequences × {len(values[0])}")


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
    found = run.read()
    _write_map(found, typed["out"])
    click.echo(f"wrote {typed['out']}: {len(found):,} bases × 4")


def _embedded(
    model: "HyenaLM", typed: dict[str, Any]
) -> "tuple[list[str], np.ndarray]":
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
    return list(named.names), np.asarray(values)


def _write_map(found: "ad.AnnData", path: Path) -> None:
    from hyenascope.data.atomic import atomic_path
    from hyenascope.interpret.score_files import h5ad_bytes

    table = found.obs.join(found.to_df())
    with atomic_path(path) as target:
        if path.suffix == ".h5ad":
            target.write_bytes(h5ad_bytes(found))
        elif path.suffix == ".parquet":
            table.to_parquet(target, index=False)
        else:
            separator = "," if path.suffix == ".csv" else "\t"
            table.to_csv(target, sep=separator, index=False)


def _write_matrix(frame: "pd.DataFrame", path: Path) -> None:
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
