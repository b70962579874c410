"""Students made of the catalogue: classes that keep the exercise's calls and make one mistake."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial

import numpy as np

import handgrad
from handgrad.diagnosis import families as general
from handgrad.diagnosis.kinds import KINDS
from handgrad.diagnosis.kinds.cross_entropy import mistakes as cross_entropy
from handgrad.diagnosis.kinds.dropout import mistakes as dropout
from handgrad.diagnosis.kinds.relu import mistakes as relu
from handgrad.diagnosis.mistake import Behaviour, Given, Mistake, Results
from handgrad.diagnosis.student.subject import Subject

OURS = {
    "mse": handgrad.MSELoss,
    "cross_entropy": handgrad.CrossEntropy,
    "linear": handgrad.Linear,
    "relu": handgrad.ReLU,
    "sigmoid": handgrad.Sigmoid,
    "dropout": handgrad.Dropout,
    "model": handgrad.Model,
}


@dataclass(frozen=True)
class Entry:
    """One entry of the catalogue, and the student who makes that mistake."""

    kind: str
    name: str
    student: type
    convention: bool = False


def entries() -> Iterator[Entry]:
    """Yield an entry for everything that the catalogue knows."""
    for kind, cls in KINDS.items():
        for mistake in (*cls.mistakes, *cls.conventions):
            yield _entry(kind, mistake)
        yield _entry(kind, general.float32)
    for mistake in relu.KINK:
        yield _entry("relu", mistake)
    yield _entry("cross_entropy", cross_entropy.no_maximum)
    yield _entry("sigmoid", general.overflow)
    for mistake in dropout.MASKS.values():
        yield _entry("dropout", mistake)
    for behaviour in general.BEHAVIOURS.values():
        for kind in ("linear",) if behaviour is general.steps_inside else ("linear", "sigmoid"):
            yield Entry(kind, behaviour.cause.name, spoiled(kind, behaviour))


def _entry(kind: str, mistake: Mistake) -> Entry:
    return Entry(kind, mistake.cause.name, student(kind, mistake), mistake.convention)


def student(kind: str, *mistakes: Mistake) -> type:
    """Return a class whose passes are our right ones, changed by the mistakes."""
    makers = {"linear": _linear, "dropout": _dropout, "model": _model}
    losses = {"mse": _loss, "cross_entropy": _loss}
    return {**makers, **losses}.get(kind, _activation)(kind, mistakes)


def bare(kind: str):
    """Return something that knows what is right, and nothing of a student."""
    return object.__new__(KINDS[kind])


def reference(kind: str, i: int = 0) -> Given:
    """Return the input of one trial, with square matrices where there are any."""
    cls = KINDS[kind]
    given = cls(Subject(OURS[kind])).givens(cls.square or cls.shapes, 0)[i]
    if kind == "dropout":
        rng = np.random.default_rng(i)
        _draw(given, rng.binomial(1, 0.7, given.dy.shape), rng.binomial(1, 0.7, given.dy.shape))
    return given


def right(kind: str, given: Given) -> Results:
    """Return our results."""
    if kind == "dropout":
        keep, extra, fresh = given.keep, dict(given.extra), given.fresh
        results = bare(kind).right(given, {"output": (given.x @ given.W + given.b) * keep})
        given.keep, given.extra, given.fresh = keep, extra, fresh
        return results
    return bare(kind).right(given, {})


def outcome(kind: str, mistakes: tuple[Mistake, ...], given: Given) -> Results:
    """Return the results with the mistakes in them."""
    results = right(kind, given)
    for mistake in mistakes:
        results = mistake.apply(given, results)
    return results


@cache
def touched(kind: str, mistakes: tuple[Mistake, ...]) -> set[str]:
    """Return the quantities that come out differently."""
    given = reference(kind)
    given.extra |= {"redrawn": True}
    names: set[str] = set()
    for mistake in mistakes:
        _suit(given, mistake)
        names |= set(mistake.wrong(given, right(kind, given)))
    return names


def quantity(kind: str, mistakes: tuple[Mistake, ...], given: Given, name: str):
    """Return one result; a mistake that cannot be made on this input raises in its own pass."""
    try:
        return outcome(kind, mistakes, given)[name]
    except ValueError:
        if name in touched(kind, mistakes):
            raise
        return right(kind, given)[name]


def _loss(kind: str, mistakes: tuple[Mistake, ...]) -> type:
    class Loss:
        def __init__(self, average=True):
            self.average = average

        def __call__(self, x, y):
            given = Given("", {}, x.astype(float), y=y.astype(float), average=self.average)
            self.results = outcome(kind, mistakes, given)
            return self.results["value"]

        def grad(self):
            return self.results["gradient"]

    return Loss


def _activation(kind: str, mistakes: tuple[Mistake, ...]) -> type:
    class Activation:
        def __call__(self, x):
            self.x = x.astype(float)
            given = Given("", {}, self.x, dy=np.ones(x.shape))
            return outcome(kind, mistakes, given)["output"]

        def grad(self, in_gradient):
            return outcome(kind, mistakes, Given("", {}, self.x, dy=in_gradient))["dx"]

    return Activation


def _linear(kind: str, mistakes: tuple[Mistake, ...]) -> type:
    class Layer:
        def __init__(self, in_features, out_features):
            self.weights = 0.05 * np.random.randn(in_features, out_features)
            self.bias = 0.05 * np.random.randn(1, out_features)

        def given(self, dy):
            return Given("", {}, self.x, dy=dy, W=self.weights, b=self.bias[0])

        def __call__(self, x):
            self.x = x.copy()
            given = self.given(np.ones((len(x), self.weights.shape[1])))
            return quantity(kind, mistakes, given, "output")

        def grad(self, in_gradient):
            results = outcome(kind, mistakes, self.given(in_gradient))
            self.gradients = {"bias": results["db"]}
            return results["dW"], results["dx"]

    return Layer


def _suit(given: Given, mistake: Mistake) -> None:
    """Let the mask be as the mistake makes it."""
    if mistake.cause is dropout.nothing.cause:
        given.keep = np.ones_like(given.keep)
    given.extra["keeps p"] = mistake.cause is dropout.keeps_p.cause


def _draw(given: Given, keep, other) -> None:
    given.keep, given.fresh = keep.astype(float), other.astype(float)
    given.extra |= {"input mask": given.keep, "evaluation mask": given.fresh, "redrawn": True}


def _dropout(kind: str, mistakes: tuple[Mistake, ...]) -> type:
    class Dropout:
        training = True

        def __init__(self, layer, p):
            self.layer, self.p = layer, p

        def eval(self):
            self.training = False

        def mask(self, shape):
            share = (
                self.p if any(m.cause is dropout.keeps_p.cause for m in mistakes) else 1 - self.p
            )
            if dropout.MASKS["rows"] in mistakes:
                return np.repeat(np.random.binomial(1, share, size=(1, shape[1])), shape[0], axis=0)
            if dropout.MASKS["columns"] in mistakes:
                return np.repeat(np.random.binomial(1, share, size=(shape[0], 1)), shape[1], axis=1)
            if dropout.MASKS["once"] in mistakes and hasattr(self, "keep"):
                return self.keep
            return np.random.binomial(1, share, size=shape)

        def given(self, dy):
            W, b = self.layer.weights, self.layer.bias[0]
            given = Given("", {}, self.x, dy=dy, W=W, b=b, p=self.p)
            other = np.random.binomial(1, 1 - self.p, size=dy.shape)
            _draw(given, self.keep, other)
            if dropout.on_input in mistakes:
                given.extra["input mask"] = self.keep
            for mistake in mistakes:
                _suit(given, mistake)
            return given

        def __call__(self, x):
            self.x = x.copy()
            dy = np.ones((len(x), self.layer.weights.shape[1]))
            self.keep = self.mask(dy.shape)
            name = "output" if self.training else "evaluation"
            return quantity(kind, mistakes, self.given(dy), name)

        def grad(self, in_gradient):
            results = outcome(kind, mistakes, self.given(in_gradient))
            self.gradients = {"bias": results["db"]}
            return results["dW"], results["dx"]

    return Dropout


def _model(kind: str, mistakes: tuple[Mistake, ...]) -> type:
    class Model:
        def __init__(self, components):
            self.components = components
            self.layers = [c for c in components if hasattr(c, "weights")]

        def given(self, x, dy, lr=1.0):
            W = np.concatenate([layer.weights.ravel() for layer in self.layers])
            b = np.concatenate([layer.bias.ravel() for layer in self.layers])
            letters = {"Linear": "L", "_Inner": "L", "InnerReLU": "R", "InnerSigmoid": "S"}
            extra = {
                "network": "".join(letters[type(c).__name__] for c in self.components),
                "sizes": [layer.weights.shape for layer in self.layers],
            }
            return Given("", {}, x, dy=dy, W=W, b=b, lr=lr, extra=extra)

        def forward(self, x):
            self.x = x.copy()
            dy = np.ones((len(x), self.layers[-1].weights.shape[1]))
            return quantity(kind, mistakes, self.given(x, dy), "output")

        def backward(self, dy):
            self.dy = dy.copy()
            flat = quantity(kind, mistakes, self.given(self.x, dy), "dW")
            parts = iter(np.split(flat, np.cumsum([a.weights.size for a in self.layers])[:-1]))
            return [
                {"weights": next(parts).reshape(c.weights.shape)} if c in self.layers else {}
                for c in self.components
            ]

        def update_parameters(self, gradients, lr):
            results = outcome(kind, mistakes, self.given(self.x, self.dy, lr))
            for step, name in (("W step", "weights"), ("b step", "bias")):
                arrays = [getattr(layer, name) for layer in self.layers]
                parts = np.split(results[step], np.cumsum([a.size for a in arrays])[:-1])
                for array, part in zip(arrays, parts, strict=True):
                    array -= lr * part.reshape(array.shape)

    return Model


def spoiled(kind: str, behaviour: Behaviour) -> type:
    """Return a class whose passes are our right ones, spoiled by a behaviour."""

    class Spoiled:
        def __init__(self, *sizes):
            self.ours = OURS[kind](*sizes)
            forward, backward = self.ours.__call__, partial(_backward, self.ours)
            parameters = getattr(self.ours, "parameters", {})
            self.forward, self.backward = behaviour.spoil(forward, backward, parameters)

        def __call__(self, x):
            return self.forward(x)

        def grad(self, in_gradient):
            results = self.backward(in_gradient)
            if "dW" not in results:
                return results["dx"]
            self.gradients = {"bias": results["db"]}
            return results["dW"], results["dx"]

    return Spoiled


def _backward(component, dy) -> Results:
    if not hasattr(component, "weights"):
        return {"dx": component.grad(dy)}
    dW, dx = component.grad(dy)
    return {"dW": dW, "db": component.gradients["bias"].copy(), "dx": dx}


def equal(kind: str, a: Mistake, b: Mistake) -> bool:
    """Return whether two mistakes give the same, on several inputs."""
    for i in (0, 1, 3) if kind == "cross_entropy" else (0, 1):  # 3 is a sum, not a mean
        given = reference(kind, i)
        one, other = (outcome(kind, (mistake,), copy.deepcopy(given)) for mistake in (a, b))
        for name, array in one.items():
            if array.shape != other[name].shape or not np.allclose(array, other[name]):
                return False
    return True
