"""One way to ask any component, model or loss for its output and its gradients, by name.

The names are ``y`` for the output, ``dx`` for the gradient with respect to the input (of a loss:
the predictions), and ``d`` before a parameter's name for its own: ``dweights``, or ``d0.weights``
for the weights of component 0 of a model.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import numpy.typing as npt

from handgrad.checking.truth import Truth, repeatable
from handgrad.component import Array, Component
from handgrad.loss import Loss
from handgrad.walk import named_gradients as gradients_by_name
from handgrad.walk import parameters as named_parameters

__all__ = [
    "Subject",
    "cast",
    "evaluate",
    "named_gradients",
    "numerical_gradients",
]

Subject = Component | Loss


def named_gradients(subject: Subject, gradients: Any) -> dict[str, Array]:
    """Return the gradients that a pullback returns, each with its name.

    Examples
    --------
    >>> from handgrad import Linear
    >>> list(named_gradients(Linear(2, 3), {"weights": np.ones((2, 3))}))
    ['dweights']
    """
    return {f"d{name}": g for name, g in gradients_by_name(subject, gradients).items()}


def evaluate(subject: Subject, x: Array, against: Array | None) -> dict[str, Array]:
    """Return the output and all gradients, from one `apply` and one `pullback`.

    Parameters
    ----------
    subject
        What is asked.
    x
        The input, or a loss' predictions.
    against
        A loss' targets; else the upstream gradient, of which None gives the output alone.

    Returns
    -------
    dict of str to Array
        The output and the gradients by name.

    Examples
    --------
    >>> from handgrad import ReLU
    >>> evaluate(ReLU(), np.array([1.0, -1.0]), np.array([5.0, 5.0]))
    {'y': array([1., 0.]), 'dx': array([5., 0.])}
    """
    if isinstance(subject, Loss):
        value, saved = subject.apply(x, against)  # type: ignore[arg-type]
        return {"y": np.asarray(value), "dx": subject.pullback(saved)}
    y, saved = subject.apply(x)
    if against is None:
        return {"y": y}
    dx, gradients = subject.pullback(against, saved)
    return {"y": y, "dx": dx, **named_gradients(subject, gradients)}  # type: ignore[dict-item]


def numerical_gradients(
    subject: Subject, x: Array, against: Array, truth: Truth
) -> dict[str, Array]:
    """Return the gradients that `evaluate` returns, differentiated numerically.

    A parameter is varied by putting another array into the dict that holds it, so its type may
    become complex for a while; afterwards everything is as it was.

    Examples
    --------
    >>> from handgrad import Sigmoid
    >>> from handgrad.checking import complex_step
    >>> numerical_gradients(Sigmoid(), np.zeros(1), np.full(1, 8.0), complex_step)
    {'dx': array([2.])}
    """
    dy: Any = 1.0 if isinstance(subject, Loss) else against

    def forward(x: Array) -> Any:
        return (subject.apply(x, against) if isinstance(subject, Loss) else subject.apply(x))[0]

    output = repeatable(forward, subject)

    gradients = {"dx": truth(output, x, dy)}
    for name, parameters, key in named_parameters(subject):
        original = parameters[key]

        def varied(array: Array, parameters: Any = parameters, key: str = key, x: Array = x) -> Any:
            parameters[key] = array
            # A complex parameter beside real numbers would be cut to its real part on the way.
            return output(x.astype(array.dtype))

        try:
            gradients[f"d{name}"] = truth(varied, original, dy)
        finally:
            parameters[key] = original
    return gradients


def cast(subject: Subject, dtype: npt.DTypeLike) -> Subject:
    """Return a copy with parameters of another floating type.

    Examples
    --------
    >>> from handgrad import Linear
    >>> cast(Linear(2, 3), np.float32).weights.dtype
    dtype('float32')
    """
    subject = copy.deepcopy(subject)
    for _, parameters, key in named_parameters(subject):
        parameters[key] = parameters[key].astype(dtype)
    return copy.deepcopy(subject)  # which packs a model's parameters anew
