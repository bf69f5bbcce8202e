"""Live figures: a locus to browse, a sequence to change, all in a notebook."""
