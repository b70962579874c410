"""One way to ask any component, model or loss for its output and its gradients, by name.

The names are ``y`` for the output, ``dx`` for the gradient with respect to the input (of a loss:
the predictions), or ``dx0``, ``dx1``, ... where the input is a tuple of arrays, and ``d`` before a
parameter's name for its own: ``dweights``, or ``d0.weights`` for the weights of component 0 of a
model. Integers have no gradient. What stands at several places has the sum of their gradients.

What comes after the input is called `against`: the upstream gradient, or a loss' targets and, where
it has them, its weights, as a tuple.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import numpy.typing as npt

from handgrad.arguments import Array
from handgrad.checking.truth import Truth
from handgrad.component import Component
from handgrad.loss import Loss
from handgrad.randomness import Sources
from handgrad.walk import buffers, named_gradients
from handgrad.walk import parameters as parameters_of

__all__ = [
    "Subject",
    "apply",
    "by_name",
    "cast",
    "evaluate",
    "floats_as",
    "numerical_gradients",
    "parts",
    "pullback",
]

Subject = Component | Loss


def parts(x: Any) -> tuple[Array, ...]:
    """Return the arrays of an input, or of what a loss compares with."""
    return x if isinstance(x, tuple) else (x,)


def by_name(x: Any) -> dict[str, Any]:
    """Return the arrays of an input, or of its gradient, by their gradients' names."""
    return {f"dx{i}": part for i, part in enumerate(x)} if isinstance(x, tuple) else {"dx": x}


def floats_as(dtype: npt.DTypeLike, x: Any) -> Any:
    """Return an input with its floating-point arrays in another type, the others as they are."""
    if isinstance(x, tuple):
        return tuple(floats_as(dtype, part) for part in x)
    return x.astype(dtype) if x.dtype.kind == "f" else x


def apply(subject: Subject, x: Any, against: Any) -> tuple[Any, Any]:
    """Return the output and what is saved, of a component or of a loss."""
    return subject.apply(x, *against) if isinstance(subject, Loss) else subject.apply(x)


def pullback(
    subject: Subject, against: Any, saved: Any, need_dx: bool = True, out: Any = None
) -> dict[str, Array]:
    """Return all gradients by name."""
    if isinstance(subject, Loss):
        return {"dx": subject.pullback(saved)}
    dx, gradients = subject.pullback(against, saved, need_dx, out)
    found = {name: part for name, part in by_name(dx).items() if part is not None}
    return found | {f"d{n}": array for n, array in named_gradients(subject, gradients).items()}


def evaluate(subject: Subject, x: Any, against: Any) -> dict[str, Array]:
    """Return the output and all gradients, from one `apply` and one `pullback`.

    Where `against` is None, the output alone.
    """
    y, saved = apply(subject, x, against)
    found = {"y": np.asarray(y)}
    return found if against is None else found | pullback(subject, against, saved)


def numerical_gradients(subject: Subject, x: Any, against: Any, truth: Truth) -> dict[str, Array]:
    """Return the gradients that `evaluate` returns, differentiated numerically.

    A parameter is varied by putting another array into the dict that holds it, so its type may
    become complex for a while; afterwards everything is as it was.
    """
    dy: Any = 1.0 if isinstance(subject, Loss) else against
    sources = Sources(subject)
    states = sources.now()
    apply(subject, x, against)
    states = sources.keep_changed(states)  # those that it draws from: of most components, none

    def forward(x: Any) -> Any:
        y = apply(subject, x, against)[0]
        sources.go_back(states)
        return y

    sources.go_back(states)
    gradients = {}
    for i, (name, part) in enumerate(by_name(x).items()):
        if part.dtype.kind == "f":

            def output(array: Array, i: int = i) -> Any:
                # A complex array beside real ones would be cut to its real part on the way.
                full = [*parts(floats_as(array.dtype, x))]
                full[i] = array
                return forward(tuple(full) if isinstance(x, tuple) else array)

            gradients[name] = truth(output, part, dy)
    for name, holder, key in parameters_of(subject):
        original = holder[key]

        def varied(array: Array, holder: Any = holder, key: str = key) -> Any:
            holder[key] = array
            return forward(floats_as(array.dtype, x))

        try:
            gradients[f"d{name}"] = truth(varied, original, dy)
        finally:
            holder[key] = original
    return gradients


def cast(subject: Subject, dtype: npt.DTypeLike) -> Subject:
    """Return a copy with parameters and buffers of another type, at whatever depth."""
    arrays = [place.array for place in (*parameters_of(subject), *buffers(subject))]
    # What the memo has already is not copied: the copy is made with these arrays in their places.
    memo = {id(array): array.astype(dtype) for array in arrays if array.dtype.kind == "f"}
    return copy.deepcopy(subject, memo)
