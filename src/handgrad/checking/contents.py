"""What an object holds, to the last byte: how a write to it is noticed, wherever it goes."""

from __future__ import annotations

from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

__all__ = ["contents", "difference"]

_ATOMS = (type(None), bool, int, float, complex, str, bytes, np.generic, np.dtype)
_OPAQUE = (type, ModuleType, FunctionType, MethodType, BuiltinFunctionType)
_GENERATORS = (np.random.Generator, np.random.RandomState, np.random.BitGenerator)


def contents(thing: Any) -> dict[str, Any]:
    """Return everything that attributes, lists, tuples and dicts lead to, by where it is found.

    Of an array it is the bytes, and which array it is. Generators of random numbers are left out:
    they move on, and may.

    Examples
    --------
    >>> from handgrad import Linear
    >>> layer = Linear(2, 3)
    >>> before = contents(layer)
    >>> layer.weights[0, 1] += 1
    >>> difference(before, contents(layer))
    ["parameters['weights']"]
    """
    found: dict[str, Any] = {}
    _collect(thing, "", found, {})
    return found


def difference(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Return the places at which two `contents` differ."""
    return [
        place
        for place in {**before, **after}
        if place not in before or place not in after or before[place] != after[place]
    ]


def _collect(thing: Any, place: str, found: dict[str, Any], met: dict[int, str]) -> None:
    if isinstance(thing, _GENERATORS):
        return
    if isinstance(thing, _ATOMS):
        found[place] = type(thing), repr(thing)  # NaN is NaN in words
        return
    if id(thing) in met:
        found[place] = met[id(thing)]
        return
    met[id(thing)] = place
    found[place] = id(thing)
    if isinstance(thing, np.ndarray):
        found[place] = id(thing), thing.dtype, thing.shape, thing.tobytes()
    elif isinstance(thing, dict):
        for key, value in thing.items():
            _collect(value, f"{place}[{key!r}]", found, met)
    elif isinstance(thing, list | tuple):
        for i, value in enumerate(thing):
            _collect(value, f"{place}[{i}]", found, met)
    elif isinstance(thing, set | frozenset):
        found[place] = id(thing), frozenset(map(id, thing))
    elif not isinstance(thing, _OPAQUE):
        for name, value in getattr(thing, "__dict__", {}).items():
            _collect(value, f"{place}.{name}".removeprefix("."), found, met)
