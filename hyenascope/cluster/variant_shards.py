"""Variants in shards: read, put in the order of the genome, named and scored."""

import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain, groupby

import pandas as pd
import pyarrow as pa

from hyenascope.cluster.genome_order import OrderWatch, in_genome_order
from hyenascope.cluster.run_folder import RunFolder
from hyenascope.cluster.shard_inputs import Row, read_rows, write_shards
from hyenascope.cluster.worker import OpenRun, ShardResult
from hyenascope.data.fasta import FastaReader, UnknownContigError
from hyenascope.data.variant import Variant
from hyenascope.interpret.background import Background
from hyenascope.interpret.baselines import Baselines
from hyenascope.interpret.scoring_options import ScoringOptions
from hyenascope.interpret.variant_scorer import VariantScorer, unique_names

_SCHEMA = pa.schema(
    [
        ("input_row", pa.int64()),
        ("chrom", pa.string()),
        ("pos", pa.int64()),
        ("ref", pa.string()),
        ("alt", pa.string()),
        ("id", pa.string()),
    ]
)
_NAMED = pa.schema([*_SCHEMA, ("name", pa.string())])


def plan_variants(
    variants: Iterable[Variant], genome: FastaReader, folder: RunFolder, shard_size: int
) -> int:
    """Write the variants of every shard, and return how many there are.

    They keep their order if each contig comes in one piece with its positions rising,
    as VCF files have them; else they are sorted. ``input_row`` is where a variant
    stood, from 0.
    """
    watch = OrderWatch(lambda row: (str(row[1]), int(row[2])))
    ordered = True

    def watched() -> Iterator[Row]:
        nonlocal ordered
        for row in _rows(variants):
            ordered = watch.passes(row) and ordered
            yield row

    total = write_shards(_named(watched()), folder.inputs, _NAMED, shard_size)
    if not ordered:
        unsorted = folder.path / "unsorted"
        shutil.rmtree(unsorted, ignore_errors=True)  # of a call that was cut off
        folder.inputs.replace(unsorted)
        rows = chain.from_iterable(map(read_rows, sorted(unsorted.glob("*.parquet"))))
        ranks = _Ranks(genome)
        by_place = in_genome_order(
            (row[:-1] for row in rows),
            lambda row: (ranks.of(str(row[1])), int(row[2])),
            _SCHEMA,
            folder.path / "sorting",
        )
        write_shards(_named(by_place), folder.inputs, _NAMED, shard_size)
        shutil.rmtree(unsorted)
    return total


class VariantTask:
    """Scores the variants of one shard after another.

    Parameters
    ----------
    run
        What it is part of.
    """

    def __init__(self, run: OpenRun) -> None:
        options = ScoringOptions.from_record(run.options)
        self._strict = run.options["on_error"] == "raise"
        self._background = None
        if "background" in run.options:
            self._background = Background.load(run.folder.background)
        self._scorer = VariantScorer(
            run.model(),
            run.genome,
            options,
            batch_size=run.setting.batch_size,
            max_memory=run.setting.max_memory,
            device=run.device,
            baselines=_baselines(run.folder, run.genome, options),
        )

    def run(self, rows: pd.DataFrame) -> ShardResult:
        """Score the variants of a shard."""
        cells = rows[["chrom", "pos", "ref", "alt", "id"]].itertuples(index=False)
        data = self._scorer.score([Variant(*row) for row in cells], strict=self._strict)
        if self._background is not None:
            data = self._background.percentile(data)
        data.obs_names = rows["name"].tolist()
        data.obs["input_row"] = rows["input_row"].to_numpy()
        found = data.uns.pop("hyenascope")
        facts = {
            "status": dict(Counter(data.obs["status"])),
            "ref_agreement": found["ref_agreement"],
            "engine": found["engine"],
        }
        return ShardResult(data, facts)


class _Ranks:
    """The rank of a contig in a genome; those it has not come last."""

    def __init__(self, genome: FastaReader) -> None:
        self._genome = genome
        self._known = {name: i for i, name in enumerate(genome.contigs)}

    def of(self, chrom: str) -> int:
        if chrom not in self._known:
            try:
                rank = self._known[self._genome.resolve(chrom)]
            except UnknownContigError:
                rank = len(self._known)
            self._known[chrom] = rank
        return self._known[chrom]


def _rows(variants: Iterable[Variant]) -> Iterator[Row]:
    for i, each in enumerate(variants):
        yield i, each.chrom, each.pos, each.ref, each.alt, each.id


def _named(rows: Iterable[Row]) -> Iterator[Row]:
    """Add names: second and later appearances are numbered, as in one process.

    Rows of one position stand together, be the contig spelled one way or another.
    """
    for _, together in groupby(rows, key=lambda row: row[2]):
        here = list(together)
        names = unique_names("{}:{}:{}>{}".format(*row[1:5]) for row in here)
        yield from ((*row, name) for row, name in zip(here, names, strict=True))


def _baselines(
    folder: RunFolder, genome: FastaReader, options: ScoringOptions
) -> Baselines | None:
    """Return the word counts of the genome, counted once in a run."""
    if not options.baselines:
        return None
    path = folder.baselines
    if not path.is_file():
        Baselines.fit(genome, markov_order=options.markov_order).save(path)
    return Baselines.load(path)
