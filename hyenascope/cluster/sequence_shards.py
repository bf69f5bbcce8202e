"""Sequences in shards: embeddings, or what a fine-tuned model says, a row for each."""

from pathlib import Path

import anndata as ad
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
from hyenascope.models.embedding_data import embed_data
from hyenascope.models.fine_tuned import load_fine_tuned

_PLACE = ["name", "chrom", "start", "end", "strand"]


class EmbeddingTask:
    """Embeds the sequences of one shard after another.

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
        """Embed the sequences of a shard."""
        options = self._options
        data = embed_data(
            self._model,
            rows[_PLACE],
            genome=self._genome,
            layers=options["layers"],
            pool=options["pool"],
            strands=options["strands"],
            chunk=options["chunk"],
            overlap=options["overlap"],
            batch_size=self._setting.batch_size,
            device=self._device,
        )
        return ShardResult(_numbered(data, rows))


class PredictionTask:
    """Asks a fine-tuned model about the sequences of one shard after another.

    Parameters
    ----------
    setting, manifest
        Of the run.
    """

    def __init__(self, setting: Setting, manifest: Manifest) -> None:
        del manifest
        self._setting = setting
        self._device = resolve_device(worker_device(setting))
        folder = RunFolder(Path(setting.folder))
        self._model = load_fine_tuned(folder.model, device=self._device)
        self._genome = FastaReader(setting.genome)

    def run(self, rows: pd.DataFrame) -> ShardResult:
        """Answer for the sequences of a shard."""
        found = self._model.predict(
            rows[_PLACE],
            genome=self._genome,
            batch_size=self._setting.batch_size,
            device=self._device,
        )
        obs = rows[_PLACE].set_axis(found.index)
        var = pd.DataFrame(index=found.columns)
        return ShardResult(_numbered(ad.AnnData(found.to_numpy(), obs, var), rows))


def _numbered(data: ad.AnnData, rows: pd.DataFrame) -> ad.AnnData:
    """Call rows by their number: names may come twice in different shards."""
    data.obs_names = rows["input_row"].astype(str).tolist()
    return data
