"""What an argument may be: each check returns what was given in a usable form, or says the mend."""

from __future__ import annotations

import math
from numbers import Real
from operator import index
from typing import Any

import numpy as np
import numpy.typing as npt

from handgrad.errors import ArgumentError, DtypeError, ShapeError

__all__ = [
    "Array",
    "as_floats",
    "as_numbers",
    "in_short",
    "is_real",
    "numbers_or_none",
    "positive_size",
    "real_number",
    "true_or_false",
]

Array = npt.NDArray[Any]
"""An array of real numbers, or of complex ones while a complex step is taken through a formula."""

_COMMON = {np.dtype(np.float32), np.dtype(np.float64)}


def in_short(owner: object) -> str:
    """Return what a message calls `owner`: its repr, unless that is a table, as a model's is."""
    text = owner if isinstance(owner, str) else repr(owner)
    return f"a {type(owner).__name__}" if "\n" in text else text


def as_numbers(value: npt.ArrayLike, role: str, owner: object) -> Array:
    """Return `value` as a non-empty array of numbers, itself where it already is one.

    `role` and `owner` (the "input" of "ReLU()") are for the message only.
    """
    # An array of another library (CuPy's, say) speaks NumPy's protocol, and flows through as it is;
    # a subclass of ndarray does not, since np.matrix means something else by `*`.
    if type(value) is not np.ndarray and (
        isinstance(value, np.ndarray) or not hasattr(value, "__array_function__")
    ):
        if np.ma.is_masked(value):
            raise DtypeError(
                f"an array with masked entries as the {role} of {in_short(owner)}",
                "an array that has a number everywhere",
                "put numbers in their place, for instance with .filled(0.0), or drop those rows",
            )
        if hasattr(value, "toarray"):
            raise DtypeError(
                f"a sparse matrix ({type(value).__name__}) as the {role} of {in_short(owner)}",
                "an array",
                "write x.toarray() where that fits into memory; else give batches, an iterable "
                "that yields (x[rows].toarray(), y[rows]); handgrad.estimators takes it as it is",
            )
        try:
            value = np.asarray(value)
        except (ValueError, TypeError) as error:
            raise ShapeError(
                f"{type(value).__name__} with rows of several lengths as the {role} of "
                f"{in_short(owner)}",
                "a rectangular array of numbers",
                "pad or cut the rows to one length"
                + "; where it takes several inputs, they are a tuple" * isinstance(value, list),
            ) from error
    array: Array = value  # type: ignore[assignment]
    dtype = array.dtype
    if not dtype.isnative:  # as read from a file; some of NumPy's functions refuse it
        array = array.astype(dtype.newbyteorder("="))
    if dtype.kind not in "fiub":
        raise DtypeError(
            f"an array of {dtype} as the {role} of {in_short(owner)}",
            "real numbers (floats, or integers, which become float64)",
            _mend_of(array, role),
        )
    if not array.size:
        raise ShapeError(
            f"an empty array of shape {array.shape} as the {role} of {in_short(owner)}",
            "at least one row and one feature",
            "leave empty minibatches out",
        )
    return array


def _mend_of(array: Array, role: str) -> str:
    """Return what makes numbers of what an array holds that is none."""
    kind, convert = array.dtype.kind, "convert it, for instance with .astype(np.float64)"
    entries = array.ravel().tolist() if kind == "O" else ()
    if kind in "UST" or any(isinstance(entry, str) for entry in entries):
        try:
            array.astype(np.float64)
        except (TypeError, ValueError):  # they are words
            pass
        else:
            return convert
        if role == "targets":
            return (
                "write names, y = np.unique(y, return_inverse=True): y is indices, of which "
                "names[i] are the classes; handgrad.estimators takes the strings as they are"
            )
        return (
            "it holds strings: make a column for each value, pandas.get_dummies(table, "
            "dtype=float), or leave such columns out, table.select_dtypes('number')"
        )
    if kind in "Mm":
        return "make numbers of it, such as days: (dates - dates.min()) / np.timedelta64(1, 'D')"
    if not all(map(is_real, entries)):
        return "fill in what is missing, or drop those rows; then " + convert
    return convert


def numbers_or_none(value: npt.ArrayLike | None, role: str, owner: object) -> Array | None:
    """Return `value` as `as_numbers` does, or None where it is None."""
    return None if value is None else as_numbers(value, role, owner)


def as_floats(value: npt.ArrayLike, role: str, owner: object) -> Array:
    """Return `value` as `as_numbers` does, integers and booleans converted to float64."""
    if type(value) is np.ndarray and value.dtype in _COMMON and value.size:
        return value  # as in every step of a training
    array = as_numbers(value, role, owner)
    return array if array.dtype.kind == "f" else array.astype(np.float64)


def positive_size(value: object, name: str, owner: str) -> int:
    """Return `value` as an int, or raise `ArgumentError` where it is not a positive integer."""
    try:
        size = 0 if isinstance(value, bool) else index(value)  # type: ignore[arg-type]
    except TypeError:
        size = 0
    if size < 1:
        raise ArgumentError(
            f"{name}={value!r} for {owner}", "a positive integer", "give the size as an int >= 1"
        )
    return size


def real_number(
    value: object,
    name: str,
    owner: str,
    *,
    above: float = -math.inf,
    least: float = -math.inf,
    most: float = math.inf,
) -> float:
    """Return `value` as a float, or raise `ArgumentError` where it is no number within the bounds.

    Examples
    --------
    >>> real_number(1, "beta", "Softplus", above=0)
    1.0
    """
    if not is_real(value) or not (above < value and least <= value <= most):  # type: ignore[operator]
        bounds = [(">", above), (">=", least), ("<=", most)]
        said = [f"{sign} {bound}" for sign, bound in bounds if math.isfinite(bound)]
        raise ArgumentError(
            f"{name}={value!r} for {owner}",
            " ".join(["a finite number", " and ".join(said)]).rstrip(),
            f"give {name} as such a number",
        )
    return float(value)  # type: ignore[arg-type]


def true_or_false(value: object, name: str, owner: str, mend: str) -> bool:
    """Return `value` as a bool, or raise `ArgumentError` where it is none."""
    if not isinstance(value, bool | np.bool_):
        raise ArgumentError(f"{name}={value!r} for {owner}", "True or False", mend)
    return bool(value)


def is_real(value: object) -> bool:
    """Return whether `value` is a finite real number, which a bool is not."""
    if type(value) is float:  # at every step of a training, so without asking an abstract class
        return math.isfinite(value)
    try:
        return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # an int beyond every float
        return False
