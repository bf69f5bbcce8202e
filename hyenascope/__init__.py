"""From a FASTA to a trained HyenaDNA model to pictures of what a base change does.

Every name below is imported on first use, so ``import hyenascope`` is quick and
does not load torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hyenascope.data.annotation import read_genes
    from hyenascope.data.example import example_locus
    from hyenascope.data.fasta import FastaReader
    from hyenascope.data.interval import Interval
    from hyenascope.data.track_data import TrackData
    from hyenascope.data.variant import Variant
    from hyenascope.data.vcf import read_vcf
    from hyenascope.interpret.likelihood_track import log_prob_track
    from hyenascope.interpret.score_files import write_scores
    from hyenascope.interpret.scores import tidy, wide
    from hyenascope.interpret.variant_effect import score_variants
    from hyenascope.models.checkpoint import (
        list_models,
        load_pretrained,
        save_pretrained,
    )
    from hyenascope.models.hyena import HyenaConfig, HyenaLM
    from hyenascope.models.predict import (
        embed,
        log_likelihood,
        log_probs,
        logits,
        perplexity,
    )
    from hyenascope.training.pretrain import pretrain
    from hyenascope.viz.components import Genes, Line, Variants
    from hyenascope.viz.export import write_html, write_image
    from hyenascope.viz.figure import plot_locus

_HOMES = {
    "FastaReader": "data.fasta",
    "Genes": "viz.components",
    "HyenaConfig": "models.hyena",
    "HyenaLM": "models.hyena",
    "Interval": "data.interval",
    "Line": "viz.components",
    "TrackData": "data.track_data",
    "Variant": "data.variant",
    "Variants": "viz.components",
    "embed": "models.predict",
    "example_locus": "data.example",
    "list_models": "models.checkpoint",
    "load_pretrained": "models.checkpoint",
    "log_likelihood": "models.predict",
    "log_prob_track": "interpret.likelihood_track",
    "log_probs": "models.predict",
    "logits": "models.predict",
    "perplexity": "models.predict",
    "plot_locus": "viz.figure",
    "pretrain": "training.pretrain",
    "read_genes": "data.annotation",
    "read_vcf": "data.vcf",
    "save_pretrained": "models.checkpoint",
    "score_variants": "interpret.variant_effect",
    "tidy": "interpret.scores",
    "wide": "interpret.scores",
    "write_html": "viz.export",
    "write_image": "viz.export",
    "write_scores": "interpret.score_files",
}

__version__: str  # looked up on first use: package metadata is slow to open

__all__ = [
    "FastaReader",
    "Genes",
    "HyenaConfig",
    "HyenaLM",
    "Interval",
    "Line",
    "TrackData",
    "Variant",
    "Variants",
    "__version__",
    "embed",
    "example_locus",
    "list_models",
    "load_pretrained",
    "log_likelihood",
    "log_prob_track",
    "log_probs",
    "logits",
    "perplexity",
    "plot_locus",
    "pretrain",
    "read_genes",
    "read_vcf",
    "save_pretrained",
    "score_variants",
    "tidy",
    "wide",
    "write_html",
    "write_image",
    "write_scores",
]


def __getattr__(name: str) -> object:
    if name == "__version__":
        value = import_module("importlib.metadata").version("hyenascope")
    elif name in _HOMES:
        value = getattr(import_module(f"hyenascope.{_HOMES[name]}"), name)
    else:
        raise AttributeError(f"module 'hyenascope' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
