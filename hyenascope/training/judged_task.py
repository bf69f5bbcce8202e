"""One task of a reproduction: baselines are trained, and all is judged on test rows."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import pandas as pd
import torch

from hyenascope.data.labelled_sequences import LabelledSequences
from hyenascope.data.rows_hash import rows_hash
from hyenascope.models.sequence_model import SequenceModel
from hyenascope.models.state_layouts import model_tensors, tensors_hash
from hyenascope.training.baselines import Baseline, compare
from hyenascope.training.benchmark_recipes import Recipe
from hyenascope.training.cnn_baseline import fit_cnn
from hyenascope.training.finetune_options import FinetuneOptions
from hyenascope.training.label_evaluation import Duplicates, Predictor
from hyenascope.training.software import software_versions


@dataclass(frozen=True, eq=False)
class JudgedTask:
    """What is judged, and how.

    Parameters
    ----------
    recipe, rows
        The task.
    models
        Trained ones, by what they are called and the seed.
    baselines
        What is trained and judged beside them: ``"kmer"`` and ``"cnn"``.
    options
        Of the training; the seed is one of ``seeds``.
    seeds
        Each trains every baseline anew.
    duplicates, resamples
        As in `hyenascope.training.label_evaluation.evaluate_labels`.
    """

    recipe: Recipe
    rows: LabelledSequences
    models: Mapping[tuple[str, int], SequenceModel]
    baselines: Sequence[Baseline]
    options: FinetuneOptions
    seeds: Sequence[int]
    duplicates: Duplicates
    resamples: int

    def made_from(self) -> dict[str, object]:
        """Return all that decides the numbers of `table`, as JSON can hold it."""
        return {
            "rows": rows_hash(self.rows),
            "models": {
                _title(*key): tensors_hash(model_tensors(model))
                for key, model in self.models.items()
            },
            "baselines": list(self.baselines),
            "options": asdict(self.options),
            "seeds": list(map(int, self.seeds)),
            "duplicates": self.duplicates,
            "resamples": self.resamples,
            "published": self.recipe.others().to_dict("records"),
            "version": software_versions()["hyenascope"],
        }

    def table(
        self, *, device: str | torch.device | None = None, progress: bool = True
    ) -> pd.DataFrame:
        """Train the baselines and judge, as `hyenascope.training.baselines.compare`.

        Raises
        ------
        KeyboardInterrupt
            If the training of a baseline was stopped.
        """
        models: dict[tuple[str, int], Predictor] = {**self.models}
        if "cnn" in self.baselines:
            for seed in self.seeds:
                how = replace(self.options, seed=seed)
                models["cnn", seed] = fit_cnn(
                    self.rows, options=how, device=device, progress=progress
                )
        table = compare(
            self.rows,
            models={_title(*key): model for key, model in models.items()},
            baselines=[name for name in self.baselines if name != "cnn"],
            options=self.options,
            seeds=self.seeds,
            duplicates=self.duplicates,
            resamples=self.resamples,
            device=device,
            published=self.recipe.others(),
            progress=progress,
        )
        return _with_seeds(table, list(models))


def _title(label: str, seed: int) -> str:
    return f"{label}, seed {seed}"


def _with_seeds(table: pd.DataFrame, keys: Sequence[tuple[str, int]]) -> pd.DataFrame:
    """Move the seed out of the name of what was trained here."""
    for label, seed in keys:
        rows = table["model"] == _title(label, seed)
        table.loc[rows, "model"] = label
        table.loc[rows, "seed"] = seed
    return table
