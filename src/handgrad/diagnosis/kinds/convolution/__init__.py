"""Convolutions and pools."""

from handgrad.diagnosis.kinds.convolution.conv import Conv1dKind, Conv2dKind
from handgrad.diagnosis.kinds.convolution.pool import AvgPool2dKind, MaxPool2dKind

__all__ = ["AvgPool2dKind", "Conv1dKind", "Conv2dKind", "MaxPool2dKind"]
