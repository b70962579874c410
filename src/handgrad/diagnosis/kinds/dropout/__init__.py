"""Inverted dropout around a layer."""
