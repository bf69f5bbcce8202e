"""Pictures of many variants at once, each one plain plotly figure."""

from hyenascope.viz.variant_figures.gene_strip import plot_gene_strip
from hyenascope.viz.variant_figures.genome import plot_genome
from hyenascope.viz.variant_figures.plot_variants import plot_variants
from hyenascope.viz.variant_figures.ref_alt import plot_ref_alt
from hyenascope.viz.variant_figures.score_distribution import plot_score_distribution
from hyenascope.viz.variant_figures.truth import plot_truth

__all__ = [
    "plot_gene_strip",
    "plot_genome",
    "plot_ref_alt",
    "plot_score_distribution",
    "plot_truth",
    "plot_variants",
]
