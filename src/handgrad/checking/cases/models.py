"""Models: components in a row, nested, shared."""

from __future__ import annotations

import copy
from functools import partial
from typing import Any

import numpy as np

from handgrad.activations import ReLU, Sigmoid
from handgrad.arguments import Array
from handgrad.checking.arrays import identical
from handgrad.checking.cases.case import (
    Case,
    Generator,
    Symbols,
    Wrong,
    ends,
    errors_of_components,
    normal,
)
from handgrad.checking.cases.layers import build_linear
from handgrad.checking.evaluation import evaluate
from handgrad.checking.invariants import independent_of_the_batch
from handgrad.checking.truth import central_differences
from handgrad.errors import ArgumentError, ShapeError
from handgrad.layers import Dropout, Linear
from handgrad.model import Model
from handgrad.randomness import repeatable
from handgrad.walk import parameters

__all__ = ["CASES"]


def torch_model(torch: Any, model: Any, x: Any, p: Any) -> Any:
    """Run the twins of the model's components one after the other, and hand lengths on."""
    x, *more = x if model.takes_lengths and isinstance(x, tuple) else (x,)
    for i, component in enumerate(model.components):
        if more and component.takes_lengths:
            x, more = (x, *more), [m for m in more[:1] if np.asarray(m).dtype.kind in "biu"]
        x = p[str(i)](x)
    return x


def build_shared(rng: Generator) -> Model:
    """Make a model in which one layer stands twice."""
    layer = build_linear(5, 5)(rng)
    return Model([layer, Sigmoid(), layer, build_linear(5, 3)(rng)])


def small(symbols: Symbols) -> tuple[Model, Array]:
    """Make a model that is small enough to be written out."""
    return Model([Linear(2, 2), Sigmoid(), Linear(2, 1)]), symbols("x", 2, 2)


def same_in_a_step(model: Any, x: Array, against: Array, rng: Generator) -> str | None:
    """Ask whether `backward` gives, in one vector, what `pullback` gives by names."""
    model = copy.deepcopy(model)
    gradients = repeatable(evaluate, model)(model, x, against)
    expected = [gradients[f"d{place.name}"].ravel() for place in parameters(model)]
    repeatable(model.forward, model)(x)
    same = identical(model.backward(against).flat, np.concatenate(expected))
    return None if same else "backward does not give the gradients that pullback gives"


_model_errors: Wrong = (
    *errors_of_components[:3],
    (lambda f: f.backward(np.ones((7, 3))), RuntimeError),
    (lambda f: f(np.ones((7, 4))), ShapeError),
    (lambda f: f.update_parameters([], 0.1), ValueError),
    (lambda f: setattr(f, "parameters", np.ones(3)), ShapeError),
    (lambda f: Model([]), ArgumentError),
    (lambda f: Model([Linear]), ArgumentError),
)

model = partial(
    Case,
    Model,
    x=normal(7, 5),
    twin=torch_model,
    invariants=(independent_of_the_batch, same_in_a_step),
)

CASES: tuple[Case, ...] = (
    model(
        "Linear, Sigmoid, Linear",
        build=lambda rng: Model([build_linear(5, 11)(rng), Sigmoid(), build_linear(11, 3)(rng)]),
        wrong=_model_errors,
        extreme=ends(7, 5, size=1e100),
        proof=small,
    ),
    model(
        "with ReLU and Dropout",
        build=lambda rng: Model(
            [build_linear(5, 11)(rng), ReLU(), Dropout(build_linear(11, 3)(rng), p=0.5)]
        ),
        truth=central_differences,
        invariants=(same_in_a_step,),
    ),
    model(
        "nested",
        build=lambda rng: Model(
            [Model([build_linear(5, 2)(rng), Sigmoid()]), Model([build_linear(2, 3)(rng)])]
        ),
    ),
    model("with a shared layer", build=build_shared),
)
