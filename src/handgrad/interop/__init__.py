"""Networks that come from elsewhere, and go there."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from handgrad.interop import numpy, onnx, sklearn, torch

__all__ = ["numpy", "onnx", "sklearn", "torch"]


def __getattr__(name: str) -> Any:
    """Load a module when it is first asked for, since each needs a library of its own."""
    if name in __all__:
        return import_module(f"handgrad.interop.{name}")
    raise AttributeError(f"module 'handgrad.interop' has no attribute {name!r}")
