"""Losses, optimizers and schedules by name, and balanced classes."""

from typing import get_args

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.utils.class_weight import compute_class_weight

from handgrad import Linear, Model
from handgrad.errors import ArgumentError
from handgrad.loss import Loss
from handgrad.optimizers import SGD, Optimizer
from handgrad.optimizers.schedules import Schedule
from handgrad.training.class_weight import class_weighter
from handgrad.training.names import (
    LEARNING_RATES,
    LossName,
    OptimizerName,
    ScheduleName,
    loss_named,
    optimizer_named,
    schedule_named,
)


@pytest.mark.parametrize(
    ("names", "make", "kind"),
    [
        (LossName, loss_named, Loss),
        (OptimizerName, optimizer_named, Optimizer),
        (ScheduleName, lambda name: schedule_named(name, 30), Schedule),
    ],
)
def test_each_name_makes_a_new_object(names, make, kind):
    made = [make(name) for name in get_args(names)]
    assert len({type(thing) for thing in made}) == len(made)
    assert all(isinstance(thing, kind) for thing in made)
    with pytest.raises(ArgumentError, match=get_args(names)[0]):
        make("no such one")
    with pytest.raises(ArgumentError, match="None as the name"):
        make(None)


def test_an_optimizer_by_name_has_its_usual_learning_rate_and_the_options():
    assert set(LEARNING_RATES) == set(get_args(OptimizerName))
    assert optimizer_named("sgd").lr == 0.02
    assert optimizer_named("adamw", weight_decay=None).weight_decay == 0.01
    assert optimizer_named("Adam", 0.5, max_norm=1.0).max_norm == 1.0


@pytest.mark.parametrize(
    ("name", "end"), [("cosine", 0.0), ("exponential", 0.01), ("step", 0.01), ("constant", 1.0)]
)
def test_where_a_schedule_ends(name, end):
    optimizer, schedule = SGD(lr=1.0), schedule_named(name, 30)
    for _ in range(30):
        before = optimizer.lr
        schedule.step(optimizer)
    assert optimizer.lr == pytest.approx(end if name != "step" else 0.001)
    assert name != "step" or before == pytest.approx(end)


@pytest.mark.parametrize("counts", [None, [1.0, 2.0, 0.5, 3.0, 1.0, 4.0]])
def test_balanced_classes_weigh_as_scikit_learn_has_it(counts):
    y, scores = np.array([0, 0, 2, 0, 2, 2]), np.zeros((6, 4))
    theirs = compute_class_weight("balanced", classes=np.array([0, 2]), y=y, sample_weight=counts)
    for targets in (y, np.eye(4)[y]):
        ours = class_weighter("balanced", targets, counts)(scores, targets, None)
        assert_allclose(ours, np.where(y == 0, *theirs))


@pytest.mark.parametrize("y", [None, np.zeros(3), np.array([-1, 0]), np.array(["a"])])
def test_balanced_needs_all_the_classes(y):
    with pytest.raises(ArgumentError, match="all the classes at once"):
        class_weighter("balanced", y)
    with pytest.raises(ArgumentError, match="'fair'"):
        class_weighter("fair", [0, 1])


def test_a_trainer_takes_balanced_classes():
    from handgrad.training import Trainer

    x, y = np.random.default_rng(0).standard_normal((12, 2)), np.array([0] * 9 + [1] * 3)
    found = []
    for weights in ("balanced", [12 / 18, 2.0]):
        model = Model([Linear(2, 2, rng=np.random.default_rng(1))])
        trainer = Trainer(
            model, loss_named("cross_entropy"), SGD(0.1), rng=np.random.default_rng(2)
        )
        trainer.fit(x, y, epochs=2, class_weight=weights, progress=False)
        found.append(model.parameters)
    assert_allclose(*found)
