"""Every kind of component that can be diagnosed, found from the folders beside this file."""

from __future__ import annotations

import inspect
import pkgutil
from importlib import import_module

from handgrad.diagnosis import kinds
from handgrad.diagnosis.kinds.base import Kind

__all__ = ["KINDS", "kind_of"]


def _found(folder: str) -> type[Kind]:
    """Return the one kind that a folder defines."""
    module = import_module(f"{kinds.__name__}.{folder}.kind")
    things = [t for t in vars(module).values() if inspect.isclass(t) and issubclass(t, Kind)]
    (found,) = (thing for thing in things if thing.__module__ == module.__name__)
    return found


_FOLDERS = [entry.name for entry in pkgutil.iter_modules(kinds.__path__) if entry.ispkg]
KINDS: dict[str, type[Kind]] = {kind.name: kind for kind in map(_found, _FOLDERS)}


def kind_of(name: str) -> str | None:
    """Return which kind a class of this name is, None where it doesn't say.

    The longest word in it decides: a ``DropoutLinear`` is a dropout.

    Examples
    --------
    >>> kind_of("MyReLU"), kind_of("CrossEntropy"), kind_of("Thing")
    ('relu', 'cross_entropy', None)
    """
    plain = "".join(letter for letter in name.lower() if letter.isalnum())
    words = {word: kind.name for kind in KINDS.values() for word in kind.words if word in plain}
    return words[max(words, key=len)] if words else None
