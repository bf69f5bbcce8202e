"""Maps of every substitution in shards: a row per base of the genome."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd

from hyenascope.cluster.worker import OpenRun, ShardResult
from hyenascope.data.interval import Interval
from hyenascope.interpret.ism import saturation_mutagenesis
from hyenascope.interpret.unscored import NothingScoredError
from hyenascope.sequence.dna import BASES


class MutagenesisTask:
    """Maps the tiles of one shard after another.

    Windows lie on a grid of the contig, so that a base has the same numbers however
    its neighbours are cut.

    Parameters
    ----------
    run
        What it is part of.
    """

    def __init__(self, run: OpenRun) -> None:
        self._run, self._model = run, run.model()

    def run(self, rows: pd.DataFrame) -> ShardResult:
        """Map the tiles of a shard."""
        cells = (rows[name] for name in ("input_row", "name", "chrom", "start", "end"))
        maps = [
            self._map(number, name, Interval(chrom, start, end))
            for number, name, chrom, start, end in zip(*cells, strict=True)
        ]
        data = ad.concat(maps)
        data.var["unit"] = "nats"
        return ShardResult(data, {"status": dict(Counter(data.obs["status"]))})

    def _map(self, number: int, name: str, place: Interval) -> ad.AnnData:
        options, genome = self._run.options, self._run.genome
        reason = np.full(place.length, "", object)
        unscored: Any
        try:
            track = saturation_mutagenesis(
                self._model,
                genome,
                place,
                score=options["score"],
                window=options["window"],
                context=options["context"],
                strands=options["strands"],
                center=options["center"],
                max_memory=self._run.setting.max_memory,
                device=self._run.device,
            )
            values, unscored = track.values, track.provenance["unscored"]
        except NothingScoredError as err:
            values, unscored = np.full((place.length, len(BASES)), np.nan), err.rows
        for run in unscored:
            told = slice(run["start"] - place.start, run["end"] - place.start)
            reason[told] = [_also(old, run) for old in reason[told]]
        positions = np.arange(place.start, place.end)
        obs = pd.DataFrame(
            {
                "chrom": place.chrom,
                "pos": positions + 1,
                "ref": list(genome.fetch(place)),
                "name": name,
                "input_row": number,
                "status": np.where(np.isnan(values).any(axis=1), "unscored", "ok"),
                "reason": reason,
            },
            index=[f"{number}:{place.chrom}:{start + 1}" for start in positions],
        )
        return ad.AnnData(values, obs, pd.DataFrame(index=list(BASES)))


def _also(reason: str, run: Mapping[str, Any]) -> str:
    text = f"{run['strand']}: {run['reason']}"
    return f"{reason}; {text}" if reason else text
