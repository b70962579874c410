"""The benchmark of each sample's gradients: contestants find the same, and take their turns."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from benchmarks.contestants import OURS, load
from benchmarks.layers.agreement import agreed, check, compare
from benchmarks.machine import describe
from benchmarks.per_sample.tasks import PerSampleTask, tasks
from benchmarks.tasks import NETWORKS
from benchmarks.timing import race
from benchmarks.workers import working

from benchmarks import results

pytestmark = pytest.mark.usefixtures("impatient")

TESTED = [OURS, f"{OURS}, in place"]
"""In processes of their own; PyTorch's vmap, which loads half of PyTorch, runs in the test's."""

SMALL = [PerSampleTask((7, 5, 4, 3), 11, "float64", norms=norms) for norms in (False, True)]


def test_contestants_find_the_same_and_are_timed(tmp_path):
    said = []
    with working(TESTED, 1, "per-sample") as (workers, absent):
        assert not absent
        for task in SMALL:
            (found,) = check(workers, OURS, task, pytest.fail)
            assert set(found.apart) == {"norms" if task.norms else "gradients"}
            assert found.worst == 0
        assert agreed(workers, OURS, SMALL, said.append) == (SMALL, False)
        timings = race(workers, SMALL, 2, 0.001, said.append)
        machine = describe(workers, 1)
    results.write(tmp_path, "per-sample", machine, timings)
    table, _ = results.collect(tmp_path)
    assert [row[0] for row in table.rows] == [task.title for task in SMALL]
    assert all("-" not in row[1:5] and row[5:] == ["-"] * 6 for row in table.rows)


@pytest.mark.parametrize("task", SMALL, ids=lambda task: task.title)
def test_pytorch_finds_the_same(task, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", str(torch.get_num_threads()))
    found = []
    for name in (OURS, "torch"):
        contestant = load(name, "per-sample")(task)
        contestant.step(*contestant.convert(*task.data()))
        found.append(contestant.found())
    assert compare(task, *found, "torch").worst < 1e-14


def test_one_that_finds_something_else_is_found():
    rows = {"gradients": np.random.default_rng(0).standard_normal((11, 79))}
    for change in (lambda g: 1.01 * g, lambda g: g[::-1], lambda g: g[:, ::-1], lambda g: g / 11):
        other = {"gradients": change(rows["gradients"])}
        assert not compare(replace(SMALL[0], dtype="float32"), rows, other, "other").agrees


def test_norms_and_gradients_of_every_network():
    asked = tasks(NETWORKS[:3])
    assert len(set(asked)) == 6
    assert sum(task.norms for task in asked) == 3
    assert [PerSampleTask.from_json(task.to_json()) for task in asked] == list(asked)
