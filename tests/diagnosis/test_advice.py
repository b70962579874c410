"""What is said of a mistake that has no name, and of several that have one."""

import re
from dataclasses import replace

import numpy as np
import pytest

from handgrad import diagnose
from handgrad.diagnosis import Cause, Diagnosis, Example, Finding, Status, Verdict
from handgrad.diagnosis.advice import advice
from handgrad.diagnosis.engine.evidence import describe
from handgrad.diagnosis.engine.trials import Trial
from handgrad.diagnosis.given import Given

A, B = (Cause(name, f"It is {name}.", ("1", "2", "3", "4")) for name in ("halved", "turned"))
EXAMPLE = Example("N = 1", np.ones(2), np.zeros(2), np.ones(2, bool))


def found(quantity, *causes, verdict=Verdict.WRONG, example=EXAMPLE, title="gradient of it"):
    named = (causes,) if causes else ()
    return Finding(quantity, f"{title}, {quantity}", verdict, named, ("so much",), example)


def heading(*findings, level=2):
    return Diagnosis("Mine", "linear", Status.of(findings), findings).heading(level)


RIGHT = found("output", verdict=Verdict.RIGHT, title="output")


def test_one_mistake_in_two_quantities_is_said_once():
    assert heading(RIGHT, found("dW", A), found("db", A)) == "Mine is wrong: halved"
    linearity = found("linearity of dW", example=None)  # a consequence
    assert heading(found("dW", A), linearity) == "Mine is wrong: halved"


def test_two_mistakes_are_said_with_their_quantities():
    said = heading(RIGHT, found("dW", A), found("dx", B), found("db", A))
    assert said == "Mine is wrong: halved (dW, db); turned (dx)"
    both = heading(found("dW", A, B), found("dx", B))
    assert both == "Mine is wrong: halved and turned (dW); turned (dx)"


def test_what_has_no_name_stands_beside_what_has_one():
    said = heading(found("dW", A), found("dx"), found("db"))
    assert said == "Mine is wrong: halved (dW); and I don't know why dx and db are"


def test_one_mistake_in_the_forward_pass_explains_all_that_it_makes():
    evaluation = found("evaluation", title="output in evaluation mode")
    named = found("output", A, title="output")
    assert heading(named, evaluation, RIGHT) == "Mine is wrong: halved"
    assert "know why evaluation is" in heading(found("dx", A), evaluation)
    assert "know why dx is" in heading(named, found("dx"))


def test_the_first_level_names_quantities_alone():
    findings = RIGHT, found("dW", A), found("dx", B)
    assert heading(*findings, level=1) == "Mine is wrong: gradient of it, dW; gradient of it, dx"
    diagnosis = Diagnosis("Mine", "linear", Status.WRONG, findings)
    for said in (str(diagnosis.to_dict(1)), str(diagnosis.page(1)), str(diagnosis.hints(1))):
        assert not {"halved", "turned", "so much"} & set(said.replace("'", " ").split())
    assert [hint.about for hint in diagnosis.hints(1)] == [
        "gradient of it, dW",
        "gradient of it, dx",
    ]


def test_conventions_are_told_in_their_order_and_at_every_level():
    findings = [found(str(i), c, verdict=Verdict.CONVENTION) for i, c in enumerate((B, A))]
    for level in (1, 4):
        assert heading(*findings, level=level).endswith("under another convention: turned; halved")
    page = Diagnosis("Mine", "linear", Status.RIGHT, tuple(findings)).page(1)
    assert page.explanations == ("It is turned.", "It is halved.")


def test_what_is_known_and_what_to_try_follow():
    known, following = advice([RIGHT, found("dW"), found("dx", A)])
    assert "dW is wrong in no way that has a name here; output is right" in known
    assert "work dW out on paper" in following
    turned = Example("N = 1", np.ones((2, 3)), None, np.ones((2, 3), bool))
    assert "shape of dW" in advice([found("dW", example=turned)])[-1]
    assert "two rows" in advice([found("output", title="output"), RIGHT])[-1]
    alone = found("linearity of dx", example=None, title="linear in the upstream gradient")
    assert "twice as large" in advice([RIGHT, alone])[0]
    assert advice([RIGHT, found("dW", A), alone]) == ()
    stopped = replace(found("rectangular", example=None), unusual="a kernel that is not square")
    assert advice([found("runs", example=None)]) == advice([RIGHT, stopped]) == ()


def test_of_an_input_that_is_unusual_it_is_told_which_and_not_to_look_elsewhere():
    far = [
        Finding("far", f"{title}, far off", Verdict.WRONG, (), (), EXAMPLE, "far off")
        for title in ("output", "gradient of the input")
    ]
    known, following = advice([RIGHT, *far])
    assert "an unusual input shows it, far off; there the output and gradient of the" in known
    assert "alone go" not in known
    assert "two rows of such an input" in following
    named = replace(far[0], explanations=((A,),))
    assert heading(RIGHT, named, *far) == "Mine is wrong: halved"
    assert advice([RIGHT, named, *far]) == ()


def test_factors_that_say_nothing_are_left_out():
    """A row of zeros has the factor 0, and a row with one entry has one whatever is wrong."""
    right = np.arange(1.0, 13.0).reshape(3, 4)
    zeros = right * [[0], [0], [0]]
    single = np.eye(4) * [1, 2, 3, 4]
    scaled = right * [[1], [2], [3]]
    for seen, truth, said in (
        (zeros, right, False),
        (single * [5, 6, 7, 8], single, False),
        (scaled, right, True),
    ):
        trial = Trial(Given("N = 3", {}, {"x": truth}), {"dx": seen}, {"dx": truth})
        evidence = describe("dx", [trial], 1e-9)
        assert evidence
        assert ("a factor of its own" in evidence[0]) == said


def test_of_one_number_nothing_remains():
    for size, said in ((1, False), (3, True)):
        truth = np.arange(1.0, 1 + size)
        trial = Trial(Given("N = 3", {}, {"x": truth}), {"value": 2 * truth}, {"value": truth})
        (factor, known) = describe("value", [trial], 1e-9)
        assert ("what remains is" in factor) == said
        assert known == "the factor is 2 each time"


class Odd:
    def __call__(self, x):
        self.x = x
        return np.maximum(x, 0)

    def grad(self, in_gradient):
        return in_gradient * (self.x > 0) * np.cos(self.x)


class Thrice:
    def __call__(self, x):
        self.x = x
        return np.maximum(x, 0)

    def grad(self, in_gradient):
        return 3 * in_gradient * (self.x > 0)


def test_the_first_level_shows_no_factor_to_the_truth_where_there_is_no_name():
    diagnosis = diagnose(Thrice, "relu")
    assert not diagnosis.causes
    assert "3.000000 times the truth" in str(diagnosis.page(2).findings)
    (wrong,) = (f for f in diagnosis.page(1).findings if f.verdict is Verdict.WRONG)
    (said,) = wrong.evidence
    assert re.fullmatch(r"\d+ of 21 entries of the gradient of the input differ at .*", said)
    assert "times the truth" not in str(diagnosis.to_dict(1))


@pytest.mark.parametrize("level", [1, 2])
def test_a_real_one_without_a_name_is_told_what_to_try(level):
    page = diagnose(Odd, "relu").page(level)
    assert page.headline == "Odd is wrong, and I don't know why"
    assert page.explanations[0].startswith("Known: dx is wrong")
    assert page.explanations[1].startswith("Try next: take a minibatch of one row")
    assert next(f for f in page.findings if f.quantity == "dx").evidence
