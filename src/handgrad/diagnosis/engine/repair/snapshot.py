"""Values as they were, made anew as often as they are wanted, in less time than a deep copy."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

import numpy as np

from handgrad.arguments import Array

__all__ = ["Snapshot", "UnknownError"]

_CONSTANTS = (
    *(int, float, complex, str, bytes, type(None), slice, range, type(...), type, np.generic),
    *(np.dtype, np.ufunc, types.FunctionType, types.BuiltinFunctionType, types.ModuleType),
)
"""What cannot be changed, or is code."""
_SPECIAL = ("__new__", "__slots__", "__deepcopy__", "__reduce__", "__reduce_ex__", "__getstate__")
_MADE_BY_CLASS = 1 << 9  # a class that a `class` statement makes, in Python's own numbering
_DEEPEST = 20
_Made = dict[int, Any]
"""What has been made anew, by the identity of what it was made of."""
_Maker = Callable[[_Made], Any]


class UnknownError(Exception):
    """There is something of which nobody knows how to make another one: a file, a generator."""


class Snapshot:
    """A value as it is now, with all that is in it.

    Parameters
    ----------
    value
        What is one thing in two places stays one, and arrays that share memory share it again.

    Raises
    ------
    UnknownError
        Where there is something else in it than arrays, numbers, strings, functions, containers
        and plain objects.

    Examples
    --------
    >>> x = np.zeros(3)
    >>> before = Snapshot((x, x[:1]))
    >>> y, first = before.fresh()
    >>> y[0] = 1
    >>> first, x, before.fresh()[1]
    (array([1.]), array([0., 0., 0.]), array([0.]))
    """

    def __init__(self, value: Any) -> None:
        self._source = value  # as long as it is there no other thing has its identity
        self._held: dict[int, Array] = {}
        self._make = self._maker(value, 0)

    def fresh(self) -> Any:
        """Return it, made anew."""
        return self._make({at: array.copy("K") for at, array in self._held.items()})

    def _maker(self, value: Any, depth: int) -> _Maker:
        kind, at = type(value), id(value)
        if kind is np.ndarray:
            return self._array(value)
        if depth > _DEEPEST:
            raise UnknownError
        if kind is tuple:
            entries = [self._maker(entry, depth + 1) for entry in value]
            return lambda made: tuple([entry(made) for entry in entries])
        if isinstance(value, _CONSTANTS):
            return lambda made: value
        if kind is list:
            entries = [self._maker(entry, depth + 1) for entry in value]
            return lambda made: _once(made, at, lambda made: [entry(made) for entry in entries])
        inside = value if kind is dict else vars(value) if _is_plain(kind) else None
        if inside is None:
            raise UnknownError
        named = [(name, self._maker(entry, depth + 1)) for name, entry in inside.items()]

        def fields(made: _Made) -> dict[Any, Any]:
            return {name: make(made) for name, make in named}

        def thing(made: _Made) -> Any:
            new = object.__new__(kind)
            new.__dict__.update(fields(made))
            return new

        make = fields if kind is dict else thing
        return lambda made: _once(made, at, make)

    def _array(self, value: Array) -> _Maker:
        """Return what gives an array of its own, or the same view of one that is made anew."""
        whole: Any = value
        while whole.base is not None:
            whole = whole.base
            if type(whole) is not np.ndarray:
                raise UnknownError
        if value.dtype.hasobject:
            raise UnknownError
        at = id(whole)
        if at not in self._held:
            self._held[at] = whole.copy("K")
        if value is whole:
            return lambda made: made[at]
        turned = not whole.flags.c_contiguous
        if turned and not whole.flags.f_contiguous:
            raise UnknownError
        shape, dtype, strides = value.shape, value.dtype, value.strides
        start = value.ctypes.data - whole.ctypes.data

        def view(made: _Made) -> Any:
            memory = made[at].T if turned else made[at]
            return np.ndarray(shape, dtype, memory, start, strides)

        mine = id(value)
        return lambda made: _once(made, mine, view)


def _once(made: _Made, at: int, make: _Maker) -> Any:
    if at not in made:
        made[at] = make(made)
    return made[at]


def _is_plain(kind: type) -> bool:
    """Return whether objects of a class are made of what is in their `__dict__`, and that alone."""
    own = [vars(base) for base in kind.__mro__ if base is not object]
    return bool(kind.__flags__ & _MADE_BY_CLASS) and not any(
        name in names for names in own for name in _SPECIAL
    )
