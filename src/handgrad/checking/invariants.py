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
from handgrad.arguments import Array
from handgrad.checking.arrays import Copies, identical, linearity, same
from handgrad.checking.contents import contents, difference, held
from handgrad.checking.evaluation import (
    Subject,
    apply,
    by_name,
    cast,
    evaluate,
    floats_as,
    parts,
    pullback,
)
from handgrad.component import Component, ExerciseLayer
from handgrad.kernels import in_force, using
from handgrad.loss import Loss
from handgrad.modes import evaluating
from handgrad.randomness import repeatable
from handgrad.shapes import shape_text
from handgrad.walk import buffers, named_gradients, own_arrays, parameters, walk

__all__ = [
    "OF_COMPONENTS",
    "OF_LOSSES",
    "Invariant",
    "general",
    "independent_of_the_batch",
    "rows_of_the_gradient_sum_to_zero",
]

Rng = np.random.Generator
Invariant = Callable[[Any, Any, Any, Rng], str | None]


def linear_in_the_upstream_gradient(subject: Any, x: Any, against: Array, rng: Rng) -> str | None:
    """Ask whether B(ag) = a B(g) and B(g + h) = B(g) + B(h): a pullback is a matrix times dy."""
    back = repeatable(lambda dy: evaluate(subject, x, dy), subject)
    other = rng.standard_normal(against.shape)
    seen = linearity(back, against, other)
    for name in seen.g.keys() - {"y"}:
        if not max(seen.errors(name, floor=1.0)) <= 1e-10:
            return f"{name} is not linear in the upstream gradient"
    return None


def nothing_is_mutated(subject: Any, x: Any, against: Any, rng: Rng) -> str | None:
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


def precision_is_kept(subject: Any, x: Any, against: Any, rng: Rng) -> str | None:
    """Ask whether float32 gives float32, and the float64 result to float32's precision."""
    exact = repeatable(evaluate, subject)(subject, x, against)
    single = cast(subject, np.float32)
    if not isinstance(subject, Loss):
        against = against.astype(np.float32)
    got = repeatable(evaluate, single)(single, floats_as(np.float32, x), against)
    for name, array in got.items():
        if array.dtype != np.float32:
            return f"{name} is {array.dtype} where it was given float32"
        if not same(array, exact[name], 1e-4, floor=1.0):
            return f"{name} in float32 is not what it is in float64"
    return None


def one_gradient_for_each_parameter(subject: Any, x: Any, against: Any, rng: Rng) -> str | None:
    """Ask whether every gradient has the shape of what it is the gradient of."""
    got = repeatable(evaluate, subject)(subject, x, against)
    expected = {f"d{place.name}": place.array.shape for place in parameters(subject)}
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


def same_with_every_option(subject: Any, x: Any, against: Any, rng: Rng) -> str | None:
    """Ask whether `need_dx` and `out`, which offers arrays, change no gradient."""
    saved = repeatable(apply, subject)(subject, x, against)[1]
    fresh = pullback(subject, against, saved)
    out = subject.pullback(against, saved)[1]
    for array in named_gradients(subject, out).values():
        array.fill(np.nan)
    for words, options in (("need_dx=False", (False,)), ("out=", (True, out))):
        for name, array in pullback(subject, against, saved, *options).items():
            if not identical(array, fresh[name]):
                return f"{name} differs with {words}"
    return None


def same_through_the_calls(subject: Any, x: Any, against: Any, rng: Rng) -> str | None:
    """Ask whether the exercise's calls give what the methods give, and update the buffers."""
    expected = repeatable(evaluate, subject)(subject, x, against)
    shell: Any = copy.deepcopy(subject)
    if isinstance(subject, Loss):
        got = {"y": np.asarray(repeatable(shell, shell)(x, *against)), "dx": shell.grad()}
    else:
        got = {"y": repeatable(shell, shell)(x)}
        dx = shell.grad(against)
        tree, inner = shell.gradients, shell
        if isinstance(shell, ExerciseLayer):
            weights, dx = dx
            if weights is not None:
                got[next(name for name in expected if name.endswith("weights"))] = weights
            while (
                isinstance(inner, ExerciseLayer) and "layer" in inner.children()
            ):  # it hands out those of the layer that it wraps
                inner, tree = inner.children()["layer"], {"layer": tree}
        got |= {name: part for name, part in by_name(dx).items() if part is not None}
        for name, array in named_gradients(shell, tree).items():
            if not identical(array, expected[f"d{name}"]):
                return f"d{name} differs between the calls and the methods"
        if [*buffers(subject), *buffers(shell)]:
            again = copy.deepcopy(subject)
            if again.training:
                again.update_buffers(repeatable(again.apply, again)(x)[1])
            for mine, theirs in zip(buffers(again), buffers(shell), strict=True):
                if not identical(mine.array, theirs.array):
                    return f"the buffer {mine.name} differs between the calls and the methods"
    for name, array in got.items():
        if not identical(array, expected[name]):
            return f"{name} differs between the calls and the methods"
    return None


def buffers_change_in_their_own_method(subject: Any, x: Any, against: Any, rng: Rng) -> str | None:
    """Ask whether `update_buffers` changes buffers alone, in place, and reaches them all."""
    shell = copy.deepcopy(subject)
    told: set[str] = set()
    owners = {place: c for place, c in walk(shell) if own_arrays(c, "buffers")}
    for place, owner in owners.items():
        vars(owner)["update_buffers"] = _noted(owner.update_buffers, place, told)
    saved = repeatable(shell.apply, shell)(x)[1]
    before, copies = contents(shell), Copies({name: d[key] for name, d, key in buffers(shell)})
    if shell.training:
        shell.update_buffers(saved)
        if missed := sorted(owners.keys() - told):
            return f"update_buffers is not passed on to {', '.join(missed)}"
    copies.put_back()
    if changed := difference(before, contents(shell)):
        return f"update_buffers writes to more than buffers, or not in place: {changed[0]}"
    return None


def _noted(update: Callable[[Any], None], place: str, told: set[str]) -> Callable[[Any], None]:
    def noted(saved: Any) -> None:
        told.add(place)
        update(saved)

    return noted


def children_are_found(subject: Any, x: Any, against: Any, rng: Rng) -> str | None:
    """Ask whether `children` leads to every component that the attributes lead to."""
    known = {id(component) for _, component in walk(subject)}
    for place, thing in held(subject):
        if isinstance(thing, Component) and id(thing) not in known:
            return f"{place} is none of the children, so that it is neither trained nor saved"
    return None


def shape_is_foretold(subject: Any, x: Any, against: Any, rng: Rng) -> str | None:
    """Ask whether `output_shape` says of the output's shape nothing that is not so."""
    y = repeatable(evaluate, subject)(subject, x, None)["y"]
    for leading in (lambda axes: axes, lambda axes: (None,) * len(axes), lambda axes: (...,)):
        shapes = tuple((*leading(part.shape[:-1]), *part.shape[-1:]) for part in parts(x))
        said = subject.output_shape(shapes if isinstance(x, tuple) else shapes[0])
        known = said[1:] if said[:1] == (...,) else said
        seen = y.shape[y.ndim - len(known) :] if said[:1] == (...,) else y.shape
        if len(known) != len(seen) or any(
            a not in (None, b) for a, b in zip(known, seen, strict=True)
        ):
            return f"output_shape says {shape_text(said)} where the output has the shape {y.shape}"
    return None


def evaluation_is_one_mode(subject: Any, x: Any, against: Any, rng: Rng) -> str | None:
    """Ask whether it does in ``with evaluating():`` what it does after `eval`, without chance."""
    expected = evaluate(copy.deepcopy(subject).eval(), x, against)
    with evaluating():
        seen = evaluate(subject, x, against)
    for name, array in seen.items():
        if not identical(array, expected[name]):
            return f"{name} in evaluating() is not what it is after eval(), or left to chance"
    return None


def counts_in_a_mean(loss: Any, x: Any, against: Any, rng: Rng) -> str | None:
    """Ask whether the mean over two minibatches, by what they count, is the mean over both."""
    if not loss.average or not x.ndim or len(x) < 2:
        return None
    value, counted = 0.0, 0.0
    for rows in (slice(None, 1), slice(1, None)):
        given = (x[rows], *(part[rows] for part in against))
        count = loss.count(*given)
        value, counted = value + count * float(loss.apply(*given)[0]), counted + count
    whole = float(loss.apply(x, *against)[0])
    if not abs(value / (counted or 1) - whole) <= 1e-10 * max(1, abs(whole)):
        return "count does not say by how much the value counts in a mean over minibatches"
    return None


def independent_of_the_batch(subject: Any, x: Any, against: Any, rng: Rng) -> str | None:
    """Ask whether a row's output and gradient are the same without the rows beside it."""
    together = evaluate(subject, x, against)
    for n in range(len(against)):
        row = tuple(part[n : n + 1] for part in parts(x))
        alone = evaluate(subject, row if isinstance(x, tuple) else row[0], against[n : n + 1])
        for name in together.keys() & {"y", *by_name(x)}:
            if not same(alone[name][0], together[name][n], 1e-10, floor=1.0):
                return f"{name} of a row depends on the rows beside it"
    return None


def rows_of_the_gradient_sum_to_zero(subject: Any, x: Any, against: Any, rng: Rng) -> str | None:
    """Ask whether the gradient is 0 along a constant, which changes no softmax."""
    dx = evaluate(subject, x, against)["dx"]
    if not np.abs(dx.sum(axis=-1)).max() <= 1e-12 * np.abs(dx).max():
        return "rows of the gradient do not sum to 0"
    return None


def both_forms_agree(subject: Any, x: Any, against: Any, rng: Rng) -> str | None:
    """Ask whether NumPy's form of every kernel gives what the one that is in force gives."""
    run = repeatable(evaluate, subject)
    got = run(subject, x, against)
    with using("numpy"):
        truth = run(subject, x, against)
    for name, array in truth.items():
        if not same(got[name], array, 1e-11, floor=1.0):
            return f"{name} by the compiled loops is not what it is by NumPy"
    return None


_OF_ALL: tuple[Invariant, ...] = (
    nothing_is_mutated,
    precision_is_kept,
    one_gradient_for_each_parameter,
    same_through_the_calls,
)
OF_LOSSES: tuple[Invariant, ...] = (*_OF_ALL, counts_in_a_mean)
"""What `check` asks of every loss, whose upstream gradient is always 1."""

OF_COMPONENTS: tuple[Invariant, ...] = (
    linear_in_the_upstream_gradient,
    *_OF_ALL,
    same_with_every_option,
    buffers_change_in_their_own_method,
    children_are_found,
    shape_is_foretold,
    evaluation_is_one_mode,
)
"""What `check` asks of every component."""

_OF_THE_EXERCISE: tuple[Invariant, ...] = (
    linear_in_the_upstream_gradient,
    one_gradient_for_each_parameter,
    same_through_the_calls,
)
"""Of an object with only the exercise's calls, which keeps its state in itself, in float64."""


def general(subject: Subject) -> tuple[Invariant, ...]:
    """Return what must hold for everything of the subject's kind; a row may ask for more."""
    if isinstance(subject, ExerciseAdapter):
        return _OF_THE_EXERCISE
    asked = OF_LOSSES if isinstance(subject, Loss) else OF_COMPONENTS
    return (*asked, both_forms_agree) if in_force() == "compiled" else asked
