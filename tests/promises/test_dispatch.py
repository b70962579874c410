"""Arrays of another library flow through the formulas, as CuPy's would: nothing makes NumPy's."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from handgrad import (
    CrossEntropy,
    Dropout,
    Linear,
    Model,
    MSELoss,
    MultiHeadAttention,
    ReLU,
    Sigmoid,
)
from helpers import D, H, K, N, generator, random


class Device(np.lib.mixins.NDArrayOperatorsMixin):
    """An array that speaks NumPy's protocols, and like CuPy's refuses to meet one of NumPy's."""

    def __init__(self, host):
        self.host = host

    def __array_ufunc__(self, ufunc, method, *inputs, **keywords):
        return on_device(getattr(ufunc, method), inputs, keywords)

    def __array_function__(self, function, types, arguments, keywords):
        assert all(issubclass(cls, Device) for cls in types), f"{function.__name__} of {types}"
        return on_device(function, arguments, keywords)

    def __array__(self, *_, **__):
        raise TypeError("an implicit copy to the host")

    def __getattr__(self, name):
        value = getattr(object.__getattribute__(self, "host"), name)
        if callable(value):
            return lambda *arguments, **keywords: on_device(value, arguments, keywords)
        return Device(value) if isinstance(value, np.ndarray) else value

    def __getitem__(self, key):
        return on_device(self.host.__getitem__, (key,), {})

    def __setitem__(self, key, value):
        assert isinstance(value, Device) or np.isscalar(value)
        self.host[to_host(key)] = to_host(value)

    def __len__(self):
        return len(self.host)

    def __bool__(self):
        return bool(self.host)

    def __float__(self):
        return float(self.host)


def to_host(value):
    if isinstance(value, Device):
        return value.host
    if isinstance(value, np.ndarray):
        raise TypeError("an array of NumPy among the device's")
    if isinstance(value, tuple):
        return tuple(map(to_host, value))
    return value


def on_device(function, arguments, keywords):
    """Run a function on the host, in which every array has to come from the device."""
    out = keywords.get("out")
    result = function(
        *map(to_host, arguments), **{name: to_host(value) for name, value in keywords.items()}
    )
    if out is not None:
        return out[0] if isinstance(out, tuple) else out
    return Device(np.asarray(result)) if isinstance(result, np.ndarray | np.generic) else result


def moved(component):
    """Put the parameters of a component onto the device."""
    component.parameters.update({n: Device(a) for n, a in component.parameters.items()})
    return component


def network(move):
    rng = generator()
    layers = [move(Linear(D, H, rng=rng)), Sigmoid(), move(Linear(H, K, rng=rng)), ReLU()]
    return Model([*layers, Dropout(move(Linear(K, K, rng=rng)), 0.5).eval()])


def targets(kind):
    classes = generator().integers(0, K, N)
    return {"indices": classes, "one-hot": np.eye(K)[classes], "numbers": random(N, K)}[kind]


@pytest.mark.parametrize(
    ("loss", "kind"),
    [
        (CrossEntropy(), "indices"),
        (CrossEntropy(average=False), "one-hot"),
        (MSELoss(), "numbers"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("weighted", [False, True])
def test_a_step_of_training_stays_on_the_device(loss, kind, weighted):
    here, there = network(lambda layer: layer), network(moved)
    weights = (np.abs(random(N, seed=3)),) if weighted else ()
    for _ in range(2):
        value = loss(here.forward(random(N, D)), targets(kind), *weights)
        gradients = here.backward(loss.grad())
        y = there.forward(Device(random(N, D)))
        assert type(y) is Device
        other = loss(y, Device(targets(kind)), *map(Device, weights))
        dy = loss.grad()
        assert type(dy) is Device
        others = there.backward(dy)
        assert type(others.flat) is Device
        assert_allclose(float(other), value)
        assert_allclose(others.flat.host, gradients.flat)
        here.update_parameters(gradients, 0.1)
        there.update_parameters(others, 0.1)
    assert type(there.components[0].weights) is Device
    assert_allclose(there.parameters.host, here.parameters)


def test_integers_and_extremes_stay_on_the_device_too():
    logits = np.array([[1.7e308, -1.7e308, 0.0], [0.0, -np.inf, 0.0]])
    loss, classes = CrossEntropy(), np.array([1, 0])
    value = loss(logits, classes)
    other = loss(Device(logits), Device(classes))
    assert_allclose(float(other), value)
    assert type(loss.grad()) is Device
    relu = ReLU()
    assert type(relu(Device(np.arange(3)))) is Device
    assert relu.grad(Device(np.arange(3))).dtype == np.float64


@pytest.mark.parametrize("mask", [np.array([2, 0]), np.tri(3, 5, 1, dtype=bool)[None].repeat(2, 0)])
@pytest.mark.parametrize("causal", [False, True])
def test_attention_stays_on_the_device(mask, causal):
    here, there = (
        move(MultiHeadAttention(4, 2, causal=causal, rng=generator()))
        for move in (lambda layer: layer, moved)
    )
    x = random(2, 3, 4), random(2, 5, 4), random(2, 5, 4, seed=1)
    y, saved = here.apply((*x, mask))
    other, kept = there.apply((*map(Device, x), Device(mask)))
    assert type(other) is Device
    assert_allclose(other.host, y)
    dy = random(2, 3, 4, seed=2)
    (*dxs, _), gradients = here.pullback(dy, saved)
    (*others, _), moved_gradients = there.pullback(Device(dy), kept)
    for dx, dz in zip(dxs, others, strict=True):
        assert_allclose(dz.host, dx)
    for name, gradient in gradients.items():
        assert_allclose(moved_gradients[name].host, gradient)
