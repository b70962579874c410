"""What holds for every right pullback, whatever its formula.

Each invariant is a function (subject, x, against, rng) that returns None where it holds, and
otherwise one sentence that says what was seen. `against` is the upstream gradient, or a loss'
targets and weights.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from handgrad.adapter import ExerciseAdapter
from handgrad.checking.arrays import Copies, close, identical, linearity
from handgrad.checking.contents import contents, difference
from handgrad.checking.evaluation import (
    Subject,
    apply,
    by_name,
    cast,
    evaluate,
    floats_as,
    named_gradients,
    parts,
    pullback,
)
from handgrad.component import Array, Layer, Loss
from handgrad.model import Model, named_parameters
from handgrad.randomness import repeatable

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
    "same_with_every_option",
]

Invariant = Callable[[Any, Any, Any, np.random.Generator], str | None]


def linear_in_the_upstream_gradient(
    subject: Subject, x: Any, against: Array, rng: np.random.Generator
) -> str | None:
    """Ask whether B(ag) = a B(g) and B(g + h) = B(g) + B(h): a pullback is a matrix times dy."""
    back = repeatable(lambda dy: evaluate(subject, x, dy), subject)
    other = rng.standard_normal(against.shape)
    for name, distances in linearity(back, against, other).items():
        if name != "y" and not max(distances) <= 1e-10:
            return f"{name} is not linear in the upstream gradient"
    return None


def nothing_is_mutated(
    subject: Subject, x: Any, against: Any, rng: np.random.Generator
) -> str | None:
    """Ask whether two interleaved calls give what they give alone.

    Neither may write to an argument, to what the other saved, or to anything that the component
    holds, down to the bytes of its arrays.
    """
    arrays = {f"input {i}": part for i, part in enumerate(parts(x))}
    role = "target" if isinstance(subject, Loss) else "upstream gradient"
    arrays |= {f"{role} {i}": part for i, part in enumerate(parts(against))}
    copies, before = Copies(arrays), contents(subject)

    # A dropout draws anew for each call: both runs start from one random state.
    run = repeatable(lambda together: _two_calls(subject, x, against, together), subject)
    apart, interleaved = run(False), run(True)

    if written := copies.written():
        return f"the {written[0].removesuffix(' 0')} was written to"
    if changed := difference(before, contents(subject)):
        return f"the component was written to: {', '.join(changed[:3])}"
    for first, second in zip(apart, interleaved, strict=True):
        if any(not identical(first[name], second[name]) for name in first):
            return "two interleaved calls mix"
    return None


def _two_calls(subject: Subject, x: Any, against: Any, together: bool) -> list[dict[str, Array]]:
    """Return the gradients for two inputs, each pullback after its own apply or after both."""
    flipped = [0.5 * np.flip(a) if a.dtype.kind == "f" else np.flip(a) for a in parts(x)]
    inputs = (x, tuple(flipped) if isinstance(x, tuple) else flipped[0])
    saved, results = [], []
    for i, each in enumerate(inputs):
        saved.append(apply(subject, each, against)[1])
        if not together:
            results.append(pullback(subject, against, saved[i]))
    if together:
        results = [pullback(subject, against, kept) for kept in saved]
    return results


def precision_is_kept(
    subject: Subject, x: Any, against: Any, rng: np.random.Generator
) -> str | None:
    """Ask whether float32 gives float32, and the float64 result to float32's precision."""
    exact = repeatable(evaluate, subject)(subject, x, against)
    single = cast(subject, np.float32)
    if not isinstance(subject, Loss):
        against = against.astype(np.float32)
    got = repeatable(evaluate, single)(single, floats_as(np.float32, x), against)
    for name, array in got.items():
        if array.dtype != np.float32:
            return f"{name} is {array.dtype} where everything given was float32"
        if not close(array, exact[name], 1e-4):
            return f"{name} in float32 is not what it is in float64"
    return None


def one_gradient_for_each_parameter(
    subject: Subject, x: Any, against: Any, rng: np.random.Generator
) -> str | None:
    """Ask whether every gradient has the shape of what it is the gradient of."""
    got = repeatable(evaluate, subject)(subject, x, against)
    expected = {f"d{name}": d[key].shape for name, d, key in named_parameters(subject)}
    expected |= {name: a.shape for name, a in by_name(x).items() if a.dtype.kind == "f"}
    expected["y"] = got["y"].shape
    shapes = {name: np.shape(array) for name, array in got.items()}
    if missing := expected.keys() - shapes.keys():
        return f"there is no {' and no '.join(sorted(missing))}"
    if more := shapes.keys() - expected.keys():
        return f"there is {' and '.join(sorted(more))}, but nothing of which it is the gradient"
    for name, shape in shapes.items():
        if shape != expected[name]:
            return f"{name} has the shape {shape} where it should have {expected[name]}"
    return None


def same_with_every_option(
    subject: Any, x: Any, against: Any, rng: np.random.Generator
) -> str | None:
    """Ask whether `need_dx` and `out`, which offers arrays, change no gradient."""
    saved = repeatable(apply, subject)(subject, x, against)[1]
    fresh = pullback(subject, against, saved)
    out = subject.pullback(against, saved)[1]
    for _, array in named_gradients(out):
        array.fill(np.nan)
    for words, options in (("need_dx=False", (False,)), ("out=", (True, out))):
        for name, array in pullback(subject, against, saved, *options).items():
            if not identical(array, fresh[name]):
                return f"{name} differs with {words}"
    return None


def same_through_the_calls(
    subject: Subject, x: Any, against: Any, rng: np.random.Generator
) -> str | None:
    """Ask whether the exercise's calls give what the two methods give."""
    expected = repeatable(evaluate, subject)(subject, x, against)
    shell: Any = copy.deepcopy(subject)
    if isinstance(subject, Loss):
        got = {"y": np.asarray(repeatable(shell, shell)(x, *against)), "dx": shell.grad()}
    else:
        got = {"y": repeatable(shell, shell)(x)}
        if isinstance(shell, Model):
            got |= named_gradients(shell.backward(against))
        elif isinstance(shell, Layer):
            weights, got["dx"] = shell.grad(against)
            got |= named_gradients(shell.gradients)
            if weights is not None:
                got["dweights"] = weights
        else:
            got["dx"] = shell.grad(against)
    for name, array in got.items():
        if not identical(array, expected[name]):
            return f"{name} differs between the calls and the methods"
    return None


def independent_of_the_batch(
    subject: Subject, x: Any, against: Any, rng: np.random.Generator
) -> str | None:
    """Ask whether a row's output and gradient are the same without the rows beside it."""
    together = evaluate(subject, x, against)
    for n in range(len(against)):
        row = tuple(part[n : n + 1] for part in parts(x))
        alone = evaluate(subject, row if isinstance(x, tuple) else row[0], against[n : n + 1])
        for name in together.keys() & {"y", *by_name(x)}:
            if not close(alone[name][0], together[name][n]):
                return f"{name} of a row depends on the rows beside it"
    return None


def rows_of_the_gradient_sum_to_zero(
    subject: Subject, x: Any, against: Any, rng: np.random.Generator
) -> str | None:
    """Ask whether the gradient is 0 along a constant, which changes no softmax."""
    dx = evaluate(subject, x, against)["dx"]
    if not np.abs(dx.sum(axis=-1)).max() <= 1e-12 * np.abs(dx).max():
        return "rows of the gradient do not sum to 0"
    return None


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
    same_with_every_option,
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
