"""Which component was the first whose output or gradient was not finite."""

from __future__ import annotations

from typing import Any

import numpy as np

from handgrad.component import Array, Component
from handgrad.errors import TrainingError
from handgrad.model import Model

__all__ = ["all_finite", "check_parameters", "find_culprit", "training_error"]

_SMALLER = (
    "a smaller learning rate, max_norm=1.0 for the optimizer, or smaller initial weights; "
    "where numbers are near the largest that the type holds, dtype=np.float64"
)
_DATA = "cleaning the data: leave out or fill in what is missing, and standardise the columns"


def all_finite(array: Any) -> bool:
    """Return whether an array holds neither NaN nor infinity.

    Parameters
    ----------
    array
        The array.

    Examples
    --------
    >>> all_finite(np.array([1.0, 2.0])), all_finite(np.array([1.0, np.nan]))
    (True, False)
    """
    return bool(np.isfinite(array).all())


def find_culprit(
    model: Model, loss: Any, x: Array, y: Any, weights: Any = None, rows: Array | None = None
) -> tuple[str, str] | None:
    """Run a batch through a model and back again, and look at every number on the way.

    Parameters
    ----------
    model
        The model, in the mode in which something was not finite.
    loss
        The loss.
    x, y, weights
        The batch.
    rows
        The numbers of its rows in the whole set, where they are known.

    Returns
    -------
    tuple of str, or None
        What was not finite, and what to try; None where everything was.

    Examples
    --------
    >>> from handgrad import Linear, Model, MSELoss, ReLU
    >>> model = Model([Linear(2, 3), ReLU(), Linear(3, 1)])
    >>> model.components[2].bias = [[np.inf]]
    >>> x, y = np.ones((4, 2)), np.ones((4, 1))
    >>> print(find_culprit(model, MSELoss(), x, y)[0])
    the output of component 2, Linear(3, 1), whose bias is not finite
    """
    for name, array in (("inputs", x), ("targets", y), ("weights", weights)):
        if array is not None and not all_finite(array):
            row, *others = np.argwhere(~np.isfinite(array))[0]
            place = f"row {row} of the batch" if rows is None else f"row {rows[row]}"
            place += "".join(f", column {i}" for i in others)
            return f"the {name}, at {place} (counted from 0)", _DATA
    walk: list[tuple[str, Component, Any]] = []
    out, culprit = _forwards(model, x, "", walk)
    if culprit:
        return culprit, _SMALLER
    value = loss(out, y) if weights is None else loss(out, y, weights)
    if not all_finite(value):
        return f"the loss, {loss!r}, of outputs up to {np.abs(out).max():.3g}", _SMALLER
    dy = loss.grad()
    if not all_finite(dy):
        return f"the gradient of the loss, {loss!r}", _SMALLER
    for name, component, saved in reversed(walk):
        dy, gradients = component.pullback(dy, saved)
        for what, array in (*gradients.items(), ("input", dy)):
            if not all_finite(array):
                return f"the gradient of the {what} of {name}, {component!r}", _SMALLER
    return None


def _forwards(
    model: Model, x: Array, above: str, walk: list[tuple[str, Component, Any]]
) -> tuple[Array, str | None]:
    """Run forwards, adding each component to `walk`, until an output is not finite."""
    for i, component in enumerate(model.components):
        if isinstance(component, Model):
            x, culprit = _forwards(component, x, f"{above}{i}.", walk)
            if culprit:
                return x, culprit
            continue
        name = f"component {above}{i}"
        x, saved = component.apply(x)
        walk.append((name, component, saved))
        if not all_finite(x):
            parameters = getattr(component, "parameters", None) or {}
            bad = [key for key, array in parameters.items() if not all_finite(array)]
            verb = "is" if len(bad) == 1 else "are"
            why = f", whose {' and '.join(bad)} {verb} not finite" if bad else ""
            return x, f"the output of {name}, {component!r}{why}"
    return x, None


def check_parameters(model: Model, where: str, saved: str) -> None:
    """Raise where an update has made parameters that are not finite.

    Parameters
    ----------
    model
        The model.
    where
        The epoch.
    saved
        Where the last good state is.

    Raises
    ------
    TrainingError
        There are some.

    Examples
    --------
    >>> from handgrad import Linear, Model
    >>> check_parameters(Model([Linear(2, 3)]), "epoch 1", "")
    """
    if all_finite(model.parameters):
        return
    i, bad = next(
        (i, component)
        for i, component in enumerate(model.components)
        if not all(all_finite(array) for array in _arrays(component))
    )
    raise TrainingError(
        f"parameters of component {i}, {bad!r}, that the last update in {where} made not finite",
        "parameters that are finite",
        f"try {_SMALLER}; {saved}",
    )


def _arrays(component: Component) -> list[Array]:
    if isinstance(component, Model):
        return [component.parameters]
    return list((getattr(component, "parameters", None) or {}).values())


def training_error(
    where: str, value: Any, culprit: tuple[str, str] | None, saved: str
) -> TrainingError:
    """Return the error that stops a training.

    Parameters
    ----------
    where
        The epoch and the step.
    value
        The loss.
    culprit
        What `find_culprit` found.
    saved
        Where the last good state is.

    Examples
    --------
    >>> print(training_error("epoch 2, step 7", np.inf, ("the loss", "less"), "run"))
    got a loss of inf in epoch 2, step 7; the first that was not finite: the loss
      expected: a loss and gradients that are finite
      to mend it: try less; run
    """
    what, mend = culprit or ("nothing, when the batch was run again", _SMALLER)
    return TrainingError(
        f"a loss of {float(value):.6g} in {where}; the first that was not finite: {what}",
        "a loss and gradients that are finite",
        f"try {mend}; {saved}",
    )
