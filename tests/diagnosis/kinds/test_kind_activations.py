"""Activations, and what is said of a mistake that nobody knows."""

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from handgrad import (
    MSELoss,
    ReLU,
    Sigmoid,
    diagnose,
)
from handgrad.diagnosis import Status, Verdict
from students import activation, conventions, relu, verdicts


def test_the_kink_is_probed_on_its_own():
    one = activation(relu, lambda x, dy: dy * (x >= 0))
    assert conventions(diagnose(one, "relu")) == {"1 at the kink"}
    half = activation(relu, lambda x, dy: dy * (np.sign(x) + 1) / 2)
    assert conventions(diagnose(half, "relu")) == {"1/2 at the kink"}
    nan = activation(relu, lambda x, dy: dy * (x / np.abs(x) + 1) / 2)
    diagnosis = diagnose(nan, "relu")
    assert diagnosis.status is Status.WRONG
    assert "are not finite" in str(diagnosis)


def test_a_kink_that_is_a_little_aside_is_seen():
    aside = activation(relu, lambda x, dy: dy * (x > 1e-3))
    assert [f.quantity for f in diagnose(aside, "relu").wrong] == ["close"]


def test_what_happens_in_large_minibatches_alone_is_seen():
    large = activation(relu, lambda x, dy: dy * (x > 0) * (1 if len(x) < 50 else 1.01))
    diagnosis = diagnose(large, "relu")
    assert [f.quantity for f in diagnosis.wrong] == ["large"]
    assert diagnosis.causes == ()


def test_what_is_said_of_an_unknown_mistake():
    rows = activation(relu, lambda x, dy: dy * (x > 0) * np.arange(1, len(x) + 1)[:, None])
    assert "each row of your dx has a factor of its own" in str(diagnose(rows, "relu"))
    columns = activation(relu, lambda x, dy: dy * (x > 0) * np.arange(1, x.shape[1] + 1))
    assert "each column of your dx" in str(diagnose(columns, "relu"))
    factor = activation(relu, lambda x, dy: dy * (x > 0) * 2 * len(x))
    text = str(diagnose(factor, "relu"))
    assert "14.000000 times the truth at N = 7, D = 3" in text
    assert "the factor is 2·N each time" in text
    below = activation(relu, lambda x, dy: dy * np.where(x > 0, 1, 0.3))
    diagnosis = diagnose(below, "relu")
    assert "they are those with a negative input" in str(diagnosis)
    assert "are not 0 where the truth is" in str(diagnosis)
    assert diagnosis.headline.endswith("is wrong, and I don't know why")
    above = activation(relu, lambda x, dy: dy * (x > 0) * (1 + x))
    assert "they are those with a positive input" in str(diagnose(above, "relu"))


def test_what_is_too_much_is_said():
    decay = activation(relu, lambda x, dy: dy * (x > 0) + 0.25 * x)
    assert "your dx is the truth plus 0.250000 times the input" in str(diagnose(decay, "relu"))
    assert diagnose(decay, "relu").causes == ()


def test_evidence_is_of_a_shape_where_something_is_wrong():
    def dx(x, dy):
        return dy * (x > 0) * np.where(np.arange(len(x)) > 6, 0, 1)[:, None]

    finding = diagnose(activation(relu, dx), "relu").findings[1]
    assert finding.verdict is Verdict.WRONG
    assert "at N = 11, D = 5" in finding.evidence[0]
    assert finding.example.differs.any()


def test_what_is_not_finite_has_no_size():
    nan = activation(relu, lambda x, dy: np.where(x > 0, dy, np.nan))
    evidence = diagnose(nan, "relu").findings[1].evidence[0]
    assert "12 are not finite" in evidence
    assert "inf" not in evidence.replace("not finite", "")


def test_a_displayed_result_gives_no_truth_and_no_mend():
    diagnosis = diagnose(activation(relu, lambda x, dy: dy), "relu")
    for text in (str(diagnosis), repr(diagnosis)):
        assert "hint 2 (no mask)" in text
        assert "hint 3" not in text
        assert "array(" not in text


def test_what_is_not_linear_is_said():
    square = activation(relu, lambda x, dy: dy**2 * (x > 0))
    diagnosis = diagnose(square, "relu")
    assert "linearity of dx" in verdicts(diagnosis)
    constant = activation(relu, lambda x, dy: 0.5 * (x > 0))
    assert "does not change when dy is multiplied" in str(diagnose(constant, "relu"))


def test_what_depends_on_chance_is_wrong():
    chance = activation(
        lambda x: relu(x) + 1e-3 * np.random.randn(*x.shape), lambda x, dy: dy * (x > 0)
    )
    diagnosis = diagnose(chance, "relu")
    assert verdicts(diagnosis)["output"] is Verdict.WRONG

    class Sometimes:
        calls = 0

        def __call__(self, x):
            self.x = x
            return relu(x)

        def grad(self, dy):
            self.calls += 1
            return dy * (self.x > 0) * (0.5 if self.calls % 10 == 0 else 1)

    diagnosis = diagnose(Sometimes, "relu")
    assert diagnosis.causes == ()
    assert "is wrong in 4, first in call 10" in str(diagnosis)

    class Fails(Sometimes):
        def grad(self, dy):
            self.calls += 1
            if self.calls > 3:
                raise RuntimeError("worn out")
            return dy * (self.x > 0)

    diagnosis = diagnose(Fails, "relu")
    assert "call 4 of one object: RuntimeError: worn out" in str(diagnosis)


def test_writing_to_what_was_given_is_said_with_the_number_of_entries():
    class Writes:
        def __call__(self, x):
            self.on = x > 0
            x[~self.on] = 0
            return x

        def grad(self, dy):
            dy[~self.on] = 0
            return dy

    diagnosis = diagnose(Writes, "relu")
    assert {c.name for c in diagnosis.causes} == {
        "writes to its input", "writes to the upstream gradient",
    }  # fmt: skip
    assert "of 21 entries" in str(diagnosis)


@given(st.floats(-5, 5), st.sampled_from(["relu", "sigmoid", "mse"]))
@settings(deadline=None, max_examples=40)
def test_a_factor_that_no_mistake_gives_gets_no_name(factor, kind):
    assume(min(abs(factor - known) for known in (-2, -1, -0.5, 0, 0.5, 1, 2)) > 1e-4)
    ours = {"relu": ReLU, "sigmoid": Sigmoid, "mse": MSELoss}[kind]

    class Scaled(ours):
        def grad(self, *dy):
            return factor * super().grad(*dy)

    diagnosis = diagnose(Scaled)
    assert diagnosis.status is Status.WRONG
    assert diagnosis.causes == ()
    assert f"{factor:.6f} times the truth" in str(diagnosis)
