"""The registry of optimizers and schedules: a row for each configuration, beside PyTorch's.

A public optimizer or schedule without a row fails, and so does an option that no row uses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch.optim import lr_scheduler

from handgrad.optimizers import SGD, Adam, AdamW, Optimizer, RMSprop
from handgrad.optimizers.schedules import (
    Constant,
    Cosine,
    Exponential,
    ReduceOnPlateau,
    Schedule,
    Step,
)

__all__ = ["OPTIMIZERS", "SCHEDULES", "OptimizerCase", "ScheduleCase"]

WEIGHT_DECAY = 0.03
L1 = 0.02
MAX_NORM = 2.5  # between the smallest and the largest norm of the tests' gradients


@dataclass(frozen=True)
class OptimizerCase:
    """One optimizer with its options, which PyTorch names as we do."""

    ours: type[Optimizer]
    options: dict[str, Any]

    def make(self) -> Optimizer:
        return self.ours(**self.options)

    def make_torch(self, parameters: torch.Tensor) -> torch.optim.Optimizer:
        options = {k: value for k, value in self.options.items() if k not in ("max_norm", "l1")}
        return getattr(torch.optim, self.ours.__name__)([parameters], **options)

    def __str__(self) -> str:
        options = ",".join(f"{name}={value}" for name, value in self.options.items())
        return f"{self.ours.__name__}({options})"


@dataclass(frozen=True)
class ScheduleCase:
    """One schedule, and PyTorch's for an optimizer."""

    make: Callable[[], Schedule]
    make_torch: Callable[[torch.optim.Optimizer], Any]

    def __str__(self) -> str:
        return repr(self.make())


def rows(ours: type[Optimizer], *options: dict[str, Any]) -> list[OptimizerCase]:
    return [OptimizerCase(ours, {"lr": 0.05, **given}) for given in options]


OPTIMIZERS = [
    *rows(
        SGD,
        {},
        {"momentum": 0.9},
        {"momentum": 0.8, "nesterov": True},
        {"weight_decay": WEIGHT_DECAY},
        {"max_norm": MAX_NORM},
        {"l1": L1},
        {
            "momentum": 0.8,
            "nesterov": True,
            "l1": L1,
            "weight_decay": WEIGHT_DECAY,
            "max_norm": MAX_NORM,
        },
    ),
    *rows(
        Adam,
        {},
        {"betas": (0.7, 0.95)},
        {"betas": (0.0, 0.9)},
        {"eps": 1e-2},
        {"weight_decay": WEIGHT_DECAY},
        {"max_norm": MAX_NORM},
        {"l1": L1, "weight_decay": WEIGHT_DECAY, "max_norm": MAX_NORM},
        {"betas": (0.7, 0.95), "eps": 1e-2, "weight_decay": WEIGHT_DECAY, "max_norm": MAX_NORM},
    ),
    *rows(
        AdamW,
        {},
        {"weight_decay": 0.0},
        {"weight_decay": 0.2, "l1": L1},
        {"betas": (0.7, 0.95), "eps": 1e-2, "weight_decay": 0.2, "max_norm": MAX_NORM},
    ),
    *rows(
        RMSprop,
        {},
        {"alpha": 0.9},
        {"eps": 1e-2},
        {"momentum": 0.8},
        {"centered": True},
        {"weight_decay": WEIGHT_DECAY},
        {"max_norm": MAX_NORM},
        {
            "alpha": 0.9,
            "l1": L1,
            "eps": 1e-2,
            "momentum": 0.8,
            "centered": True,
            "weight_decay": WEIGHT_DECAY,
            "max_norm": MAX_NORM,
        },
    ),
]


def warm_cosine(optimizer: torch.optim.Optimizer, epochs: int, warmup: int, min_lr: float) -> Any:
    return lr_scheduler.SequentialLR(
        optimizer,
        [
            lr_scheduler.LinearLR(optimizer, 1 / (warmup + 1), total_iters=warmup),
            lr_scheduler.CosineAnnealingLR(optimizer, epochs - warmup, min_lr),
        ],
        milestones=[warmup],
    )


SCHEDULES = [
    ScheduleCase(Constant, lambda optimizer: lr_scheduler.ConstantLR(optimizer, factor=1.0)),
    ScheduleCase(
        lambda: Step(7, gamma=0.3), lambda optimizer: lr_scheduler.StepLR(optimizer, 7, 0.3)
    ),
    ScheduleCase(
        lambda: Exponential(0.93), lambda optimizer: lr_scheduler.ExponentialLR(optimizer, 0.93)
    ),
    ScheduleCase(
        lambda: Cosine(50, min_lr=0.01),
        lambda optimizer: lr_scheduler.CosineAnnealingLR(optimizer, 50, 0.01),
    ),
    ScheduleCase(
        lambda: Cosine(50, warmup=5, min_lr=0.01),
        lambda optimizer: warm_cosine(optimizer, 50, 5, 0.01),
    ),
    ScheduleCase(
        lambda: ReduceOnPlateau(factor=0.4, patience=3, threshold=0.05, min_lr=0.02),
        lambda optimizer: lr_scheduler.ReduceLROnPlateau(
            optimizer, factor=0.4, patience=3, threshold=0.05, min_lr=0.02
        ),
    ),
    ScheduleCase(
        lambda: ReduceOnPlateau(factor=0.7, patience=0),
        lambda optimizer: lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.7, patience=0),
    ),
]
