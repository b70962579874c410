"""Linear layers, and what is wrapped around a layer."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
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
    return torch.nn.functional.linear(x, p["weights"].T, p.get("bias"))


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


def nothing_dropped_in_evaluation(dropout: Any, x: Any, against: Any, rng: Any) -> str | None:
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
    (lambda f: type(f)(3, 2, bias=0), ArgumentError),
    (lambda f: setattr(type(f)(3, 2, bias=False), "bias", np.ones((1, 2))), ArgumentError),
)
_dropout_errors: Wrong = (
    *errors_of_components[:4],
    *(
        (lambda f, p=p: Dropout(f.layer, p), ArgumentError)
        for p in (1.0, -0.1, np.nan, "half", True)
    ),
    (lambda f: Dropout(np.ones, 0.5), ArgumentError),
)

linear = partial(Case, Linear, twin=torch_linear)
dropout = partial(Case, Dropout, x=normal(7, 5), twin=torch_dropout)

CASES: tuple[Case, ...] = (
    linear(
        "7 rows",
        build=build_linear(5, 3),
        x=normal(7, 5),
        invariants=(independent_of_the_batch,),
        wrong=_linear_errors,
        extreme=ends(7, 5, size=1e100),
    ),
    linear("one row", build=build_linear(7, 2), x=normal(1, 7)),
    linear("one feature", build=build_linear(1, 3), x=normal(5, 1)),
    linear("one output", build=build_linear(3, 1), x=normal(5, 3)),
    linear("three axes", build=build_linear(5, 3), x=normal(2, 7, 5)),
    linear("without bias", build=lambda rng: Linear(5, 3, bias=False, rng=rng), x=normal(7, 5)),
    linear("one axis", build=build_linear(5, 3), x=normal(5)),
    dropout(
        "around Linear",
        build=lambda rng: Dropout(build_linear(5, 3)(rng), p=0.4),
        invariants=(nothing_dropped_in_evaluation,),
        wrong=_dropout_errors,
        extreme=ends(7, 5, size=1e100),
    ),
    dropout(
        "around Linear, with rng",
        build=lambda rng: Dropout(build_linear(5, 3)(rng), p=0.7, rng=rng),
        invariants=(nothing_dropped_in_evaluation,),
    ),
    dropout(
        "around ReLU",
        build=lambda rng: Dropout(ReLU(), p=0.3),
        x=off_zero(7, 5),
        truth=central_differences,
    ),
    dropout("p = 0", build=lambda rng: Dropout(build_linear(5, 3)(rng), p=0)),
    dropout(
        "in evaluation mode",
        build=lambda rng: Dropout(build_linear(5, 3)(rng), p=0.4).eval(),
        invariants=(independent_of_the_batch, nothing_dropped_in_evaluation),
    ),
)
