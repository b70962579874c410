"""What a diagnosis holds, and how far apart two arrays are."""

import json

import numpy as np

from handgrad import (
    ReLU,
    diagnose,
)
from handgrad.checking.arrays import distance
from handgrad.diagnosis import Diagnosis, Example, Finding, Status, Verdict
from handgrad.diagnosis.closeness import mask
from handgrad.diagnosis.engine.evidence import describe
from handgrad.diagnosis.engine.trials import Trial
from handgrad.diagnosis.given import Given


def test_a_result_as_json_hides_the_truth_below_the_last_level():
    class Half(ReLU):
        def grad(self, in_gradient):
            return super().grad(in_gradient) / 2

    diagnosis = diagnose(Half)
    full, capped = diagnosis.to_dict(), diagnosis.to_dict(3)
    assert json.loads(json.dumps(full, allow_nan=False)) == full
    wrong = next(f for f in full["findings"] if f["verdict"] == "wrong")
    assert np.shape(wrong["example"]["truth"]) == np.shape(wrong["example"]["student"])
    assert [hint["level"] for hint in capped["hints"]] == [1, 2, 3]
    for finding in capped["findings"]:
        assert finding["example"] is None or finding["example"]["truth"] is None
        assert finding["example"] is None or finding["example"]["difference"] is None
    assert diagnosis.hints(0) == ()


def test_what_json_cannot_hold_becomes_a_string():
    example = Example("x", np.array([np.nan, 1.0]), None, np.array([True, False]))
    finding = Finding("dx", "gradient", Verdict.WRONG, example=example)
    found = Diagnosis("x", "relu", Status.WRONG, (finding,)).to_dict()
    assert found["findings"][0]["example"]["student"] == ["nan", 1.0]
    assert found["findings"][0]["example"]["difference"] is None


def test_nothing_could_be_compared():
    assert Diagnosis("x", "relu", Status.FAILED).headline.endswith("nothing could be compared")


def test_distances():
    nan, inf = np.array([np.nan, 1.0]), np.array([np.inf, 1.0])
    assert distance(nan, nan) == 0
    assert distance(nan, np.ones(2)) == np.inf
    assert distance(inf, -inf) == np.inf
    assert distance(np.ones(2), np.ones(3)) == np.inf
    assert distance(np.zeros(2), np.zeros(2)) == 0
    assert mask(np.ones((2, 1)), np.ones(2), 1e-9).all()
    assert not mask(nan, nan, 1e-9).any()
    given, seen = Given("N = 1", {}, {"x": np.ones((1, 1))}), {"v": np.array(2.0)}
    trials = [Trial(given, seen, {"v": np.array(right)}) for right in (0.0, 1.0)]
    assert "your v differs by" in describe("v", trials, 0)[0]
