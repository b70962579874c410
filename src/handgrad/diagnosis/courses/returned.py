"""What a student's code works with and gives back."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.courses.conventions import ANOTHER_AXIS
from handgrad.diagnosis.findings import Finding, Verdict
from handgrad.diagnosis.kinds.base import Kind

__all__ = ["full_axes", "misshapen", "spread", "torch_of"]


def full_axes(shape: tuple[int, ...]) -> list[int]:
    """Return the axes that are not of size 1."""
    return [size for size in shape if size != 1]


def torch_of(names: Mapping[str, Any]) -> ModuleType | None:
    """Return PyTorch where the student's code works with its tensors, and not with NumPy's arrays.

    It is never imported by us.
    """
    modules = {value.__name__ for value in names.values() if isinstance(value, ModuleType)}
    return sys.modules.get("torch") if "torch" in modules and "numpy" not in modules else None


def spread(gradient: Array, variable: Array) -> Array:
    """Return a number in place of a vector's gradient as one that has it everywhere.

    That is what a step makes of it, and what the mistakes with sums say.
    """
    spread = gradient.size == 1 < variable.size and variable.ndim == 1
    return np.full(variable.shape, gradient.ravel()[0]) if spread else gradient


def misshapen(kind: Kind, name: str, shape: tuple[int, ...], right: str) -> Finding:
    """Say of a gradient that its axes of size 1 are not those of its variable."""
    variable = kind.variables.get(name, name.removeprefix("d"))
    sentence = (
        f"your {name} has shape {shape}, and the {variable} has {right}: in a step the two "
        "would be broadcast to another shape"
    )
    title = f"shape of the {kind.titles.get(name, f'gradient of {variable}')}"
    return Finding(f"shape of {name}", title, Verdict.WRONG, ((ANOTHER_AXIS,),), (sentence,))
