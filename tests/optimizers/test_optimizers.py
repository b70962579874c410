"""Every row of the registry of optimizers: PyTorch's numbers, blocks, types, state and errors."""

import copy
import inspect
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import handgrad.optimizers
from handgrad.errors import ArgumentError, DtypeError, ShapeError
from handgrad.optimizers import SGD, Adam, AdamW, Optimizer, RMSprop
from handgrad.optimizers import optimizer as module
from helpers import generator, refuses, small_model, snapshot, trained
from optimizer_cases import MAX_NORM, OPTIMIZERS

P, STEPS = 13, 50
PUBLIC = [getattr(handgrad.optimizers, name) for name in handgrad.optimizers.__all__]
FINAL = [cls for cls in PUBLIC if cls is not Optimizer]

each_case = pytest.mark.parametrize("case", OPTIMIZERS, ids=str)
each_optimizer = pytest.mark.parametrize("cls", FINAL)


def gradient(parameters, noise):
    """Return the gradient of a bumpy loss, which depends on where the parameters are."""
    return np.sin(3 * parameters) + noise


def start(dtype=np.float64, size=P):
    return generator(1).standard_normal(size).astype(dtype)


def noises(steps=STEPS, size=P, dtype=np.float64):
    return (0.5 * generator(2).standard_normal((steps, size))).astype(dtype)


def run(optimizer, parameters, noise):
    for row in noise:
        optimizer.update(parameters, gradient(parameters, row))
    return parameters


@each_case
def test_agrees_with_pytorch(case):
    ours, optimizer = start(), case.make()
    theirs = torch.from_numpy(start()).requires_grad_()
    torch_optimizer = case.make_torch(theirs)
    for noise in noises():
        optimizer.update(ours, gradient(ours, noise))
        theirs.grad = torch.from_numpy(gradient(theirs.detach().numpy(), noise))
        if max_norm := case.options.get("max_norm"):
            torch.nn.utils.clip_grad_norm_([theirs], max_norm)
        penalize(optimizer, theirs)
        torch_optimizer.step()
        assert_allclose(ours, theirs.detach().numpy(), rtol=1e-10, atol=1e-10)
    assert np.abs(ours - start()).min() > 1e-3


def penalize(optimizer, theirs):
    """Do what PyTorch's optimizers have no option for."""
    l1, p = optimizer.l1, theirs.detach()
    if optimizer.decoupled:
        reached = p.abs() <= optimizer.lr * l1
        p -= optimizer.lr * l1 * p.sign()
        p[reached] = 0
    else:
        theirs.grad += l1 * p.sign()


def test_an_l1_penalty_that_is_decoupled_makes_what_is_useless_exactly_0():
    parameters = np.array([0.1, -0.1, 2.0])
    optimizer = AdamW(lr=0.1, weight_decay=0.0, l1=0.2)
    for _ in range(6):
        optimizer.update(parameters, np.zeros(3))
    assert_allclose(parameters, [0, 0, 2 - 6 * 0.02])


def test_clipping_is_met_and_not_met_in_the_rows():
    parameters = start()
    norms = []
    for noise in noises():
        norms.append(np.linalg.norm(gradient(parameters, noise)))
        SGD(0.05).update(parameters, gradient(parameters, noise))
    assert min(norms) < MAX_NORM < max(norms)


def test_every_public_optimizer_and_option_has_a_row():
    """But `decay`, which needs a model; see test_groups.py."""
    assert {case.ours for case in OPTIMIZERS} == set(FINAL)
    for cls in FINAL:
        used = {name for case in OPTIMIZERS if case.ours is cls for name in case.options}
        assert used | {"decay"} == set(inspect.signature(cls).parameters)


@each_optimizer
def test_defaults_are_pytorchs(cls):
    theirs = inspect.signature(getattr(torch.optim, cls.__name__)).parameters
    for name, parameter in inspect.signature(cls).parameters.items():
        if name not in ("max_norm", "decay", "l1"):
            assert parameter.default == theirs[name].default
            assert getattr(cls(), name) == parameter.default


@each_case
def test_float32_stays_float32_and_is_near_float64(case):
    optimizer = case.make()
    single = run(optimizer, start(np.float32), noises(10, dtype=np.float32))
    double = run(case.make(), start(), noises(10))
    assert single.dtype == np.float32
    assert_allclose(single, double, rtol=1e-3, atol=1e-3)
    kept = [value for value in optimizer.state_dict().values() if isinstance(value, np.ndarray)]
    assert len(kept) == len(optimizer.slots)
    assert {array.dtype for array in kept} <= {np.dtype(np.float32)}


@each_case
def test_gradients_are_not_written_to(case):
    parameters, gradients = start(), 10 * noises(1)[0]
    gradients.flags.writeable = False
    before = gradients.copy()
    case.make().update(parameters, gradients)
    assert_array_equal(gradients, before)
    assert not np.array_equal(parameters, start())


@each_case
@settings(deadline=None, max_examples=15)
@given(size=st.integers(1, 40), block=st.integers(1, 9), seed=st.integers(0, 9))
def test_blocks_change_nothing(case, size, block, seed):
    noise = generator(seed).standard_normal((3, size))
    whole = run(case.make(), start(size=size), noise)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK", block)
        assert_array_equal(run(case.make(), start(size=size), noise), whole)


@each_case
def test_more_than_one_block(case):
    size = module.BLOCK + 3
    parameters = start(size=size)
    case.make().update(parameters, noises(1, size)[0])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK", size)
        whole = start(size=size)
        case.make().update(whole, noises(1, size)[0])
    assert_array_equal(parameters, whole)


@each_case
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("stop", [0, 1, 20])
def test_goes_on_bit_for_bit_from_a_state(case, dtype, stop):
    noise = noises(dtype=dtype)
    uninterrupted = run(case.make(), start(dtype), noise)
    first = case.make()
    parameters = run(first, start(dtype), noise[:stop])
    state = first.state_dict()
    run(first, parameters.copy(), noise[stop:])  # what follows does not reach the state
    second = case.make()
    second.lr = 1.0
    second.load_state_dict(state)
    assert snapshot(second.state_dict()) == snapshot(state)
    assert_array_equal(run(second, parameters, noise[stop:]), uninterrupted)


@each_case
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))])
@pytest.mark.parametrize("stop", [0, 20])
def test_a_copy_goes_on_bit_for_bit(case, copied, stop):
    first = case.make()
    parameters = run(first, start(), noises()[:stop])
    second = copied(first)
    assert_array_equal(
        run(second, parameters.copy(), noises()[stop:]), run(first, parameters, noises()[stop:])
    )
    assert snapshot(second.state_dict()) == snapshot(first.state_dict())


@each_case
def test_repr_makes_the_optimizer_again(case):
    optimizer = case.make()
    assert repr(eval(repr(optimizer))) == repr(optimizer)


@each_case
def test_lr_may_change_between_steps(case):
    ours, optimizer = start(), case.make()
    theirs = torch.from_numpy(start()).requires_grad_()
    torch_optimizer = case.make_torch(theirs)
    for lr, noise in zip((0.1, 0.01, 0.0), noises(3), strict=True):
        optimizer.lr = torch_optimizer.param_groups[0]["lr"] = lr
        noise = noise / 10  # too short to be clipped
        optimizer.update(ours, noise)
        theirs.grad = torch.from_numpy(noise)
        penalize(optimizer, theirs)
        torch_optimizer.step()
    assert_allclose(ours, theirs.detach().numpy(), rtol=1e-10, atol=1e-12)


@each_case
def test_trains_a_model(case):
    model = small_model()
    optimizer = case.make()
    assert optimizer.update(model.parameters, trained(model).flat) is None
    assert optimizer.steps == 1
    assert not np.array_equal(model.components[0].weights, small_model().components[0].weights)


def test_no_parameters_are_no_trouble():
    for case in OPTIMIZERS:
        optimizer = case.make()
        optimizer.update(np.empty(0), np.empty(0))
        optimizer.load_state_dict(optimizer.state_dict())
        assert optimizer.steps == 1


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_passes_through(value):
    """With clipping a norm that is not finite concerns every parameter, as in PyTorch."""
    gradients = np.array([value, 1.0])
    parameters, theirs = np.zeros(2), torch.zeros(2, dtype=torch.float64, requires_grad=True)
    with np.errstate(invalid="ignore"):
        SGD(1.0, max_norm=1.0).update(parameters, gradients)
    theirs.grad = torch.from_numpy(gradients)
    torch.nn.utils.clip_grad_norm_([theirs], 1.0)
    assert_array_equal(parameters, -theirs.grad.numpy())


def test_clipping_survives_squares_that_overflow():
    parameters = np.zeros(2, np.float32)
    SGD(1.0, max_norm=10.0).update(parameters, np.array([3e25, -4e25], np.float32))
    assert_allclose(parameters, [-6, 8], rtol=1e-6)


def test_centred_rmsprop_never_takes_the_root_of_a_negative_number():
    parameters, optimizer = np.zeros(100), RMSprop(1e-9, alpha=0.5, centered=True)
    gradients = generator(3).standard_normal(100)
    for _ in range(200):  # the variance of a constant is 0, up to rounding in either direction
        optimizer.update(parameters, gradients)
    state = optimizer.state_dict()
    assert (state["square_mean"] - state["mean"] ** 2).min() < 0
    assert np.isfinite(parameters).all()


BAD_OPTIONS = [
    ("lr", -0.1),
    ("lr", np.nan),
    ("lr", np.inf),
    ("lr", "0.1"),
    ("lr", True),
    ("lr", None),
    ("weight_decay", -1),
    ("weight_decay", np.inf),
    ("max_norm", 0),
    ("l1", -1),
    ("max_norm", -1),
    ("max_norm", np.nan),
    ("decay", "biases"),
    ("decay", True),
    ("momentum", 1),
    ("momentum", -0.1),
    ("nesterov", True),
    ("nesterov", 1),
    ("alpha", 1),
    ("alpha", -0.1),
    ("centered", 1),
    ("eps", 0),
    ("eps", -1e-8),
    ("betas", 0.9),
    ("betas", (0.9,)),
    ("betas", (0.9, 1)),
    ("betas", (-0.1, 0.9)),
    ("betas", (0.9, np.nan)),
]


@pytest.mark.parametrize(("name", "value"), BAD_OPTIONS)
@each_optimizer
def test_bad_options(cls, name, value):
    if name not in inspect.signature(cls).parameters:
        with pytest.raises(TypeError, match=name):
            cls(**{name: value})
    else:
        with refuses(ArgumentError, match=name):
            cls(**{name: value})


@each_optimizer
@pytest.mark.parametrize("lr", [-1, np.nan, "fast"])
def test_bad_lr_later_on(cls, lr):
    optimizer = cls(0.1)
    with refuses(ArgumentError, optimizer, match="lr"):
        optimizer.lr = lr


def read_only(array):
    array.flags.writeable = False
    return array


BAD_VECTORS = [
    (ShapeError, np.zeros(P), np.zeros(P + 1), "14 gradients of float64 beside 13 parameters"),
    (ShapeError, np.zeros((P, 1)), np.zeros((P, 1)), r"\(13, 1\) of the parameters"),
    (ShapeError, np.zeros(P), np.zeros((1, P)), r"\(1, 13\) of the gradients"),
    (DtypeError, np.zeros(P), np.zeros(P, np.float32), "gradients of float32"),
    (DtypeError, np.zeros(P, int), np.zeros(P), "an array of int64 as the parameters"),
    (DtypeError, np.zeros(P), [0.0] * P, "a list as the gradients"),
    (DtypeError, np.zeros(P), None, "a NoneType as the gradients"),
    (ArgumentError, read_only(np.zeros(P)), np.zeros(P), "read-only"),
]


@each_optimizer
@pytest.mark.parametrize(("error", "parameters", "gradients", "match"), BAD_VECTORS)
@pytest.mark.parametrize("steps", [0, 1])
def test_bad_vectors(cls, error, parameters, gradients, match, steps):
    optimizer = cls(0.1)
    run(optimizer, start(), noises(steps))
    with refuses(error, optimizer, parameters, gradients, match=match):
        optimizer.update(parameters, gradients)


@each_optimizer
@pytest.mark.parametrize(
    ("error", "vector", "match"),
    [
        (ShapeError, np.zeros(P + 1), "14 parameters of float64"),
        (DtypeError, np.zeros(P, np.float32), "13 parameters of float32"),
    ],
)
def test_vectors_of_another_model(cls, error, vector, match):
    optimizer = cls(0.1)
    run(optimizer, start(), noises(1))
    with refuses(error, optimizer, vector, match=match):
        optimizer.update(vector, vector.copy())


def adam_state(**changes):
    state = {"steps": 2, "lr": 0.1, "gradient_sum": np.ones(3), "square_sum": np.ones(3)}
    state.update(changes)
    return {name: value for name, value in state.items() if value is not None}


BAD_STATES = [
    (ArgumentError, [1, 2], "a list as a state"),
    (ArgumentError, adam_state(steps=None), "without steps"),
    (ArgumentError, adam_state(lr=None), "without lr"),
    (ArgumentError, adam_state(steps=-1), "steps=-1"),
    (ArgumentError, adam_state(steps=1.5), "steps=1.5"),
    (ArgumentError, adam_state(steps="2"), "steps='2'"),
    (ArgumentError, adam_state(lr=np.nan), "lr=nan"),
    (ArgumentError, adam_state(lr=-1), "lr=-1"),
    (ArgumentError, adam_state(square_sum=None), "gradient_sum"),
    (ArgumentError, adam_state(velocity=np.ones(3)), "velocity"),
    (ArgumentError, adam_state(steps=0), "gradient_sum"),
    (ShapeError, adam_state(square_sum=np.ones(4)), "4 square_sum .* 3 gradient_sum"),
    (ShapeError, adam_state(square_sum=np.ones((3, 1))), "square_sum"),
    (DtypeError, adam_state(gradient_sum=[1.0, 2.0, 3.0]), "a list as gradient_sum"),
    (DtypeError, adam_state(square_sum=np.ones(3, int)), "int64 as square_sum"),
    (DtypeError, adam_state(square_sum=np.ones(3, np.float32)), "square_sum of float32"),
]


@pytest.mark.parametrize(("error", "state", "match"), BAD_STATES)
@pytest.mark.parametrize("cls", [Adam, AdamW])
def test_bad_states(cls, error, state, match):
    optimizer = cls()
    optimizer.update(start(), noises(1)[0])
    with refuses(error, optimizer, match=match):
        optimizer.load_state_dict(state)
    optimizer.load_state_dict(adam_state())
    with refuses(ShapeError, optimizer, match="13 parameters"):
        optimizer.update(start(), noises(1)[0])
