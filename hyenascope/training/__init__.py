"""Learning weights: windows of a genome in, a checkpoint out."""
