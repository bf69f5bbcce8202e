"""Each fold is judged by a model that has not seen it."""

import numpy as np

from hyenascope.data.labelled_sources import collect_labelled
from hyenascope.models.hyena import HyenaConfig
from hyenascope.training import cross_validate as module
from hyenascope.training.cross_validate import cross_validate
from hyenascope.training.finetune_options import FinetuneOptions
from hyenascope.training.label_folds import label_folds

CONFIG = HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34, embed_dropout=0.0)


def labelled(count=90):
    rng = np.random.default_rng(0)
    rich = np.arange(count) % 2
    texts = [
        "".join(rng.choice(list("ACGT"), 24, p=[p, 0.5 - p, 0.5 - p, p]))
        for p in np.where(rich, 0.4, 0.1)
    ]
    return collect_labelled(texts, np.where(rich, "hot", "cold"))


def test_every_row_once_in_the_order_of_the_data(monkeypatch):
    data = labelled()
    seen = []
    real = module.finetune

    def watched(model, rows, **how):
        seen.append({t for t, s in zip(rows.sequences, rows.splits) if s == "train"})  # noqa: B905
        return real(model, rows, **how)

    monkeypatch.setattr(module, "finetune", watched)
    options = FinetuneOptions(epochs=12, learning_rate=1e-2, patience=None)
    found = cross_validate(
        CONFIG, data, folds=3, options=options, device="cpu", progress=False
    )
    numbers = label_folds(data, 3)
    assert found.predictions["fold"].tolist() == (numbers + 1).tolist()
    truth = [data.label_names[i] for i in data.labels]
    assert found.predictions["truth"].tolist() == truth
    for fold, trained_on in enumerate(seen):
        own = {t for t, n in zip(data.sequences, numbers, strict=True) if n == fold}
        assert not own & trained_on
        assert len(own) == 30
    assert found.scores.loc["auroc", "value"] > 0.9
    assert found.scores.loc["auroc", "rows"] == 90
    per_fold = found.folds.xs("auroc", level="metric")
    assert per_fold["rows"].tolist() == [30, 30, 30]
    right = found.predictions["truth"] == found.predictions[["cold", "hot"]].idxmax(
        axis=1
    )
    for fold in (1, 2, 3):
        expected = right[found.predictions["fold"] == fold].mean()
        assert found.folds.loc[(fold, "accuracy"), "value"] == expected
