"""A scorer that is asked again gives what one call for everything gives."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import torch

from hyenascope.data.fasta import FastaReader
from hyenascope.data.variant import Variant
from hyenascope.interpret import scoring_options
from hyenascope.interpret.baselines import Baselines
from hyenascope.interpret.scoring_options import ScoringOptions
from hyenascope.interpret.variant_effect import score_variants
from hyenascope.interpret.variant_scorer import VariantScorer
from hyenascope.models.hyena import HyenaConfig, HyenaLM

TEXT = "".join(np.random.default_rng(7).choice(list("ACGT"), 600))
CONFIG = HyenaConfig(d_model=16, n_layer=2, d_inner=32, l_max=66)


def test_refuses_unknown_scores():
    # The shape hook would refuse the literal first, so the check is called itself.
    with pytest.raises(ValueError, match=r"scores must be among cpg, gc; got 'at'"):
        scoring_options._one_of("scores", ["at"], ["cpg", "gc"])


def test_list_after_list_is_one_list(tmp_path, monkeypatch):
    path = tmp_path / "g.fa"
    path.write_text(f">chrI\n{TEXT}\n")
    model = HyenaLM(CONFIG, generator=torch.Generator().manual_seed(1)).double()
    variants = [Variant("chrI", p, TEXT[p - 1], "N") for p in (5, 90)]
    variants += [
        Variant("chrI", p, TEXT[p - 1], TEXT[p] + TEXT[p - 1])
        for p in range(100, 200, 7)
    ]
    whole = score_variants(model, variants, path)
    fits = []
    plain = Baselines.fit
    monkeypatch.setattr(
        Baselines, "fit", lambda *a, **k: fits.append(1) or plain(*a, **k)
    )
    options = ScoringOptions.of(
        model,
        context=None,
        scores=("conditional", "likelihood"),
        strands="both",
        baselines=("markov", "cpg", "trinucleotide"),
        markov_order=8,
        max_ambiguous=0.25,
        downstream_window=512,
        window_stride=None,
    )
    with FastaReader(path) as genome:
        scorer = VariantScorer(
            model,
            genome,
            options,
            batch_size="auto",
            max_memory=2**30,
            device=torch.device("cpu"),
        )
        parts = [scorer.score(variants[a:b]) for a, b in ((0, 1), (1, 8), (8, 17))]
    joined = ad.concat(parts)
    assert len(fits) == 1
    np.testing.assert_allclose(joined.X, whole.X, rtol=1e-9, atol=1e-12)
    pd.testing.assert_frame_equal(joined.obs, whole.obs)
    assert parts[0].obs["status"].tolist() == ["ambiguous_allele"]
