"""What loops cost, with a clock that counts rows."""

import numpy as np
import pytest

from handgrad import (
    diagnose,
)
from handgrad.diagnosis import Status
from handgrad.diagnosis.engine import behaviour, memory
from students import Base


@pytest.mark.parametrize(("tick", "noted"), [(1, True), (0, False)])
def test_a_loop_is_right_and_told_its_cost(monkeypatch, tick, noted):
    clock = [0.0]
    monkeypatch.setattr(behaviour, "perf_counter", lambda: clock[0])

    class Loops(Base):
        def __call__(self, x):
            clock[0] += 1e-6 * (tick * len(x) + 5 * (1 - tick))
            self.x = x
            return np.array([row @ self.weights for row in x]) + self.bias

    diagnosis = diagnose(Loops, "linear")
    assert diagnosis.status is Status.RIGHT
    assert bool(diagnosis.notes) == noted
    if noted:
        assert "8 times as many rows take 8.0 times as long" in diagnosis.notes[0]
        assert "1.0 µs a row at N = 16, 1.0 µs a row at N = 128" in diagnosis.notes[0]


def test_slow_code_is_called_less_often(monkeypatch):
    clock, calls = [0.0], [0]
    for module in (behaviour, memory):
        monkeypatch.setattr(module, "perf_counter", lambda: clock[0])

    class Slow(Base):
        def __call__(self, x):
            clock[0] += 0.1
            calls[0] += 1
            return super().__call__(x)

    assert diagnose(Slow, "linear").status is Status.RIGHT
    assert calls[0] < 100
