"""Attention: each position looks at all others, and takes from those that matter to it."""

from handgrad.layers.attention.multi_head_attention import MultiHeadAttention

__all__ = ["MultiHeadAttention"]
