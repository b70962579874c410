"""Norms: layers that give some axes of their input mean 0 and size 1, one a file."""

from handgrad.layers.normalization.batch_norm import BatchNorm
from handgrad.layers.normalization.group_norm import GroupNorm
from handgrad.layers.normalization.layer_norm import LayerNorm
from handgrad.layers.normalization.rms_norm import RMSNorm

__all__ = ["BatchNorm", "GroupNorm", "LayerNorm", "RMSNorm"]
