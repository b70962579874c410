"""From objects to JSON."""

from __future__ import annotations

import inspect
import math
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from handgrad.adapter import ContractAdapter, ExerciseAdapter
from handgrad.arguments import Array
from handgrad.checkpoint.notation import DTYPES, counted, join, public_classes
from handgrad.component import Component
from handgrad.errors import CheckpointError, shorten
from handgrad.model import Model
from handgrad.parameter import Parameter
from handgrad.randomness import generator_state
from handgrad.walk import own_arrays

__all__ = ["Encoder", "to_config"]

_LONGEST = 4096  # bits of an integer; Python refuses to read much longer ones from a text
_LONG = 32  # numbers in a list that becomes a tensor


def to_config(obj: Any) -> Any:
    """Return what an object is made of, as values that JSON can hold.

    Parameters
    ----------
    obj
        A component, loss, optimizer, schedule or metric; a generator, an array, a data type, or a
        value of JSON's; lists, tuples and dicts of them. What stands in it twice is stored once.

    Returns
    -------
    JSON value
        For an object a dict: the name of its class, and its constructor's arguments.

    Raises
    ------
    CheckpointError
        Something in it cannot be stored: a function, say, or an object whose class does not keep
        its constructor's arguments under the same names.

    Examples
    --------
    >>> from handgrad import Dropout, ReLU
    >>> to_config(Dropout(ReLU(), p=0.25))
    {'$class': 'handgrad.Dropout', 'layer': {'$class': 'handgrad.ReLU'}, 'p': 0.25, 'rng': None}
    """
    return Encoder().encode(obj)


class Encoder:
    """Turns values into what JSON can hold, each object once.

    Arrays and long lists of numbers go into `arrays`, by their paths, or into the JSON without it.
    """

    def __init__(self, arrays: dict[str, Array] | None = None) -> None:
        self.arrays = arrays
        # Path and size of the objects so far, by identity; kept alive, so that none comes twice.
        self.known: dict[int, tuple[Any, str, int]] = {}
        self.may_hold_components = True  # not beside a model, where their parameters would be lost
        self.objects = 0

    def encode(self, value: Any, path: str = "") -> Any:
        """Return `value`, which stands at `path`, as a value that JSON can hold."""
        if isinstance(value, np.generic) and value.dtype.name in DTYPES:
            value = value.item()
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int):
            if value.bit_length() > _LONGEST:
                raise CheckpointError(
                    f"an integer of {value.bit_length()} bits at {path!r}",
                    f"integers of at most {_LONGEST} bits",
                    "store it as a string, hex(number)",
                )
            return int(value)
        if isinstance(value, str):
            return str(value)
        if isinstance(value, float):
            return float(value) if math.isfinite(value) else {"$float": str(float(value))}
        if isinstance(value, np.dtype) and value.name in DTYPES:
            return {"$dtype": value.name}
        if isinstance(value, type) and issubclass(value, np.generic) and value.__name__ in DTYPES:
            return {"$dtype": value.__name__}
        if type(value) in (np.ndarray, np.memmap):
            return self.array(value, path)
        if isinstance(value, list):
            if self.arrays is not None and (array := _numbers(value)) is not None:
                self.arrays[path] = array
                return {"$list": path}
            return [self.encode(item, join(path, i)) for i, item in enumerate(value)]
        if type(value) is tuple:
            return {"$tuple": [self.encode(item, join(path, i)) for i, item in enumerate(value)]}
        if isinstance(value, Mapping):
            return {self._key(k, path): self.encode(v, join(path, k)) for k, v in value.items()}
        return self._object(value, path)

    def array(self, array: Array, path: str) -> dict[str, Any]:
        """Return an array, which stands at `path`, as a value that JSON can hold."""
        if array.dtype.name not in DTYPES:
            raise CheckpointError(
                f"an array of {array.dtype} at {path!r}",
                f"an array of one of the types {', '.join(DTYPES)}",
                "convert it, for instance with .astype(np.float64), or .tolist() for strings",
            )
        if self.arrays is not None:
            self.arrays[path] = array
            return {"$array": path}
        row = [self.encode(entry, path) for entry in array.ravel().tolist()]
        return {"$array": row, "dtype": array.dtype.name, "shape": list(array.shape)}

    def _key(self, key: Any, path: str) -> str:
        if not isinstance(key, str):
            raise CheckpointError(
                f"the key {key!r} in the dict at {path!r}",
                "keys that are strings, as JSON has them",
                "use str(key)",
            )
        return f"${key}" if key.startswith("$") else str(key)

    def _object(self, obj: Any, path: str) -> dict[str, Any]:
        evaluating = isinstance(obj, Component) and not obj.training
        frozen = isinstance(obj, Component) and obj.frozen
        if isinstance(obj, ContractAdapter | ExerciseAdapter):
            obj = obj.component  # its adapter is made again
        if id(obj) in self.known:
            _, first, size = self.known[id(obj)]
            self.objects = counted(self.objects + size)
            return {"$same": first}
        if isinstance(obj, Component) and not self.may_hold_components:
            raise CheckpointError(
                f"{shorten(repr(obj), 60)} at {path!r}, which is no part of the model",
                "components in the model alone, where their parameters are stored too",
                "save the other model into a folder of its own",
            )
        before = self.objects
        self.objects = counted(before + 1)
        if isinstance(obj, np.random.Generator):
            config: dict[str, Any] = {"$generator": generator_state(obj)}
        else:
            name = f"handgrad.{type(obj).__name__}"
            if public_classes().get(name) is not type(obj):
                name = type(obj).__name__
            config = {"$class": name}
            ours = name.startswith("handgrad.")
            for argument, value in arguments_of(obj).items():
                if ours and argument.endswith("init") and self.arrays is not None:
                    value = "zeros" if callable(value) else value  # what it has drawn is stored
                config[argument] = self.encode(value, join(path, argument))
            if evaluating:
                config["$mode"] = "eval"
            if frozen:
                config["$frozen"] = True
        self.known[id(obj)] = obj, path, self.objects - before
        return config


def _numbers(value: list[Any]) -> Array | None:
    """Return a long list of numbers as an array of which `tolist` gives exactly that list back."""
    try:
        kinds = set(map(type, _leaves(value)))
        letter = {bool: "b", int: "i", float: "f"}.get(kinds.pop()) if len(kinds) == 1 else None
        array = np.array(value if letter else [])
    except (ValueError, RecursionError):  # rows of different lengths, or too many levels
        return None
    return array if array.size >= _LONG and array.dtype.kind == letter else None


def _leaves(value: list[Any]) -> Iterator[Any]:
    for item in value:
        if type(item) is list and item:
            yield from _leaves(item)
        else:
            yield item


def arguments_of(obj: Any) -> dict[str, Any]:
    """Return the constructor's arguments that `obj` keeps under attributes of the same names."""
    if type(obj) is Model:
        return {"components": list(obj.components)}
    cls = type(obj)
    parameters: list[inspect.Parameter] | None
    try:
        parameters = [*inspect.signature(cls).parameters.values()]
    except (ValueError, TypeError):
        parameters = None
    # What Python or NumPy made is a value that JSON lacks, not an object of somebody's design.
    if parameters is None or cls.__module__.partition(".")[0] in {
        *sys.stdlib_module_names,
        "numpy",
    }:
        raise CheckpointError(
            f"a value of type {cls.__name__}, {shorten(repr(obj), 60)}",
            "an object with constructor arguments, an array, or a value that JSON has",
            "store a number, a string, a list, or an array in its place",
        )
    for parameter in parameters:
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise CheckpointError(
                f"{shorten(repr(obj), 60)}, whose constructor takes {parameter}",
                "a constructor with named arguments only, from which it can be built again",
                f"name every argument of {cls.__name__}",
            )
        if not hasattr(obj, parameter.name):
            raise CheckpointError(
                f"{shorten(repr(obj), 60)}, which has no attribute {parameter.name!r}",
                "every constructor argument kept under an attribute of its name, to build it again",
                f"write self.{parameter.name} = {parameter.name} in {cls.__name__}.__init__",
            )
    return {parameter.name: _argument(obj, parameter) for parameter in parameters}


def _argument(obj: Any, parameter: inspect.Parameter) -> Any:
    name = parameter.name
    if isinstance(parameter.default, bool) and isinstance(getattr(type(obj), name, 0), Parameter):
        return name in own_arrays(obj)  # whether there is a bias, not which one
    return getattr(obj, name)
