"""Objects as JSON, and back: what a component, a loss or an optimizer is made of.

Every public object keeps its constructor's arguments under attributes of the same names, so an
object is the name of its class and those attributes. Parameters, and whatever else changes while
training, are no part of it: `handgrad.checkpoint` stores them beside it.

JSON has no tuples, arrays or generators, and no infinity. A dict with a key that begins with a
single ``$`` stands for one of them:

===================================================  ==========================================
``{"$class": "handgrad.Linear", ...}``               an object, and its arguments; a class that is
                                                     not handgrad's goes by its bare name
``{"$same": "model/components/0"}``                  the very object that stands at that path
``{"$generator": {"bit_generator": "PCG64", ...}}``  a `numpy.random.Generator`, with its state
``{"$array": [...], "dtype": ..., "shape": ...}``    an array, its entries in one row
``{"$array": "training/velocity"}``                  an array in a tensor file
``{"$tuple": [...]}``                                a tuple
``{"$float": "inf"}``                                a float that is not finite
``{"$dtype": "float32"}``                            a data type
``{"$$key": ...}``                                   a dict with a key that does begin with ``$``
===================================================  ==========================================
"""

from __future__ import annotations

import inspect
from functools import cache
from importlib import import_module

from handgrad.errors import CheckpointError
from handgrad.model import Model

__all__ = ["DTYPES", "damaged", "join", "public_classes"]

DTYPES = {
    "bool": "BOOL",
    "int8": "I8",
    "int16": "I16",
    "int32": "I32",
    "int64": "I64",
    "uint8": "U8",
    "uint16": "U16",
    "uint32": "U32",
    "uint64": "U64",
    "float16": "F16",
    "float32": "F32",
    "float64": "F64",
}
"""The types that an array may have, and what safetensors calls them."""


@cache
def public_classes() -> dict[str, type]:
    """Return handgrad's own classes that a config may name, by their names.

    Examples
    --------
    >>> public_classes()["handgrad.ReLU"]
    <class 'handgrad.activations.relu.ReLU'>
    """
    modules = ("activations", "layers", "losses", "optimizers", "optimizers.schedules")
    found: dict[str, type] = {"handgrad.Model": Model}
    for module in (import_module(f"handgrad.{name}") for name in modules):
        for name in module.__all__:
            cls = getattr(module, name)
            if isinstance(cls, type) and not inspect.isabstract(cls):
                found[f"handgrad.{name}"] = cls
    return found


def join(path: str, key: object) -> str:
    """Return the path of what stands under `key` in what stands at `path`.

    Examples
    --------
    >>> join("model/components", 0)
    'model/components/0'
    >>> join("", "a/b")
    'a~1b'
    """
    step = str(key).replace("~", "~0").replace("/", "~1")
    return f"{path}/{step}" if path else step


def damaged(what: str) -> CheckpointError:
    """Return the error for what cannot have been written like this.

    Parameters
    ----------
    what
        What is wrong with it.

    Examples
    --------
    >>> print(damaged("a file that ends too early"))
    got a damaged checkpoint: a file that ends too early
      expected: what handgrad has written, unchanged
      to mend it: take an older copy, or train anew
    """
    return CheckpointError(
        f"a damaged checkpoint: {what}",
        "what handgrad has written, unchanged",
        "take an older copy, or train anew",
    )
