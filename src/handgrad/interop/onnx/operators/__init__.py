"""Which component each operator is; by family, as the converters that write them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from handgrad.interop.onnx.operators import (
    activations,
    affine,
    attention,
    axes,
    normalizations,
    positions,
    recurrent,
    windows,
)

__all__ = ["OPERATORS"]

OPERATORS: Mapping[str, Callable[[Any], Any]] = {
    **activations.OPERATORS,
    **affine.OPERATORS,
    **attention.OPERATORS,
    **axes.OPERATORS,
    **normalizations.OPERATORS,
    **positions.OPERATORS,
    **recurrent.OPERATORS,
    **windows.OPERATORS,
}
"""Makes a view of a node, or a view for each of its outputs."""
