"""Shape arithmetic: what a graph computes of sizes alone, followed with numbers.

A size that is left open is given by a large prime. So a product of sizes tells its factors, and
no size that is written in a file is taken for one that is open.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from handgrad.arguments import Array

__all__ = ["OPEN", "folded"]

OPEN = (10007, 10009, 10037, 10039, 10061, 10067)
"""What stands for a size that is open, an axis each."""
_MOST = 64
"""As many entries as a shape, and what is computed of it, may have."""

Option = Callable[[str, Any], Any]


def folded(operator: str, option: Option, inputs: Sequence[Array | None]) -> Array | None:
    """Return what an operator makes of a few numbers, None where that is not known.

    Examples
    --------
    >>> folded("Gather", lambda name, default: default, [np.array([3, 5]), np.array(1)])
    array(5)
    """
    formula = _FORMULAS.get(operator)
    known = [each for each in inputs if each is not None]
    if formula is None or not known or any(each.size > _MOST for each in known):
        return None
    try:
        with np.errstate(all="ignore"):
            made = np.asarray(formula(option, *inputs))
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return None  # of an input that is not known, or does not fit
    return made if made.dtype.kind in "if" and made.size <= _MOST and made.ndim <= 2 else None


def _slice(option: Option, a: Any, start: Any, end: Any, axes: Any = None, step: Any = None) -> Any:
    if axes is None or axes.reshape(-1).tolist() in ([0], [-1]):
        numbers = [n if n is None else int(n.reshape(())) for n in map(_one, (start, end, step))]
        return a[slice(*numbers)]
    raise ValueError("another axis")


def _one(a: Any) -> Any:
    return None if a is None else a.reshape(-1)[:1] if a.size == 1 else a


def _div(option: Option, a: Any, b: Any) -> Any:
    return a // b if a.dtype.kind == "i" else a / b


def _cast(option: Option, a: Any) -> Any:
    return a.astype({1: "f4", 11: "f8", 6: "i4", 7: "i8"}[option("to", 0)])


def _unsqueeze(option: Option, a: Any, axes: Any) -> Any:
    return np.expand_dims(a, tuple(axes.reshape(-1).tolist()))


def _squeeze(option: Option, a: Any, axes: Any = None) -> Any:
    return a.squeeze(None if axes is None else tuple(axes.reshape(-1).tolist()))


_FORMULAS: Mapping[str, Callable[..., Any]] = {
    "Add": lambda option, a, b: a + b,
    "Cast": _cast,
    "Concat": lambda option, *arrays: np.concatenate(arrays, option("axis", 0)),
    "Div": _div,
    "Gather": lambda option, a, at: np.take(a, at, option("axis", 0)),
    "Identity": lambda option, a: a,
    "Mod": lambda option, a, b: a % b,
    "Mul": lambda option, a, b: a * b,
    "Reciprocal": lambda option, a: 1 / a,
    "Reshape": lambda option, a, shape: a.reshape(shape),
    "Slice": _slice,
    "Sqrt": lambda option, a: np.sqrt(a),
    "Squeeze": _squeeze,
    "Sub": lambda option, a, b: a - b,
    "Unsqueeze": _unsqueeze,
}
