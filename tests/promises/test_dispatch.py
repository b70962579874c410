"""Arrays of another library flow through the formulas, as CuPy's would: nothing makes NumPy's."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from handgrad import (
    ELU,
    GELU,
    GRU,
    LSTM,
    RNN,
    BatchNorm,
    Bidirectional,
    BinaryCrossEntropy,
    CrossEntropy,
    Dropout,
    Embedding,
    GroupNorm,
    HardTanh,
    HingeLoss,
    HuberLoss,
    L1Loss,
    LayerNorm,
    LeakyReLU,
    LearnedPositionalEncoding,
    Linear,
    LogSoftmax,
    Model,
    MSELoss,
    MultiHeadAttention,
    Parallel,
    ReLU,
    Residual,
    RMSNorm,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from handgrad.walk import buffers, named_gradients, parameters
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

    def __int__(self):
        return int(self.host)

    def __float__(self):
        return float(self.host)


def to_host(value):
    if isinstance(value, Device):
        return value.host
    if isinstance(value, np.ndarray):
        raise TypeError("an array of NumPy among the device's")
    if isinstance(value, tuple | list):
        return type(value)(map(to_host, value))
    return value


def on_device(function, arguments, keywords):
    """Run a function on the host, in which every array has to come from the device."""
    out = keywords.get("out")
    result = function(
        *map(to_host, arguments), **{name: to_host(value) for name, value in keywords.items()}
    )
    if out is not None:
        return out[0] if isinstance(out, tuple) else out
    if isinstance(result, tuple):
        return tuple(map(Device, result))
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
    rows = np.eye(K)[classes]
    ignored = np.where(classes, classes, -100)
    return {"indices": classes, "one-hot": rows, "numbers": random(N, K), "ignored": ignored}[kind]


@pytest.mark.parametrize(
    ("loss", "kind"),
    [
        (CrossEntropy(), "indices"),
        (CrossEntropy(average=False), "one-hot"),
        (CrossEntropy(label_smoothing=0.1, ignore_index=-100), "ignored"),
        (MSELoss(), "numbers"),
        (L1Loss(), "numbers"),
        (HuberLoss(), "numbers"),
        (BinaryCrossEntropy(), "one-hot"),
        (BinaryCrossEntropy(average=False, positive_weight=2), "one-hot"),
        (HingeLoss(), "indices"),
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


def moved_whole(component):
    """Put everything that a component holds onto the device, at whatever depth."""
    for _, holder, key in (*parameters(component), *buffers(component)):
        holder[key] = Device(holder[key])
    return component


@pytest.mark.parametrize(
    ("make", "x"),
    [
        (lambda: BatchNorm(D), random(N, D)),
        (lambda: BatchNorm(D).eval(), random(1100, D)),
        (lambda: BatchNorm(D, affine=False), random(N, D)),
        (lambda: LayerNorm((H, D)), random(N, H, D)),
        (lambda: RMSNorm(D), random(N, D)),
        (lambda: GroupNorm(2, K), random(N, H, K)),
        (lambda: Embedding(K, D, 1), generator().integers(0, K, (N, H))),
        (lambda: LearnedPositionalEncoding(H, D), random(N, 2, D)),
        (lambda: Residual(BatchNorm(D), Linear(D, D)), random(N, D)),
        (lambda: Parallel([Linear(D, H), LayerNorm(D)], "concatenate"), random(N, D)),
    ],
)
def test_layers_and_containers_stay_on_the_device(make, x):
    here, there = make(), moved_whole(make())
    for mine, theirs in zip(parameters(here), parameters(there), strict=True):
        mine.array[...] = theirs.array.host
    y = here(x)
    dy = random(*y.shape)
    dx = by_name(here, dy)
    assert_allclose(there(Device(x)).host, y)
    for name, gradient in by_name(there, Device(dy)).items():
        assert_allclose(gradient.host, dx[name], atol=1e-12)
    for mine, theirs in zip(buffers(here), buffers(there), strict=True):
        assert_allclose(theirs.array.host, mine.array)


def by_name(component, dy):
    """Return the gradients after a call, that of the input too where there is one."""
    dx = component.grad(dy)
    dx = dx[1] if isinstance(dx, tuple) else dx
    found = {} if dx is None else {"dx": dx}
    return found | named_gradients(component, component.gradients)


@pytest.mark.parametrize(
    "activation",
    [
        *(Tanh(), LeakyReLU(), ELU(0.3), GELU(), GELU("tanh"), SiLU(), Softplus(2.0), HardTanh()),
        *(Softmax(), Softmax(axis=0), LogSoftmax()),
    ],
    ids=repr,
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_activation_stays_on_the_device(activation, dtype):
    x, dy = random(N, D).astype(dtype), random(N, D, seed=1).astype(dtype)
    y = activation(x)
    dx = activation.grad(dy)
    there = activation(Device(x))
    back = activation.grad(Device(dy))
    assert type(there) is type(back) is Device
    assert_allclose(there.host, y)
    assert_allclose(back.host, dx)


@pytest.mark.parametrize("lengths", [None, np.arange(N) % 4 + 1], ids=["full", "lengths"])
@pytest.mark.parametrize("last", [False, True])
def test_sequences_stay_on_the_device_too(lengths, last):
    def layers(move):
        first = (move(LSTM(D, H, rng=generator())), move(RNN(D, H, rng=generator(1))))
        last_one = move(GRU(2 * H, K, rng=generator(2), return_sequences=not last))
        return Model([Bidirectional(*first), last_one])

    x, given = random(N, 4, D), () if lengths is None else (lengths,)
    here, there = layers(lambda layer: layer), layers(moved)
    y = here.forward((x, *given) if given else x)
    z = there.forward((Device(x), *map(Device, given)) if given else Device(x))
    assert type(z) is Device
    assert_allclose(z.host, y)
    gradients, others = here.backward(y), there.backward(z)
    assert type(others.flat) is Device
    assert_allclose(others.flat.host, gradients.flat)


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
