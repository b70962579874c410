"""What is given by name, and what a mistake's formula gets of it."""

import numpy as np
import pytest

from handgrad.diagnosis.families import scaled
from handgrad.diagnosis.given import Given
from handgrad.diagnosis.mistake import mistake

WORDS = ("explanation", "symptom", "violated", "derivation", "mend")


def some():
    x, dy = np.arange(6.0).reshape(2, 3), np.ones((2, 3))
    return Given("N = 2", {"N": 2, "D": 3}, {"x": x}, dy, {"gamma": np.ones(3)}, {"p": 0.5})


def test_a_formula_gets_what_it_names():
    given = some()
    wrong = mistake("a name", {"dx": lambda dx, x, dy, gamma, p, N, D: N * D * dx}, *WORDS)
    assert (wrong.apply(given, {"dx": given.x})["dx"] == 6 * given.x).all()
    assert wrong.cause.hints == WORDS[1:]
    nowhere = mistake("a name", {"dx": lambda dx, nothing: dx}, *WORDS)
    with pytest.raises(KeyError, match="nothing"):
        nowhere.apply(given, {"dx": given.x})
    half = scaled("half", lambda p: p, "It is half.")
    assert half.convention
    assert half.apply(given, {"value": np.array(3.0)})["value"] == 1.5


def test_a_changed_copy_leaves_the_other_as_it_was():
    given = some()
    other = given.changed("another", x=given.x + 1, dy=given.dy + 1, p=0.25, gamma=np.zeros(3))
    assert (other.label, other["p"], other["gamma"].sum()) == ("another", 0.25, 0)
    assert (given.label, given["p"], given["gamma"].sum()) == ("N = 2", 0.5, 3)
    assert not np.shares_memory(given.copied().x, given.x)
    assert set(given.arrays) == {"x", "dy"}
    assert "gamma" in given
    assert "beta" not in given
