"""Students made of the catalogue: classes that keep the exercise's calls and make one mistake."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from importlib import import_module

import numpy as np

import handgrad
from handgrad.diagnosis.behaviours import BEHAVIOURS, Behaviour
from handgrad.diagnosis.families import FLOAT32, GENERAL, OVERFLOW
from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.kinds import KINDS
from handgrad.diagnosis.kinds.dropout.mistakes import KEEPS_P, MASKS
from handgrad.diagnosis.mistake import Mistake
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


def defined(kind: str) -> Iterator[Mistake]:
    """Yield everything that the module of a kind's mistakes defines, in tables or alone."""
    for value in vars(import_module(f"handgrad.diagnosis.kinds.{kind}.mistakes")).values():
        group = value.values() if isinstance(value, dict) else value
        for thing in group if isinstance(group, Iterable) else [group]:
            if isinstance(thing, Mistake) and thing not in GENERAL:
                yield thing


def catalogue() -> Iterator[tuple[str, Mistake]]:
    """Yield every mistake and convention with its kind; those in the epsilon's size apart."""
    for kind in OURS:
        cls = KINDS[kind]
        listed = [*cls.mistakes, *cls.conventions, FLOAT32]
        listed += [OVERFLOW] if kind == "sigmoid" else []
        names = {mistake.cause.name for mistake in listed}
        others = [m for m in defined(kind) if m.cause.name not in names]
        yield from ((kind, mistake) for mistake in (*listed, *others))


def entries() -> Iterator[Entry]:
    """Yield an entry for everything that the catalogue knows."""
    for kind, mistake in catalogue():
        if (
            not mistake.cause.name.endswith("in its derivative")
            or mistake in KINDS[kind].conventions
        ):
            yield _entry(kind, mistake)
    for key, behaviour in BEHAVIOURS.items():
        for kind in ("linear",) if key == "parameters" else ("linear", "sigmoid"):
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
        output = (given.x @ given["weights"] + given["bias"]) * given["keep"]
        return bare(kind).right(given.changed(), {"output": output})
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
    given.derived |= {"redrawn": True}
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
            inputs = {"x": x.astype(float), "y": y.astype(float)}
            given = Given(inputs=inputs, options={"average": self.average})
            self.results = outcome(kind, mistakes, given)
            return self.results["value"]

        def grad(self):
            return self.results["gradient"]

    return Loss


def _activation(kind: str, mistakes: tuple[Mistake, ...]) -> type:
    class Activation:
        def __call__(self, x):
            self.x = x.astype(float)
            given = Given(inputs={"x": self.x}, dy=np.ones(x.shape))
            return outcome(kind, mistakes, given)["output"]

        def grad(self, in_gradient):
            return outcome(kind, mistakes, Given(inputs={"x": self.x}, dy=in_gradient))["dx"]

    return Activation


def _linear(kind: str, mistakes: tuple[Mistake, ...]) -> type:
    class Layer:
        def __init__(self, in_features, out_features):
            self.weights = 0.05 * np.random.randn(in_features, out_features)
            self.bias = 0.05 * np.random.randn(1, out_features)

        def given(self, dy):
            parameters = {"weights": self.weights, "bias": self.bias[0]}
            return Given(inputs={"x": self.x}, dy=dy, parameters=parameters)

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
    if mistake.cause.name == "nothing is dropped":
        given.derived["keep"] = np.ones_like(given["keep"])
    given.derived["keeps_p"] = mistake.cause is KEEPS_P.cause


def _draw(given: Given, keep, other) -> None:
    keep, other = keep.astype(float), other.astype(float)
    given.derived |= {"keep": keep, "fresh": other, "redrawn": True, "keeps_p": False}
    given.derived |= {"input_mask": keep, "evaluation_mask": other}


def _dropout(kind: str, mistakes: tuple[Mistake, ...]) -> type:
    class Dropout:
        training = True

        def __init__(self, layer, p):
            self.layer, self.p = layer, p

        def eval(self):
            self.training = False

        def mask(self, shape):
            share = self.p if any(m.cause is KEEPS_P.cause for m in mistakes) else 1 - self.p
            if MASKS["rows"] in mistakes:
                return np.repeat(np.random.binomial(1, share, size=(1, shape[1])), shape[0], axis=0)
            if MASKS["columns"] in mistakes:
                return np.repeat(np.random.binomial(1, share, size=(shape[0], 1)), shape[1], axis=1)
            if MASKS["once"] in mistakes and hasattr(self, "keep"):
                return self.keep
            return np.random.binomial(1, share, size=shape)

        def given(self, dy):
            parameters = {"weights": self.layer.weights, "bias": self.layer.bias[0]}
            given = Given("", {}, {"x": self.x}, dy, parameters, {"p": self.p})
            other = np.random.binomial(1, 1 - self.p, size=dy.shape)
            _draw(given, self.keep, other)
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
            letters = {"Linear": "L", "InnerLinear": "L", "InnerReLU": "R", "InnerSigmoid": "S"}
            options = {
                "network": "".join(letters[type(c).__name__] for c in self.components),
                "sizes": [layer.weights.shape for layer in self.layers],
                "lr": lr,
            }
            return Given("", {}, {"x": x}, dy, {"weights": W, "bias": b}, options)

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
