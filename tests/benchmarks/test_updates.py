"""The benchmark of the updates: contestants come as far, and take their turns."""

import numpy as np
import pytest
from benchmarks.contestants import FAST, OURS, load
from benchmarks.layers.agreement import agreed, check, compare
from benchmarks.machine import describe
from benchmarks.timing import race
from benchmarks.updates.tasks import TASKS, UpdateTask
from benchmarks.workers import working

from benchmarks import results

pytestmark = pytest.mark.usefixtures("impatient")

SMALL = UpdateTask((7,), dtype="float64")


def test_contestants_come_as_far_and_are_timed(tmp_path):
    with working([OURS, FAST], 1, "updates") as (workers, absent):
        assert not absent
        (found,) = check(workers, OURS, SMALL, pytest.fail)
        assert found.worst < 1e-14
        assert agreed(workers, OURS, [SMALL], list) == ([SMALL], False)
        timings = race(workers, [SMALL], 2, 0.001, list)
        machine = describe(workers, 1)
    results.write(tmp_path, "updates", machine, timings)
    table, _ = results.collect(tmp_path)
    ((title, *times, torch, _, _),) = table.rows
    assert title == SMALL.title
    assert "-" not in times
    assert torch == "-"


def test_pytorch_comes_as_far(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    found = []
    for name in (OURS, "torch"):
        contestant = load(name, "updates")(SMALL)
        contestant.step(*contestant.convert(*SMALL.data()))
        found.append(contestant.found())
    assert compare(SMALL, *found, "torch").worst < 1e-6  # epsilon is added at another place
    assert np.abs(found[0]["moved"]).min() > 0


def test_every_length():
    assert [task.sizes[0] for task in TASKS] == sorted({task.sizes[0] for task in TASKS})
    assert [UpdateTask.from_json(task.to_json()) for task in TASKS] == TASKS
