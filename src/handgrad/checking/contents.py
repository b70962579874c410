"""What an object holds, to the last byte: how a write to it is noticed, wherever it goes."""

from __future__ import annotations

from collections.abc import Iterator
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

__all__ = ["contents", "difference", "held"]

_ATOMS = (type(None), bool, int, float, complex, str, bytes, np.generic, np.dtype)
_OPAQUE = (type, ModuleType, FunctionType, MethodType, BuiltinFunctionType, np.ndarray)
_GENERATORS = (np.random.Generator, np.random.RandomState, np.random.BitGenerator)


def held(thing: Any, place: str = "", met: set[int] | None = None) -> Iterator[tuple[str, Any]]:
    """Yield everything that attributes, lists, tuples and dicts lead to, with where it is found.

    Generators of random numbers are left out: they move on, and may.

    Examples
    --------
    >>> from handgrad import Dropout, ReLU
    >>> [place for place, _ in held(Dropout(ReLU(), 0.5))]
    ['', 'layer', 'takes_integers', 'takes_tuple', 'takes_lengths', 'p', 'rng']
    """
    met = set() if met is None else met
    if isinstance(thing, _GENERATORS):
        return
    yield place, thing
    if isinstance(thing, (*_ATOMS, *_OPAQUE)) or id(thing) in met:
        return
    met.add(id(thing))
    inside: list[tuple[str, Any]] = []
    if isinstance(thing, dict):
        inside += [(f"{place}[{key!r}]", value) for key, value in thing.items()]
    elif isinstance(thing, list | tuple | set | frozenset):
        inside += [(f"{place}[{i}]", value) for i, value in enumerate(thing)]
    for name, value in getattr(thing, "__dict__", {}).items():
        inside.append((f"{place}.{name}".removeprefix("."), value))
    for where, value in inside:
        yield from held(value, where, met)


def contents(thing: Any) -> dict[str, Any]:
    """Return all that an object holds in a form that can be compared: of an array its bytes too."""
    return {place: _mark(value) for place, value in held(thing)}


def difference(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Return the places at which two `contents` differ."""
    nothing = object()
    places = {**before, **after}
    return [p for p in places if before.get(p, nothing) != after.get(p, nothing)]


def _mark(value: Any) -> Any:
    if isinstance(value, _ATOMS):
        return type(value), repr(value)  # NaN is NaN in words
    if isinstance(value, np.ndarray):
        return id(value), value.dtype, value.shape, value.tobytes()
    return id(value)
