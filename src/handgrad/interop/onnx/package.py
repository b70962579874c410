"""The package `onnx`, which is wanted by nothing else."""

from __future__ import annotations

from typing import Any

from handgrad.errors import ArgumentError

__all__ = ["onnx_package"]


def onnx_package() -> Any:
    """Return the package `onnx`.

    Raises
    ------
    ArgumentError
        It is not installed.
    """
    try:
        import onnx
        import onnx.checker
        import onnx.helper
        import onnx.numpy_helper
    except ImportError as error:
        raise ArgumentError(
            "a wish for ONNX where the package onnx is not installed",
            "an environment that has it",
            "install it: pip install 'handgrad[onnx]'",
        ) from error
    return onnx
