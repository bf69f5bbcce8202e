"""Maps of every substitution in shards: a row per base of the genome."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd

from hyenascope._device import resolve_device
from hyenascope.cluster.manifest import Manifest
from hyenascope.cluster.run_folder import RunFolder
from hyenascope.cluster.worker import (
    Setting,
    ShardResult,
    saved_model,
    worker_device,
)
from hyenascope.data.fasta import FastaReader
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
    setting, manifest
        Of the run.
    """

    def __init__(self, setting: Setting, manifest: Manifest) -> None:
        self._setting, self._options = setting, manifest.options
        self._device = resolve_device(worker_device(setting))
        folder = RunFolder(Path(setting.folder))
        self._model = saved_model(folder.model, manifest, self._device)
        self._genome = FastaReader(setting.genome)

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
        options = self._options
        reason = np.full(place.length, "", object)
        unscored: Any
        try:
            track = saturation_mutagenesis(
                self._model,
                self._genome,
                place,
                score=options["score"],
                window=options["window"],
                context=options["context"],
                strands=options["strands"],
                center=options["center"],
                max_memory=self._setting.max_memory,
                device=self._device,
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
                "ref": list(self._genome.fetch(place)),
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
