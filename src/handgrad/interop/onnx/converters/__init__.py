"""One converter for each component, by family; this is where they are registered."""

from __future__ import annotations

from collections.abc import Mapping

from handgrad.interop.onnx.converters import (
    activations,
    attention,
    containers,
    convolution,
    layers,
    recurrent,
)
from handgrad.interop.onnx.graph import Converter

__all__ = ["CONVERTERS"]

CONVERTERS: Mapping[type, Converter] = {
    **activations.CONVERTERS,
    **attention.CONVERTERS,
    **containers.CONVERTERS,
    **convolution.CONVERTERS,
    **layers.CONVERTERS,
    **recurrent.CONVERTERS,
}
