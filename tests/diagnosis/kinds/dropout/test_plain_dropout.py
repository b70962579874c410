"""Dropout that wraps nothing: p is what is dropped, or what is kept."""

import numpy as np
import pytest

from handgrad import diagnose
from handgrad.diagnosis import Status
from handgrad.diagnosis.kinds.dropout import PlainDropoutKind
from students import conventions


class Drops:
    training = True

    def __init__(self, p):
        self.p = p

    def __call__(self, x):
        if not self.training:
            return x
        self.mask = (np.random.rand(*x.shape) >= self.p) / (1 - self.p)
        return x * self.mask

    def grad(self, dy):
        return dy * self.mask


class KeepsP(Drops):
    def __init__(self, p):
        super().__init__(1 - p)


class KeepProb(Drops):
    def __init__(self, keep_prob):
        super().__init__(1 - keep_prob)


class NoScale(KeepsP):
    def grad(self, dy):
        return dy * (self.mask > 0)


@pytest.mark.parametrize("cls", [Drops, KeepProb])
def test_the_share_that_is_dropped_or_kept_by_name(cls):
    diagnosis = diagnose(cls, "plain_dropout")
    assert diagnosis.status is Status.RIGHT, str(diagnosis)
    assert conventions(diagnosis) == set()


def test_p_may_be_what_is_kept():
    diagnosis = diagnose(KeepsP, "plain_dropout")
    assert diagnosis.status is Status.RIGHT
    assert conventions(diagnosis) == {"p is the probability to keep"}
    diagnosis = diagnose(NoScale, "plain_dropout")
    assert conventions(diagnosis) == {"p is the probability to keep"}
    assert [c.name for c in diagnosis.causes] == ["no scale in the backward pass"]


def test_what_is_called_keep_has_to_be_kept():
    class Wrong(Drops):
        def __init__(self, keep_prob):
            super().__init__(keep_prob)

    diagnosis = diagnose(Wrong, "plain_dropout")
    assert {c.name for c in diagnosis.causes} == {"p is the probability to drop"}


class DividesByTheRest(KeepProb):
    def __call__(self, x):
        self.mask = (np.random.rand(*x.shape) >= self.p) / self.p
        return x * self.mask


def test_hints_speak_of_the_probability_that_the_code_is_given():
    for cls in (DividesByTheRest, type("Plain", (DividesByTheRest,), {"__init__": Drops.__init__})):
        keeps = cls is DividesByTheRest
        diagnosis = diagnose(cls, "plain_dropout")
        (cause,) = diagnosis.causes
        assert cause.name == f"divided by {'1-p in place of p' if keeps else 'p in place of 1-p'}"
        assert cause.hints[-1] == f"Divide by `{'p' if keeps else '1 - p'}`."
        assert ("p = 0.7" if keeps else "p = 0.3") in diagnosis.findings[0].evidence[0]


def test_a_finished_object_has_a_probability_of_its_own():
    assert diagnose(Drops(0.35), "plain_dropout").headline == "Drops is right"
    assert PlainDropoutKind(p=0.35).givens(((7, 5),), 0)[0]["p"] == 0.35


def test_evaluation_is_tried_where_there_is_a_mode():
    class Active(Drops):
        @property
        def training(self):
            return True

        @training.setter
        def training(self, value):
            pass

    diagnosis = diagnose(Active, "plain_dropout")
    assert [c.name for c in diagnosis.causes] == ["active in evaluation mode"]
