"""The kinds of component that can be diagnosed, a folder each: what it needs, and its mistakes."""

from __future__ import annotations

import pkgutil
from importlib import import_module

from handgrad.diagnosis.kinds.base import Kind

__all__ = ["KINDS", "Kind", "kind_of"]


def _found(folder: str) -> type[Kind]:
    """Return the kind that a folder exports."""
    module = import_module(f"{__name__}.{folder}")
    exported = (getattr(module, name) for name in module.__all__)
    return next(each for each in exported if isinstance(each, type) and issubclass(each, Kind))


KINDS: dict[str, type[Kind]] = {
    kind.name: kind for kind in (_found(e.name) for e in pkgutil.iter_modules(__path__) if e.ispkg)
}


def kind_of(name: str) -> str | None:
    """Return which kind a class of this name is, None where it doesn't say.

    The longest word in it decides: a ``DropoutLinear`` is a dropout.
    """
    plain = "".join(letter for letter in name.lower() if letter.isalnum())
    words = {word: kind.name for kind in KINDS.values() for word in kind.words if word in plain}
    return words[max(words, key=len)] if words else None
