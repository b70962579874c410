"""The norms: batch (of tables and of images), layer, group, root mean square."""

from handgrad.diagnosis.kinds.normalization.batch_norm import BatchNormKind, SpatialBatchNormKind
from handgrad.diagnosis.kinds.normalization.sample_norms import (
    GroupNormKind,
    LayerNormKind,
    RMSNormKind,
)

__all__ = [
    "BatchNormKind",
    "GroupNormKind",
    "LayerNormKind",
    "RMSNormKind",
    "SpatialBatchNormKind",
]
