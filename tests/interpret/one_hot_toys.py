"""Networks without a Hyena in them, so that attributions are known otherwise."""

import torch
from torch import Tensor, nn

from hyenascope.models.hyena import HyenaConfig, HyenaLM
from tests.toy_models import FirstOrderLM


class _Straight(nn.Module):
    """A backbone whose states are the one-hot rows: column = token."""

    def __init__(self) -> None:
        super().__init__()
        self.embeddings = nn.Module()
        self.embeddings.word_embeddings = nn.Embedding(16, 16)
        self.embeddings.word_embeddings.weight = nn.Parameter(torch.eye(16).double())
        self.layers = nn.ModuleList()

    def forward(self, embedded: Tensor, mask=None, *, layer: int = -1) -> Tensor:
        return embedded


def soft_first_order(table: Tensor) -> FirstOrderLM:
    """log p(next | this) is a table, also between letters."""
    model = FirstOrderLM(table)
    model.backbone = _Straight()
    return model


class ConvHead(nn.Module):
    """A small convolutional network on DNA, from states of `_Straight`."""

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv1d(4, 6, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool1d(2),
            nn.Conv1d(6, 4, 3),
            nn.ReLU(),
            nn.AdaptiveAvgPool1d(1),
            nn.Flatten(),
            nn.Linear(4, 2),
        ).double()
        with torch.no_grad():
            for p in self.parameters():
                p.normal_(0, 0.5, generator=generator)

    def forward(self, hidden: Tensor) -> Tensor:
        return self.net(hidden[..., 7:11].transpose(1, 2))


def rough_model(
    seed: int = 0, *, order: int = 2, dtype: torch.dtype = torch.float32, **changes
) -> HyenaLM:
    """A random network that is far from linear, unlike a fresh one."""
    generator = torch.Generator().manual_seed(seed)
    shape = {"d_model": 12, "n_layer": 2, "d_inner": 24, "l_max": 80, **changes}
    model = HyenaLM(HyenaConfig(order=order, **shape), generator=generator)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.15 * torch.randn(p.shape, generator=generator))
    return model.to(dtype).eval()
