"""Arrays of another library flow through the formulas, as CuPy's would: nothing makes NumPy's."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from handgrad import (
    BinaryCrossEntropy,
    CrossEntropy,
    Dropout,
    HingeLoss,
    HuberLoss,
    L1Loss,
    Linear,
    Model,
    MSELoss,
    ReLU,
    Sigmoid,
)
from handgrad.checking.cases import CASES
from handgrad.checking.evaluation import cast, floats_as
from handgrad.errors import PerSampleError, ShapeError
from handgrad.kernels import using
from handgrad.walk import buffers, own_arrays, parameters
from helpers import D, H, K, N, generator, random


class Device(np.lib.mixins.NDArrayOperatorsMixin):
    """An array that speaks NumPy's protocols, and like CuPy's refuses to meet one of NumPy's."""

    def __init__(self, host):
        self.host = host

    def __array_ufunc__(self, ufunc, method, *inputs, **keywords):
        return on_device(getattr(ufunc, method), inputs, keywords)

    def __array_function__(self, function, types, arguments, keywords):
        assert all(issubclass(cls, Device) for cls in types), f"{function.__name__} of {types}"
        if function is np.asarray:  # like=, which asks for what comes from the host
            return Device(np.array(*arguments, **keywords))
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


def there_of(x):
    return tuple(map(Device, x)) if isinstance(x, tuple) else Device(x)


def arrays_of(value):
    """Yield every array and number in what a component returns, by the path to it."""
    if isinstance(value, Device | np.ndarray | np.generic):
        yield "", value
        return
    if isinstance(value, tuple | list):
        value = dict(enumerate(value))
    elif not isinstance(value, dict):
        own = type(value).__module__.startswith("handgrad.")  # the parts of a sum, say
        value = vars(value) if own and hasattr(value, "__dict__") else {}
    for name, part in value.items():
        yield from ((f"{name}.{path}", array) for path, array in arrays_of(part))


def assert_on_device(value):
    """Check that every array in what a component returns is of the device; return them by path."""
    found = dict(arrays_of(value))
    plain = [path for path, array in found.items() if isinstance(array, np.ndarray)]
    assert not plain, f"arrays of NumPy's at {plain}"
    return found


def assert_there(there, here):
    """Check that what came out is of the device, and the same as here."""
    found, expected = assert_on_device(there), dict(arrays_of(here))
    assert found.keys() >= expected.keys()
    for path, array in expected.items():
        close = 1e-5 if array.dtype == "float32" else 1e-12
        close *= max(1, np.abs(array).max())
        assert found[path].dtype == array.dtype
        theirs = found[path] if isinstance(found[path], np.generic) else found[path].host
        assert_allclose(theirs, array, rtol=0, atol=close)


def drawn(case, dtype):
    """Return a row's component and inputs, the same at every call, its masks to come too."""
    np.random.seed(0)
    subject, given = case.draw(generator())
    return cast(subject, dtype), floats_as(dtype, given)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_row_stays_on_the_device(case, dtype):
    """No row is left out: no formula needs what it cannot ask of the array at hand."""
    with using("numpy"):
        here, (x, *against) = drawn(case, dtype)
        expected = here.apply(x, *against)
        dy = floats_as(dtype, random(*np.shape(expected[0])))
        there, _ = drawn(case, dtype)
        y, saved = moved_whole(there).apply(there_of(x), *map(Device, against))
        assert_on_device(saved)
        assert_there(y, expected[0])
        if case.targets is not None:
            assert_there(there.pullback(saved), here.pullback(expected[1]))
            return
        assert_there(there.pullback(Device(dy), saved), here.pullback(dy, expected[1]))
        offered = {name: Device(np.empty_like(p)) for name, p in own_arrays(here).items()}
        gradients = there.pullback(Device(dy), saved, need_dx=False, out=offered)[1]
        assert_there(gradients, here.pullback(dy, expected[1])[1])
        here.update_buffers(expected[1])
        there.update_buffers(saved)
        assert_there(
            [place.array for place in buffers(there)], [place.array for place in buffers(here)]
        )


@pytest.mark.parametrize("case", [case for case in CASES if case.targets is None], ids=str)
def test_each_samples_gradients_stay_on_the_device(case):
    here, (x,) = drawn(case, "float64")
    y, saved = here.apply(x)
    dy = random(*y.shape)
    there, _ = drawn(case, "float64")
    _, kept = moved_whole(there).apply(there_of(x))
    try:
        expected = here.pullback_per_sample(dy, saved)
    except (PerSampleError, ShapeError) as error:  # samples that see each other, or no axis of them
        with pytest.raises(type(error)):
            there.pullback_per_sample(Device(dy), kept)
    else:
        assert_there(there.pullback_per_sample(Device(dy), kept), expected)
