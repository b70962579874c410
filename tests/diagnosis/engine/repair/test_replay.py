"""One call made again tells what the edited code gives, or that it cannot tell."""

import linecache

import numpy as np
import pytest

from handgrad.diagnosis.engine.repair.edits import Change, Edit, applied
from handgrad.diagnosis.engine.repair.operators import singles
from handgrad.diagnosis.engine.repair.replay import Replay, UnclearError, watched
from handgrad.diagnosis.engine.repair.source import units
from handgrad.diagnosis.engine.repair.vocabulary import Vocabulary

BACKWARD = """
import numpy as np

CALLS = []

def backward(dout, cache):
    CALLS.append(len(CALLS))
    x, w = cache
    flat = dout.reshape(-1)
    flat *= 2
    if w is None:
        return None
    dw = 0 * w
    for i in range(len(x)):
        dw += np.outer(x[i], dout[i])
    dx = dout @ w.T
    return dx, dw
"""
X, W, DOUT = (np.random.default_rng(0).normal(size=shape) for shape in ((5, 3), (3, 2), (5, 2)))


def called(source, folder):
    """The function of a source, and its first call with what that gives."""
    path, space = folder / "student.py", {}
    path.write_text(source, encoding="utf-8")
    exec(compile(source, str(path), "exec"), space)
    linecache.checkcache()
    (unit,) = units([space["backward"]])
    with watched([unit]) as found:
        dx, dw = space["backward"](DOUT.copy(), (X, W))
        space["backward"](DOUT.copy(), (2 * X, W))
    right = {"dx": dx, "dw": dw}
    return unit, Replay(unit, found[unit], right, right), space


def run(unit, edit):
    with applied(edit):
        code = unit.compiled()
    with unit.running(code):
        return unit.function(DOUT.copy(), (X.copy(), W.copy()))


def test_an_edited_call_gives_what_the_edited_function_gives(tmp_path):
    unit, replay, _ = called(BACKWARD, tmp_path)
    lines = dict.fromkeys(range(1, 40), 0.0)
    unit.values = {"x": X, "w": W, "dout": DOUT, "dw": W, "dx": X}
    compared = 0
    for turn, edit in singles(unit, Vocabulary(unit), lines):
        if turn > 1.6:
            break
        try:
            with applied(edit), np.errstate(all="ignore"):
                seen = replay.quantities([edit])
        except UnclearError:
            continue
        except Exception:
            seen = None
        try:
            with np.errstate(all="ignore"):
                dx, dw = run(unit, edit)
        except Exception:
            continue  # what is not defined yet may raise in one of them alone
        assert seen is not None
        np.testing.assert_array_equal(seen["dx"], dx)
        np.testing.assert_array_equal(seen["dw"], dw)
        compared += 1
    assert compared > 100


def test_statements_before_the_edit_are_not_run_again(tmp_path):
    unit, replay, space = called(BACKWARD, tmp_path)
    space["CALLS"].clear()
    last = unit.tree.body[-2]
    edit = Edit(unit, last, (Change(last, "value", last.value.left),), 1, "it")
    with applied(edit):
        assert replay.quantities([edit])["dx"].shape == DOUT.shape
    assert space["CALLS"] == []


def test_a_statement_that_is_left_out_or_moved_is_seen(tmp_path):
    unit, replay, _ = called(BACKWARD, tmp_path)
    body = list(unit.tree.body)
    for new in (
        [*body[:3], *body[4:]],
        [*body[:5], body[7], body[5], body[6], body[8]],
        [*body[:4], body[3], *body[4:]],
    ):
        edit = Edit(unit, body[3], (Change(unit.tree, "body", new),), 1, "it")
        dx, dw = run(unit, edit)
        with applied(edit):
            seen = replay.quantities([edit])
        np.testing.assert_array_equal(seen["dx"], dx)
        np.testing.assert_array_equal(seen["dw"], dw)


@pytest.mark.parametrize(
    "old",
    [
        "    return dx, dw\n",  # two quantities that are the same one
        "dout @ w.T",  # what is drawn at random
        "    x, w = cache\n",  # what a part of it alone would not do
    ],
)
def test_what_cannot_be_told_is_not_told(old, tmp_path):
    new = {
        "    return dx, dw\n": "    dw = dx\n    return dx, dw\n",
        "dout @ w.T": "dout @ w.T * np.random.rand()",
        "    x, w = cache\n": "    global x\n    x, w = cache\n",
    }[old]
    try:
        _, replay, _ = called(BACKWARD.replace(old, new), tmp_path)
    except UnclearError:
        return
    assert replay.tells == frozenset()
