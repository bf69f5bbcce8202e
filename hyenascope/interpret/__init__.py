"""Numbers about a locus: what a change does to the model's mind."""
