"""Convolutions and pools."""

from handgrad.diagnosis.kinds.convolution.conv import Conv1dKind, Conv2dKind
from handgrad.diagnosis.kinds.convolution.global_pool import (
    GlobalAveragePoolKind,
    GlobalMaxPoolKind,
)
from handgrad.diagnosis.kinds.convolution.pool import AvgPool2dKind, MaxPool2dKind

__all__ = [
    "AvgPool2dKind",
    "Conv1dKind",
    "Conv2dKind",
    "GlobalAveragePoolKind",
    "GlobalMaxPoolKind",
    "MaxPool2dKind",
]
