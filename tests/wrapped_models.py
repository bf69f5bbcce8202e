"""Models behind the protocol whose answers are known another way."""

import numpy as np
import torch
from torch import nn

from hyenascope.data.fasta import FastaReader
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.wrappers import HyenaModel, OneHotModel, WrappedModel


class PlainHyena(WrappedModel):
    """Our own model as if it were somebody else's: nothing is incremental."""

    def __init__(self, model):
        self.inner = HyenaModel(model)
        super().__init__(
            "plain",
            context_length=self.inner.context_length,
            causal=True,
            offers=("log_probs", "embed"),
        )

    @property
    def modules(self):
        return self.inner.modules

    def _log_probs(self, texts, places, device):
        return self.inner._log_probs(texts, places, device)

    def _embed(self, texts, device):
        return self.inner._embed(texts, device)


class Speechless(PlainHyena):
    """Has no T."""

    def _log_probs(self, texts, places, device):
        tables = super()._log_probs(texts, places, device)
        for table in tables:
            table[:, 3] = np.nan
        return tables


def small_hyena():
    """Our own model of random weights, two layers and 64 bases wide."""
    generator = torch.Generator().manual_seed(0)
    config = HyenaConfig(d_model=8, n_layer=2, d_inner=16, l_max=66)
    return HyenaLM(config, generator=generator).eval()


def random_genome(folder, length=240, unknown=105):
    """A contig of random bases with one N, open."""
    letters = np.random.default_rng(0).choice(list("ACGT"), length)
    letters[unknown] = "N"
    path = folder / "genome.fa"
    path.write_text(">chr1\n" + "".join(letters) + "\n")
    return FastaReader(path)


class Stranded(nn.Module):
    """G on either strand, in bins of 4 bp, later bins counting more."""

    def forward(self, rows):
        each = rows[:, [2, 1]].unflatten(2, (-1, 4)).sum(3)
        weight = torch.arange(1.0, each.shape[2] + 1)
        return each * torch.stack([weight, weight.flip(0)]) ** 2


def stranded(length):
    """`Stranded` behind the protocol, which is told that its outputs change places."""
    return OneHotModel(
        Stranded(),
        context_length=length,
        outputs=("RNA+", "RNA-"),
        bin_size=4,
        other_strand=(1, 0),
    )


class Weighted(nn.Module):
    """Two outputs in bins of 4 bp: a weight per base and position, and its square."""

    def __init__(self, length=16, seed=0):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.weight = nn.Parameter(torch.randn(4, length, generator=generator))

    def forward(self, rows):
        found = (rows * self.weight).unflatten(2, (-1, 4)).sum((1, 3))
        return torch.stack([found, found.square()], dim=1)
