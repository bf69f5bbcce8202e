"""Sequences in shards: embeddings, or what a fine-tuned model says, a row for each."""

import anndata as ad
import pandas as pd

from hyenascope.cluster.worker import OpenRun, ShardResult
from hyenascope.models.embedding_data import embed_data
from hyenascope.models.fine_tuned import load_fine_tuned

_PLACE = ["name", "chrom", "start", "end", "strand"]


class EmbeddingTask:
    """Embeds the sequences of one shard after another.

    Parameters
    ----------
    run
        What it is part of.
    """

    def __init__(self, run: OpenRun) -> None:
        self._run, self._model = run, run.model()

    def run(self, rows: pd.DataFrame) -> ShardResult:
        """Embed the sequences of a shard."""
        options = self._run.options
        data = embed_data(
            self._model,
            rows[_PLACE],
            genome=self._run.genome,
            layers=options["layers"],
            pool=options["pool"],
            strands=options["strands"],
            chunk=options["chunk"],
            overlap=options["overlap"],
            batch_size=self._run.setting.batch_size,
            device=self._run.device,
        )
        return ShardResult(_numbered(data, rows))


class PredictionTask:
    """Asks a fine-tuned model about the sequences of one shard after another.

    Parameters
    ----------
    run
        What it is part of.
    """

    def __init__(self, run: OpenRun) -> None:
        self._run = run
        self._model = load_fine_tuned(run.folder.model, device=run.device)

    def run(self, rows: pd.DataFrame) -> ShardResult:
        """Answer for the sequences of a shard."""
        found = self._model.predict(
            rows[_PLACE],
            genome=self._run.genome,
            batch_size=self._run.setting.batch_size,
            device=self._run.device,
        )
        obs = rows[_PLACE].set_axis(found.index)
        var = pd.DataFrame(index=found.columns)
        return ShardResult(_numbered(ad.AnnData(found.to_numpy(), obs, var), rows))


def _numbered(data: ad.AnnData, rows: pd.DataFrame) -> ad.AnnData:
    """Call rows by their number: names may come twice in different shards."""
    data.obs_names = rows["input_row"].astype(str).tolist()
    return data
