"""What is made of how a student's code is called, with the least that a student must say."""

from types import SimpleNamespace
from typing import ClassVar

import numpy as np

from handgrad.diagnosis import Status
from handgrad.diagnosis.diagnose import diagnose_student
from handgrad.diagnosis.given import Given
from handgrad.diagnosis.kinds.base import Kind
from handgrad.diagnosis.student import Student


class TwoOutputs(Kind):
    """y = a x and z = x * x, each with an upstream gradient of its own."""

    name = "two"
    words = ("two",)
    titles: ClassVar = {"output": "y", "z": "z", "dx": "gradient of x", "da": "gradient of a"}
    forwards = ("output", "z")
    upstream: ClassVar = {"output": "dy", "z": "dz"}
    variables: ClassVar = {"dx": "x", "da": "a"}
    axes: ClassVar = {"x": "N D", "a": "1", "output": "N D", "z": "N D"}
    mistakes = ()

    def givens(self, shapes, seed):
        givens = []
        for i, (N, D, _) in enumerate(shapes):
            x, dy, dz = np.random.default_rng([seed, i]).standard_normal((3, N, D))
            sizes, a = {"N": N, "D": D}, np.array([1.5 + i])
            upstream = {"dz": dz}
            givens.append(Given(f"N = {N}", sizes, {"x": x}, dy, {"a": a}, upstream=upstream))
        return givens

    def right(self, given, seen):
        x, a, dy, dz = (given[name] for name in ("x", "a", "dy", "dz"))
        dx, da = a * dy + 2 * x * dz, np.array([(dy * x).sum()])
        return {"output": a * x, "z": x * x, "dx": dx, "da": da}


class Direct(Student):
    """Somebody who is right, but for what `spoil` does to the gradient of x."""

    def __init__(self, spoil):
        super().__init__(TwoOutputs(), "two")
        self.spoil = spoil

    def start(self, given):
        return SimpleNamespace(a=given["a"].copy())

    def place(self, thing, given):
        thing.a = given["a"]

    def forward(self, thing, given):
        return {"output": thing.a * given.x, "z": given.x**2}

    def backward(self, thing, given):
        dx = thing.a * given.dy + 2 * given.x * given["dz"]
        return {"dx": self.spoil(dx, given), "da": np.array([(given.dy * given.x).sum()])}


def test_a_kind_of_two_outputs_has_two_upstream_gradients():
    diagnosis = diagnose_student(Direct(lambda dx, given: dx))
    assert diagnosis.status is Status.RIGHT, str(diagnosis)
    assert str(diagnosis).count("agrees with the numerical derivative") == 2


def test_both_count_where_it_is_asked_whether_the_backward_pass_is_linear():
    diagnosis = diagnose_student(Direct(lambda dx, given: dx + given["dz"] ** 2))
    assert "linearity of dx" in {f.quantity for f in diagnosis.wrong}


def test_what_is_written_to_every_upstream_gradient_is_said():
    def doubles(dx, given):
        given["dz"][...] *= 2
        return dx

    diagnosis = diagnose_student(Direct(doubles))
    assert {c.name for c in diagnosis.causes} == {"writes to the upstream gradient"}


def test_an_upstream_gradient_has_the_axes_of_its_output():
    assert [TwoOutputs().axes_of(name) for name in ("dz", "dx", "da", "b")] == [
        "N D", "N D", "1", "",
    ]  # fmt: skip
