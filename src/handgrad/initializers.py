r"""What parameters are before the first step.

Every layer with parameters takes ``init=`` and ``bias_init=``: one of the names below, or a
function ``(shape, rng) -> Array`` of one's own. A layer says of each array how many inputs each
output sums over, its *fan-in*, and how many outputs each input reaches, its *fan-out*.

====================  ==================================================================
name                  entries
====================  ==================================================================
``"exercise"``        0.05 times a standard normal variable, whatever the sizes
``"he"``              normal, variance 2 / fan-in: for ReLU and its kin
``"he_uniform"``      uniform with that variance, on :math:`\pm\sqrt{6 / \text{fan-in}}`
``"glorot"``          normal, variance 2 / (fan-in + fan-out): for tanh, sigmoid, softmax
``"glorot_uniform"``  uniform with that variance
``"orthogonal"``      a random matrix with orthonormal rows or columns, whichever are fewer
``"normal"``          a standard normal variable
``"zeros"``           0
``"ones"``            1
====================  ==================================================================

**Why the variance matters.** Let the weights of an affine layer be independent, with mean 0 and
variance :math:`v`, and independent of its inputs. Then for a row :math:`x` of :math:`D` inputs,

.. math::
    \operatorname{Var}[y_k] &= \operatorname{Var}\Bigl[\sum_{d=1}^D x_d w_{dk}\Bigr]
        = \sum_{d=1}^D \mathbb{E}[x_d^2] \, \mathbb{E}[w_{dk}^2]
        = D \, v \, \mathbb{E}[x^2].

A ReLU behind it keeps half of the second moment, since :math:`y_k` is symmetric about 0:

.. math::
    \mathbb{E}[\max(y_k, 0)^2] = \tfrac12 \mathbb{E}[y_k^2] = \tfrac12 D \, v \, \mathbb{E}[x^2].

So a layer with its ReLU multiplies the second moment by :math:`\tfrac12 D v`, and :math:`L` of
them by :math:`(\tfrac12 D v)^L`. He's :math:`v = 2 / D` makes the factor 1. With the exercise's
:math:`v = 0.05^2` and a width of :math:`D = 64` it is :math:`0.08`: after ten layers the signal is
:math:`0.08^{10} \approx 10^{-11}` of what it was, the outputs are the biases whatever the input,
and nothing is learned. Backwards the same holds with :math:`K`, the fan-out, in the place of
:math:`D`; Glorot's variance is between the two, without the factor 2 of the ReLU.

References
----------
He, Zhang, Ren and Sun, "Delving deep into rectifiers" (2015), eqs. 5 to 10; Glorot and Bengio,
"Understanding the difficulty of training deep feedforward neural networks" (2010), eq. 16; Saxe,
McClelland and Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep linear neural
networks" (2014), section 3.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from handgrad.arguments import Array
from handgrad.errors import ArgumentError, DtypeError, HandgradError, ShapeError
from handgrad.randomness import check_rng, default_generator

__all__ = [
    "INITIALIZERS",
    "Drawn",
    "Initializer",
    "budget",
    "draw_parameters",
    "floating_type",
]

Initializer = str | Callable[[tuple[int, ...], np.random.Generator], npt.ArrayLike]
"""A name, or a function of the shape and of a generator."""

budget: ContextVar[float] = ContextVar("budget", default=math.inf)
"""How many entries may still be drawn: a description from elsewhere may not ask for any number."""


class Drawn(NamedTuple):
    """How one array is drawn: its shape, by which initializer, and its fans."""

    shape: tuple[int, ...]
    init: Initializer
    fan_in: int
    fan_out: int


def _exercise(source: Any, drawn: Drawn) -> Array:
    return 0.05 * source.standard_normal(drawn.shape)  # type: ignore[no-any-return]


def _normal(source: Any, shape: tuple[int, ...], variance: float) -> Array:
    return np.sqrt(variance) * source.standard_normal(shape)  # type: ignore[no-any-return]


def _uniform(source: Any, shape: tuple[int, ...], variance: float) -> Array:
    limit = np.sqrt(3 * variance)  # a uniform variable on [-a, a] has the variance a * a / 3
    return source.uniform(-limit, limit, shape)  # type: ignore[no-any-return]


def _orthogonal(source: Any, drawn: Drawn) -> Array:
    """Take Q of a normal matrix, with signs that make it uniform over the orthogonal matrices."""
    columns = drawn.shape[-1]
    rows = int(np.prod(drawn.shape[:-1]))
    normal = source.standard_normal((max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(normal)
    q *= np.sign(np.diagonal(r))
    return (q if rows >= columns else q.T).reshape(drawn.shape)


INITIALIZERS: dict[str, Callable[[Any, Drawn], Array]] = {
    "exercise": _exercise,
    "he": lambda source, d: _normal(source, d.shape, 2 / d.fan_in),
    "he_uniform": lambda source, d: _uniform(source, d.shape, 2 / d.fan_in),
    "glorot": lambda source, d: _normal(source, d.shape, 2 / (d.fan_in + d.fan_out)),
    "glorot_uniform": lambda source, d: _uniform(source, d.shape, 2 / (d.fan_in + d.fan_out)),
    "orthogonal": _orthogonal,
    "normal": lambda source, d: source.standard_normal(d.shape),
    "zeros": lambda source, d: np.zeros(d.shape),
    "ones": lambda source, d: np.ones(d.shape),
}
"""The named ones: each takes a source of random numbers and what is to be drawn."""


def draw_parameters(
    wanted: Mapping[str, Drawn],
    owner: str,
    rng: np.random.Generator | None = None,
    dtype: npt.DTypeLike = np.float64,
) -> dict[str, Array]:
    """Return new parameters, drawn in their order; `owner` is for the messages.

    They are drawn from `rng`, or from NumPy's global state where it is None, and in float64
    whatever the type, so that one seed gives one network.
    """
    check_rng(rng, owner)
    made, dtype = {}, floating_type(dtype, owner)
    entries, left = sum(math.prod(map(int, drawn.shape)) for drawn in wanted.values()), budget.get()
    if entries > left:
        raise ArgumentError(
            f"{entries:,} parameters for {owner}",
            f"no more entries than the {left:,} that may still be drawn here",
            "choose smaller sizes",
        )
    budget.set(left - entries)
    for name, drawn in wanted.items():
        try:
            made[name] = _draw(drawn, name, owner, rng).astype(dtype)
        except (MemoryError, OverflowError, ValueError) as error:
            whose = isinstance(error, ValueError) and callable(drawn.init)  # not the sizes'
            if whose or isinstance(error, HandgradError):
                raise
            raise ArgumentError(
                f"{name} of shape {drawn.shape} for {owner}",
                "sizes whose weights fit into memory",
                "choose smaller ones",
            ) from error
    return made


def _draw(drawn: Drawn, name: str, owner: str, rng: np.random.Generator | None) -> Array:
    init = drawn.init
    if isinstance(init, str) and init in INITIALIZERS:
        return INITIALIZERS[init](np.random if rng is None else rng, drawn)
    if isinstance(init, str) or not callable(init):
        raise ArgumentError(
            f"{init!r} as the initializer of the {name} of {owner}",
            f"one of {', '.join(INITIALIZERS)}, or a function of a shape and a generator",
            'write init="he" for a network of ReLUs',
        )
    try:
        array = np.asarray(init(drawn.shape, default_generator() if rng is None else rng))
    except TypeError as error:
        raise ArgumentError(
            f"an error from the initializer of the {name} of {owner}: {error}",
            "a function of a shape and a generator",
            "write def init(shape, rng): return 0.01 * rng.standard_normal(shape)",
        ) from error
    if array.dtype.kind not in "fiu":
        raise DtypeError(
            f"an array of {array.dtype} from the initializer of the {name} of {owner}",
            "one of real numbers",
            "return floats",
        )
    if array.shape != drawn.shape:
        raise ShapeError(
            f"an array of shape {array.shape} from the initializer of the {name} of {owner}",
            f"one of shape {drawn.shape}",
            "return an array of the shape that the function is given",
        )
    return array


def floating_type(dtype: npt.DTypeLike, owner: str) -> np.dtype[Any]:
    """Return a data type, or raise `ArgumentError` where it is not a floating one."""
    try:
        made = np.dtype(dtype)
    except TypeError:
        made = np.dtype(bool)
    if made.kind != "f":
        raise ArgumentError(
            f"dtype={dtype!r} for {owner}", "a floating type", "use np.float64 or np.float32"
        )
    return made
