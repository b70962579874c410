"""What a reference is given: what its author says, or what its signature suggests."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from handgrad.diagnosis.reference.code import Code, Objects, needed
from handgrad.errors import ArgumentError

__all__ = ["Arguments", "arguments", "inputs_of"]

Arguments = tuple[tuple[Any, ...], dict[str, Any]]
"""The constructor's arguments, and the call's by name."""

NAMES: dict[tuple[int, ...], tuple[str, ...]] = {
    # which of the sizes (N, D, K) an array has, by its name
    (0, 1): ("x", "a", "aprev", "z", "input", "inputs", "inp", "data", "features", "prediction",
             "predictions", "ypred", "yhat", "y", "ytrue", "t", "target", "targets", "h"),
    (1, 2): ("w", "weight", "weights", "kernel", "theta"),
    (2,): ("b", "bias"),
    (1,): ("gamma", "beta", "g", "scale", "shift", "alpha"),
}  # fmt: skip

SIZES = {
    1: ("d", "infeatures", "inputs", "inputsize", "nin", "indim", "inputdim", "inchannels", "din",
        "features", "numfeatures", "dim", "size", "numinputs"),
    2: ("k", "outfeatures", "outputs", "outputsize", "nout", "outdim", "outputdim", "outchannels",
        "dout", "hidden", "hiddensize", "units", "numoutputs", "classes", "numclasses"),
}  # fmt: skip


def arguments(
    code: Code, own: Callable[..., Any] | None, rng: np.random.Generator, sizes: tuple[int, ...]
) -> Arguments:
    """Return what the reference is given in one trial, of sizes N, D and K.

    `own` is the function `inputs(rng)` of the reference's file, or ``NAME_inputs(rng)`` where it is
    for one reference alone. It returns the arguments of the forward pass, as a tuple or by name;
    for a class two of them, those of the constructor first. Without it, the arguments' names say
    what they are, and those with a default are left out.
    """
    if own is None:
        return _suggested(code, rng, sizes)
    made = own(rng)
    constructor: tuple[Any, ...] = ()
    if isinstance(code, Objects):
        constructor, made = _pair(made, code.name)
    made = made if isinstance(made, tuple | Mapping) else (made,)
    try:
        bound = (
            code.signature.bind(**made) if isinstance(made, Mapping) else code.signature.bind(*made)
        )
    except TypeError as error:
        raise ArgumentError(
            f"what {own.__name__}(rng) returns, for {code.name}: {error}",
            f"the arguments of {code.name}{code.signature}",
            f"return them as a tuple or by name; {base_name(code)}_inputs(rng) is for it alone",
        ) from error
    return constructor, dict(bound.arguments)


def inputs_of(code: Code, names: Mapping[str, Any]) -> Callable[..., Any] | None:
    """Return the function of a module that makes the arguments of a reference, None for none."""
    for name in (f"{base_name(code)}_inputs", "inputs"):
        if inspect.isfunction(found := names.get(name)):
            return found
    return None


def base_name(code: Code) -> str:
    """Return what a reference is called, without "forward"."""
    return code.name.replace("_forward", "")


def _pair(made: Any, name: str) -> tuple[tuple[Any, ...], Any]:
    if not (isinstance(made, tuple) and len(made) == 2 and isinstance(made[0], tuple)):
        raise ArgumentError(
            f"{type(made).__name__} from inputs(rng), for the class {name}",
            "two of them: a tuple for the constructor, and the arguments of the call",
            f"return `(in_features, out_features), (x,)`; {name}_inputs(rng) is for it alone",
        )
    return made


def _suggested(code: Code, rng: np.random.Generator, sizes: tuple[int, ...]) -> Arguments:
    """Return arrays and sizes as the names of the arguments suggest."""
    constructor = []
    if isinstance(code, Objects) and code.subject.type.__init__ is not object.__init__:
        for name in needed(code.subject.type.__init__)[1:]:
            place = next((i for i, names in SIZES.items() if _plain(name) in names), None)
            if place is None:
                raise _unknown(name, code)
            constructor.append(sizes[place])
    call = {}
    for name, parameter in code.signature.parameters.items():
        if parameter.default is not inspect.Parameter.empty or parameter.kind in (
            inspect.Parameter.VAR_POSITIONAL,
            inspect.Parameter.VAR_KEYWORD,
        ):
            continue
        which = next((shape for shape, names in NAMES.items() if _plain(name) in names), None)
        if which is None:
            raise _unknown(name, code)
        call[name] = rng.standard_normal([sizes[i] for i in which])
    return tuple(constructor), call


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


def _unknown(name: str, code: Code) -> ArgumentError:
    return ArgumentError(
        f"{code.name} as a reference, with the argument {name}",
        "arguments whose names say what they are, such as x, W, b; or a function inputs(rng) in "
        "the reference's file",
        f"write `def inputs(rng): return ...`, with what {code.name} is to be given in one trial",
    )
