"""What is reached by a path of attributes and keys, and what an argument is filled with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from handgrad.diagnosis.courses.template import Expression

__all__ = ["at", "filled", "put"]


def filled(argument: Any, scope: Mapping[str, Any]) -> Any:
    """Return an argument with its expressions worked out; what is None is left out of a dict."""
    if isinstance(argument, Expression):
        return argument.value(scope)
    if isinstance(argument, Mapping):
        values = {key: filled(inner, scope) for key, inner in argument.items()}
        return {key: value for key, value in values.items() if value is not None}
    return argument


def at(thing: Any, path: tuple[str, ...]) -> Any:
    """Return what is at a path of attributes and keys, None where nothing is."""
    for name in path:
        thing = thing.get(name) if isinstance(thing, Mapping) else getattr(thing, name, None)
    return thing


def put(thing: Any, path: tuple[str, ...], value: Any) -> None:
    """Put a value at a path of attributes and keys."""
    *way, last = path
    holder = at(thing, tuple(way))
    if isinstance(holder, dict):
        holder[last] = value
    else:
        setattr(holder, last, value)
