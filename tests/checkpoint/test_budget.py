"""What a description may ask for before any memory is taken: as much as its file has, and some."""

import math

import numpy as np
import pytest

from handgrad import Activation, BatchNorm, Linear, Model
from handgrad.checking import CASES
from handgrad.checkpoint import from_config, load, save, to_config
from handgrad.errors import ArgumentError, CheckpointError
from handgrad.initializers import Drawn, budget, draw_parameters
from handgrad.walk import parameters


@pytest.fixture
def left():
    """Return a function that sets the budget, which is taken back after the test."""
    token = budget.set(budget.get())
    yield budget.set
    budget.reset(token)


WITH_PARAMETERS = [
    case
    for case in CASES
    if case.targets is None and [*parameters(case.build(np.random.default_rng(0)))]
]


def test_the_cases_with_parameters_are_found():
    assert {case.component.__name__ for case in WITH_PARAMETERS} >= {"Linear", "Dropout", "Model"}


@pytest.mark.parametrize("case", WITH_PARAMETERS, ids=str)
def test_every_component_with_parameters_draws_them_from_the_budget(case, left):
    component = case.build(np.random.default_rng(0))
    left(0)
    with pytest.raises(ArgumentError, match="no more entries than the 0 that"):
        case.build(np.random.default_rng(0))
    left(math.inf)
    config = to_config(component)
    left(0)
    from_config(config)  # which has a budget of its own, and puts back what was there
    assert budget.get() == 0


def test_a_budget_is_used_up(left):
    left(20)
    wanted = {"weights": Drawn((3, 4), "zeros", 3, 4), "bias": Drawn((4,), "zeros", 3, 4)}
    draw_parameters(wanted, "a layer")
    assert budget.get() == 4
    with pytest.raises(ArgumentError, match="16 parameters for a layer"):
        draw_parameters(wanted, "a layer")
    assert budget.get() == 4


class Wide(Activation):
    """Has large arguments, and few parameters, drawn twice."""

    def __init__(self, height, width, strides):
        self.height, self.width, self.strides = height, width, strides
        self.inner = Linear(*strides)
        self.inner = Linear(*strides)

    def apply(self, x):
        return x, None

    def pullback(self, dy, saved, need_dx=True, out=None):
        return dy, {"inner": {}}


def test_large_arguments_are_no_harm_and_parameters_may_be_drawn_twice(tmp_path):
    model = Model([Wide(10**9, 10**9, (400, 300))])
    save(tmp_path, model)
    twin = load(tmp_path, classes=[Wide]).model
    np.testing.assert_array_equal(twin.parameters, model.parameters)


def test_what_a_constructor_draws_is_bounded_however_it_is_asked_for(tmp_path):
    wide = Wide(3, 3, (400, 300))
    save(tmp_path, Model([wide]))
    wide.strides = (4000, 3000)
    save(tmp_path, Model([wide]))
    with pytest.raises(CheckpointError, match="12,003,000 parameters for Linear"):
        load(tmp_path, classes=[Wide])


def test_statistics_are_drawn_from_the_budget_too(left, tmp_path):
    left(0)
    with pytest.raises(ArgumentError, match=r"8 parameters for BatchNorm\(4\)"):
        BatchNorm(4, affine=False)
    left(math.inf)
    norm = BatchNorm(4, affine=False)
    norm.features = 10**6
    save(tmp_path, Model([norm]))
    with pytest.raises(CheckpointError, match="2,000,000 parameters for BatchNorm"):
        load(tmp_path)
