"""Positions: what tells layers that treat all steps of a sequence alike where each stands."""

from handgrad.layers.position.learned import LearnedPositionalEncoding
from handgrad.layers.position.sinusoidal import PositionalEncoding

__all__ = ["LearnedPositionalEncoding", "PositionalEncoding"]
