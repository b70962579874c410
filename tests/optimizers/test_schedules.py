"""Every row of the registry of schedules: PyTorch's learning rates, state and errors."""

import inspect
import json

import numpy as np
import pytest
import torch

from handgrad.errors import ArgumentError
from handgrad.optimizers import SGD, Adam, schedules
from handgrad.optimizers.schedules import Constant, Cosine, Exponential, ReduceOnPlateau, Step
from helpers import generator, refuses
from optimizer_cases import SCHEDULES

EPOCHS, LR = 50, 0.3
FINAL = [getattr(schedules, name) for name in schedules.__all__ if name != "Schedule"]

each_case = pytest.mark.parametrize("case", SCHEDULES, ids=str)


def losses():
    """Return losses that fall, stay and rise, so that a plateau comes several times."""
    falling = np.exp(-np.arange(EPOCHS) // 8 / 3.0)
    return falling * (1 + 0.1 * generator(4).standard_normal(EPOCHS))


def rates(schedule, optimizer, values):
    """Yield the learning rate of each epoch."""
    schedule.start(optimizer)
    for value in values:
        yield optimizer.lr
        schedule.step(optimizer, value)
    yield optimizer.lr


@each_case
def test_agrees_with_pytorch(case):
    theirs = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=LR)
    scheduler = case.make_torch(theirs)
    expected = [theirs.param_groups[0]["lr"]]
    for loss in losses():
        theirs.step()
        if isinstance(scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau):
            scheduler.step(float(loss))
        else:
            scheduler.step()
        expected.append(theirs.param_groups[0]["lr"])
    assert list(rates(case.make(), SGD(LR), losses())) == pytest.approx(expected, rel=1e-10)
    changes = len(set(expected))
    assert changes > 3 or case.make().__class__ is Constant


def test_every_public_schedule_and_option_has_a_row():
    made = [case.make() for case in SCHEDULES]
    assert {type(schedule) for schedule in made} == set(FINAL)
    for cls in FINAL:
        for name, parameter in inspect.signature(cls).parameters.items():
            values = {getattr(schedule, name) for schedule in made if type(schedule) is cls}
            assert values - {parameter.default}, f"no row uses {name} of {cls.__name__}"


@each_case
@pytest.mark.parametrize("stop", [0, 1, 20])
def test_goes_on_bit_for_bit_from_a_state(case, stop):
    uninterrupted = list(rates(case.make(), SGD(LR), losses()))
    first, optimizer = case.make(), SGD(LR)
    first.start(optimizer)
    for loss in losses()[:stop]:
        first.step(optimizer, loss)
    state = json.loads(json.dumps(first.state_dict(), allow_nan=False))
    second, restored = case.make(), SGD(1.0)
    second.load_state_dict(state)
    restored.load_state_dict(optimizer.state_dict())
    assert list(rates(second, restored, losses()[stop:])) == uninterrupted[stop:]


@each_case
def test_repr_makes_the_schedule_again(case):
    schedule = case.make()
    assert repr(eval(repr(schedule))) == repr(schedule)


@each_case
def test_start_comes_once_and_by_itself(case):
    started, optimizer = case.make(), Adam(LR)
    started.start(optimizer)
    first = optimizer.lr
    started.start(optimizer)
    assert optimizer.lr == first
    started.step(optimizer, 1.0)
    other = Adam(LR)
    case.make().step(other, 1.0)
    assert other.lr == optimizer.lr


def test_warm_up_rises_to_the_learning_rate_and_the_cosine_ends_at_the_minimum():
    optimizer = SGD(LR)
    given = list(rates(Cosine(10, warmup=3, min_lr=0.01), optimizer, [None] * 15))
    assert given[:4] == pytest.approx([LR / 4, LR / 2, 3 * LR / 4, LR])
    assert given[10:] == pytest.approx([0.01] * 6)


def test_plateau_never_raises_the_learning_rate_to_the_minimum():
    schedule, optimizer = ReduceOnPlateau(patience=0, min_lr=1.0), SGD(LR)
    assert list(rates(schedule, optimizer, [1.0, 1.0, 1.0])) == [LR] * 4


def test_a_loss_that_is_no_number_is_no_improvement():
    schedule, optimizer = ReduceOnPlateau(factor=0.5, patience=1), SGD(LR)
    assert list(rates(schedule, optimizer, [np.nan, np.nan, 1.0])) == [LR, LR, LR / 2, LR / 2]
    assert schedule.best == 1.0


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: Step(0), "step_size"),
        (lambda: Step(2.5), "step_size"),
        (lambda: Step(3, gamma=0), "gamma"),
        (lambda: Step(3, gamma=np.nan), "gamma"),
        (lambda: Exponential(-1), "gamma"),
        (lambda: Exponential("slow"), "gamma"),
        (lambda: Cosine(0), "epochs"),
        (lambda: Cosine(5, warmup=-1), "warmup"),
        (lambda: Cosine(5, warmup=1.5), "warmup"),
        (lambda: Cosine(5, warmup=True), "warmup"),
        (lambda: Cosine(5, warmup=5), "warmup"),
        (lambda: Cosine(5, min_lr=-1), "min_lr"),
        (lambda: ReduceOnPlateau(factor=1), "factor"),
        (lambda: ReduceOnPlateau(factor=0), "factor"),
        (lambda: ReduceOnPlateau(patience=-1), "patience"),
        (lambda: ReduceOnPlateau(threshold=1), "threshold"),
        (lambda: ReduceOnPlateau(min_lr=np.inf), "min_lr"),
    ],
)
def test_bad_options(make, match):
    with refuses(ArgumentError, match=match):
        make()


@pytest.mark.parametrize("value", [None, "low"])
def test_plateau_needs_a_loss(value):
    schedule, optimizer = ReduceOnPlateau(), SGD(LR)
    with refuses(ArgumentError, schedule, optimizer, match="as the loss"):
        schedule.step(optimizer, value)


@each_case
@pytest.mark.parametrize(
    ("state", "match"),
    [
        ({"base_lr": 0.1}, "without epoch"),
        ({"epoch": -1}, "epoch=-1"),
        ({"epoch": 1.5}, "epoch=1.5"),
        ({"epoch": 3, "base_lr": "fast"}, "base_lr='fast'"),
        (None, "NoneType as a state"),
    ],
)
def test_bad_states(case, state, match):
    schedule, optimizer = case.make(), SGD(LR)
    schedule.step(optimizer, 1.0)
    with refuses(ArgumentError, schedule, match=match):
        schedule.load_state_dict(state)
