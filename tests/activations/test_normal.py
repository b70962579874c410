"""The distribution function of a standard normal variable, against the standard library's."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from handgrad.activations.normal import FAR, normal_cdf, normal_density


def exact(x):
    return np.array([0.5 * math.erfc(-float(v) / math.sqrt(2)) for v in x])


X = np.concatenate([np.linspace(-12, 12, 20001), [0.0, -0.0, FAR, -FAR, 1e6, -1e6]])


def test_in_double_precision():
    assert_allclose(normal_cdf(X), exact(X), rtol=0, atol=3e-16)
    near = X[np.abs(X) < 3]
    assert_allclose(normal_cdf(near), exact(near), rtol=1e-13)
    tail = np.linspace(-37, -3, 1001)
    assert_allclose(normal_cdf(tail), exact(tail), rtol=1e-5)


def test_in_single_precision():
    x = X.astype(np.float32)
    y = normal_cdf(x)
    assert y.dtype == np.float32
    assert_allclose(y, exact(x), rtol=0, atol=1e-7)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_both_sides_add_up_and_it_grows(dtype):
    x = np.linspace(0, 50, 5001, dtype=dtype)
    assert_allclose(normal_cdf(x) + normal_cdf(-x), 1, atol=np.finfo(dtype).eps)
    assert np.all(np.diff(normal_cdf(np.linspace(-50, 50, 2001, dtype=dtype))) >= 0)
    far = np.array([-np.inf, -1e38, 1e38, np.inf], dtype)
    assert_allclose(normal_cdf(far), [0, 0, 1, 1], atol=1e-300)


def test_its_slope_is_the_density():
    x = np.linspace(-6, 6, 1201)
    assert_allclose(normal_density(x), np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi), rtol=1e-15)
    h = 1e-30
    assert_allclose(
        np.imag(normal_cdf(x[x != 0] + 1j * h)) / h, normal_density(x[x != 0]), atol=1e-13
    )
