"""The affine layer without its bias."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from handgrad import Linear, Model, MSELoss, Parameter
from handgrad.checkpoint import from_config, load, save, to_config
from handgrad.errors import ArgumentError
from helpers import D, K, N, generator, random, refuses


def test_without_a_bias_there_is_none():
    layer, with_bias = Linear(D, K, bias=False, rng=generator()), Linear(D, K, rng=generator())
    assert layer.bias is None
    assert list(layer.parameters) == ["weights"]
    assert_array_equal(layer.weights, with_bias.weights)
    x, dy = random(N, D), random(N, K, seed=1)
    assert_array_equal(layer(x), x @ layer.weights)
    gradient_weights, dx = layer.grad(dy)
    assert_array_equal(gradient_weights, x.T @ dy)
    assert_array_equal(dx, dy @ layer.weights.T)
    assert list(layer.gradients) == ["weights"]
    assert repr(layer) == "Linear(3, 4, bias=False)"
    assert repr(with_bias) == "Linear(3, 4)"


def test_a_bias_that_is_not_there_cannot_be_assigned():
    layer = Linear(D, K, bias=False)
    with refuses(ArgumentError, layer, match=r"bias of Linear\(3, 4, bias=False\), which has none"):
        layer.bias = np.zeros((1, K))


def test_a_model_of_both_kinds_trains_and_comes_back_from_a_checkpoint(tmp_path):
    rng = generator()
    model = Model([Linear(D, 5, bias=False, rng=rng), Linear(5, K, rng=rng)])
    assert model.parameters.size == 15 + 24
    x, y, loss = random(N, D), random(N, K, seed=1), MSELoss()
    before = loss(model.forward(x), y)
    model.update_parameters(model.backward(loss.grad()), 0.1)
    assert loss(model.forward(x), y) < before
    save(tmp_path, model)
    twin = load(tmp_path).model
    assert_array_equal(twin.forward(x), model.forward(x))
    assert twin.components[0].bias is None


@pytest.mark.parametrize("bias", [True, False])
def test_the_description_says_whether_there_is_a_bias(bias):
    config = to_config(Linear(D, K, bias=bias))
    assert config["bias"] is bias
    assert (from_config(config).bias is not None) is bias
    del config["bias"]  # as it was before there was a choice
    assert from_config(config).bias is not None


class Offset(Linear):
    """Its argument `start` is called as its parameter is, and is an array."""

    start = Parameter()

    def __init__(self, start=None):
        super().__init__(1, 1)
        self.parameters["start"] = np.asarray(start)


def test_an_argument_that_is_an_array_is_stored_as_one():
    twin = from_config(to_config(Offset(np.array([1.0, 2.0]))), classes=[Offset])
    assert_array_equal(twin.start, [1.0, 2.0])
