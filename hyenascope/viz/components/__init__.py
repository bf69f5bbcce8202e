"""Things that draw themselves over an interval; `plot_locus` stacks them."""

from hyenascope.viz.components.arcs import Arcs
from hyenascope.viz.components.area import Area
from hyenascope.viz.components.bigwig import BigWig
from hyenascope.viz.components.dependency import Dependency
from hyenascope.viz.components.genes import Genes
from hyenascope.viz.components.haplotype import Haplotype
from hyenascope.viz.components.heatmap import Heatmap
from hyenascope.viz.components.intervals import Intervals
from hyenascope.viz.components.line import Line
from hyenascope.viz.components.logo import Logo
from hyenascope.viz.components.motifs import Motifs
from hyenascope.viz.components.ref_alt import RefAlt
from hyenascope.viz.components.sequence import Sequence
from hyenascope.viz.components.variants import Variants

__all__ = [
    "Arcs",
    "Area",
    "BigWig",
    "Dependency",
    "Genes",
    "Haplotype",
    "Heatmap",
    "Intervals",
    "Line",
    "Logo",
    "Motifs",
    "RefAlt",
    "Sequence",
    "Variants",
]
