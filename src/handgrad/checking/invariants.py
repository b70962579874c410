"""What holds for every right pullback, whatever its formula.

Each invariant is a function (subject, x, against, rng) that returns None where it holds, and
otherwise one sentence that says what was seen. `against` is the upstream gradient, or a loss'
targets.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from handgrad.adapter import ExerciseAdapter
from handgrad.checking.evaluation import (
    Subject,
    cast,
    evaluate,
    named_gradients,
)
from handgrad.checking.truth import repeatable
from handgrad.component import Array, Component, ExerciseLayer
from handgrad.layers import Dropout
from handgrad.loss import Loss
from handgrad.model import Model
from handgrad.walk import parameters as named_parameters

__all__ = [
    "OF_COMPONENTS",
    "OF_LOSSES",
    "Invariant",
    "general",
    "independent_of_the_batch",
    "linear_in_the_upstream_gradient",
    "nothing_is_mutated",
    "one_gradient_for_each_parameter",
    "precision_is_kept",
    "rows_of_the_gradient_sum_to_zero",
    "same_through_the_calls",
    "writes_where_it_is_told",
]

Invariant = Callable[[Any, Array, Array, np.random.Generator], str | None]


def linear_in_the_upstream_gradient(
    subject: Subject, x: Array, against: Array, rng: np.random.Generator
) -> str | None:
    """Ask whether B(ag + h) = a B(g) + B(h), since a pullback is a matrix times its argument."""
    other = rng.standard_normal(against.shape)
    at = repeatable(lambda dy: evaluate(subject, x, dy), subject)
    g, h, both = at(against), at(other), at(-3 * against + other)
    for name in g.keys() - {"y"}:
        if not _close(both[name], -3 * g[name] + h[name]):
            return f"{name} is not linear in the upstream gradient"
    return None


def nothing_is_mutated(
    subject: Subject, x: Array, against: Array, rng: np.random.Generator
) -> str | None:
    """Ask whether two interleaved calls give what they give alone.

    Neither may write to an argument, to what the other saved, or to the component itself.
    """
    arguments = {"the input": x, "the targets or the upstream gradient": against}
    copies = {name: array.copy() for name, array in arguments.items()}
    state = _state(subject)

    # A dropout draws anew for each call: both runs start from one random state.
    run = repeatable(lambda together: _two_calls(subject, x, against, together), subject)
    apart, interleaved = run(False), run(True)

    for name, array in arguments.items():
        if not _same(array, copies[name]):
            return f"{name} was written to"
    if _state(subject) != state:
        return "the component was written to"
    for first, second in zip(apart, interleaved, strict=True):
        if any(not _same(first[name], second[name]) for name in first):
            return "two interleaved calls mix"
    return None


def _two_calls(
    subject: Subject, x: Array, against: Array, together: bool
) -> list[dict[str, Array]]:
    """Return the gradients for two inputs, each pullback after its own apply or after both."""
    inputs, saved, results = (x, 0.5 * np.flip(x)), [], []
    for i, each in enumerate(inputs):
        saved.append(_apply(subject, each, against)[1])
        if not together:
            results.append(_pullback(subject, against, saved[i]))
    if together:
        results = [_pullback(subject, against, kept) for kept in saved]
    return results


def _apply(subject: Subject, x: Array, against: Array) -> tuple[Any, Any]:
    return subject.apply(x, against) if isinstance(subject, Loss) else subject.apply(x)


def _pullback(subject: Subject, against: Array, saved: Any) -> dict[str, Array]:
    if isinstance(subject, Loss):
        return {"dx": subject.pullback(saved)}
    dx, gradients = subject.pullback(against, saved)
    return {"dx": dx, **named_gradients(subject, gradients)}  # type: ignore[dict-item]


def _state(subject: Subject) -> Any:
    """Return what the attributes hold, comparable; generators move on, and may."""
    if isinstance(subject, Model):
        return [_state(component) for component in subject.components]
    parameters = [(name, d[key].tobytes()) for name, d, key in named_parameters(subject)]
    names = {name: id(value) for name, value in vars(subject).items()}
    return parameters, names


def precision_is_kept(
    subject: Subject, x: Array, against: Array, rng: np.random.Generator
) -> str | None:
    """Ask whether float32 gives float32, and the float64 result to float32's precision."""
    exact = repeatable(evaluate, subject)(subject, x, against)
    single = cast(subject, np.float32)
    if not isinstance(subject, Loss):
        against = against.astype(np.float32)
    got = repeatable(evaluate, single)(single, x.astype(np.float32), against)
    for name, array in got.items():
        if array.dtype != np.float32:
            return f"{name} is {array.dtype} where everything given was float32"
        if not _close(array, exact[name], 1e-4):
            return f"{name} in float32 is not what it is in float64"
    return None


def one_gradient_for_each_parameter(
    subject: Subject, x: Array, against: Array, rng: np.random.Generator
) -> str | None:
    """Ask whether every gradient has the shape of what it is the gradient of."""
    got = repeatable(evaluate, subject)(subject, x, against)
    expected = {f"d{name}": d[key].shape for name, d, key in named_parameters(subject)}
    expected |= {"dx": x.shape, "y": got["y"].shape}
    shapes = {name: np.shape(array) for name, array in got.items()}
    if missing := expected.keys() - shapes.keys():
        return f"there is no {' and no '.join(sorted(missing))}"
    if more := shapes.keys() - expected.keys():
        return f"there is {' and '.join(sorted(more))}, but no such parameter"
    for name, shape in shapes.items():
        if shape != expected[name]:
            return f"{name} has the shape {shape} where it should have {expected[name]}"
    return None


def writes_where_it_is_told(
    subject: Subject, x: Array, against: Array, rng: np.random.Generator
) -> str | None:
    """Ask whether `out` is where the gradients go, and `need_dx` changes none of them."""
    assert isinstance(subject, Component)
    saved = repeatable(subject.apply, subject)(x)[1]
    _, fresh = subject.pullback(against, saved)
    _, out = subject.pullback(against, saved)
    offered = named_gradients(subject, out)
    for array in offered.values():
        array.fill(np.nan)
    _, again = subject.pullback(against, saved, False, out)
    given = named_gradients(subject, again)
    for name, new in named_gradients(subject, fresh).items():
        if not _same(new, given[name]):
            return f"{name} differs with out= and need_dx=False"
    return None


def same_through_the_calls(
    subject: Subject, x: Array, against: Array, rng: np.random.Generator
) -> str | None:
    """Ask whether the exercise's calls give what the two methods give."""
    expected = repeatable(evaluate, subject)(subject, x, against)
    shell: Any = copy.deepcopy(subject)
    if isinstance(subject, Loss):
        got = {"y": repeatable(shell, shell)(x, against), "dx": shell.grad()}
    else:
        got = {"y": repeatable(shell, shell)(x)}
        dx = shell.grad(against)
        tree = shell.gradients
        if isinstance(shell, ExerciseLayer):  # it hands out those of the layer that it wraps
            _, dx = dx
            while isinstance(shell, Dropout):
                shell, tree = shell.layer, {"layer": tree}
        got |= {"dx": dx, **named_gradients(subject, tree)}
    for name, array in got.items():
        if not _same(array, expected[name]):
            return f"{name} differs between the calls and the methods"
    return None


def independent_of_the_batch(
    subject: Subject, x: Array, against: Array, rng: np.random.Generator
) -> str | None:
    """Ask whether a row's output and gradient are the same without the rows beside it."""
    assert isinstance(subject, Component)
    together = evaluate(subject, x, against)
    for n in range(len(x)):
        alone = evaluate(subject, x[n : n + 1], against[n : n + 1])
        for name in ("y", "dx"):
            if not _close(alone[name][0], together[name][n]):
                return f"{name} of a row depends on the rows beside it"
    return None


def rows_of_the_gradient_sum_to_zero(
    subject: Subject, x: Array, against: Array, rng: np.random.Generator
) -> str | None:
    """Ask whether the gradient is 0 along a constant, which changes no softmax."""
    dx = evaluate(subject, x, against)["dx"]
    if not np.abs(dx.sum(axis=1)).max() <= 1e-12 * np.abs(dx).max():
        return "rows of the gradient do not sum to 0"
    return None


def _same(a: Array, b: Array) -> bool:
    return np.array_equal(a, b, equal_nan=True)


def _close(a: Array, b: Array, tolerance: float = 1e-10) -> bool:
    return bool(np.abs(a - b).max() <= tolerance * max(1.0, np.abs(b).max()))


OF_LOSSES: tuple[Invariant, ...] = (
    nothing_is_mutated,
    precision_is_kept,
    one_gradient_for_each_parameter,
    same_through_the_calls,
)
"""What `check` asks of every loss, whose upstream gradient is always 1."""

OF_COMPONENTS: tuple[Invariant, ...] = (
    linear_in_the_upstream_gradient,
    *OF_LOSSES,
    writes_where_it_is_told,
)
"""What `check` asks of every component."""

_OF_THE_EXERCISE: tuple[Invariant, ...] = (
    linear_in_the_upstream_gradient,
    one_gradient_for_each_parameter,
    same_through_the_calls,
)
"""Of an object with only the exercise's calls, which keeps its state in itself, in float64."""


def general(subject: Subject) -> tuple[Invariant, ...]:
    """Return what must hold for everything of the subject's kind; a row may ask for more.

    Examples
    --------
    >>> from handgrad import MSELoss
    >>> linear_in_the_upstream_gradient in general(MSELoss())
    False
    """
    if isinstance(subject, Loss):
        return OF_LOSSES
    return _OF_THE_EXERCISE if isinstance(subject, ExerciseAdapter) else OF_COMPONENTS
