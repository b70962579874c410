"""The table of everything that is checked: a row for each configuration of each component.

A new component is one file and one row here. `handgrad check` runs over the table, and so do the
tests; a public component without a row fails them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from handgrad.activations import ReLU, Sigmoid
from handgrad.checking.evaluation import Subject
from handgrad.checking.invariants import (
    OF_COMPONENTS,
    OF_LOSSES,
    Invariant,
    independent_of_the_batch,
    rows_of_the_gradient_sum_to_zero,
)
from handgrad.checking.pytorch import Twin
from handgrad.checking.truth import Truth, central_differences, complex_step
from handgrad.component import Array
from handgrad.errors import ArgumentError, DtypeError, ShapeError
from handgrad.layers import Dropout, Linear
from handgrad.losses import CrossEntropy, MSELoss
from handgrad.model import Model

__all__ = ["CASES", "Case"]

Generator = np.random.Generator
Sampler = Callable[[Generator], Array]
Wrong = tuple[tuple[Callable[[Any], Any], type[Exception]], ...]


@dataclass(frozen=True)
class Case:
    """A row of the table.

    Attributes
    ----------
    component : type
        The public class that the row checks.
    about : str
        What is particular about the row.
    build : callable
        Makes the component, given a generator; its parameters random, its biases too.
    x : callable
        Draws an input, away from kinks.
    twin : callable
        The same formula in PyTorch: (torch, component, x, parameters, targets) -> y. What may
        stand in another component also takes `at`, which its parameters' names begin with.
    targets : callable, optional
        Draws a loss' targets.
    truth : callable
        `complex_step` where the formula is analytic.
    invariants : tuple
        What must hold besides what holds for everything of its kind.
    wrong : tuple of (callable, exception)
        Each callable does one wrong thing to the component and must raise that error.
    extreme : callable, optional
        Inputs as far out as they come: nothing may overflow, warn, or stop being finite.
    seeds : tuple of int
        The row is drawn, built and checked once with each.
    """

    component: type
    about: str
    build: Callable[[Generator], Subject]
    x: Sampler
    twin: Twin
    targets: Sampler | None = None
    truth: Truth = complex_step
    invariants: tuple[Invariant, ...] = ()
    wrong: Wrong = ()
    extreme: Sampler | None = None
    seeds: tuple[int, ...] = (0, 1, 2)

    def __str__(self) -> str:
        return f"{self.component.__name__}, {self.about}"

    @property
    def all_invariants(self) -> tuple[Invariant, ...]:
        """What must hold for this row."""
        return (OF_LOSSES if self.targets else OF_COMPONENTS) + self.invariants


# ------------------------------------------------------------------------------------- samplers


def normal(*shape: int, scale: float = 1.0) -> Sampler:
    """Draw normally distributed numbers."""
    return lambda rng: scale * rng.standard_normal(shape)


def off_zero(*shape: int) -> Sampler:
    """Draw numbers of both signs, none within 0.1 of 0, where ReLU has its kink."""
    return lambda rng: rng.choice([-1.0, 1.0], shape) * rng.uniform(0.1, 2.0, shape)


def one_hot(N: int, K: int) -> Sampler:
    """Draw rows with a single 1."""
    return lambda rng: np.eye(K)[rng.integers(0, K, N)]


def classes(N: int, K: int) -> Sampler:
    """Draw class indices."""
    return lambda rng: rng.integers(0, K, N)


def probabilities(N: int, K: int) -> Sampler:
    """Draw rows that sum to 1."""
    return lambda rng: rng.dirichlet(np.ones(K), N)


def ends(*shape: int, size: float) -> Sampler:
    """Draw numbers that are `size` or minus that."""
    return lambda rng: rng.choice([-size, size], shape)


# ---------------------------------------------------------------------- the twins in PyTorch


def torch_relu(torch: Any, component: Any, x: Any, p: Any, _: Any, at: str = "") -> Any:
    return torch.relu(x)


def torch_sigmoid(torch: Any, component: Any, x: Any, p: Any, _: Any, at: str = "") -> Any:
    return torch.sigmoid(x)


def torch_linear(torch: Any, component: Any, x: Any, p: Any, _: Any, at: str = "") -> Any:
    return torch.nn.functional.linear(x, p[f"{at}weights"].T, p[f"{at}bias"][0])


def torch_dropout(torch: Any, component: Any, x: Any, p: Any, _: Any, at: str = "") -> Any:
    """Drop what the component drops: the mask is drawn from the same random state."""
    y = TWINS[type(component.layer)](torch, component.layer, x, p, None, f"{at}layer.")
    if not component.training:
        return y
    if component.rng is None:
        keep = np.random.binomial(1, 1 - component.p, size=tuple(y.shape))
    else:
        keep = component.rng.random(tuple(y.shape)) >= component.p
    return torch.where(torch.tensor(keep, dtype=torch.bool), y / (1 - component.p), 0.0)


def torch_model(torch: Any, component: Any, x: Any, p: Any, _: Any, at: str = "") -> Any:
    """Run the model's components one after the other, each as its own twin."""
    firsts = [component.components.index(inner) for inner in component.components]
    for i, inner in zip(firsts, component.components, strict=True):
        x = TWINS[type(inner)](torch, inner, x, p, None, f"{at}{i}.")
    return x


def torch_mse(torch: Any, component: Any, x: Any, p: Any, targets: Any) -> Any:
    return torch.nn.functional.mse_loss(x, targets)


def torch_cross_entropy(torch: Any, component: Any, x: Any, p: Any, targets: Any) -> Any:
    """Take one-hot rows, probabilities or class indices, as PyTorch does."""
    reduction = "mean" if component.average else "sum"
    return torch.nn.functional.cross_entropy(x, targets, reduction=reduction)


TWINS: dict[type, Twin] = {
    ReLU: torch_relu,
    Sigmoid: torch_sigmoid,
    Linear: torch_linear,
    Dropout: torch_dropout,
    Model: torch_model,
}
"""The twins of what may stand in a model or in a dropout."""


# ------------------------------------------------------------------- what only some rows hold


def zero_at_the_kink(relu: Any, x: Array, against: Array, rng: Generator) -> str | None:
    """Ask whether ReLU's derivative at 0, and at -0, is 0."""
    y, saved = relu.apply(np.array([[0.0, -0.0]]))
    dx, _ = relu.pullback(np.array([[3.0, -3.0]]), saved)
    return f"{dx} at the kink" if dx.any() or y.any() else None


def scaled_by_its_weights(loss: Any, x: Array, targets: Array, rng: Generator) -> str | None:
    """Ask whether a datapoint of weight 2 counts as two, and one of weight 0 not at all."""
    copies = rng.permutation(np.arange(len(x)) % 3)  # 0, 1 or 2 of each
    value, saved = loss.apply(x, targets, copies.astype(x.dtype))
    gradient = loss.pullback(saved)
    rows = np.repeat(np.arange(len(x)), copies)
    many, kept = loss.apply(x[rows], targets[rows])
    each = loss.pullback(kept)
    summed = np.zeros_like(x)
    np.add.at(summed, rows, each)
    if not np.allclose(value, many, rtol=1e-12):
        return "the value with weights is not that of repeated rows"
    if not np.allclose(gradient, summed, rtol=1e-10, atol=1e-14):
        return "the gradient with weights is not that of repeated rows"
    return None


def nothing_dropped_in_evaluation(
    dropout: Any, x: Array, against: Array, rng: Generator
) -> str | None:
    """Ask whether in evaluation mode it is exactly the layer that it wraps."""
    training = dropout.training
    y, _ = dropout.eval().apply(x)
    if training:
        dropout.train()
    same = np.array_equal(y, dropout.layer.apply(x)[0])
    return None if same else "its output in evaluation mode is not the wrapped layer's"


# ---------------------------------------------------------------------------------- the table


def build_linear(D: int, K: int) -> Callable[[Generator], Linear]:
    """Make layers whose parameters are as large as their inputs, so that no error is small."""

    def build(rng: Generator) -> Linear:
        layer = Linear(D, K, rng=rng)
        layer.weights, layer.bias = rng.standard_normal((D, K)), rng.standard_normal((1, K))
        return layer

    return build


def build_cross_entropy(average: bool) -> Callable[[Generator], CrossEntropy]:
    """Make losses of one kind."""
    return lambda rng: CrossEntropy(average)


def build_shared(rng: Generator) -> Model:
    """Make a model in which one layer stands twice."""
    layer = build_linear(5, 5)(rng)
    return Model([layer, Sigmoid(), layer, build_linear(5, 3)(rng)])


_activation_errors: Wrong = (
    (lambda f: f(np.empty((0, 3))), ShapeError),
    (lambda f: f([["a", "b"]]), DtypeError),
    (lambda f: f([[1.0, 2.0], [3.0]]), ShapeError),
    (lambda f: f.grad(np.ones((1, 2))), RuntimeError),
    (lambda f: (f(np.ones((2, 3))), f.grad(np.ones((3, 2)))), ShapeError),
)
_linear_errors: Wrong = (
    *_activation_errors[:4],
    (lambda f: f(np.ones((2, 4))), ShapeError),
    (lambda f: (f(np.ones((2, f.in_features))), f.grad(np.ones((2, 1)))), ShapeError),
    (lambda f: setattr(f, "weights", np.ones((2, 2))), ShapeError),
    (lambda f: type(f)(0, 3), ArgumentError),
    (lambda f: type(f)(3, 2.5), ArgumentError),
    (lambda f: type(f)(3, True), ArgumentError),
    (lambda f: type(f)(3, 2, dtype=int), ArgumentError),
)
_dropout_errors: Wrong = (
    *_activation_errors[:4],
    *(
        (lambda f, p=p: Dropout(f.layer, p), ArgumentError)
        for p in (1.0, -0.1, np.nan, "half", True)
    ),
    (lambda f: Dropout(np.ones, 0.5), ArgumentError),
)
_cross_entropy_errors: Wrong = (
    (lambda f: f.grad(), RuntimeError),
    (lambda f: f(np.ones((2, 3)), np.ones((2, 4))), ShapeError),
    (lambda f: f(np.ones((2, 3)), [0, 3]), ShapeError),
    (lambda f: f(np.ones((2, 3)), [0, -1]), ShapeError),
    (lambda f: f(np.ones((2, 3)), [0.0, 1.0]), DtypeError),
    (lambda f: f(np.ones((2, 3)), [[0], [1]]), ShapeError),
    (lambda f: f(np.ones(3), [0]), ShapeError),
    (lambda f: f(np.ones((0, 3)), np.ones((0, 3))), ShapeError),
    (lambda f: f([["a"]], [0]), DtypeError),
    (lambda f: f(np.ones((2, 3)), [0, 1], [1.0]), ShapeError),
    (lambda f: type(f)(average="no"), ArgumentError),
)
_mse_errors: Wrong = (
    (lambda f: f.grad(), RuntimeError),
    (lambda f: f(np.ones((3, 1)), np.ones(3)), ShapeError),
    (lambda f: f([], []), ShapeError),
    (lambda f: f(["a"], [1.0]), DtypeError),
    (lambda f: f(np.ones((2, 3)), np.ones((2, 3)), [1.0, 2.0, 3.0]), ShapeError),
)
_model_errors: Wrong = (
    *_activation_errors[:3],
    (lambda f: f.backward(np.ones((7, 3))), RuntimeError),
    (lambda f: f(np.ones((7, 4))), ShapeError),
    (lambda f: f.update_parameters([], 0.1), ValueError),
    (lambda f: setattr(f, "parameters", np.ones(3)), ShapeError),
    (lambda f: Model([]), ArgumentError),
    (lambda f: Model([Linear]), ArgumentError),
)

CASES: tuple[Case, ...] = (
    Case(
        ReLU,
        "two axes",
        lambda rng: ReLU(),
        off_zero(7, 5),
        torch_relu,
        truth=central_differences,  # not analytic at 0
        invariants=(independent_of_the_batch, zero_at_the_kink),
        wrong=_activation_errors,
        extreme=ends(7, 5, size=1e300),
    ),
    Case(
        ReLU,
        "three axes",
        lambda rng: ReLU(),
        off_zero(2, 7, 3),
        torch_relu,
        truth=central_differences,
        invariants=(independent_of_the_batch,),
    ),
    Case(
        Sigmoid,
        "two axes",
        lambda rng: Sigmoid(),
        normal(7, 5, scale=3.0),
        torch_sigmoid,
        invariants=(independent_of_the_batch,),
        wrong=_activation_errors,
        extreme=ends(7, 5, size=1e4),
    ),
    Case(
        Sigmoid,
        "three axes",
        lambda rng: Sigmoid(),
        normal(2, 7, 3),
        torch_sigmoid,
        invariants=(independent_of_the_batch,),
    ),
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
    Case(
        MSELoss,
        "two axes",
        lambda rng: MSELoss(),
        normal(7, 3),
        torch_mse,
        normal(7, 3),
        invariants=(scaled_by_its_weights,),
        wrong=_mse_errors,
        extreme=ends(7, 3, size=1e150),
    ),
    Case(
        MSELoss,
        "one axis",
        lambda rng: MSELoss(),
        normal(7),
        torch_mse,
        normal(7),
        invariants=(scaled_by_its_weights,),
    ),
    Case(MSELoss, "one entry", lambda rng: MSELoss(), normal(1, 1), torch_mse, normal(1, 1)),
    *(
        Case(
            CrossEntropy,
            f"{about}, {'mean' if average else 'sum'}",
            build_cross_entropy(average),
            normal(7, 5, scale=2.0),
            torch_cross_entropy,
            targets,
            invariants=(rows_of_the_gradient_sum_to_zero, scaled_by_its_weights),
            wrong=_cross_entropy_errors,
            extreme=ends(7, 5, size=1e308),
        )
        for about, targets in (
            ("one-hot rows", one_hot(7, 5)),
            ("probabilities", probabilities(7, 5)),
            ("class indices", classes(7, 5)),
        )
        for average in (True, False)
    ),
    Case(
        CrossEntropy,
        "rows that sum to anything",
        lambda rng: CrossEntropy(),
        normal(7, 5),
        torch_cross_entropy,
        normal(7, 5),
        invariants=(rows_of_the_gradient_sum_to_zero, scaled_by_its_weights),
    ),
    Case(
        CrossEntropy,
        "one datapoint",
        lambda rng: CrossEntropy(),
        normal(1, 3),
        torch_cross_entropy,
        one_hot(1, 3),
        invariants=(rows_of_the_gradient_sum_to_zero,),
    ),
    Case(
        Model,
        "Linear, Sigmoid, Linear",
        lambda rng: Model([build_linear(5, 11)(rng), Sigmoid(), build_linear(11, 3)(rng)]),
        normal(7, 5),
        torch_model,
        invariants=(independent_of_the_batch,),
        wrong=_model_errors,
        extreme=ends(7, 5, size=1e100),
    ),
    Case(
        Model,
        "with ReLU and Dropout",
        lambda rng: Model(
            [build_linear(5, 11)(rng), ReLU(), Dropout(build_linear(11, 3)(rng), p=0.5)]
        ),
        normal(7, 5),
        torch_model,
        truth=central_differences,
    ),
    Case(
        Model,
        "nested",
        lambda rng: Model(
            [Model([build_linear(5, 2)(rng), Sigmoid()]), Model([build_linear(2, 3)(rng)])]
        ),
        normal(7, 5),
        torch_model,
        invariants=(independent_of_the_batch,),
    ),
    Case(
        Model,
        "with a shared layer",
        build_shared,
        normal(7, 5),
        torch_model,
        invariants=(independent_of_the_batch,),
    ),
)
"""Every row, in the order of the report."""
