"""How a model and the state of its training are written as JSON, and within which bounds.

Every class of handgrad's keeps its constructor's arguments under attributes of the same names, so
an object is the name of its class and those attributes. Parameters, buffers, and whatever else
changes while training, are no part of it: `handgrad.checkpoint` stores them beside it.

JSON has no tuples, arrays or generators, and no infinity. A dict with a key that begins with a
single ``$`` stands for one of them:

===================================================  ==========================================
``{"$class": "handgrad.Linear", ...}``               an object, and its arguments; a class that is
                                                     not handgrad's goes by its bare name
``{"$same": "model/components/0"}``                  the very object that stands at that path
``{"$generator": {"bit_generator": "PCG64", ...}}``  a `numpy.random.Generator`, with its state
``{"$array": [...], "dtype": ..., "shape": ...}``    an array, its entries in one row
``{"$array": "training/velocity"}``                  an array, as the tensor of that name
``{"$list": "training/history/loss"}``               a long list of numbers, as a tensor
``{"$tuple": [...]}``                                a tuple
``{"$float": "inf"}``                                a float that is not finite
``{"$dtype": "float32"}``                            a data type
``{"$$key": ...}``                                   a dict with a key that does begin with ``$``
===================================================  ==========================================

What is written keeps to the bounds below, and what is read is refused beyond them, so that a file
made to harm takes neither long nor much memory.
"""

from __future__ import annotations

import inspect
from functools import cache
from importlib import import_module
from types import ModuleType

from handgrad.errors import CheckpointError, shorten

__all__ = [
    "DTYPES",
    "MOST_OBJECTS",
    "counted",
    "damaged",
    "exported_classes",
    "join",
    "public_classes",
]

MOST_OBJECTS = 8192
"""So many objects there may be, each counted wherever it stands, as a walk over them meets it."""

_DEEPEST = 128  # lists and dicts in one another; a model in a model is two
_LONGEST_PATH = 1000  # characters

DTYPES = {"bool": "BOOL"} | {
    f"{name}{bits}": f"{name[0].upper()}{bits}"
    for name, least in (("int", 8), ("uint", 8), ("float", 16))
    for bits in (8, 16, 32, 64)
    if bits >= least
}
"""The types that an array may have, and what safetensors calls them."""

_PACKAGES = ("activations", "layers", "losses", "model", "optimizers", "optimizers.schedules")


@cache
def public_classes() -> dict[str, type]:
    """Return handgrad's own classes that a description may name, by their names.

    They are all that the packages of components, losses, optimizers and schedules export.
    """
    modules = [import_module(f"handgrad.{name}") for name in _PACKAGES]
    return {f"handgrad.{cls.__name__}": cls for m in modules for cls in exported_classes(m)}


def exported_classes(module: ModuleType) -> list[type]:
    """Return the classes that a module exports and of which there can be objects.

    Parameters
    ----------
    module
        The module.

    Examples
    --------
    >>> from handgrad import losses
    >>> [cls.__name__ for cls in exported_classes(losses)][:2]
    ['CrossEntropy', 'MSELoss']
    """
    exported = (getattr(module, name) for name in module.__all__)
    return [cls for cls in exported if isinstance(cls, type) and not inspect.isabstract(cls)]


def join(path: str, key: object) -> str:
    """Return the path of what stands under `key` in what stands at `path`.

    It is refused where it is too long, as that of what holds itself would be in the end.
    """
    step = key if isinstance(key, int) else str(key).replace("~", "~0").replace("/", "~1")
    joined = f"{path}/{step}" if path else f"{step}"
    if len(joined) > _LONGEST_PATH or joined.count("/") > _DEEPEST:
        raise CheckpointError(
            f"a value that holds itself, or is nested too deeply, at {shorten(joined)!r}",
            f"at most {_DEEPEST} levels, and names of {_LONGEST_PATH} characters in all",
            "store a name in place of what stands further up",
        )
    return joined


def counted(objects: int) -> int:
    """Return how many objects there are, if they are not too many."""
    if objects > MOST_OBJECTS:
        raise CheckpointError(
            f"more than {MOST_OBJECTS} objects, each counted wherever it stands",
            "at most so many",
            "use what is repeated in a loop of a component of your own",
        )
    return objects


def damaged(what: object) -> CheckpointError:
    """Return the error for what cannot have been written like this."""
    return CheckpointError(
        f"a damaged checkpoint: {shorten(what)}",
        "what handgrad has written, unchanged",
        "take an older copy, or train anew",
    )
