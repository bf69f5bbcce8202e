"""From a FASTA to a trained HyenaDNA model to pictures of what a base change does.

Every name below is imported on first use, so ``import hyenascope`` is quick and
does not load torch. These are the verbs of every day; `hyenascope.interpret` has all
that explain a locus.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from hyenascope._lazy import lazy_names

if TYPE_CHECKING:
    from hyenascope.data.annotation import read_genes
    from hyenascope.data.example import example_locus
    from hyenascope.data.fasta import FastaReader
    from hyenascope.data.gue import read_gue
    from hyenascope.data.interval import Interval
    from hyenascope.data.labelled_sequences import LabelledSequences
    from hyenascope.data.labelled_sources import collect_labelled
    from hyenascope.data.split_leakage import split_leakage
    from hyenascope.data.track_data import TrackData
    from hyenascope.data.track_files import read_tracks, write_tracks
    from hyenascope.data.variant import Variant
    from hyenascope.data.vcf import read_vcf
    from hyenascope.interpret.additive_attribution import (
        deep_lift_shap,
        integrated_gradients,
    )
    from hyenascope.interpret.compare_models import compare_models
    from hyenascope.interpret.dependency import dependency_map
    from hyenascope.interpret.epistasis import pairwise_mutagenesis
    from hyenascope.interpret.filters import implicit_filters
    from hyenascope.interpret.fit_background import fit_background
    from hyenascope.interpret.gradient import saliency
    from hyenascope.interpret.gradient_targets import LogLikelihood
    from hyenascope.interpret.haplotype_effects import HaplotypeEffects
    from hyenascope.interpret.haplotypes import score_haplotypes
    from hyenascope.interpret.head_output import HeadOutput
    from hyenascope.interpret.ism import conditional_map, saturation_mutagenesis
    from hyenascope.interpret.likelihood_track import log_prob_track
    from hyenascope.interpret.model_output import ModelOutput
    from hyenascope.interpret.perturb import deletion_scan
    from hyenascope.interpret.score_files import write_scores
    from hyenascope.interpret.scores import PUBLISHED, tidy, wide
    from hyenascope.interpret.variant_effect import score_variants
    from hyenascope.models.checkpoint import (
        list_models,
        load_pretrained,
        save_pretrained,
    )
    from hyenascope.models.embedding_data import embed_data
    from hyenascope.models.fine_tuned import load_fine_tuned
    from hyenascope.models.generate import generate
    from hyenascope.models.hyena import HyenaConfig, HyenaLM
    from hyenascope.models.predict import (
        embed,
        log_likelihood,
        log_probs,
        logits,
        perplexity,
    )
    from hyenascope.models.predict_track import predict_track
    from hyenascope.models.saved_track_model import load_track_model
    from hyenascope.models.wrappers import HuggingFaceModel, OneHotModel, check_model
    from hyenascope.training.baselines import compare
    from hyenascope.training.few_shot import classify_few_shot
    from hyenascope.training.finetune import finetune
    from hyenascope.training.finetune_options import FinetuneOptions
    from hyenascope.training.finetune_tracks import finetune_tracks
    from hyenascope.training.hardware import Hardware
    from hyenascope.training.label_evaluation import evaluate_labels
    from hyenascope.training.open_genomes import open_genomes
    from hyenascope.training.pretrain import PretrainOptions, pretrain
    from hyenascope.training.probe import probe
    from hyenascope.training.prompts import prompt_tune
    from hyenascope.training.score_tracks import score_tracks
    from hyenascope.training.track_options import TrackOptions
    from hyenascope.training.warmup import length_stages
    from hyenascope.training.windows import WindowRules
    from hyenascope.viz.benchmark_dots import plot_benchmark
    from hyenascope.viz.components import (
        Arcs,
        Area,
        BigWig,
        Dependency,
        Genes,
        Heatmap,
        Intervals,
        Line,
        Logo,
        Motifs,
        RefAlt,
        Sequence,
        Variants,
    )
    from hyenascope.viz.embedding_map import plot_embedding
    from hyenascope.viz.export import write_html, write_image
    from hyenascope.viz.figure import plot_locus
    from hyenascope.viz.model_comparison import plot_comparison
    from hyenascope.viz.reliability import plot_reliability
    from hyenascope.viz.saved_page import write_locus_html
    from hyenascope.viz.training_curves import plot_training
    from hyenascope.viz.variant_figures import plot_variants
    from hyenascope.widgets.locus_browser import LocusBrowser
    from hyenascope.widgets.mutagenesis_explorer import MutagenesisExplorer
    from hyenascope.widgets.training_monitor import TrainingMonitor

_HOMES = {
    "Arcs": "viz.components",
    "Area": "viz.components",
    "BigWig": "viz.components",
    "Dependency": "viz.components",
    "FastaReader": "data.fasta",
    "FinetuneOptions": "training.finetune_options",
    "Genes": "viz.components",
    "HaplotypeEffects": "interpret.haplotype_effects",
    "Hardware": "training.hardware",
    "HeadOutput": "interpret.head_output",
    "Heatmap": "viz.components",
    "HuggingFaceModel": "models.wrappers",
    "HyenaConfig": "models.hyena",
    "HyenaLM": "models.hyena",
    "Interval": "data.interval",
    "Intervals": "viz.components",
    "LabelledSequences": "data.labelled_sequences",
    "Line": "viz.components",
    "LocusBrowser": "widgets.locus_browser",
    "LogLikelihood": "interpret.gradient_targets",
    "Logo": "viz.components",
    "ModelOutput": "interpret.model_output",
    "Motifs": "viz.components",
    "MutagenesisExplorer": "widgets.mutagenesis_explorer",
    "OneHotModel": "models.wrappers",
    "PUBLISHED": "interpret.scores",
    "PretrainOptions": "training.pretrain",
    "RefAlt": "viz.components",
    "Sequence": "viz.components",
    "TrackData": "data.track_data",
    "TrackOptions": "training.track_options",
    "TrainingMonitor": "widgets.training_monitor",
    "Variant": "data.variant",
    "Variants": "viz.components",
    "WindowRules": "training.windows",
    "check_model": "models.wrappers",
    "classify_few_shot": "training.few_shot",
    "collect_labelled": "data.labelled_sources",
    "compare": "training.baselines",
    "compare_models": "interpret.compare_models",
    "conditional_map": "interpret.ism",
    "deep_lift_shap": "interpret.additive_attribution",
    "deletion_scan": "interpret.perturb",
    "dependency_map": "interpret.dependency",
    "embed": "models.predict",
    "embed_data": "models.embedding_data",
    "evaluate_labels": "training.label_evaluation",
    "example_locus": "data.example",
    "finetune": "training.finetune",
    "finetune_tracks": "training.finetune_tracks",
    "fit_background": "interpret.fit_background",
    "generate": "models.generate",
    "implicit_filters": "interpret.filters",
    "integrated_gradients": "interpret.additive_attribution",
    "length_stages": "training.warmup",
    "list_models": "models.checkpoint",
    "load_fine_tuned": "models.fine_tuned",
    "load_pretrained": "models.checkpoint",
    "load_track_model": "models.saved_track_model",
    "log_likelihood": "models.predict",
    "log_prob_track": "interpret.likelihood_track",
    "log_probs": "models.predict",
    "logits": "models.predict",
    "open_genomes": "training.open_genomes",
    "pairwise_mutagenesis": "interpret.epistasis",
    "perplexity": "models.predict",
    "plot_benchmark": "viz.benchmark_dots",
    "plot_comparison": "viz.model_comparison",
    "plot_embedding": "viz.embedding_map",
    "plot_locus": "viz.figure",
    "plot_reliability": "viz.reliability",
    "plot_training": "viz.training_curves",
    "plot_variants": "viz.variant_figures",
    "predict_track": "models.predict_track",
    "pretrain": "training.pretrain",
    "probe": "training.probe",
    "prompt_tune": "training.prompts",
    "read_genes": "data.annotation",
    "read_gue": "data.gue",
    "read_tracks": "data.track_files",
    "read_vcf": "data.vcf",
    "saliency": "interpret.gradient",
    "saturation_mutagenesis": "interpret.ism",
    "save_pretrained": "models.checkpoint",
    "score_haplotypes": "interpret.haplotypes",
    "score_tracks": "training.score_tracks",
    "score_variants": "interpret.variant_effect",
    "split_leakage": "data.split_leakage",
    "tidy": "interpret.scores",
    "wide": "interpret.scores",
    "write_html": "viz.export",
    "write_image": "viz.export",
    "write_locus_html": "viz.saved_page",
    "write_scores": "interpret.score_files",
    "write_tracks": "data.track_files",
}

__version__: str  # looked up on first use: package metadata is slow to open

__all__ = [
    "PUBLISHED",
    "Arcs",
    "Area",
    "BigWig",
    "Dependency",
    "FastaReader",
    "FinetuneOptions",
    "Genes",
    "HaplotypeEffects",
    "Hardware",
    "HeadOutput",
    "Heatmap",
    "HuggingFaceModel",
    "HyenaConfig",
    "HyenaLM",
    "Interval",
    "Intervals",
    "LabelledSequences",
    "Line",
    "LocusBrowser",
    "LogLikelihood",
    "Logo",
    "ModelOutput",
    "Motifs",
    "MutagenesisExplorer",
    "OneHotModel",
    "PretrainOptions",
    "RefAlt",
    "Sequence",
    "TrackData",
    "TrackOptions",
    "TrainingMonitor",
    "Variant",
    "Variants",
    "WindowRules",
    "__version__",
    "check_model",
    "classify_few_shot",
    "collect_labelled",
    "compare",
    "compare_models",
    "conditional_map",
    "deep_lift_shap",
    "deletion_scan",
    "dependency_map",
    "embed",
    "embed_data",
    "evaluate_labels",
    "example_locus",
    "finetune",
    "finetune_tracks",
    "fit_background",
    "generate",
    "implicit_filters",
    "integrated_gradients",
    "length_stages",
    "list_models",
    "load_fine_tuned",
    "load_pretrained",
    "load_track_model",
    "log_likelihood",
    "log_prob_track",
    "log_probs",
    "logits",
    "open_genomes",
    "pairwise_mutagenesis",
    "perplexity",
    "plot_benchmark",
    "plot_comparison",
    "plot_embedding",
    "plot_locus",
    "plot_reliability",
    "plot_training",
    "plot_variants",
    "predict_track",
    "pretrain",
    "probe",
    "prompt_tune",
    "read_genes",
    "read_gue",
    "read_tracks",
    "read_vcf",
    "saliency",
    "saturation_mutagenesis",
    "save_pretrained",
    "score_haplotypes",
    "score_tracks",
    "score_variants",
    "split_leakage",
    "tidy",
    "wide",
    "write_html",
    "write_image",
    "write_locus_html",
    "write_scores",
    "write_tracks",
]

_get, _ = lazy_names(__name__, _HOMES, globals())


def __getattr__(name: str) -> object:
    if name != "__version__":
        return _get(name)
    value = import_module("importlib.metadata").version("hyenascope")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
