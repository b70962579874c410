"""Functions of one number: options that are given, that are found, and that are ignored."""

import numpy as np
import pytest

import mechanical
from handgrad import diagnose
from handgrad.diagnosis import Status
from handgrad.diagnosis.kinds import KINDS
from handgrad.diagnosis.kinds.pointwise import ELUKind, GELUKind, HardTanhKind, LeakyReLUKind
from handgrad.diagnosis.kinds.pointwise.curve import FOUND
from students import activation, conventions


def leaky(slope, backward=None):
    class Leaky:
        def __init__(self, negative_slope):
            self.a = slope or negative_slope
            self.b = backward or self.a

        def __call__(self, x):
            self.x = x
            return np.where(x > 0, x, self.a * x)

        def grad(self, dy):
            return np.where(self.x > 0, dy, self.b * dy)

    return Leaky


def test_an_option_that_the_class_takes_is_asked_for():
    assert diagnose(leaky(None), "leaky_relu").headline == "Leaky is right"


def test_an_option_of_another_name_is_given_where_it_is_needed():
    class LeakyReLU(leaky(None)):
        def __init__(self, alpha):
            super().__init__(alpha)

    assert diagnose(LeakyReLU).headline == "LeakyReLU is right"


@pytest.mark.parametrize("slope", [0.01, 0.1, 0.25])
def test_an_option_that_is_ignored_is_a_mistake(slope):
    diagnosis = diagnose(leaky(slope), "leaky_relu")
    assert {c.name for c in diagnosis.causes} == {"not the negative_slope that is asked for"}


def test_an_option_that_the_backward_pass_ignores_is_a_mistake():
    diagnosis = diagnose(leaky(None, 0.01), "leaky_relu")
    (cause,) = diagnosis.causes
    assert cause.name == "not the negative_slope that is asked for in the backward pass"


@pytest.mark.parametrize("kind", [LeakyReLUKind, ELUKind, HardTanhKind])
def test_mistakes_are_named_whatever_is_asked_for(kind):
    asked = kind(kind().option_names())
    assert all(given[name] for given in asked.givens(asked.shapes, 0) for name in asked.asked)
    for mistake in kind.mistakes[:4]:
        found = mechanical.diagnose_student(mechanical.Mechanical(asked, (mistake,)))
        assert {c.name for c in found.causes} == {mistake.cause.name}


@pytest.mark.parametrize("slope", [0.05, 0.2])
def test_a_mistake_under_another_slope_has_its_name(slope):
    cls = activation(
        lambda x: np.where(x > 0, x, slope * x), lambda x, dy: np.where(x > 0, dy, slope)
    )
    diagnosis = diagnose(cls, "leaky_relu")
    assert conventions(diagnosis) == {"another slope below the kink"}
    assert [c.name for c in diagnosis.causes] == ["the upstream gradient is lost below the kink"]


def test_a_wrong_output_is_no_other_option():
    """What is cut off on one side alone has no second bound."""
    kind = HardTanhKind()
    for given in kind.givens(kind.shapes, 0):
        for output in (np.minimum(given.x, 1), np.maximum(given.x, -1), given.x, np.tanh(given.x)):
            kind.right(given, {"output": output})
            assert FOUND not in given.derived
        kind.right(given, {"output": np.clip(given.x, -0.5, 2)})
        assert given.derived[FOUND] == {"min_val": -0.5, "max_val": 2.0}


C, A = np.sqrt(2 / np.pi), 0.044715


def gelu(slope):
    """The form with a tanh, with a slope of its argument."""

    def output(x):
        return 0.5 * x * (1 + np.tanh(C * (x + A * x**3)))

    def dx(x, dy):
        t = np.tanh(C * (x + A * x**3))
        return dy * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * slope(x))

    return activation(output, dx)


def test_the_form_with_a_tanh_and_what_goes_wrong_in_it():
    diagnosis = diagnose(gelu(lambda x: C * (1 + 3 * A * x * x)), "gelu")
    assert diagnosis.status is Status.RIGHT
    assert conventions(diagnosis) == {"the form with a tanh"}
    diagnosis = diagnose(gelu(lambda x: C * (1 + A * x * x)), "gelu")
    (cause,) = diagnosis.causes
    assert cause.name == "the 3 is missing in the derivative of the tanh's argument"


def test_a_form_that_is_derived_as_the_other_one():
    exact = GELUKind().curve.component()
    cls = activation(
        lambda x: 0.5 * x * (1 + np.tanh(C * (x + A * x**3))),
        lambda x, dy: exact.pullback(dy, exact.apply(x.astype(float))[1])[0],
    )
    (cause,) = diagnose(cls, "gelu").causes
    assert cause.name == "the gradient of the other form"


@pytest.mark.parametrize(
    ("kind", "output", "dx"),
    [
        ("softplus", lambda x: np.log(1 + np.exp(x)), lambda x, dy: dy / (1 + np.exp(-x))),
        ("silu", lambda x: x * np.exp(x) / (1 + np.exp(x)), None),
        ("tanh", lambda x: (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x)), None),
    ],
    ids=["softplus", "silu", "tanh"],
)
def test_what_overflows_is_said_to(kind, output, dx):
    ours = KINDS[kind].curve.component()
    cls = activation(output, dx or (lambda x, dy: ours.pullback(dy, ours.apply(1.0 * x)[1])[0]))
    assert {c.name for c in diagnose(cls, kind).causes} == {"overflows"}
