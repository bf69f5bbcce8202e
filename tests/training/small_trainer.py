"""The smallest trainer: eight channels, four windows a step, some milliseconds."""

from dataclasses import replace

import numpy as np
import torch

from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.training.hardware import Hardware
from hyenascope.training.open_genomes import open_genomes
from hyenascope.training.pretrain_options import PretrainOptions
from hyenascope.training.step_batches import StepBatches
from hyenascope.training.trainer import Trainer

CONFIG = HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34, embed_dropout=0.0)


def text(length, seed=0):
    return "".join(np.random.default_rng(seed).choice(list("ACGT"), length))


def made(genome=None, *, dropout=0.0, hardware=None, fabric=None, **options):
    """Return a trainer of one process; the same weights whatever the options."""
    chosen = {"steps": 6, "batch_size": 4, "length": 16, "micro_batch": 4, **options}
    options = PretrainOptions(**chosen)
    data = open_genomes({"I": genome or text(400)}, validation=0.0)
    if fabric is None:
        fabric = (hardware or Hardware(device="cpu")).launch()
    config = replace(CONFIG, embed_dropout=dropout)
    model = HyenaLM(config, generator=torch.Generator().manual_seed(0))
    return Trainer(fabric, model, options, StepBatches(data, options))
