"""From JSON to objects."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from handgrad.adapter import adapt
from handgrad.arguments import Array
from handgrad.checkpoint.notation import DTYPES, counted, damaged, join, public_classes
from handgrad.errors import ArgumentError, CheckpointError, cause, shorten
from handgrad.initializers import budget
from handgrad.randomness import restore_generator

__all__ = ["Decoder", "from_config"]

_DAMAGE = (ArithmeticError, LookupError, TypeError, ValueError, RecursionError)
_PLAIN = (int, float, str, type(None))
_SLACK = 2**16  # entries that are drawn although no tensor fills them: half a megabyte


def from_config(config: Any, classes: Iterable[type] = ()) -> Any:
    """Build the object that `to_config` described.

    The parameters of its components are drawn anew, as their constructors do it. Afterwards its
    generators have the states that were stored, and NumPy's global state is what it was before.

    Parameters
    ----------
    config
        What `to_config` returned.
    classes
        Classes of your own that may be built, beside handgrad's public ones.

    Raises
    ------
    CheckpointError
        The config is damaged, or names a class that is neither handgrad's nor in `classes`.
    ArgumentError
        `classes` holds something else than classes, or two of one name.

    Examples
    --------
    >>> from handgrad import Dropout, Linear
    >>> from handgrad.checkpoint import to_config
    >>> from_config(to_config(Dropout(Linear(3, 2), p=0.25)))
    Dropout(Linear(3, 2), p=0.25)
    """
    return Decoder(classes).build(config)


class Decoder:
    """Builds values from what `Encoder` returned.

    `take` returns the array of a name, one's own, or raises `KeyError`; it is asked once for each.
    `entries` is how many entries the components' parameters have together, where that is known. A
    config that asks for several times as many is refused before memory is taken; constructors may
    draw more than once what several components share in the end.
    """

    def __init__(
        self,
        classes: Iterable[type],
        take: Callable[[str], Array] | None = None,
        entries: float = math.inf,
    ) -> None:
        self.classes = dict(public_classes())
        for cls in classes:
            if not isinstance(cls, type) or self.classes.setdefault(cls.__name__, cls) is not cls:
                raise ArgumentError(
                    f"{cls!r} in classes", "classes, each with a name of its own", "rename it"
                )
        self.take = take or dict[str, Array]().__getitem__
        self.most = 4 * entries + _SLACK
        self.known: dict[str, tuple[Any, int]] = {}  # and of how many objects each consists
        self.generators: list[tuple[np.random.Generator, Any]] = []
        self.objects = 0

    def build(self, config: Any) -> Any:
        """Return the value; no generator is further than its state says, nor is NumPy's own."""
        state = np.random.get_state()
        unbounded = budget.set(self.most)
        try:
            with np.errstate(all="raise"):
                value = self._decode(config, "")
            for rng, stored in self.generators:  # constructors have drawn from them
                restore_generator(stored, rng)
        except CheckpointError:
            raise
        except _DAMAGE as error:
            raise damaged(f"{type(error).__name__}: {error}") from cause(error)
        finally:
            budget.reset(unbounded)
            np.random.set_state(state)
        return value

    def _decode(self, config: Any, path: str) -> Any:
        if isinstance(config, _PLAIN):
            return config
        if isinstance(config, list):
            return [
                item if isinstance(item, _PLAIN) else self._decode(item, join(path, i))
                for i, item in enumerate(config)
            ]
        if not isinstance(config, dict):
            raise damaged(f"a value of type {type(config).__name__}")
        kinds = [key for key in config if key.startswith("$") and not key.startswith("$$")]
        if not kinds:
            plain = {key[1:] if key.startswith("$") else key: v for key, v in config.items()}
            return {key: self._decode(value, join(path, key)) for key, value in plain.items()}
        content = config[kinds[0]]
        match kinds[0]:
            case "$class":
                before = self.objects
                self.objects = counted(before + 1)
                obj = self._object(config, path)
                self.known[path] = obj, self.objects - before
                return obj
            case "$generator":
                self.objects = counted(self.objects + 1)
                rng = restore_generator(content)
                self.known[path] = rng, 1
                self.generators.append((rng, content))
                return rng
            case "$same":
                obj, objects = self.known[content]
                self.objects = counted(self.objects + objects)
                return obj
            case "$array" if isinstance(content, str):
                return self.take(content)
            case "$list" if isinstance(content, str):
                array = self.take(content)
                if array.ndim and array.dtype.name in ("bool", "int64", "float64"):
                    return array.tolist()
            case "$array" if isinstance(content, list):
                shape = config["shape"]
                row = np.array(self._decode(content, path), dtype=_dtype(config["dtype"]))
                if row.ndim == 1 and all(type(n) is int and n >= 0 for n in shape):
                    return row.reshape(shape)
            case "$tuple" if isinstance(content, list):
                return tuple(self._decode(content, path))
            case "$float" if content in ("inf", "-inf", "nan"):
                return float(content)
            case "$dtype":
                return _dtype(content)
        raise damaged(f"{shorten(kinds[0], 80)!r} at {shorten(path, 80)!r}")

    def _object(self, config: dict[str, Any], path: str) -> Any:
        name = config["$class"]
        if not isinstance(name, str) or name not in self.classes:
            raise CheckpointError(
                f"the class {shorten(name)!r} at {shorten(path)!r}",
                "a public class of handgrad, or one of the classes that were passed",
                f"pass classes=[{shorten(str(name).rpartition('.')[2], 80)}], "
                "if you trust where this is from",
            )
        cls = self.classes[name]
        arguments = {
            argument: self._decode(value, join(path, argument))
            for argument, value in config.items()
            if not argument.startswith("$")
        }
        try:
            obj = cls(**arguments)
            marks = {"training": False} if config.get("$mode") == "eval" else {}
            if config.get("$frozen") is True:
                marks["frozen"] = True
            if marks:
                obj = adapt(obj)  # which alone can be marked
            for name, value in marks.items():
                setattr(obj, name, value)
            return obj
        except Exception as error:  # whatever a constructor raises
            raise damaged(
                f"arguments that {name} refuses ({type(error).__name__}: {error})"
            ) from cause(error)


def _dtype(name: Any) -> np.dtype[Any]:
    if name not in DTYPES:
        raise ValueError(f"no data type {shorten(name)!r}")
    return np.dtype(str(name))
