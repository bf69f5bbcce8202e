"""Many loci on many machines: runs in shards that survive what kills them."""
