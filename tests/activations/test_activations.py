"""What holds for all inputs of the activations, beyond what their rows ask at some."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.testing import assert_allclose, assert_array_equal

from handgrad import (
    ELU,
    GELU,
    CrossEntropy,
    HardTanh,
    LeakyReLU,
    Linear,
    LogSoftmax,
    Model,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from handgrad.errors import ShapeError
from helpers import D, K, N, generator, random, refuses

ENTRYWISE = [
    ReLU(),
    Sigmoid(),
    Tanh(),
    LeakyReLU(),
    LeakyReLU(negative_slope=0),
    ELU(),
    ELU(alpha=0.3),
    ELU(alpha=0),
    GELU(),
    GELU("tanh"),
    SiLU(),
    Softplus(),
    Softplus(beta=7),
    HardTanh(),
    HardTanh(-0.25, 6),
]
each = pytest.mark.parametrize("activation", ENTRYWISE, ids=repr)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
SINGLE = st.floats(width=32, allow_nan=False, allow_infinity=False)
X = arrays(np.float64, array_shapes(max_dims=3), elements=FINITE)


@each
@given(x=X, single=arrays(np.float32, array_shapes(max_dims=2), elements=SINGLE))
def test_an_activation_is_finite_silent_and_of_its_inputs_type(activation, x, single):
    for given_x in (x, single):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            y, saved = activation.apply(given_x)
            dx, _ = activation.pullback(np.full_like(given_x, -0.5), saved)
        for array in (y, dx):
            assert (array.dtype, array.shape) == (given_x.dtype, given_x.shape)
            assert np.isfinite(array).all()


@each
def test_half_precision_is_as_exact_as_that(activation):
    x = np.linspace(-60, 60, 1001).astype(np.float16)
    y, saved = activation.apply(x)
    dx, _ = activation.pullback(np.ones_like(x), saved)
    assert y.dtype == dx.dtype == np.float16
    exact = x.astype(np.float64)
    assert_allclose(y, activation(exact), rtol=2e-3, atol=2e-3)
    assert_allclose(dx, slopes(activation, exact), rtol=4e-3, atol=4e-3)


@each
def test_a_single_number_is_an_input_too(activation):
    y = activation(0.625)
    assert (y.shape, activation.grad(1.0).shape) == ((), ())
    assert_array_equal(y, activation([0.625])[0])


@each
def test_inputs_of_any_layout(activation):
    x, dy = random(3, 5, 7), random(3, 5, 7, seed=1)
    y, saved = activation.apply(x)
    dx, _ = activation.pullback(dy, saved)
    for order in ((2, 1, 0), (1, 0, 2)):
        seen, kept = activation.apply(x.transpose(order))
        assert_array_equal(seen, y.transpose(order))
        back, _ = activation.pullback(dy.transpose(order), kept)
        assert_array_equal(back, dx.transpose(order))
    seen, _ = activation.apply(x[:, ::-2])
    assert_allclose(seen, y[:, ::-2], rtol=1e-14)


def slopes(activation, x):
    return activation.pullback(np.ones_like(x), activation.apply(x)[1])[0]


@given(x=arrays(np.float64, (4, 3), elements=st.floats(-30, 30)))
def test_a_tanh_is_a_sigmoid_on_another_scale(x):
    assert_allclose(Tanh()(x), 2 * Sigmoid()(2 * x) - 1, atol=1e-15)
    assert_allclose(slopes(Tanh(), x), 4 * slopes(Sigmoid(), 2 * x), atol=1e-15)


@given(x=X, a=st.floats(0, 5))
def test_a_leaky_relu_is_one_of_two_lines(x, a):
    with np.errstate(over="ignore"):
        expected = np.where(x > 0, x, a * x)
    assert_array_equal(LeakyReLU(a)(x), expected)
    on = expected > 0  # a product may be too small to tell it from 0
    assert_allclose(slopes(LeakyReLU(a), x), np.where(on, 1, a), rtol=1e-15)


@given(x=arrays(np.float64, (4, 3), elements=st.floats(-40, 40)), alpha=st.floats(0, 5))
def test_an_elu_is_its_definition(x, alpha):
    below = alpha * np.expm1(np.minimum(x, 0))
    assert_allclose(ELU(alpha)(x), np.where(x > 0, x, below), atol=1e-15)
    expected = np.where(x > 0, 1, alpha * np.exp(np.minimum(x, 0)))
    assert_allclose(slopes(ELU(alpha), x), expected, atol=1e-14)


def test_an_elu_does_not_cancel_near_0():
    x = np.array([-1e-12, -1e-20])
    assert_allclose(ELU()(x), x, rtol=1e-11)


@given(x=arrays(np.float64, (4, 3), elements=st.floats(-30, 30)), beta=st.floats(0.01, 20))
def test_a_softplus_lies_above_its_relu_and_its_slope_is_a_sigmoid(x, beta):
    y = Softplus(beta)(x)
    assert np.all(y >= np.maximum(x, 0))
    assert np.all(y <= np.maximum(x, 0) + math.log(2) / beta * (1 + 1e-12))
    assert_allclose(slopes(Softplus(beta), x), Sigmoid()(beta * x), atol=1e-14)


def test_a_softplus_and_its_slope_are_exact_far_to_the_left():
    x = np.array([-40.0, -700.0])
    assert_allclose(Softplus()(x), np.exp(x), rtol=1e-12)
    assert_allclose(slopes(Softplus(), x), np.exp(x), rtol=1e-12)


@given(x=X)
def test_a_silu_has_a_least_value(x):
    assert np.all(SiLU()(x) >= -0.27846454276107380)


@given(x=X)
def test_a_hard_tanh_twice_is_the_same_as_once(x):
    hard = HardTanh(-2, 0.5)
    y = hard(x)
    assert np.all((y >= -2) & (y <= 0.5))
    assert_array_equal(hard(y), y)
    assert_array_equal(slopes(hard, x), (x > -2) & (x < 0.5))


# GELU


def test_a_gelu_is_the_input_times_the_distribution_function():
    x = np.linspace(-9, 9, 4001)
    phi = np.array([0.5 * math.erfc(-v / math.sqrt(2)) for v in x])
    assert_allclose(GELU()(x), x * phi, atol=4e-15)
    density = np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)
    assert_allclose(slopes(GELU(), x), phi + x * density, atol=4e-15)


def test_the_approximation_of_a_gelu_is_as_near_as_it_says():
    x = np.linspace(-9, 9, 4001)
    inside = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
    assert_allclose(GELU("tanh")(x), 0.5 * x * (1 + np.tanh(inside)), atol=4e-15)
    assert 0.0004 < np.abs(GELU("tanh")(x) - GELU()(x)).max() < 0.0005


@pytest.mark.parametrize("approximate", ["none", "tanh"])
def test_a_gelu_in_single_precision_is_as_exact_as_that(approximate):
    gelu, x = GELU(approximate), np.linspace(-9, 9, 4001)
    single = x.astype(np.float32)
    assert_allclose(gelu(single), gelu(single.astype(np.float64)), atol=1e-6)
    assert_allclose(slopes(gelu, single), slopes(gelu, single.astype(np.float64)), atol=3e-6)


# Softmax


LOGITS = arrays(np.float64, (4, 3), elements=st.floats(-500, 500))


@given(x=LOGITS)
def test_a_log_softmax_is_the_logarithm_of_the_softmax(x):
    assert_allclose(np.exp(LogSoftmax()(x)), Softmax()(x), rtol=1e-12, atol=1e-300)


@given(x=arrays(np.float64, (2, 3, 4), elements=st.floats(-50, 50)), axis=st.integers(-3, 2))
def test_an_axis_is_the_last_one_of_what_is_turned(x, axis):
    dy = random(*x.shape)
    for kind in (Softmax, LogSoftmax):
        y, saved = kind(axis).apply(x)
        dx, _ = kind(axis).pullback(dy, saved)
        turned, kept = kind().apply(np.moveaxis(x, axis, -1))
        back, _ = kind().pullback(np.moveaxis(dy, axis, -1), kept)
        assert_allclose(np.moveaxis(y, axis, -1), turned, atol=1e-14)
        assert_allclose(np.moveaxis(dx, axis, -1), back, atol=1e-14)


@pytest.mark.parametrize("kind", [Softmax, LogSoftmax])
def test_what_is_ruled_out_is_as_if_it_were_not_there(kind):
    x, dy = random(N, K), random(N, K, seed=1)
    masked = np.insert(x, 1, -np.inf, axis=1)
    y, saved = kind().apply(masked)
    dx, _ = kind().pullback(np.insert(dy, 1, 0, axis=1), saved)
    assert_allclose(np.delete(y, 1, axis=1), kind()(x), atol=1e-14)
    assert_allclose(np.delete(dx, 1, axis=1), kind().pullback(dy, kind().apply(x)[1])[0])
    assert not dx[:, 1].any()


def test_a_log_softmax_and_the_right_entries_are_the_cross_entropy():
    logits, classes = random(N, K), generator().integers(0, K, N)
    loss, log_softmax = CrossEntropy(), LogSoftmax()
    value = loss(logits, classes)
    rows = np.arange(N)
    assert_allclose(-log_softmax(logits)[rows, classes].mean(), value)
    dy = np.zeros((N, K))
    dy[rows, classes] = -1 / N
    assert_allclose(log_softmax.grad(dy), loss.grad(), atol=1e-16)


@pytest.mark.parametrize("kind", [Softmax, LogSoftmax])
def test_an_axis_that_there_is_not_is_refused(kind):
    softmax = kind(axis=2)
    assert softmax.output_shape((..., 3)) == (..., 3)
    assert softmax.output_shape((None, 7, 3)) == (None, 7, 3)
    with refuses(ShapeError, softmax, match=r"\(7, 3\)[\s\S]*an axis 2[\s\S]*from -2 to 1"):
        softmax.output_shape((7, 3))
    with refuses(ShapeError, softmax, match="an axis 2"):
        Model([Linear(D, K), softmax]).forward(random(N, D))


@each
def test_an_activation_stands_between_layers(activation):
    model = Model([Linear(D, 5, rng=generator()), activation, Linear(5, K, rng=generator(1))])
    loss, classes = CrossEntropy(), generator().integers(0, K, N)
    before = loss(model.forward(random(N, D)), classes)
    for _ in range(20):
        loss(model.forward(random(N, D)), classes)
        model.update_parameters(model.backward(loss.grad()), 0.1)
    assert loss(model.forward(random(N, D)), classes) < before


def test_bounds_beyond_the_type_are_no_bounds():
    rectifier, x = HardTanh(0, 1e300), random(K, D).astype(np.float32)
    assert_array_equal(rectifier(x), ReLU()(x))
    assert_array_equal(rectifier.grad(x), np.maximum(x, 0))
