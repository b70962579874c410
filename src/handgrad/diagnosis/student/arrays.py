"""Finding weights, bias and their gradients in an object, whatever they are called."""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.student.subject import StudentError

__all__ = ["Slot", "find_bias", "find_weights", "meaning", "named", "walk"]

_WEIGHTS = {"w", "weight", "weights", "kernel", "theta", "omega", "matrix", "coef", "coefs"}
_BIASES = {"b", "bias", "biases", "beta", "intercept", "offset", "shift"}
_INPUTS = {"x", "input", "inputs", "inp", "a", "z"}
_NAMES = _WEIGHTS | _BIASES | _INPUTS
_GRADIENT = {"grad", "grads", "gradient", "gradients", "d", "delta", "dl", "derivative", "nabla"}


@dataclass(frozen=True)
class Slot:
    """A place in an object where an array is.

    `path` are the names on the way to it, ("params", "W"). A dict, a list or an object holds it.
    """

    path: tuple[str, ...]
    holder: Any
    key: Any

    @property
    def name(self) -> str:
        """The path in one word, for messages."""
        return ".".join(self.path)

    @property
    def raw(self) -> Any:
        """What is there."""
        if isinstance(self.holder, dict | list):
            return self.holder[self.key]
        return getattr(self.holder, self.key)

    @property
    def array(self) -> Array:
        """What is there, as an array."""
        return np.asarray(self.raw)

    def write(self, values: Array) -> None:
        """Put values there: in place where it is an array, so that every view of it follows."""
        raw = self.raw
        if isinstance(raw, np.ndarray):
            if raw.dtype.kind == "f" and raw.flags.writeable:
                raw[...] = values
                return
            new: Any = values
        else:
            new = values.tolist()
        if isinstance(self.holder, dict | list):
            self.holder[self.key] = new
        else:
            setattr(self.holder, self.key, new)


def walk(thing: Any) -> Iterator[Slot]:
    """Yield every array of numbers in an object, in its dicts, lists and inner objects."""
    seen: set[int] = set()

    def visit(value: Any, path: tuple[str, ...], depth: int) -> Iterator[Slot]:
        if depth > 5 or id(value) in seen or isinstance(value, type | types.ModuleType):
            return
        seen.add(id(value))
        items: list[tuple[Any, Any]]
        if isinstance(value, dict):
            items = list(value.items())
        elif isinstance(value, list | tuple):
            items = list(enumerate(value))
        else:
            items = list(getattr(value, "__dict__", {}).items())
            for cls in type(value).__mro__:
                slots = vars(cls).get("__slots__", ())
                for name in (slots,) if isinstance(slots, str) else slots:
                    if hasattr(value, name):
                        items.append((name, getattr(value, name)))
                # What lies in the class, and so in all objects alike.
                items += [
                    (name, inner)
                    for name, inner in vars(cls).items()
                    if isinstance(inner, dict | list | np.ndarray) and not name.startswith("__")
                ]
        for key, inner in items:
            here = (*path, str(key))
            if _is_numbers(inner):
                if not isinstance(value, tuple):
                    yield Slot(here, value, key)
            else:
                yield from visit(inner, here, depth + 1)

    yield from visit(thing, (), 0)


def _is_numbers(value: Any) -> bool:
    if isinstance(value, np.ndarray | np.floating):  # a sum over everything is np.float64
        return value.dtype.kind in "fiub"
    if isinstance(value, list) and value:
        first = value[0]
        return isinstance(first, int | float | np.number) or (
            isinstance(first, list) and _is_numbers(first)
        )
    return False


def meaning(path: tuple[str, ...]) -> tuple[str, bool]:
    """Return what a path names, "W", "b", "x" or "", and whether it is a gradient."""
    what, gradient = "", False
    for word in _words(path):
        if word in _GRADIENT:
            gradient = True
            continue
        inner = _inner(word, _NAMES)
        gradient |= inner != word
        for letter, names in (("W", _WEIGHTS), ("b", _BIASES), ("x", _INPUTS)):
            if inner in names:
                what = letter
    return what, gradient


@lru_cache(4096)
def named(path: tuple[str, ...], names: tuple[str, ...]) -> tuple[str, bool]:
    """Return which of these names the end of a path is, or "", and whether it is a gradient.

    Names are lower case letters without anything between them.

    Examples
    --------
    >>> named(("gradients", "gamma"), ("gamma",)), named(("dGamma",), ("gamma",))
    (('gamma', True), ('gamma', True))
    >>> named(("buffers", "running_mean"), ("runningmean",))
    ('runningmean', False)
    """
    gradient = any(word in _GRADIENT for word in _words(path))
    for part in reversed(path):
        plain = "".join(word for word in _words((part,)) if word not in _GRADIENT)
        if plain:
            inner = _inner(plain, names)
            return (inner, gradient or inner != plain) if inner in names else ("", gradient)
    return "", gradient


def _words(path: tuple[str, ...]) -> list[str]:
    """Return the words in a path, in lower case."""
    parts = (re.sub(r"(?<=[a-z])(?=[A-Z][a-z])", "_", part) for part in path)
    return [word for part in parts for word in re.split(r"[^a-z]+", part.lower()) if word]


def _inner(word: str, names: Collection[str]) -> str:
    """Return the name within a word such as dW or gradb, the word itself where there is none."""
    if word in names:
        return word
    inner = (word.removeprefix(prefix) for prefix in ("d", "grad", "gradient"))
    return next((name for name in inner if name in names), word)


def find_weights(
    thing: Any, D: int, K: int, forward: Callable[[], Array], rng: np.random.Generator
) -> Slot:
    """Return where the weights are: the array of their shape on which the output depends.

    The object has been called at least once. `forward` runs its forward pass again.
    """
    shapes = {(D, K), (K, D), (D + 1, K), (K, D + 1)}
    slots = [slot for slot in walk(thing) if slot.array.shape in shapes]
    found = _found(slots, "W", forward, rng)
    if not found:
        there = ", ".join(f"{slot.name} {slot.array.shape}" for slot in walk(thing)) or "none"
        raise StudentError.missing(
            f"the weights of {type(thing).__name__}({D}, {K})",
            f"no attribute holds an array of shape ({D}, {K}) or ({K}, {D}) on which the "
            f"output depends; arrays found: {there}",
            "Keep the weights in an attribute of the layer, for instance self.weights, "
            "made in the constructor.",
        )
    return found[0]


def find_bias(
    thing: Any, K: int, forward: Callable[[], Array], rng: np.random.Generator
) -> Slot | None:
    """Return where the bias is, by its influence on the output, else by its name; None for none."""
    slots = [slot for slot in walk(thing) if slot.array.shape in {(K,), (1, K), (K, 1)}]
    found = _found(slots, "b", forward, rng)
    return found[0] if found else None


def _found(
    slots: list[Slot], letter: str, forward: Callable[[], Array], rng: np.random.Generator
) -> list[Slot]:
    """Return the slots on which the output depends; where there is none, those of that name."""
    if not slots:
        return []
    before = forward()
    acting = []
    for slot in slots:
        kept = slot.array.copy()
        slot.write(kept + 1 + rng.random(kept.shape))
        if not np.array_equal(forward(), before):
            acting.append(slot)
        slot.write(kept)
    return acting or [slot for slot in slots if meaning(slot.path) == (letter, False)]
