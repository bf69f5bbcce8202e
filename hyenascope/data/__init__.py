"""Coordinates, files and containers; never torch."""
