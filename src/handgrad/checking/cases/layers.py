"""Linear layers, and what is wrapped around a layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from handgrad.activations import ReLU
from handgrad.checking.cases.case import (
    Case,
    Generator,
    Wrong,
    ends,
    errors_of_components,
    normal,
    off_zero,
)
from handgrad.checking.invariants import independent_of_the_batch
from handgrad.checking.truth import central_differences
from handgrad.component import Array
from handgrad.errors import ArgumentError, ShapeError
from handgrad.layers import Dropout, Linear

__all__ = ["CASES", "build_linear"]


def build_linear(D: int, K: int) -> Callable[[Generator], Linear]:
    """Make layers whose parameters are as large as their inputs, so that no error is small."""

    def build(rng: Generator) -> Linear:
        layer = Linear(D, K, rng=rng)
        layer.weights, layer.bias = rng.standard_normal((D, K)), rng.standard_normal((1, K))
        return layer

    return build


def torch_linear(torch: Any, linear: Any, x: Any, p: Any) -> Any:
    return torch.nn.functional.linear(x, p["weights"].T, p["bias"][0])


def torch_dropout(torch: Any, dropout: Any, x: Any, p: Any) -> Any:
    """Drop what the component drops: the mask is drawn from the same random state."""
    y = p["layer"](x)
    if not dropout.training:
        return y
    if dropout.rng is None:
        keep = np.random.binomial(1, 1 - dropout.p, size=tuple(y.shape))
    else:
        keep = dropout.rng.random(tuple(y.shape)) >= dropout.p
    return torch.where(torch.tensor(keep, dtype=torch.bool), y / (1 - dropout.p), 0.0)


def nothing_dropped_in_evaluation(
    dropout: Any, x: Array, against: Any, rng: Generator
) -> str | None:
    """Ask whether in evaluation mode it is exactly the layer that it wraps."""
    training = dropout.training
    y, _ = dropout.eval().apply(x)
    if training:
        dropout.train()
    same = np.array_equal(y, dropout.layer.apply(x)[0])
    return None if same else "its output in evaluation mode is not the wrapped layer's"


_linear_errors: Wrong = (
    *errors_of_components[:4],
    (lambda f: f(np.ones((2, 4))), ShapeError),
    (lambda f: (f(np.ones((2, f.in_features))), f.grad(np.ones((2, 1)))), ShapeError),
    (lambda f: setattr(f, "weights", np.ones((2, 2))), ShapeError),
    (lambda f: type(f)(0, 3), ArgumentError),
    (lambda f: type(f)(3, 2.5), ArgumentError),
    (lambda f: type(f)(3, True), ArgumentError),
    (lambda f: type(f)(3, 2, dtype=int), ArgumentError),
)
_dropout_errors: Wrong = (
    *errors_of_components[:4],
    *(
        (lambda f, p=p: Dropout(f.layer, p), ArgumentError)
        for p in (1.0, -0.1, np.nan, "half", True)
    ),
    (lambda f: Dropout(np.ones, 0.5), ArgumentError),
)

CASES: tuple[Case, ...] = (
    Case(
        Linear,
        "7 rows",
        build_linear(5, 3),
        normal(7, 5),
        torch_linear,
        invariants=(independent_of_the_batch,),
        wrong=_linear_errors,
        extreme=ends(7, 5, size=1e100),
    ),
    Case(Linear, "one row", build_linear(7, 2), normal(1, 7), torch_linear),
    Case(Linear, "one feature", build_linear(1, 3), normal(5, 1), torch_linear),
    Case(Linear, "one output", build_linear(3, 1), normal(5, 3), torch_linear),
    Case(Linear, "three axes", build_linear(5, 3), normal(2, 7, 5), torch_linear),
    Case(Linear, "one axis", build_linear(5, 3), normal(5), torch_linear),
    Case(
        Dropout,
        "around Linear",
        lambda rng: Dropout(build_linear(5, 3)(rng), p=0.4),
        normal(7, 5),
        torch_dropout,
        invariants=(nothing_dropped_in_evaluation,),
        wrong=_dropout_errors,
        extreme=ends(7, 5, size=1e100),
    ),
    Case(
        Dropout,
        "around Linear, with rng",
        lambda rng: Dropout(build_linear(5, 3)(rng), p=0.7, rng=rng),
        normal(7, 5),
        torch_dropout,
        invariants=(nothing_dropped_in_evaluation,),
    ),
    Case(
        Dropout,
        "around ReLU",
        lambda rng: Dropout(ReLU(), p=0.3),
        off_zero(7, 5),
        torch_dropout,
        truth=central_differences,
    ),
    Case(
        Dropout,
        "p = 0",
        lambda rng: Dropout(build_linear(5, 3)(rng), p=0),
        normal(7, 5),
        torch_dropout,
    ),
    Case(
        Dropout,
        "in evaluation mode",
        lambda rng: Dropout(build_linear(5, 3)(rng), p=0.4).eval(),
        normal(7, 5),
        torch_dropout,
        invariants=(independent_of_the_batch, nothing_dropped_in_evaluation),
    ),
)
