"""What a row of the table says, and what its inputs are drawn from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.checking.evaluation import Subject
from handgrad.checking.invariants import OF_COMPONENTS, OF_LOSSES, Invariant
from handgrad.checking.pytorch import Twin
from handgrad.checking.truth import Truth, complex_step
from handgrad.errors import DtypeError, ShapeError

__all__ = [
    "Case",
    "Generator",
    "Sampler",
    "Symbols",
    "Wrong",
    "below",
    "ends",
    "errors_of_components",
    "normal",
    "off_zero",
    "one_hot",
    "probabilities",
    "weights",
]

Generator = np.random.Generator
Sampler = Callable[[Generator], Array]
Symbols = Callable[..., Array]
"""Makes an array of symbols: ``symbols("x", 2, 3)``, or ``symbols("x", 2, 3, positive=True)``."""
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
        The same formula in PyTorch, of tensors: (torch, component, x, p) -> y, where `p` holds
        the parameters by name, and by the names of the children functions that run their twins;
        of a loss: (torch, loss, predictions, targets, sample_weight=None) -> value.
    targets : callable, optional
        Draws a loss' targets.
    sample_weight : callable, optional
        Draws a loss' weights.
    truth : callable
        `complex_step` where the formula is analytic.
    invariants : tuple
        What must hold besides what holds for everything of its kind.
    wrong : tuple of (callable, exception)
        Each callable does one wrong thing to the component and must raise that error.
    extreme : callable, optional
        Inputs as far out as they come: nothing may overflow, warn, or stop being finite.
    proof : callable, optional
        Makes what the proof by SymPy is about, given a maker of symbols: (symbols) -> component, x
        (of a loss: and targets). Without it that is the row's own component, on as many features;
        one that looks at a sign or an order needs symbols that have one, and a large one a
        smaller one.
    seeds : tuple of int
        The row is drawn, built and checked once with each.
    """

    component: type
    about: str
    build: Callable[[Generator], Subject]
    x: Sampler
    twin: Twin
    targets: Sampler | None = None
    sample_weight: Sampler | None = None
    truth: Truth = complex_step
    invariants: tuple[Invariant, ...] = ()
    wrong: Wrong = ()
    extreme: Sampler | None = None
    proof: Callable[[Symbols], tuple[Any, ...]] | None = None
    seeds: tuple[int, ...] = (0, 1, 2)

    def __str__(self) -> str:
        return f"{self.component.__name__}, {self.about}"

    @property
    def all_invariants(self) -> tuple[Invariant, ...]:
        """What must hold for this row."""
        return (OF_LOSSES if self.targets else OF_COMPONENTS) + self.invariants

    def draw(self, rng: Generator) -> tuple[Subject, tuple[Any, ...]]:
        """Return what is checked and the arrays that `check` takes after it."""
        samplers = (self.x, self.targets, self.sample_weight)
        return self.build(rng), tuple(draw(rng) for draw in samplers if draw is not None)


# ------------------------------------------------------------------------------------- samplers


def normal(*shape: int, scale: float = 1.0) -> Sampler:
    """Draw normally distributed numbers."""
    return lambda rng: scale * rng.standard_normal(shape)


def off_zero(*shape: int) -> Sampler:
    """Draw numbers of both signs, none within 0.1 of 0, where ReLU has its kink."""
    return lambda rng: rng.choice([-1.0, 1.0], shape) * rng.uniform(0.1, 2.0, shape)


def below(K: int, *shape: int) -> Sampler:
    """Draw integers from 0 to K - 1: class indices, words."""
    return lambda rng: rng.integers(0, K, shape)


def one_hot(*shape: int) -> Sampler:
    """Draw rows with a single 1."""
    return lambda rng: np.eye(shape[-1])[rng.integers(0, shape[-1], shape[:-1])]


def probabilities(*shape: int) -> Sampler:
    """Draw rows that sum to 1."""
    return lambda rng: rng.dirichlet(np.ones(shape[-1]), shape[:-1])


def weights(*shape: int, masked: bool = False) -> Sampler:
    """Draw weights for the leading axes, or a mask of 0 and 1, of which not all are 0."""

    def draw(rng: Generator) -> Array:
        return rng.permutation(np.arange(np.prod(shape)) % 3 > 0).reshape(shape) * 1.0

    return draw if masked else lambda rng: rng.uniform(0.1, 3.0, shape)


def ends(*shape: int, size: float) -> Sampler:
    """Draw numbers that are `size` or minus that."""
    return lambda rng: rng.choice([-size, size], shape)


# ----------------------------------------------------------------------------------- wrong inputs

errors_of_components: Wrong = (
    (lambda f: f(np.empty((0, 3))), ShapeError),
    (lambda f: f([["a", "b"]]), DtypeError),
    (lambda f: f([[1.0, 2.0], [3.0]]), ShapeError),
    (lambda f: f.grad(np.ones((1, 2))), RuntimeError),
    (lambda f: (f(np.ones((2, 3))), f.grad(np.ones((3, 2)))), ShapeError),
)
"""What every component refuses; the last one of those that take (2, 3)."""
