"""The network, its weights, and running it over many sequences."""
