"""Copying arrays into a component."""

from __future__ import annotations

from typing import Any

from handgrad.interop.torch.kinds import Arrays
from handgrad.walk import own_arrays

__all__ = ["filled"]


def filled(component: Any, arrays: Arrays) -> Any:
    """Return a component, with arrays copied into it and into what it holds.

    Examples
    --------
    >>> from handgrad import Linear
    >>> filled(Linear(1, 2), {"weights": [[3.0, 4.0]]}).weights
    array([[3., 4.]])
    """
    children = component.children()
    for name, array in arrays.items():
        if name in children:
            filled(children[name], array)
        else:
            kind = "parameters" if name in own_arrays(component) else "buffers"
            own_arrays(component, kind)[name][...] = array
    return component
