"""Kernels on channel-first tensors: torch in, torch out, no biology."""
