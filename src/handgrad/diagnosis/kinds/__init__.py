"""The kinds of component that can be diagnosed, by folder: what they need, and their mistakes."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from importlib import import_module

from handgrad.diagnosis.kinds.base import Kind

__all__ = ["KINDS", "Kind", "kind_of"]


def _found(folder: str) -> Iterator[type[Kind]]:
    """Yield the kinds that a folder exports."""
    module = import_module(f"{__name__}.{folder}")
    for name in module.__all__:
        exported = getattr(module, name)
        if isinstance(exported, type) and issubclass(exported, Kind):
            yield exported


KINDS: dict[str, type[Kind]] = {
    kind.name: kind
    for entry in pkgutil.iter_modules(__path__)
    if entry.ispkg
    for kind in _found(entry.name)
}


OTHERS = (
    *("selu", "celu", "prelu", "rrelu", "crelu", "relu6", "hardsigmoid", "logsigmoid", "hardswish"),
    *("tanhshrink", "gumbelsoftmax", "adaptivelogsoftmax", "softmax2d"),
    *("alphadropout", "dropout2d", "embeddingbag", "positionalembedding", "patchembedding"),
)
"""Words of components that are of none of these kinds, though one of their words is in them."""


def kind_of(name: str) -> str | None:
    """Return which kind a class of this name is, None where it doesn't say.

    The longest word in it decides: a ``DropoutLinear`` is a dropout.
    """
    plain = "".join(letter for letter in name.lower() if letter.isalnum())
    known = {word: kind.name for kind in KINDS.values() for word in kind.words}
    words = {
        word: kind for word, kind in {**dict.fromkeys(OTHERS), **known}.items() if word in plain
    }
    return words[max(words, key=len)] if words else None
