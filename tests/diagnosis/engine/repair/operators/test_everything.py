"""Edits come the likeliest first, and each is made when its turn comes."""

import ast

import numpy as np
import pytest

from handgrad.diagnosis.engine.repair.edits import Offer, applied
from handgrad.diagnosis.engine.repair.operators import everything, singles
from handgrad.diagnosis.engine.repair.vocabulary import Vocabulary
from single_edits import edit_of

CODE = """
d = a * w
c[0] += a[0]
return d
"""


@pytest.fixture
def unit(tmp_path):
    found = edit_of(CODE, "a * w", "a", tmp_path).unit
    found.values = {name: np.ones(3) for name in "abcdw"}  # as if it had run
    return found


def lines(unit, late=0.0):
    return {statement.lineno: late * i for i, statement in enumerate(unit.tree.body)}


def test_turns_only_grow(unit):
    for late in (0.0, 0.4):
        turns = [turn for turn, _ in singles(unit, Vocabulary(unit), lines(unit, late))]
        assert len(turns) > 30
        assert turns == sorted(turns)


def test_an_operator_is_asked_when_its_turn_has_come(unit, monkeypatch):
    asked = []

    def operator(cost):
        def offers(slot, words):
            asked.append(cost)
            yield Offer(ast.Constant(7), cost, "it")

        return cost, (offers,)

    monkeypatch.setattr(everything, "STATEMENTS", ())
    monkeypatch.setattr(everything, "EXPRESSIONS", (operator(1.0), operator(2.0)))
    edits = singles(unit, Vocabulary(unit), lines(unit))
    assert next(edits)[0] == 1.0
    assert set(asked) == {1.0}
    list(edits)
    assert set(asked) == {1.0, 2.0}


@pytest.fixture
def second(unit):
    """What the edits make of the second line."""
    found = set()
    for _, edit in singles(unit, Vocabulary(unit), lines(unit)):
        with applied(edit):
            found.add(ast.unparse(unit.tree.body[1]))
    return found


def test_what_is_added_up_is_scaled_as_something_else_is(second):
    assert "c[0] += a[0] * w" in second


def test_an_array_that_is_written_to_is_another_array_or_the_same(second):
    assert "d[0] += a[0]" in second
    targets = {code.split("[")[0] for code in second if code.startswith(("c", "(c"))}
    assert targets == {"c"}
