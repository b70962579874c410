"""Convolutions and pools of images and sequences."""

from handgrad.layers.convolution.avg_pool2d import AvgPool2d
from handgrad.layers.convolution.conv1d import Conv1d
from handgrad.layers.convolution.conv2d import Conv2d
from handgrad.layers.convolution.flatten import Flatten
from handgrad.layers.convolution.global_average_pool import GlobalAveragePool
from handgrad.layers.convolution.global_max_pool import GlobalMaxPool
from handgrad.layers.convolution.max_pool2d import MaxPool2d

__all__ = [
    "AvgPool2d",
    "Conv1d",
    "Conv2d",
    "Flatten",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "MaxPool2d",
]
