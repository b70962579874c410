"""Dropout: its draws, its mask in both directions, its expectation, its modes, what it wraps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from handgrad import Component, Dropout, Linear, Model, Parameter, ReLU, Sigmoid
from handgrad.checking import check
from handgrad.walk import parameters
from helpers import D, H, K, N, OwnLinear, OwnReLU, generator, random

WRAPPED = {
    "Linear": lambda: Linear(D, K, rng=generator()),
    "ReLU": ReLU,
    "Sigmoid": Sigmoid,
    "Dropout": lambda: Dropout(Linear(D, K, rng=generator()), 0.25, rng=generator(9)),
    "a student's layer": lambda: OwnLinear(D, K, generator()),
    "a student's activation": OwnReLU,
}


def test_the_mask_is_one_binomial_draw_after_the_wrapped_layer_has_run():
    class Drawing(Linear):
        def apply(self, x):
            np.random.random()
            return super().apply(x)

    layer, x = Drawing(D, K, rng=generator()), random(N, D)
    np.random.seed(7)
    np.random.random()
    keep = np.random.binomial(1, 1 - 0.3, size=(N, K))
    following = np.random.random()
    np.random.seed(7)
    y = Dropout(layer, 0.3)(x)
    assert np.random.random() == following
    assert_allclose(y, (x @ layer.weights + layer.bias) * keep / 0.7)


def test_every_call_draws_anew_and_the_gradient_uses_the_last_mask():
    dropout, x, dy = Dropout(Linear(D, K), 0.5, rng=generator()), random(N, D), random(N, K, seed=1)
    first, second = dropout(x), dropout(x)
    assert np.any((first == 0) != (second == 0))
    mask = 2.0 * (second != 0)
    gradient_weights, gradient_input = dropout.grad(dy)
    assert_allclose(gradient_weights, x.T @ (dy * mask))
    assert_allclose(gradient_input, (dy * mask) @ dropout.layer.weights.T)
    assert_allclose(dropout.gradients["bias"], (dy * mask).sum(axis=0, keepdims=True))


def test_interleaved_passes_keep_their_own_masks():
    dropout, x, dy = Dropout(ReLU(), 0.5, rng=generator()), 1 + random(N, D) ** 2, random(N, D)
    (first, first_saved), (second, second_saved) = dropout.apply(x), dropout.apply(x)
    assert_allclose(dropout.pullback(dy, first_saved)[0], dy * 2.0 * (first != 0))
    assert_allclose(dropout.pullback(dy, second_saved)[0], dy * 2.0 * (second != 0))


def test_a_generator_fixes_the_masks_and_leaves_the_global_state_alone():
    x, state = 1 + random(N, D) ** 2, np.random.get_state()[1].copy()
    masks = [Dropout(ReLU(), 0.5, rng=generator(3))(x) != 0 for _ in range(2)]
    assert_array_equal(*masks)
    assert np.any(masks[0] != (Dropout(ReLU(), 0.5, rng=generator(4))(x) != 0))
    assert_array_equal(np.random.get_state()[1], state)


@pytest.mark.parametrize("rng", [generator, lambda: None], ids=["rng", "global state"])
@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_the_expectation_is_the_wrapped_layers_output_and_so_is_its_gradients(p, rng):
    np.random.seed(0)
    layer = Linear(D, K, rng=generator())
    dropout, draws = Dropout(layer, p, rng=rng()), 20_000
    x, dy = random(1, D), random(1, K, seed=1)
    y, saved = dropout.apply(np.repeat(x, draws, axis=0))
    # Five standard errors of the mean of a Bernoulli variable divided by 1 - p.
    bound = 5 * np.sqrt(p / (1 - p) / draws)
    expected = layer(x)[0]
    assert np.all(np.abs(y.mean(axis=0) - expected) < bound * np.abs(expected))
    kept = (y != 0).mean()
    assert abs(kept - (1 - p)) < 5 * np.sqrt(p * (1 - p) / draws / K)
    dropped, _ = dropout.pullback(np.repeat(dy, draws, axis=0), saved)
    terms = np.abs(dy * layer.weights)  # each is there or not on its own
    assert np.all(
        np.abs(dropped.mean(axis=0) - layer.grad(dy)[1][0])
        < bound * np.sqrt((terms**2).sum(axis=1))
    )


@given(p=st.floats(0, 1, exclude_max=True), seed=st.integers(0, 2**32 - 1))
def test_an_entry_is_dropped_or_scaled(p, seed):
    x = 1 + random(N, D, seed=seed) ** 2
    y = Dropout(ReLU(), p, rng=generator(seed))(x)
    assert np.all(np.isfinite(y))
    assert_allclose(y[y != 0], (x / (1 - p))[y != 0])
    if p == 0:
        assert_array_equal(y, x)


@pytest.mark.parametrize("wrapped", WRAPPED.values(), ids=WRAPPED)
def test_eval_mode_is_exactly_the_wrapped_layer(wrapped):
    dropout, alone, x = Dropout(wrapped(), 0.5), wrapped(), random(N, D)
    state = np.random.get_state()[1].copy()
    if isinstance(alone, Dropout):
        alone.eval()
    assert dropout.eval() is dropout
    y = dropout(x)
    dy = random(*y.shape, seed=1)
    assert_array_equal(y, alone(x))
    expected = alone.grad(dy)
    expected = expected if isinstance(expected, tuple) else (None, expected)
    for ours, theirs in zip(dropout.grad(dy), expected, strict=True):
        assert_array_equal(ours, theirs)
    assert_array_equal(np.random.get_state()[1], state)  # nothing is drawn
    dropout.train()
    assert np.any(dropout(x) != y)


@pytest.mark.parametrize("wrapped", WRAPPED.values(), ids=WRAPPED)
def test_it_wraps_any_layer(wrapped):
    dropout, alone = Dropout(wrapped(), 0.5, rng=generator(3)), wrapped()
    x = random(N, D)
    f = alone(x)
    mask, dy = 2.0 * (generator(3).random(f.shape) >= 0.5), random(*f.shape, seed=1)
    assert_allclose(dropout(x), f * mask)
    expected = alone.grad(dy * mask)
    found = dropout.grad(dy)
    if isinstance(expected, tuple):
        assert_allclose(found[0], expected[0])
        assert_allclose(found[1], expected[1])
        assert_allclose(dropout.gradients["bias"], alone.gradients["bias"])
    else:
        assert found[0] is None
        assert_allclose(found[1], expected)


def test_inside_a_longer_and_a_nested_model():
    def build(drop):
        first, second = Linear(D, H, rng=generator(1)), Linear(H, K, rng=generator(2))
        return [drop(first), Sigmoid(), drop(second)]

    plain = Model(build(lambda layer: layer))
    x, dy, p = random(N, D), random(N, K, seed=1), 0.4
    parts = build(lambda layer: Dropout(layer, p, rng=generator(layer.in_features)))
    model = Model([Model(parts[:2]), parts[2]])
    first, _, second = plain.components
    masks = [(generator(d).random((N, k)) >= p) / (1 - p) for d, k in ((D, H), (H, K))]
    h = 1 / (1 + np.exp(-(x @ first.weights + first.bias) * masks[0]))
    assert_allclose(model.forward(x), (h @ second.weights + second.bias) * masks[1])
    gradients = model.backward(dy)
    dh = (dy * masks[1]) @ second.weights.T * h * (1 - h) * masks[0]
    assert_allclose(gradients[0]["0"]["layer"]["weights"], x.T @ dh)
    assert_allclose(gradients[0]["0"]["layer"]["bias"][0], dh.sum(axis=0))
    assert_allclose(gradients[1]["layer"]["weights"], h.T @ (dy * masks[1]))
    assert_array_equal(model.parameters, plain.parameters)
    assert_array_equal(model.eval().forward(x), plain.forward(x))
    before = model.parameters.copy()
    model.update_parameters(gradients, 0.1)
    assert_allclose(model.parameters, before - 0.1 * gradients.flat)


def test_it_learns_nothing_itself_and_holds_the_wrapped_layer():
    layer = Linear(D, K)
    dropout = Dropout(Dropout(layer, 0.5), 0.5)
    assert dropout.parameters == {}
    assert dropout.children() == {"layer": dropout.layer}
    assert [name for name, _, _ in parameters(dropout)] == [
        "layer.layer.weights",
        "layer.layer.bias",
    ]
    assert dropout.output_shape((None, D)) == (None, K)


def test_the_gradients_of_what_is_wrapped_are_whole_whatever_that_wraps():
    class Scaled(Component):
        scale = Parameter()

        def __init__(self, layer):
            self.layer = layer
            self.parameters = {"scale": random(K)}

        def apply(self, x):
            y, saved = self.layer.apply(x)
            return y * self.scale, (saved, y)

        def pullback(self, dy, saved, need_dx=True, out=None):
            dx, gradients = self.layer.pullback(dy * self.scale, saved[0], need_dx)
            return dx, {"scale": (dy * saved[1]).sum(axis=0), "layer": gradients}

    x, dy = random(N, D), random(N, K, seed=1)
    inner = Scaled(Linear(D, K, rng=generator()))
    dropout = Dropout(Dropout(inner, 0.0), 0.0)
    dropout(x)
    weights, dx = dropout.grad(dy)
    inner(x)
    assert_array_equal(dx, inner.grad(dy))
    assert weights is None
    assert_array_equal(dropout.gradients["scale"], inner.gradients["scale"])
    for name, gradient in inner.gradients["layer"].items():
        assert_array_equal(dropout.gradients["layer"][name], gradient)
    assert check(dropout, x).ok


def test_it_wraps_a_model():
    inner = Model([Linear(D, H, rng=generator(1)), Sigmoid(), Linear(H, K, rng=generator(2))])
    model = Model([Dropout(inner, 0.4, rng=generator(3)), ReLU()])
    x, dy = random(N, D), random(N, K, seed=1)
    mask = (generator(3).random((N, K)) >= 0.4) / 0.6
    y = model.forward(x)
    assert_allclose(y, np.maximum(inner.apply(x)[0] * mask, 0))
    expected = inner.pullback(dy * (y > 0) * mask, inner.apply(x)[1])[1]
    gradients = model.backward(dy)
    for name in ("weights", "bias"):
        assert_allclose(gradients[0]["layer"]["2"][name], expected["2"][name])
        assert_allclose(gradients[0]["layer"]["0"][name], expected["0"][name])
    model.update_parameters(gradients, 0.1)
    assert np.shares_memory(inner.parameters, model.parameters)


def test_constructor_arguments_are_kept():
    layer, rng = Linear(D, K), generator()
    dropout = Dropout(layer, np.float32(0.5), rng=rng)
    assert (dropout.layer, dropout.p, dropout.rng) == (layer, 0.5, rng)
    assert type(dropout.p) is float
    assert repr(dropout) == "Dropout(Linear(3, 4), p=0.5)"
