"""What a kind inherits does for components of any number of inputs, of any shapes."""

from typing import ClassVar

import numpy as np
import pytest

from handgrad.component import Component
from handgrad.diagnosis import Status
from handgrad.diagnosis.courses.exercise import ExerciseStudent
from handgrad.diagnosis.engine import examine
from handgrad.diagnosis.families import GENERAL, Gradient, averaged_input, ignored_in
from handgrad.diagnosis.given import Given
from handgrad.diagnosis.kinds import KINDS, kind_of
from handgrad.diagnosis.kinds.base import Kind
from handgrad.diagnosis.student import Subject


class Gate(Component):
    """y = gamma * a * b, of images a and of b with one row for each."""

    def __init__(self, gamma):
        self.parameters = {"gamma": gamma}

    def apply(self, x):
        a, b = x
        return self.parameters["gamma"] * a * b, x

    def pullback(self, dy, saved, need_dx=True, out=None):
        a, b = saved
        gamma = self.parameters["gamma"]
        dgamma = (dy * a * b).sum(axis=(0, 1, 2))
        return (gamma * dy * b, (gamma * dy * a).sum(axis=(1, 2, 3), keepdims=True)), {
            "gamma": dgamma
        }


A = Gradient("da", "first input", "the first input's", "an input", "gamma * dy * b")


class GateKind(Kind):
    name = "gate"
    words = ("gate",)
    titles: ClassVar = {
        "output": "output",
        "da": "gradient of a",
        "db": "gradient of b",
        "dg": "of gamma",
    }
    variables: ClassVar = {"da": "a", "db": "b", "dg": "gamma"}
    shapes = ((7, 3, 2, 5), (5, 2, 3, 4))
    mistakes = (
        averaged_input(A),
        ignored_in(A, lambda gamma, b, dy: gamma * b * np.ones_like(dy), "It is left out."),
        *GENERAL,
    )

    def ours(self, given):
        return Gate(given["gamma"])

    def givens(self, shapes, seed):
        givens = []
        for i, (N, H, W, C) in enumerate(shapes):
            rng = np.random.default_rng([seed, i])
            x = {"a": rng.standard_normal((N, H, W, C)), "b": rng.standard_normal((N, 1, 1, 1))}
            dy, gamma = rng.standard_normal((N, H, W, C)), rng.standard_normal(C)
            sizes = {"N": N, "H": H, "W": W, "C": C}
            givens.append(Given(f"N = {N}", sizes, x, dy, {"gamma": gamma}))
        return givens


class GateStudent(ExerciseStudent):
    def start(self, given):
        thing = super().start(given)
        self.place(thing, given)
        return thing

    def place(self, thing, given):
        thing.gamma = given["gamma"].copy()

    def parameters(self, thing):
        return {"gamma": thing.gamma}

    def backward(self, thing, given):
        return dict(zip(("da", "db", "dg"), self.returned(thing, given), strict=True))


class Right:
    def __call__(self, a, b):
        self.a, self.b = a, b
        return self.gamma * a * b

    def grad(self, dy):
        da, db = self.gamma * dy * self.b, self.gamma * dy * self.a
        return da, db.sum(axis=(1, 2, 3), keepdims=True), (dy * self.a * self.b).sum((0, 1, 2))


def test_two_inputs_and_a_parameter_need_no_change_to_the_base():
    outcome = examine(GateStudent(GateKind(), Subject(Right)))
    assert Status.of(outcome.findings) is Status.RIGHT, outcome
    assert sum("numerical derivative" in " ".join(f.evidence) for f in outcome.findings) == 3


@pytest.mark.parametrize(
    ("spoil", "name"),
    [
        (lambda s, da, dy: da / len(dy), "the gradient of the first input is averaged over the "
         "minibatch"),
        (lambda s, da, dy: s.gamma * s.b * np.ones_like(dy), "the first input's gradient ignores "
         "the upstream gradient"),
    ],
)  # fmt: skip
def test_families_name_mistakes_in_them(spoil, name):
    class Spoiled(Right):
        def grad(self, dy):
            da, *others = super().grad(dy)
            return spoil(self, da, dy), *others

    findings = examine(GateStudent(GateKind(), Subject(Spoiled))).findings
    assert {f.summary for f in findings if f.summary} == {name}


def test_a_kind_is_found_by_its_folder_and_says_its_words():
    assert {kind.name for kind in KINDS.values()} == set(KINDS)
    for kind in KINDS.values():
        assert {kind_of(word) for word in kind.words} == {kind.name}
        assert kind.__module__.startswith("handgrad.diagnosis.kinds.")
