"""Scored variants as `score_variants` returns them, made without a model."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest


def scored(count: int = 60, seed: int = 0) -> ad.AnnData:
    """Build variants on two contigs, a model's score, and two baselines."""
    generator = np.random.default_rng(seed)
    pos = np.arange(count) // 3 * 7 + 1001
    obs = pd.DataFrame(
        {
            "chrom": np.where(np.arange(count) % 2, "chr10", "chr2"),
            "pos": pos,
            "ref": "C",
            "alt": np.array(list("AGT"))[np.arange(count) % 3],
            "id": ".",
            "status": "ok",
            "gene": np.where(np.arange(count) % 4, "TP53", "BRCA1"),
        },
    )
    obs.index = [
        f"{c}:{p}:C>{a}" for c, p, a in zip(obs.chrom, pos, obs.alt, strict=True)
    ]
    var = pd.DataFrame(
        {
            "strand": "both",
            "unit": ["nats", "nats", "CpGs"],
            "signed": True,
            "kind": ["model", "baseline", "baseline"],
        },
        index=["conditional", "markov", "cpg"],
    )
    alt = generator.normal(-1.5, 0.5, (count, 3))
    ref = np.full((count, 3), -1.0)
    alt[:, 2], ref[:, 2] = generator.integers(0, 2, count), 1
    return ad.AnnData(alt - ref, obs, var, layers={"ref": ref, "alt": alt})


@pytest.fixture
def adata() -> ad.AnnData:
    return scored()
