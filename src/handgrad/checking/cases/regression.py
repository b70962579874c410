"""Losses of numbers: a term for each entry of the predictions."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.checking.cases.case import Case, Generator, Symbols, Wrong, ends, normal, weights
from handgrad.checking.cases.losses import (
    errors_of_entries,
    loss_of_entries,
    on_either_side,
    reduced,
    scaled_by_its_weights,
)
from handgrad.checking.truth import central_differences
from handgrad.errors import ArgumentError
from handgrad.losses import HuberLoss, L1Loss, MSELoss

__all__ = ["CASES"]


def torch_mse(torch: Any, loss: Any, x: Any, targets: Any, weight: Any = None) -> Any:
    return reduced(torch.nn.functional.mse_loss, loss, x, targets, weight)


def torch_l1(torch: Any, loss: Any, x: Any, targets: Any, weight: Any = None) -> Any:
    return reduced(torch.nn.functional.l1_loss, loss, x, targets, weight)


def torch_huber(torch: Any, loss: Any, x: Any, targets: Any, weight: Any = None) -> Any:
    return reduced(torch.nn.functional.huber_loss, loss, x, targets, weight, delta=loss.delta)


def nowhere_far_off(symbols: Symbols) -> tuple[HuberLoss, Array, Array]:
    """Make any predictions, which for a delta that is infinite are near their targets."""
    loss = HuberLoss()
    loss.delta = np.inf
    return loss, symbols("x", 2, 3), symbols("t", 2, 3)


def at_rest_at_its_target(loss: Any, x: Array, against: Any, rng: Generator) -> str | None:
    """Ask whether value and gradient are 0 where every prediction is right."""
    value, saved = loss.apply(x, x.copy())
    return "not at rest at its target" if value or loss.pullback(saved).any() else None


_huber_errors: Wrong = (
    *errors_of_entries,
    *((lambda f, d=d: type(f)(delta=d), ArgumentError) for d in (0.0, -1.0, np.inf, True, "a")),
)

mse = loss_of_entries(MSELoss, torch_mse)
l1 = loss_of_entries(L1Loss, torch_l1)
huber = loss_of_entries(HuberLoss, torch_huber)
_on_three_axes = {"x": normal(2, 7, 3), "targets": normal(2, 7, 3), "sample_weight": weights(2)}

CASES: tuple[Case, ...] = (
    mse("two axes", wrong=errors_of_entries, extreme=ends(7, 3, size=1e150)),
    mse("one axis", x=normal(7), targets=normal(7)),
    mse("three axes, weighted by row", **_on_three_axes),
    mse("one entry", x=normal(1, 1), targets=normal(1, 1), invariants=()),
    mse("sum, masked", build=lambda rng: MSELoss(False), sample_weight=weights(7, masked=True)),
    l1(
        "two axes",
        truth=central_differences,
        invariants=(scaled_by_its_weights, at_rest_at_its_target),
        wrong=errors_of_entries,
        extreme=ends(7, 3, size=1e308),
        proof=partial(on_either_side, 0, L1Loss()),
    ),
    l1("three axes, weighted by row", truth=central_differences, **_on_three_axes),
    l1(
        "sum, masked",
        build=lambda rng: L1Loss(average=False),
        truth=central_differences,
        sample_weight=weights(7, masked=True),
    ),
    huber(
        "two axes",
        invariants=(scaled_by_its_weights, at_rest_at_its_target),
        wrong=_huber_errors,
        extreme=ends(7, 3, size=1e307),
        proof=nowhere_far_off,
    ),
    huber(
        "delta = 0.3, three axes, weighted by row",
        build=lambda rng: HuberLoss(delta=0.3),
        proof=partial(on_either_side, 0.3, HuberLoss(delta=0.3)),
        **_on_three_axes,
    ),
    huber(
        "sum, masked",
        build=lambda rng: HuberLoss(average=False),
        sample_weight=weights(7, masked=True),
    ),
)
