"""Activations: one function of every entry."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from handgrad.activations import (
    ELU,
    GELU,
    HardTanh,
    LeakyReLU,
    ReLU,
    Sigmoid,
    SiLU,
    Softplus,
    Tanh,
)
from handgrad.arguments import Array
from handgrad.checking.cases.case import (
    Case,
    Generator,
    Sampler,
    Symbols,
    Wrong,
    ends,
    errors_of_components,
    normal,
    off_zero,
)
from handgrad.checking.evaluation import evaluate
from handgrad.checking.invariants import Invariant, independent_of_the_batch
from handgrad.checking.truth import central_differences
from handgrad.errors import ArgumentError

__all__ = ["CASES"]


def torch_relu(torch: Any, relu: Any, x: Any, p: Any) -> Any:
    return torch.relu(x)


def torch_sigmoid(torch: Any, sigmoid: Any, x: Any, p: Any) -> Any:
    return torch.sigmoid(x)


def torch_tanh(torch: Any, tanh: Any, x: Any, p: Any) -> Any:
    return torch.tanh(x)


def torch_leaky_relu(torch: Any, leaky: Any, x: Any, p: Any) -> Any:
    return torch.nn.functional.leaky_relu(x, leaky.negative_slope)


def torch_elu(torch: Any, elu: Any, x: Any, p: Any) -> Any:
    return torch.nn.functional.elu(x, elu.alpha)


def torch_gelu(torch: Any, gelu: Any, x: Any, p: Any) -> Any:
    return torch.nn.functional.gelu(x, approximate=gelu.approximate)


def torch_silu(torch: Any, silu: Any, x: Any, p: Any) -> Any:
    return torch.nn.functional.silu(x)


def torch_softplus(torch: Any, softplus: Any, x: Any, p: Any) -> Any:
    """Put the threshold, of which ours has none, where it changes nothing."""
    return torch.nn.functional.softplus(x, softplus.beta, threshold=500)


def torch_hard_tanh(torch: Any, hard: Any, x: Any, p: Any) -> Any:
    return torch.nn.functional.hardtanh(x, hard.min_val, hard.max_val)


def both_signs(symbols: Symbols) -> Array:
    """Make symbols for numbers of which is known on which side of 0 they are."""
    above, below = symbols("a", 2, 2, positive=True), symbols("b", 2, 1, negative=True)
    return np.concatenate([above, below], axis=1)


def of_both_signs(build: Callable[[], Any]) -> Callable[[Symbols], tuple[Any, Array]]:
    """Prove a formula that looks at its input's sign."""
    return lambda symbols: (build(), both_signs(symbols))


def at_one_bound(upper: bool, symbols: Symbols) -> tuple[HardTanh, Array]:
    """Make symbols for numbers on either side of a bound, of which the other is infinitely far."""
    hard, x = HardTanh(), both_signs(symbols)
    if upper:
        hard.min_val = -np.inf
        return hard, x + np.array([1, 1, 0])
    hard.max_val = np.inf
    return hard, x - np.array([0, 0, 1])


def with_any_constants(symbols: Symbols) -> tuple[GELU, Array]:
    """Make the approximation with any two constants, and nowhere cut off."""
    gelu: Any = GELU("tanh")
    gelu.c, gelu.a, gelu.far = *symbols("k", 2), np.inf
    return gelu, symbols("x", 1, 2)


def slopes_at(*agreed: tuple[float, float]) -> Invariant:
    """Make an invariant: the derivative at some points, where there are two, is the agreed one."""

    def agreed_at_the_kink(f: Any, x: Array, against: Any, rng: Generator) -> str | None:
        points, slopes = np.array(agreed).T
        dx = evaluate(f, points, np.full(points.shape, 3.0))["dx"]
        return None if np.array_equal(dx, 3 * slopes) else f"the slopes {dx / 3} at {points}"

    return agreed_at_the_kink


zero_at_the_kink = slopes_at((0.0, 0.0), (-0.0, 0.0))


def off_one(*shape: int) -> Sampler:
    """Draw numbers between -1 and 1 and beyond, none within 0.1 of them."""
    signs = [-1.0, 1.0]
    return lambda rng: (
        rng.choice(signs, shape) + rng.choice(signs, shape) * rng.uniform(0.1, 1.9, shape)
    )


def errors_of(name: str, *numbers: Any) -> Wrong:
    """Return the errors of a component whose constructor takes a number that it calls `name`."""
    return (
        *errors_of_components,
        *((lambda f, n=n: type(f)(**{name: n}), ArgumentError) for n in numbers),
    )


_no_numbers = (np.nan, np.inf, "1", True, None)


def activation(component: type, twin: Any, **more: Any) -> Any:
    """Return what makes rows of an activation that treats each row by itself."""
    more = {"build": lambda rng: component(), "invariants": (), **more}
    more["invariants"] = (independent_of_the_batch, *more["invariants"])
    return partial(Case, component, twin=twin, **more)


relu = activation(
    ReLU,
    torch_relu,
    truth=central_differences,  # not analytic at 0
    invariants=(zero_at_the_kink,),
)
sigmoid = activation(Sigmoid, torch_sigmoid)
tanh = activation(Tanh, torch_tanh)
leaky_relu = activation(LeakyReLU, torch_leaky_relu)
elu = activation(ELU, torch_elu)
gelu = activation(GELU, torch_gelu)
silu = activation(SiLU, torch_silu)
softplus = activation(Softplus, torch_softplus)
hard_tanh = activation(HardTanh, torch_hard_tanh)

CASES: tuple[Case, ...] = (
    relu(
        "two axes",
        x=off_zero(7, 5),
        wrong=errors_of_components,
        extreme=ends(7, 5, size=1e300),
        proof=of_both_signs(ReLU),
    ),
    relu("three axes", x=off_zero(2, 7, 3)),
    sigmoid(
        "two axes",
        x=normal(7, 5, scale=3.0),
        wrong=errors_of_components,
        extreme=ends(7, 5, size=1e4),
    ),
    sigmoid("three axes", x=normal(2, 7, 3)),
    tanh(
        "two axes",
        x=normal(7, 5),
        wrong=errors_of_components,
        extreme=ends(7, 5, size=1e300),
    ),
    tanh("three axes", x=normal(2, 7, 3)),
    leaky_relu(
        "two axes",
        x=off_zero(7, 5),
        invariants=(independent_of_the_batch, slopes_at((0.0, 0.01), (-0.0, 0.01))),
        wrong=errors_of("negative_slope", *_no_numbers, -0.1),
        extreme=ends(7, 5, size=1e300),
        proof=of_both_signs(LeakyReLU),
    ),
    leaky_relu(
        "steeper on the left, three axes",
        build=lambda rng: LeakyReLU(negative_slope=2.5),
        x=off_zero(2, 7, 3),
        proof=of_both_signs(lambda: LeakyReLU(2.5)),
    ),
    elu(
        "two axes",
        x=off_zero(7, 5),
        invariants=(independent_of_the_batch, slopes_at((0.0, 1.0), (-0.0, 1.0))),
        wrong=errors_of("alpha", *_no_numbers, -0.1),
        extreme=ends(7, 5, size=1e300),
        proof=of_both_signs(ELU),
    ),
    elu(
        "alpha = 0.3, three axes",
        build=lambda rng: ELU(alpha=0.3),
        x=off_zero(2, 7, 3),
        invariants=(independent_of_the_batch, slopes_at((0.0, 0.3), (-0.0, 0.3))),
        proof=of_both_signs(lambda: ELU(0.3)),
    ),
    gelu(
        "two axes",
        x=off_zero(7, 5),  # at 0 two formulas of the distribution function meet
        wrong=errors_of("approximate", "exact", True, None, 1.0),
        extreme=ends(7, 5, size=1e300),
        proof=lambda symbols: (GELU(), symbols("x", 2, 3)),
    ),
    gelu(
        "by tanh, three axes",
        build=lambda rng: GELU("tanh"),
        x=normal(2, 7, 3),
        extreme=ends(2, 7, 3, size=1e300),
        proof=with_any_constants,
    ),
    silu(
        "two axes",
        x=normal(7, 5, scale=3.0),
        wrong=errors_of_components,
        extreme=ends(7, 5, size=1e300),
    ),
    silu("three axes", x=normal(2, 7, 3)),
    softplus(
        "two axes",
        x=off_zero(7, 5),
        wrong=errors_of("beta", *_no_numbers, 0.0, -0.1),
        extreme=ends(7, 5, size=1e300),
        proof=of_both_signs(Softplus),
    ),
    softplus(
        "beta = 3, three axes",
        build=lambda rng: Softplus(beta=3.0),
        x=off_zero(2, 7, 3),
        extreme=ends(2, 7, 3, size=1e308),
        proof=of_both_signs(lambda: Softplus(3.0)),
    ),
    hard_tanh(
        "two axes",
        x=off_one(7, 5),
        invariants=(
            independent_of_the_batch,
            slopes_at((-1.0, 0.0), (1.0, 0.0), (0.5, 1.0)),
        ),
        wrong=errors_of("max_val", *_no_numbers, -1.0, -2.0),
        extreme=ends(7, 5, size=1e300),
        proof=partial(at_one_bound, True),
    ),
    hard_tanh(
        "from 0 to 6, three axes",
        build=lambda rng: HardTanh(0, 6),
        x=off_zero(2, 7, 3),
        proof=partial(at_one_bound, False),
    ),
)
