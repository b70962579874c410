"""Which component was the first whose output or gradient was not finite."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from handgrad.arguments import Array, in_short
from handgrad.errors import TrainingError
from handgrad.loss import Loss
from handgrad.model import Model
from handgrad.training.foreign_loss import weighted
from handgrad.walk import buffers, own_arrays, parameters, walk

__all__ = [
    "all_finite",
    "check_parameters",
    "find_culprit",
    "find_unwritten",
    "training_error",
]

_SMALLER = (
    "a smaller learning rate, max_norm=1.0 for the optimizer, or smaller initial weights; "
    "where numbers are near the largest that the type holds, dtype=np.float64"
)
_DATA = "cleaning the data: leave out or fill in what is missing, and standardise the columns"


def all_finite(array: Any) -> bool:
    """Return whether an array holds neither NaN nor infinity."""
    return bool(np.isfinite(array).all())


class _Found(Exception):  # noqa: N818 (a way out of the pass, not an error)
    """What was not finite."""


def find_culprit(
    model: Model, loss: Loss, x: Any, y: Any, weights: Any = None, rows: Array | None = None
) -> tuple[str, str] | None:
    """Run a batch through a copy of a model and back again, and look at every number on the way.

    Return what was not finite and what to try, or None where everything was finite. `rows` are the
    numbers of the batch's rows in the whole set, where they are known.
    """
    columns = x if isinstance(x, tuple) else (x,)
    for name, array in (*(("inputs", c) for c in columns), ("targets", y), ("weights", weights)):
        if array is not None and not all_finite(array):
            row, *others = np.argwhere(~np.isfinite(array))[0]
            place = f"row {row} of the batch" if rows is None else f"row {rows[row]}"
            place += "".join(f", column {i}" for i in others)
            return f"the {name}, at {place} (counted from 0)", _DATA
    model = copy.deepcopy(model)  # whose components are about to be changed
    for place, component in walk(model):
        if component is not model:
            _watch(place, component)
    try:
        out, saved = model.apply(x)
        value, kept = weighted(loss.apply, loss, out, y, weights)
        if not all_finite(value):
            raise _Found(f"the loss, {loss!r}, of outputs up to {np.abs(out).max():.3g}")
        dy = loss.pullback(kept)
        if not all_finite(dy):
            raise _Found(f"the gradient of the loss, {loss!r}")
        model.pullback(dy, saved)
    except _Found as found:
        return str(found), _SMALLER
    return None


def _watch(place: str, component: Any) -> None:
    """Let a component raise `_Found` where what it returns is not finite: the innermost first."""
    apply, pullback = component.apply, component.pullback
    name = f"component {place}, {in_short(component)}"

    def watched_apply(x: Any) -> tuple[Array, Any]:
        y, saved = apply(x)
        if not all_finite(y):
            bad = [k for k, array in own_arrays(component).items() if not all_finite(array)]
            verb = "is" if len(bad) == 1 else "are"
            why = f", whose {' and '.join(bad)} {verb} not finite" if bad else ""
            raise _Found(f"the output of {name}{why}")
        return y, saved

    def watched_pullback(*args: Any, **options: Any) -> tuple[Any, dict[str, Any]]:
        dx, gradients = pullback(*args, **options)
        own = [(key, gradients[key]) for key in own_arrays(component) if key in gradients]
        parts = dx if isinstance(dx, tuple) else (dx,)
        for what, array in (*own, *(("input", part) for part in parts)):
            if array is not None and not all_finite(array):
                raise _Found(f"the gradient of the {what} of {name}")
        return dx, gradients

    component.apply, component.pullback = watched_apply, watched_pullback


def find_unwritten(model: Model, flat: Array) -> tuple[str, str] | None:
    """Return which gradient is not finite although nothing on the way is, and what to try.

    It was offered, and came back with nothing in it.
    """
    for (name, _, _), span in zip(parameters(model), model.layout.spans, strict=True):
        if not all_finite(flat[span.place]):
            mend = "returning from each pullback what the children's pullbacks have returned"
            return f"the gradient of {name}, as it is returned where arrays are offered", mend
    return None


def check_parameters(model: Model, where: str, saved: str) -> None:
    """Raise `TrainingError` where an update has made parameters or buffers that are not finite."""
    held = buffers(model) if model.has_buffers else ()
    if all_finite(model.parameters) and all(all_finite(buffer.array) for buffer in held):
        return
    places = (*parameters(model), *buffers(model))
    place, _, key = next(p.name for p in places if not all_finite(p.array)).rpartition(".")
    raise TrainingError(
        f"{key} of component {place}, {in_short(dict(walk(model))[place])}, that the last update "
        f"in {where} made not finite",
        "parameters that are finite",
        f"try {_SMALLER}; {saved}",
    )


def training_error(
    where: str, value: Any, culprit: tuple[str, str] | None, saved: str
) -> TrainingError:
    """Return the error that stops a training."""
    what, mend = culprit or ("nothing, when the batch was run again", _SMALLER)
    return TrainingError(
        f"a loss of {float(value):.6g} in {where}; the first that was not finite: {what}",
        "a loss and gradients that are finite",
        f"try {mend}; {saved}",
    )
