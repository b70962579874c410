"""Containers: residual blocks, and components side by side."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from handgrad.activations import ReLU, Sigmoid
from handgrad.arguments import Array
from handgrad.checking.cases.case import (
    Case,
    Generator,
    Symbols,
    Wrong,
    below,
    ends,
    errors_of_components,
    normal,
)
from handgrad.checking.cases.layers import build_linear
from handgrad.checking.cases.normalization import build as build_norm
from handgrad.checking.invariants import independent_of_the_batch
from handgrad.containers import Parallel, Residual
from handgrad.errors import ArgumentError, ShapeError
from handgrad.layers import BatchNorm, Dropout, Embedding, Linear
from handgrad.model import Model

__all__ = ["CASES"]


def torch_residual(torch: Any, residual: Any, x: Any, p: Any) -> Any:
    return p["inner"](x) + (p["shortcut"](x) if "shortcut" in p else x)


def torch_parallel(torch: Any, parallel: Any, x: Any, p: Any) -> Any:
    outputs = [p[str(b)](x) for b in range(len(parallel.components))]
    return sum(outputs) if parallel.combine == "sum" else torch.cat(outputs, dim=-1)


def build_block(rng: Generator) -> Residual:
    """Make a block with buffers and random numbers in it."""
    first, second = build_linear(5, 3)(rng), build_linear(3, 5)(rng)
    norm = build_norm(BatchNorm, 3)(rng)
    return Residual(Model([first, norm, Sigmoid(), Dropout(second, 0.3, rng=rng)]))


def build_projection(rng: Generator) -> Residual:
    first = Model([build_linear(5, 3)(rng), Sigmoid()])
    return Residual(first, Model([build_linear(5, 3)(rng), build_norm(BatchNorm, 3)(rng)]))


def build_shared(rng: Generator) -> Residual:
    layer = build_linear(5, 5)(rng)
    return Residual(Model([layer, Sigmoid()]), layer)


def build_branches(combine: str, rng: Generator) -> Parallel:
    """Make branches of different widths, which a sum brings to one."""
    widths = (3, 3, 3) if combine == "sum" else (3, 2, 5)
    layers = [build_linear(5, K)(rng) for K in widths]
    norm = build_norm(BatchNorm, widths[2])(rng)
    return Parallel([Model([layers[0], Sigmoid()]), layers[1], Model([layers[2], norm])], combine)


def build_of_indices(rng: Generator) -> Parallel:
    """Make what looks up one index in two tables."""
    return Parallel([Embedding(7, 3, rng=rng), Embedding(7, 2, rng=rng)], "concatenate")


def build_twice(rng: Generator) -> Parallel:
    layer = build_linear(5, 3)(rng)
    return Parallel([layer, Model([layer, Sigmoid()])])


def small_residual(shortcut: bool, symbols: Symbols) -> tuple[Residual, Array]:
    inner = Model([Linear(2, 2), Sigmoid()])
    return Residual(inner, Linear(2, 2) if shortcut else None), symbols("x", 1, 2)


def small_parallel(combine: str, symbols: Symbols) -> tuple[Parallel, Array]:
    return Parallel([Linear(2, 2), Sigmoid()], combine), symbols("x", 2, 2)


_residual_errors: Wrong = (
    *errors_of_components[:4],
    (lambda f: f(np.ones((2, 4))), ShapeError),
    (lambda f: Residual(np.ones), ArgumentError),
    (lambda f: Residual(ReLU), ArgumentError),
    (lambda f: Residual(ReLU(), 2), ArgumentError),
    (lambda f: Residual(Embedding(5, 3)), ArgumentError),
    (lambda f: Residual(Embedding(5, 3), Linear(1, 3)), ArgumentError),
    (lambda f: Residual(Linear(3, 2))(np.ones((2, 3))), ShapeError),
    (lambda f: Residual(Linear(3, 1))(np.ones((2, 3))), ShapeError),  # which NumPy would broadcast
    (lambda f: Residual(Linear(3, 2)).output_shape((..., 3)), ShapeError),
    (lambda f: Residual(Linear(3, 2), Linear(3, 4)).output_shape((...,)), ShapeError),
)
_parallel_errors: Wrong = (
    *errors_of_components[:4],
    (lambda f: f(np.ones((2, 4))), ShapeError),
    (lambda f: type(f)([]), ArgumentError),
    (lambda f: type(f)(3), ArgumentError),
    (lambda f: type(f)([ReLU(), ReLU]), ArgumentError),
    (lambda f: type(f)([ReLU()], combine="mean"), ArgumentError),
    (lambda f: type(f)([Embedding(5, 3), Linear(2, 3)]), ArgumentError),
    (lambda f: type(f)([Linear(3, 2), Linear(3, 4)])(np.ones((2, 3))), ShapeError),
    (lambda f: type(f)([Linear(3, 2), Linear(3, 4)]).output_shape((...,)), ShapeError),
)

residual = partial(Case, Residual, x=normal(3, 5), twin=torch_residual)
parallel = partial(Case, Parallel, x=normal(3, 5), twin=torch_parallel)

CASES: tuple[Case, ...] = (
    residual(
        "around a model with buffers and dropout",
        build=build_block,
        wrong=_residual_errors,
        extreme=ends(3, 5, size=1e100),
        proof=partial(small_residual, False),
    ),
    residual("with a shortcut", build=build_projection, proof=partial(small_residual, True)),
    residual(
        "whose shortcut is the layer inside",
        build=build_shared,
        x=normal(2, 3, 5),
        invariants=(independent_of_the_batch,),
    ),
    parallel(
        "sum",
        build=partial(build_branches, "sum"),
        wrong=_parallel_errors,
        extreme=ends(3, 5, size=1e100),
        proof=partial(small_parallel, "sum"),
    ),
    parallel(
        "concatenate",
        build=partial(build_branches, "concatenate"),
        x=normal(2, 3, 5),
        proof=partial(small_parallel, "concatenate"),
    ),
    parallel(
        "of one layer at two depths", build=build_twice, invariants=(independent_of_the_batch,)
    ),
    parallel(
        "of indices",
        build=build_of_indices,
        x=below(7, 5, 2),
        invariants=(independent_of_the_batch,),
    ),
)
