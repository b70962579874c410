"""A line is blamed by the slope of its variable, where that is one variable."""

import linecache

import numpy as np
import pytest

from handgrad.diagnosis.engine.repair.blame import judged
from handgrad.diagnosis.engine.repair.source import recorded, units

SOURCE = """
def forward(x, times):
    for _ in range(times):
        h = x * x
        x = h
    return h

def backward(x):
    dh = {}
    return dh
"""


@pytest.mark.parametrize(
    ("times", "gradient", "expected"),
    [(1, "1 + 0 * x", [True]), (1, "x", [False]), (3, "x", []), (3, "1 + 0 * x", [])],
)
def test_a_variable_of_a_loop_is_not_blamed_for_its_last_gradient(
    times, gradient, expected, tmp_path
):
    path, space = tmp_path / "student.py", {}
    path.write_text(SOURCE.format(gradient), encoding="utf-8")
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), space)
    linecache.checkcache()
    x = np.array([0.5, 2.0])
    forward, backward = units([space["forward"], space["backward"]])
    with recorded([forward, backward]):
        space["forward"](x, times)
        space["backward"](x)
    found = judged([forward], [backward], lambda: float(space["forward"](x, times).sum()))
    assert list(found.values()) == expected
