"""Norms, over every form of input."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.checking.arrays import same
from handgrad.checking.cases.case import (
    Case,
    Generator,
    Symbols,
    Wrong,
    ends,
    errors_of_components,
    normal,
)
from handgrad.checking.evaluation import evaluate
from handgrad.checking.invariants import (
    independent_of_the_batch,
    rows_of_the_gradient_sum_to_zero,
)
from handgrad.errors import ArgumentError, ShapeError
from handgrad.layers import BatchNorm, GroupNorm, LayerNorm, RMSNorm

__all__ = ["CASES"]

Norm = BatchNorm | GroupNorm | LayerNorm | RMSNorm


def torch_batch_norm(torch: Any, norm: Any, x: Any, p: Any) -> Any:
    running = p["running_mean"], p["running_variance"]
    rows = x.reshape(-1, x.shape[-1])
    parameters = p.get("gamma"), p.get("beta")
    y = torch.nn.functional.batch_norm(
        rows, *running, *parameters, norm.training, norm.momentum, norm.epsilon
    )
    return y.reshape(x.shape)


def torch_layer_norm(torch: Any, norm: Any, x: Any, p: Any) -> Any:
    axes = norm.features if isinstance(norm.features, tuple) else (norm.features,)
    parameters = p.get("gamma"), p.get("beta")
    return torch.nn.functional.layer_norm(x, axes, *parameters, norm.epsilon)


def torch_group_norm(torch: Any, norm: Any, x: Any, p: Any) -> Any:
    parameters = p.get("gamma"), p.get("beta")
    y = torch.nn.functional.group_norm(x.movedim(-1, 1), norm.num_groups, *parameters, norm.epsilon)
    return y.movedim(1, -1)


def torch_rms_norm(torch: Any, norm: Any, x: Any, p: Any) -> Any:
    axes = norm.features if isinstance(norm.features, tuple) else (norm.features,)
    return torch.nn.functional.rms_norm(x, axes, p.get("gamma"), norm.epsilon)


def build(make: Callable[..., Norm], *sizes: Any, **options: Any) -> Callable[[Generator], Norm]:
    """Make norms with random parameters and, where there are, running statistics."""

    def built(rng: Generator) -> Norm:
        norm = make(*sizes, **options)
        for array in norm.parameters.values():
            array[...] = rng.standard_normal(array.shape)
        for array in norm.buffers.values():
            array[...] = rng.uniform(0.5, 2.0, array.shape)
        return norm

    return built


def evaluating(make: Callable[[Generator], Norm]) -> Callable[[Generator], Norm]:
    return lambda rng: make(rng).eval()


def symbolic(norm: Any, *shape: int) -> Callable[[Symbols], tuple[Any, Array]]:
    """Make the statement for every epsilon, of an input of symbols."""

    def stated(symbols: Symbols) -> tuple[Any, Array]:
        norm.epsilon = symbols("epsilon", positive=True)[()]
        for name in norm.buffers:
            norm.buffers[name] = symbols(name[8:], *norm.buffers[name].shape, positive=True)
        return norm, symbols("x", *shape)

    return stated


def shift_and_scale_are_taken_off(
    norm: Any, x: Array, against: Array, rng: Generator
) -> str | None:
    """Ask whether a x + b gives what x gives, with epsilon in proportion, and its gradient 1/a."""
    other = copy.deepcopy(norm)
    a, b = 2.5, 0.0 if isinstance(norm, RMSNorm) else -3.0
    other.epsilon *= a * a
    mine, moved = evaluate(norm, x, against), evaluate(other, a * x + b, against)
    for name, factor in (("y", 1), ("dx", a), *((f"d{key}", 1) for key in norm.parameters)):
        if not same(factor * moved[name], mine[name], 1e-10, 1.0):
            return f"{name} depends on a shift or a factor of the input"
    return None


def columns_of_the_gradient_sum_to_zero(
    norm: Any, x: Array, against: Array, rng: Generator
) -> str | None:
    """Ask whether the gradient is 0 along a constant that is added to a feature of all rows."""
    dx = evaluate(norm, x, against)["dx"].reshape(-1, x.shape[-1])
    return None if _nothing(dx.sum(axis=0), dx) else "columns of the gradient do not sum to 0"


def groups_of_the_gradient_sum_to_zero(
    norm: Any, x: Array, against: Array, rng: Generator
) -> str | None:
    """Ask whether the gradient is 0 along a constant that is added to a group of a sample."""
    dx = evaluate(norm, x, against)["dx"]
    groups = dx.reshape(len(x), -1, norm.num_groups, x.shape[-1] // norm.num_groups)
    total = groups.sum(axis=(1, 3))
    return None if _nothing(total, dx) else "groups of the gradient do not sum to 0"


def _nothing(total: Array, terms: Array) -> bool:
    return bool(np.abs(total).max() <= 1e-12 * max(1.0, np.abs(terms).max()))


def _errors(shape: tuple[int, ...]) -> Wrong:
    """Return what every norm refuses, of those that take this shape."""
    wide = (*shape[:-1], shape[-1] + 1)
    return (
        *errors_of_components[:4],
        (lambda f: f(np.ones(wide)), ShapeError),
        (lambda f: (f.eval()(np.ones(shape)), f.grad(np.ones(wide))), ShapeError),
        (lambda f: setattr(f, "gamma", np.ones((2, 2))), ShapeError),
        *(
            (lambda f, options=options: type(f)(*_sizes(f), **options), ArgumentError)
            for options in (
                {"epsilon": 0.0},
                {"epsilon": "small"},
                {"affine": 1},
                {"dtype": int},
                {"init": "one"},
            )
        ),
    )


def _sizes(norm: Any) -> tuple[Any, ...]:
    return (norm.num_groups, norm.features) if isinstance(norm, GroupNorm) else (norm.features,)


_batch_errors: Wrong = (
    *_errors((2, 5)),
    (lambda f: f(np.ones((1, 5))), ShapeError),
    (lambda f: f(np.ones(5)), ShapeError),
    (lambda f: type(f)(0), ArgumentError),
    (lambda f: type(f)((2, 3)), ArgumentError),
    (lambda f: type(f)(3, momentum=1.5), ArgumentError),
    (lambda f: type(f)(3, momentum=None), ArgumentError),
)
_layer_errors: Wrong = (
    *_errors((2, 5)),
    (lambda f: type(f)(()), ArgumentError),
    (lambda f: type(f)((3, 0)), ArgumentError),
    (lambda f: type(f)((3, 5))(np.ones((2, 5))), ShapeError),
    (lambda f: type(f)((3, 5))(np.ones(5)), ShapeError),
)
_group_errors: Wrong = (
    *_errors((2, 5, 6)),
    (lambda f: f(np.ones(6)), ShapeError),
    (lambda f: type(f)(4, 6), ArgumentError),
    (lambda f: type(f)(0, 6), ArgumentError),
    (lambda f: type(f)(2, 2.0), ArgumentError),
)


_in_rows = (
    independent_of_the_batch,
    rows_of_the_gradient_sum_to_zero,
    shift_and_scale_are_taken_off,
)

batch_norm = partial(
    Case,
    BatchNorm,
    twin=torch_batch_norm,
    invariants=(columns_of_the_gradient_sum_to_zero, shift_and_scale_are_taken_off),
)
layer_norm = partial(Case, LayerNorm, twin=torch_layer_norm)
group_norm = partial(
    Case,
    GroupNorm,
    twin=torch_group_norm,
    invariants=(
        independent_of_the_batch,
        groups_of_the_gradient_sum_to_zero,
        shift_and_scale_are_taken_off,
    ),
)
rms_norm = partial(
    Case,
    RMSNorm,
    twin=torch_rms_norm,
    invariants=(independent_of_the_batch, shift_and_scale_are_taken_off),
)

CASES: tuple[Case, ...] = (
    batch_norm(
        "two axes",
        build=build(BatchNorm, 5),
        x=normal(7, 5),
        wrong=_batch_errors,
        extreme=ends(7, 5, size=1e150),
        proof=symbolic(BatchNorm(1), 3, 1),
    ),
    batch_norm(
        "in evaluation mode",
        build=evaluating(build(BatchNorm, 5)),
        x=normal(7, 5),
        invariants=(independent_of_the_batch,),
        extreme=ends(7, 5, size=1e150),
        proof=symbolic(BatchNorm(2).eval(), 2, 2),
    ),
    batch_norm(
        "images, another momentum and epsilon",
        build=build(BatchNorm, 3, momentum=0.3, epsilon=0.1),
        x=normal(2, 5, 1, 3),
    ),
    batch_norm("two rows of one feature", build=build(BatchNorm, 1, epsilon=0.1), x=normal(2, 1)),
    batch_norm("without parameters", build=build(BatchNorm, 3, affine=False), x=normal(5, 3)),
    batch_norm(
        "one row in evaluation mode",
        build=evaluating(build(BatchNorm, 3)),
        x=normal(3),
        invariants=(),
    ),
    layer_norm(
        "two axes",
        build=build(LayerNorm, 5),
        x=normal(7, 5),
        invariants=_in_rows,
        wrong=_layer_errors,
        extreme=ends(7, 5, size=1e150),
        proof=symbolic(LayerNorm(3), 2, 3),
    ),
    layer_norm(
        "three axes",
        build=build(LayerNorm, 3, epsilon=0.1),
        x=normal(2, 5, 3),
        invariants=_in_rows,
    ),
    layer_norm(
        "over the last two axes",
        build=build(LayerNorm, (2, 3)),
        x=normal(5, 2, 3),
        invariants=(independent_of_the_batch, shift_and_scale_are_taken_off),
    ),
    layer_norm(
        "one row, without parameters",
        build=build(LayerNorm, 7, affine=False),
        x=normal(7),
        invariants=_in_rows[1:],
    ),
    layer_norm("one feature", build=build(LayerNorm, 1), x=normal(5, 1)),
    group_norm(
        "two groups, three axes",
        build=build(GroupNorm, 2, 6),
        x=normal(2, 5, 6),
        wrong=_group_errors,
        extreme=ends(2, 5, 6, size=1e150),
        proof=symbolic(GroupNorm(2, 4), 1, 2, 4),
    ),
    group_norm(
        "one group, images", build=build(GroupNorm, 1, 5, epsilon=0.1), x=normal(2, 3, 2, 5)
    ),
    group_norm("a group for each channel", build=build(GroupNorm, 3, 3), x=normal(2, 7, 3)),
    group_norm(
        "two axes, without parameters",
        build=build(GroupNorm, 2, 10, affine=False),
        x=normal(3, 10),
    ),
    rms_norm(
        "two axes",
        build=build(RMSNorm, 5),
        x=normal(7, 5),
        wrong=_errors((2, 5)),
        extreme=ends(7, 5, size=1e150),
        proof=symbolic(RMSNorm(3), 2, 3),
    ),
    rms_norm(
        "over the last two axes",
        build=build(RMSNorm, (2, 3), epsilon=0.1),
        x=normal(5, 2, 3),
    ),
    rms_norm(
        "one row, without parameters",
        build=build(RMSNorm, 7, affine=False),
        x=normal(7),
        invariants=(),
    ),
)
