"""Numbers about a locus: what a change does to the model's mind.

Every verb below is imported on first use.
"""

from typing import TYPE_CHECKING

from hyenascope._lazy import lazy_names

if TYPE_CHECKING:
    from hyenascope.interpret.additive_attribution import (
        deep_lift,
        deep_lift_shap,
        integrated_gradients,
    )
    from hyenascope.interpret.background import Background
    from hyenascope.interpret.compare_models import compare_models
    from hyenascope.interpret.dependency import (
        dependency_blocks,
        dependency_map,
        influence_track,
    )
    from hyenascope.interpret.edits import Edit
    from hyenascope.interpret.epistasis import pairwise_mutagenesis
    from hyenascope.interpret.filters import (
        filter_periods,
        filter_table,
        implicit_filters,
    )
    from hyenascope.interpret.fit_background import fit_background
    from hyenascope.interpret.gradient import (
        first_order_ism,
        input_x_gradient,
        occlusion,
        saliency,
        smoothgrad,
    )
    from hyenascope.interpret.gradient_targets import (
        BaseScore,
        EmbeddingDirection,
        LogLikelihood,
    )
    from hyenascope.interpret.haplotype_effects import (
        HaplotypeEffects,
        HaplotypeReading,
    )
    from hyenascope.interpret.haplotypes import score_haplotypes
    from hyenascope.interpret.head_output import HeadOutput
    from hyenascope.interpret.ism import (
        Center,
        center_map,
        conditional_map,
        saturation_mutagenesis,
    )
    from hyenascope.interpret.ism_plan import IsmScore
    from hyenascope.interpret.likelihood_track import log_prob_track
    from hyenascope.interpret.marginal import (
        marginalize,
        shuffled_backgrounds,
        spacing_scan,
    )
    from hyenascope.interpret.model_output import ModelOutput
    from hyenascope.interpret.modisco import write_modisco
    from hyenascope.interpret.motifs import annotate_seqlets, call_seqlets, scan_motifs
    from hyenascope.interpret.perturb import deletion_scan, motif_scan, occlusion_scan
    from hyenascope.interpret.score_files import write_scores
    from hyenascope.interpret.score_module import (
        ScoreModule,
        for_tangermeme,
        tangermeme_rules,
    )
    from hyenascope.interpret.scores import (
        PUBLISHED,
        SCORES,
        ScoreDefinition,
        tidy,
        wide,
    )
    from hyenascope.interpret.variant_effect import score_variants

_HOMES = {
    "Background": "interpret.background",
    "BaseScore": "interpret.gradient_targets",
    "Center": "interpret.ism",
    "Edit": "interpret.edits",
    "EmbeddingDirection": "interpret.gradient_targets",
    "HaplotypeEffects": "interpret.haplotype_effects",
    "HaplotypeReading": "interpret.haplotype_effects",
    "HeadOutput": "interpret.head_output",
    "IsmScore": "interpret.ism_plan",
    "LogLikelihood": "interpret.gradient_targets",
    "ModelOutput": "interpret.model_output",
    "PUBLISHED": "interpret.scores",
    "SCORES": "interpret.scores",
    "ScoreDefinition": "interpret.scores",
    "ScoreModule": "interpret.score_module",
    "annotate_seqlets": "interpret.motifs",
    "call_seqlets": "interpret.motifs",
    "center_map": "interpret.ism",
    "compare_models": "interpret.compare_models",
    "conditional_map": "interpret.ism",
    "deep_lift": "interpret.additive_attribution",
    "deep_lift_shap": "interpret.additive_attribution",
    "deletion_scan": "interpret.perturb",
    "dependency_blocks": "interpret.dependency",
    "dependency_map": "interpret.dependency",
    "filter_periods": "interpret.filters",
    "filter_table": "interpret.filters",
    "first_order_ism": "interpret.gradient",
    "fit_background": "interpret.fit_background",
    "for_tangermeme": "interpret.score_module",
    "implicit_filters": "interpret.filters",
    "influence_track": "interpret.dependency",
    "input_x_gradient": "interpret.gradient",
    "integrated_gradients": "interpret.additive_attribution",
    "log_prob_track": "interpret.likelihood_track",
    "marginalize": "interpret.marginal",
    "motif_scan": "interpret.perturb",
    "occlusion": "interpret.gradient",
    "occlusion_scan": "interpret.perturb",
    "pairwise_mutagenesis": "interpret.epistasis",
    "saliency": "interpret.gradient",
    "saturation_mutagenesis": "interpret.ism",
    "scan_motifs": "interpret.motifs",
    "score_haplotypes": "interpret.haplotypes",
    "score_variants": "interpret.variant_effect",
    "shuffled_backgrounds": "interpret.marginal",
    "smoothgrad": "interpret.gradient",
    "spacing_scan": "interpret.marginal",
    "tangermeme_rules": "interpret.score_module",
    "tidy": "interpret.scores",
    "wide": "interpret.scores",
    "write_modisco": "interpret.modisco",
    "write_scores": "interpret.score_files",
}

__all__ = [
    "PUBLISHED",
    "SCORES",
    "Background",
    "BaseScore",
    "Center",
    "Edit",
    "EmbeddingDirection",
    "HaplotypeEffects",
    "HaplotypeReading",
    "HeadOutput",
    "IsmScore",
    "LogLikelihood",
    "ModelOutput",
    "ScoreDefinition",
    "ScoreModule",
    "annotate_seqlets",
    "call_seqlets",
    "center_map",
    "compare_models",
    "conditional_map",
    "deep_lift",
    "deep_lift_shap",
    "deletion_scan",
    "dependency_blocks",
    "dependency_map",
    "filter_periods",
    "filter_table",
    "first_order_ism",
    "fit_background",
    "for_tangermeme",
    "implicit_filters",
    "influence_track",
    "input_x_gradient",
    "integrated_gradients",
    "log_prob_track",
    "marginalize",
    "motif_scan",
    "occlusion",
    "occlusion_scan",
    "pairwise_mutagenesis",
    "saliency",
    "saturation_mutagenesis",
    "scan_motifs",
    "score_haplotypes",
    "score_variants",
    "shuffled_backgrounds",
    "smoothgrad",
    "spacing_scan",
    "tangermeme_rules",
    "tidy",
    "wide",
    "write_modisco",
    "write_scores",
]

__getattr__, __dir__ = lazy_names(__name__, _HOMES, globals())
