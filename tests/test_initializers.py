"""What parameters are drawn from, and what is refused as an initializer."""

import numpy as np
import pytest

from handgrad import Linear
from handgrad.errors import ArgumentError, DtypeError, ShapeError
from handgrad.initializers import INITIALIZERS, Drawn, draw_parameters
from helpers import generator

SHAPE = (400, 300)


def draw(init, shape=SHAPE, rng=None, **options):
    (array,) = draw_parameters(
        {"weights": Drawn(shape, init, *shape[-2:])}, "Linear", rng, **options
    ).values()
    return array


@pytest.mark.parametrize(
    ("init", "variance"),
    [
        ("exercise", 0.05**2),
        ("he", 2 / 400),
        ("he_uniform", 2 / 400),
        ("glorot", 2 / 700),
        ("glorot_uniform", 2 / 700),
        ("normal", 1),
        ("zeros", 0),
    ],
)
def test_the_named_ones_have_their_variance(init, variance):
    drawn = draw(init, rng=generator())
    assert drawn.var() == pytest.approx(variance, rel=0.02)
    assert drawn.mean() == pytest.approx(0, abs=0.01 * variance**0.5)
    largest = abs(drawn).max() / (variance**0.5 or 1)
    assert (largest <= 3**0.5) == (init == "zeros" or init.endswith("uniform"))


@pytest.mark.parametrize("shape", [(7, 3), (3, 7), (2, 5, 3)])
def test_an_orthogonal_matrix_has_orthonormal_rows_or_columns(shape):
    drawn = draw("orthogonal", shape, generator())
    assert drawn.shape == shape
    rows = drawn.reshape(-1, shape[-1])
    rows = rows if len(rows) < shape[-1] else rows.T
    np.testing.assert_allclose(rows @ rows.T, np.eye(len(rows)), atol=1e-14)
    signs = [draw("orthogonal", (2, 2), generator(seed))[0, 0] > 0 for seed in range(20)]
    assert len(set(signs)) == 2


@pytest.mark.parametrize("init", INITIALIZERS)
def test_one_seed_gives_one_network_whatever_the_type(init):
    exact = draw(init, rng=generator(1))
    single = draw(init, rng=generator(1), dtype="float32")
    assert (single.dtype, exact.dtype) == (np.float32, np.float64)
    np.testing.assert_array_equal(single, exact.astype(np.float32))


def test_without_a_generator_the_global_state_decides():
    np.random.seed(0)
    exercise = draw("exercise"), draw(lambda shape, rng: rng.random(shape))
    np.random.seed(0)
    np.testing.assert_array_equal(exercise[0], 0.05 * np.random.standard_normal(SHAPE))
    np.testing.assert_array_equal(exercise[1], draw(lambda shape, rng: rng.random(shape)))


def test_a_function_of_ones_own_is_given_the_shape_and_the_generator():
    rng, seen = generator(), []

    def init(shape, given):
        seen.append((shape, given))
        return np.arange(np.prod(shape)).reshape(shape)

    layer = Linear(3, 2, init=init, bias_init="ones", rng=rng)
    assert seen == [((3, 2), rng)]
    np.testing.assert_array_equal(layer.weights, [[0, 1], [2, 3], [4, 5]])
    np.testing.assert_array_equal(layer.bias, [[1, 1]])


def too_large(shape, rng):
    raise MemoryError


@pytest.mark.parametrize(
    ("init", "error", "match"),
    [
        ("he_normal", ArgumentError, "'he_normal' as the initializer of the weights of Linear"),
        (0.1, ArgumentError, "one of exercise, he, "),
        (lambda shape, rng: np.ones(3), ShapeError, r"shape \(3,\) from the initializer"),
        (too_large, ArgumentError, r"weights of shape \(400, 300\) for Linear"),
        (
            lambda shape: np.ones(shape),
            ArgumentError,
            r"(?s)takes 1 positional .*def init\(shape, rng",
        ),
        (lambda shape, rng: np.full(shape, "a"), DtypeError, "array of <U1 from the initializer"),
        (lambda shape, rng: np.full(shape, 1j), DtypeError, "array of complex128 from the init"),
        (lambda shape, rng: np.ones(3).reshape(shape), ValueError, "cannot reshape"),
    ],
)
def test_what_is_no_initializer_is_refused(init, error, match):
    with pytest.raises(error, match=match):
        draw(init)


@pytest.mark.parametrize("dtype", [int, "complex128", "no type"])
def test_parameters_are_of_a_floating_type(dtype):
    with pytest.raises(ArgumentError, match="a floating type"):
        draw("he", dtype=dtype)
