"""Convolutions, pools, and what makes a row of numbers of an image."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.checking.arrays import same
from handgrad.checking.cases.case import (
    Case,
    Generator,
    Sampler,
    Symbols,
    Wrong,
    ends,
    errors_of_components,
    normal,
)
from handgrad.checking.invariants import Invariant, independent_of_the_batch
from handgrad.checking.truth import central_differences
from handgrad.errors import ArgumentError, ShapeError
from handgrad.layers import (
    AvgPool2d,
    Conv1d,
    Conv2d,
    Flatten,
    GlobalAveragePool,
    GlobalMaxPool,
    MaxPool2d,
)

__all__ = ["CASES"]


def build(cls: type, *sizes: Any, **options: Any) -> Callable[[Generator], Any]:
    """Make convolutions whose biases are as large as their inputs, so that no error is small."""
    return lambda rng: cls(*sizes, rng=rng, bias_init="normal", **options)


def apart(*shape: int) -> Sampler:
    """Draw numbers of both signs, no two closer than 0.1, so that no maximum is tied."""
    size = int(np.prod(shape))
    return lambda rng: 0.1 * (rng.permutation(size).reshape(shape) - size // 2)


# ------------------------------------------------------------------------------------------ twins


def torch_convolution(torch: Any, conv: Any, x: Any, p: Any) -> Any:
    """Put the channels where PyTorch has them, and back."""
    convolve = {1: torch.conv1d, 2: torch.conv2d}[len(conv.kernel_size)]
    weights = p["weights"].movedim((-1, -2), (0, 1)).contiguous()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that "same" and an even kernel take a copy
        y = convolve(
            x.movedim(-1, 1), weights, p.get("bias"), stride=conv.stride, padding=conv.padding,
            dilation=conv.dilation, groups=conv.groups,
        )  # fmt: skip
    return y.movedim(1, -1)


def torch_max_pool(torch: Any, pool: Any, x: Any, p: Any) -> Any:
    y = torch.nn.functional.max_pool2d(
        x.movedim(-1, 1), pool.kernel_size, pool.stride, pool.padding
    )
    return y.movedim(1, -1)


def torch_average_pool(torch: Any, pool: Any, x: Any, p: Any) -> Any:
    y = torch.nn.functional.avg_pool2d(
        x.movedim(-1, 1), pool.kernel_size, pool.stride, pool.padding
    )
    return y.movedim(1, -1)


def torch_global_average(torch: Any, pool: Any, x: Any, p: Any) -> Any:
    return x.flatten(1, -2).mean(1)


def torch_global_max(torch: Any, pool: Any, x: Any, p: Any) -> Any:
    return x.flatten(1, -2).max(1).values


def torch_flatten(torch: Any, flatten: Any, x: Any, p: Any) -> Any:
    return torch.flatten(x, 1)


# ------------------------------------------------------------------------------------- invariants


def moves_with_its_input(layer: Any, x: Array, against: Any, rng: Generator) -> str | None:
    """Ask whether an input that is moved by the stride moves the output by one."""
    outside = -np.inf if isinstance(layer, MaxPool2d) else 0.0
    for axis, stride in enumerate(layer.stride, 1):
        room = np.full_like(np.take(x, [0] * stride, axis), outside)
        y, moved = (layer.apply(np.concatenate(both, axis))[0] for both in ([x, room], [room, x]))
        if not same(np.delete(y, -1, axis), np.delete(moved, 0, axis), 1e-12):
            return f"an input that is moved along axis {axis} does more than move the output"
    return None


def affine_in_its_input(layer: Any, x: Array, against: Any, rng: Generator) -> str | None:
    """Ask whether f(x + z) + f(0) = f(x) + f(z)."""
    z = rng.standard_normal(x.shape)
    added, zero, first, second = (layer.apply(a)[0] for a in (x + z, 0 * x, x, z))
    return None if same(added + zero, first + second, 1e-12) else "it is not affine in its input"


def first_of_equals(pool: Any, x: Array, against: Array, rng: Generator) -> str | None:
    """Ask whether of equal entries the first that a window sees gets the gradient."""
    y, saved = pool.apply(np.ones_like(x))
    dx = pool.pullback(against, saved)[0]
    expected = np.zeros_like(x)
    if isinstance(pool, MaxPool2d):
        for h, w in np.ndindex(y.shape[1:3]):
            corner = np.subtract(np.multiply((h, w), pool.stride), pool.padding).clip(0)
            expected[:, *corner] += against[:, h, w]
    else:
        expected.reshape(len(x), -1, x.shape[-1])[:, 0] = against
    return (
        None if same(dx, expected, 1e-12) and (y == 1).all() else "the first of equals gets not all"
    )


# ------------------------------------------------------------------------------------------ proofs


def small(layer: Any, *shape: int) -> Callable[[Symbols], tuple[Any, Array]]:
    """Make a layer and an input that are small enough to be written out."""
    return lambda symbols: (layer, symbols("x", *shape))


def in_some_order(layer: Any, *shape: int) -> Callable[[Symbols], tuple[Any, Array]]:
    """Make an input whose order is known: numbers that grow, at shuffled places."""

    def make(symbols: Symbols) -> tuple[Any, Array]:
        size = int(np.prod(shape))
        growing = symbols("gap", size, positive=True).cumsum()
        return layer, growing[np.random.default_rng(0).permutation(size)].reshape(shape)

    return make


# ------------------------------------------------------------------------------------ wrong inputs

_errors_of_images: Wrong = (
    *errors_of_components[:4],
    (lambda f: f(np.ones((5, 4, 3))), ShapeError),  # without a minibatch
    (lambda f: f(np.ones((2, 1, 0, 3))), ShapeError),
    (lambda f: (f(np.ones((2, 7, 7, 3))), f.grad(np.ones((2, 7, 7, 3)))), ShapeError),
)
_errors_of_convolutions: Wrong = (
    (lambda f: setattr(f, "weights", np.ones(3)), ShapeError),
    (lambda f: type(f)(3, 2, 0), ArgumentError),
    (lambda f: type(f)(3, 2, 2.5), ArgumentError),
    (lambda f: type(f)(3, 2, True), ArgumentError),
    (lambda f: type(f)(3, 2, (3, 3, 3)), ArgumentError),
    (lambda f: type(f)(0, 2, 3), ArgumentError),
    (lambda f: type(f)(3, 2, 3, stride=0), ArgumentError),
    (lambda f: type(f)(3, 2, 3, padding=-1), ArgumentError),
    (lambda f: type(f)(3, 2, 3, padding="valid"), ArgumentError),
    (lambda f: type(f)(3, 2, 3, 2, padding="same"), ArgumentError),
    (lambda f: type(f)(3, 2, 3, dilation=0), ArgumentError),
    (lambda f: type(f)(4, 6, 3, groups=4), ArgumentError),
    (lambda f: type(f)(4, 6, 3, groups=3), ArgumentError),
    (lambda f: type(f)(3, 2, 3, bias="no"), ArgumentError),
    (lambda f: setattr(type(f)(3, 2, 3, bias=False), "bias", np.ones(2)), ArgumentError),
    (lambda f: type(f)(3, 2, 3, dtype=int), ArgumentError),
)
_errors_of_pools: Wrong = (
    *_errors_of_images,
    (lambda f: type(f)(0), ArgumentError),
    (lambda f: type(f)("2"), ArgumentError),
    (lambda f: type(f)(2, -1), ArgumentError),
    (lambda f: type(f)(3, padding=2), ArgumentError),
    (lambda f: type(f)((2, 3), padding=(1, 2)), ArgumentError),
    (lambda f: f.output_shape((..., 1, None, 3)), ShapeError),
)
_errors_of_global_pools: Wrong = (
    *errors_of_components[:4],
    (lambda f: f(np.ones((2, 3))), ShapeError),
    (lambda f: (f(np.ones((2, 5, 3))), f.grad(np.ones((2, 5, 3)))), ShapeError),
)

# -------------------------------------------------------------------------------------------- rows

_of_linear: tuple[Invariant, ...] = (independent_of_the_batch, affine_in_its_input)
_of_windows = (*_of_linear, moves_with_its_input)
_of_maxima = (independent_of_the_batch, first_of_equals)


def convolution(
    about: str, cls: type, sizes: tuple[Any, ...], x: tuple[int, ...], **more: Any
) -> Case:
    """Return a row: its constructor's arguments and the input's shape; the rest are options."""
    row: dict[str, Any] = {
        name: more.pop(name) for name in ("wrong", "extreme", "proof") if name in more
    }
    row |= {"invariants": _of_windows, "seeds": (0, 1, 2) if "wrong" in row else (0,)}
    return Case(cls, about, build(cls, *sizes, **more), normal(*x), torch_convolution, **row)


def pools(
    about: str, sizes: tuple[Any, ...], x: tuple[int, ...], first: bool = False
) -> tuple[Case, Case]:
    """Return a row for each kind of pool, with the errors and the proof where it is the first."""
    seeds = (0, 1, 2) if first else (0,)
    average = Case(
        AvgPool2d,
        about,
        lambda rng: AvgPool2d(*sizes),
        normal(*x),
        torch_average_pool,
        invariants=_of_windows,
        wrong=_errors_of_pools if first else (),
        extreme=ends(*x, size=1e300),
        proof=small(AvgPool2d((2, 3), 1, (1, 0)), 1, 2, 3, 2) if first else None,
        seeds=seeds,
    )
    largest = Case(
        MaxPool2d,
        about,
        lambda rng: MaxPool2d(*sizes),
        apart(*x),
        torch_max_pool,
        truth=central_differences,
        invariants=(*_of_maxima, moves_with_its_input),
        wrong=_errors_of_pools if first else (),
        extreme=ends(*x, size=1e300),
        proof=in_some_order(MaxPool2d((2, 3), 1), 1, 3, 4, 1) if first else None,
        seeds=seeds,
    )
    return average, largest


_positions = (("images", (2, 3, 4, 5)), ("sequences", (3, 7, 2)))

CASES: tuple[Case, ...] = (
    convolution(
        "as many windows as entries",
        Conv2d,
        (3, 2, 3),
        (2, 5, 4, 3),
        padding="same",
        wrong=(
            *_errors_of_images,
            *_errors_of_convolutions,
            (lambda f: f(np.ones((2, 3, 5, 4))), ShapeError),  # channels second
            (lambda f: f.output_shape((None, 5, 4, 2)), ShapeError),
            (lambda f: f.output_shape((..., 3, 5, 5, 4, 3)), ShapeError),
            (lambda f: Conv2d(3, 2, (4, 2)).output_shape((..., 3, None, 3)), ShapeError),
        ),
        extreme=ends(2, 5, 4, 3, size=1e100),
        proof=small(Conv2d(2, 2, (2, 3), padding=1), 1, 2, 2, 2),
    ),
    convolution("strides that do not divide", Conv2d, (2, 3, (3, 2), (2, 3)), (2, 6, 6, 2)),
    convolution("padding of more than the kernel", Conv2d, (2, 3, (2, 3), 1, (3, 4)), (2, 3, 2, 2)),
    convolution("kernel of 1, one channel", Conv2d, (1, 3, 1), (2, 3, 5, 1)),
    convolution("one output channel", Conv2d, (2, 1, (1, 2)), (2, 3, 4, 2)),
    convolution("groups", Conv2d, (4, 6, (2, 3)), (2, 4, 3, 4), groups=2, dilation=(2, 1)),
    convolution("groups of one channel", Conv2d, (3, 6, 2, 1, 1), (2, 3, 4, 3), groups=3),
    convolution(
        "an even kernel, as many windows as entries, no bias",
        Conv2d,
        (2, 3, (2, 4)),
        (2, 3, 4, 2),
        padding="same",
        bias=False,
    ),
    convolution(
        "everything at once",
        Conv2d,
        (2, 4, (3, 2), (2, 1), (1, 2)),
        (2, 5, 4, 2),
        dilation=(2, 3),
        groups=2,
        proof=small(Conv2d(2, 4, (1, 2), (1, 2), (0, 2), dilation=2, groups=2), 1, 2, 3, 2),
    ),
    convolution(
        "as many windows as entries",
        Conv1d,
        (3, 2, 3),
        (2, 5, 3),
        padding="same",
        wrong=(
            *errors_of_components[:4],
            *_errors_of_convolutions,
            (lambda f: f(np.ones((5, 3))), ShapeError),  # without a minibatch
            (lambda f: f(np.ones((2, 3, 5))), ShapeError),  # channels second
            (lambda f: Conv1d(3, 2, 4).output_shape((None, 3, 3)), ShapeError),
            (lambda f: (f(np.ones((2, 5, 3))), f.grad(np.ones((2, 4, 2)))), ShapeError),
        ),
        extreme=ends(2, 5, 3, size=1e100),
        proof=small(Conv1d(2, 2, 2, padding="same"), 1, 3, 2),
    ),
    convolution("everything at once", Conv1d, (4, 6, 3, 2, 3), (2, 8, 4), dilation=2, groups=2),
    convolution("groups, no bias", Conv1d, (4, 6, 2), (2, 5, 4), groups=2, bias=False),
    convolution("one step, kernel of 1", Conv1d, (2, 3, 1), (3, 1, 2)),
    *pools("windows of 2x2, which do not divide", (2,), (2, 5, 4, 3), first=True),
    *pools("windows that overlap, padded", (3, 2, 1), (2, 5, 4, 2)),
    *pools("windows that lie apart", ((1, 2), (2, 3)), (2, 4, 5, 2)),
    *(
        Case(
            GlobalAveragePool,
            about,
            lambda rng: GlobalAveragePool(),
            normal(*x),
            torch_global_average,
            invariants=_of_linear,
            wrong=_errors_of_global_pools,
            extreme=ends(*x, size=1e300),
        )
        for about, x in _positions
    ),
    *(
        Case(
            GlobalMaxPool,
            about,
            lambda rng: GlobalMaxPool(),
            apart(*x),
            torch_global_max,
            truth=central_differences,
            invariants=_of_maxima,
            wrong=_errors_of_global_pools,
            extreme=ends(*x, size=1e300),
            proof=in_some_order(GlobalMaxPool(), 1, 2, 2, 2),
        )
        for about, x in _positions
    ),
    *(
        Case(
            Flatten,
            about,
            lambda rng: Flatten(),
            normal(*x),
            torch_flatten,
            invariants=_of_linear,
            wrong=(
                *errors_of_components[:4],
                (lambda f: f(np.ones(3)), ShapeError),
                (lambda f: (f(np.ones((2, 5, 3))), f.grad(np.ones((2, 5, 3)))), ShapeError),
            ),
            extreme=ends(*x, size=1e300),
        )
        for about, x in (*_positions, ("rows", (7, 3)))
    ),
)
