"""The benchmark: contestants agree, one that does not is found, and a race ends in tables."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from benchmarks.agreement import Observation, check, compare
from benchmarks.contestants import FAST, NAMES, OURS
from benchmarks.machine import describe
from benchmarks.memory import measure
from benchmarks.plots import UNITS
from benchmarks.tasks import NETWORKS, Task, steps
from benchmarks.timing import Timing, race, ratio
from benchmarks.worker import Session
from benchmarks.workers import AbsentError, Worker, working
from numpy.testing import assert_allclose

from benchmarks import estimators, import_time, production, results, sizes, step
from handgrad import kernels

pytestmark = pytest.mark.usefixtures("impatient")

ROOT = Path(__file__).parents[2]

TESTED = ["floor", OURS, "bare loop", "torch", "torch, fused"]
"""What the tests need anyway; the other contestants are extras."""

SMALL = Task((7, 5, 4, 3), 11)


@pytest.fixture(scope="module")
def workers():
    with working(TESTED, 1) as (started, absent):
        assert not absent
        yield started


def test_contestants_compute_the_same(workers):
    found = list(check(workers, OURS, steps((SMALL, NETWORKS[1])), pytest.fail))
    assert {difference.contestant for difference in found} == {*TESTED[3:]}
    assert len(found) == 2 * 2 * 2 * 2
    assert all(difference.agrees for difference in found)


def observation(task, change=lambda array: array, loss=2.0):
    start = np.concatenate([array.ravel() for layer in task.layers() for array in layer])
    rng = np.random.default_rng(5)
    first, last = (start - change(rng.standard_normal(start.size)) for _ in range(2))
    return Observation(loss, first, last)


@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
@pytest.mark.parametrize(
    "change", [lambda g: 1.01 * g, lambda g: -g, lambda g: g[::-1], lambda g: g * np.nan]
)
def test_a_contestant_that_computes_something_else_is_found(change, optimizer):
    task = replace(SMALL, dtype="float64", optimizer=optimizer)
    ours = observation(task)
    assert compare(task, ours, observation(task), "same").agrees
    assert not compare(task, ours, observation(task, change), "other").agrees
    assert not compare(task, ours, observation(task, loss=2.02), "other loss").agrees


def test_a_race_over_steps_and_an_epoch(workers, tmp_path):
    said = []
    epoch = replace(SMALL, optimizer="Adam", samples=40)
    timings = race(workers, [SMALL, epoch], 3, 0.001, said.append)
    assert [t.contestant for t in timings] == [*TESTED[:2], *TESTED[3:], *TESTED]
    assert all(len(t.seconds) == 3 and min(t.seconds) > 0 for t in timings)
    assert all(t.faults is not None for t in timings)
    assert len(said) == 2

    memory = measure(TESTED[:2], 1, said.append, epoch)
    assert all(0 < found["imported"] <= found["peak"] for found in memory)
    machine = describe(workers, 1)
    assert machine["versions"]["torch"]
    results.write(tmp_path, "steps", machine, timings[:4])
    results.write(tmp_path, "epoch", machine, timings[4:])
    results.write(tmp_path, "memory", machine, memory)
    results.write(tmp_path, "sizes", machine, [{"contestant": OURS, "size": 12.0}])
    growth = {axis: timings[4:] if axis == "samples" else timings[:4] for axis in UNITS}
    results.write(tmp_path, "growth", machine, growth)
    tables = results.collect(tmp_path)
    assert len(tables) == 5
    text = (tmp_path / "README.md").read_text()
    assert all(table.title in text for table in tables)
    assert (tmp_path / "steps.png").stat().st_size > 1000
    assert (tmp_path / "growth.png").stat().st_size > 1000
    assert Timing.from_json(json.loads((tmp_path / "steps.json").read_text())["found"][0])


def test_an_earlier_run_keeps_what_a_later_one_does_not_find_again(tmp_path):
    def step(network, contestant, seconds):
        return Timing(contestant, replace(SMALL, sizes=network), [seconds])

    def kept(part):
        content = json.loads((tmp_path / f"{part}.json").read_text())
        return content["machine"]["versions"], content["found"]

    machine = {"processor": "one", "versions": {"numpy": "2", "torch": "3"}}
    first = [step((2, 3), "floor", 1.0), step((2, 3), OURS, 2.0), step((4, 3), OURS, 3.0)]
    results.write(tmp_path, "steps", machine, first)
    again = step((2, 3), OURS, 4.0)
    results.write(tmp_path, "steps", {**machine, "versions": {"numpy": "2", "jax": "5"}}, [again])
    versions, found = kept("steps")
    assert versions == {"numpy": "2", "torch": "3", "jax": "5"}
    assert [Timing.from_json(values) for values in found] == [again, first[2]]
    for other in ({"numpy": "4"}, {"numpy": "2"}):
        newer = {"processor": "two" if other == {"numpy": "2"} else "one", "versions": other}
        results.write(tmp_path, "steps", newer, [again])
        assert [Timing.from_json(values) for values in kept("steps")[1]] == [again]
        results.write(tmp_path, "steps", machine, first)

    for axis in ("width", "depth"):
        results.write(tmp_path, "growth", machine, {axis: [again]})
    assert list(kept("growth")[1]) == ["width", "depth"]
    for name in ("floor", OURS):
        results.write(tmp_path, "sizes", machine, [{"contestant": name, "size": 1.0}])
    assert [row["contestant"] for row in kept("sizes")[1]] == ["floor", OURS]


def test_the_ratio_is_the_median_of_the_rounds():
    one, other = Timing("a", SMALL, [2.0, 30.0, 8.0]), Timing("b", SMALL, [1.0, 10.0, 2.0])
    assert ratio(one, other) == 3.0


def test_page_faults_are_counted():
    class Holding:
        task = SMALL

        def __init__(self, task):
            self.held = []

        def convert(self, *data):
            return data

        def step(self, x, y):
            self.held.append(np.ones(1_000_000))  # 8 MB that nobody gives back

        def wait(self):
            pass

    session = Session(Holding)
    session.prepare(SMALL, 0.0)
    assert session.faults() > 100


class FakeWorker:
    """A contestant that learns, until it is asked to."""

    name, facts = "fake", {"learns": True}

    def takes(self, task):
        return True

    def ask(self, call, task=None, **arguments):
        raise AbsentError("fake: fails")


def test_a_contestant_that_fails_the_check_is_left_out(workers):
    said = []
    assert list(check([workers[1], FakeWorker()], OURS, (SMALL,), said.append)) == []
    assert said == ["left out: fake: fails"]
    with pytest.raises(AbsentError, match="is not there"):
        list(check([FakeWorker()], OURS, (SMALL,), said.append))
    assert race([FakeWorker()], [SMALL], 1, 0.001, said.append) == []


def test_nobody_always_comes_after_the_same_one():
    turns = []

    class Quick(FakeWorker):
        def __init__(self, name):
            self.name = name

        def ask(self, call, task=None, **arguments):
            turns.extend(self.name * (call == "run"))
            return 1.0

    timings = race(map(Quick, "abc"), [SMALL], 8, 0.001, list)
    assert [len(timing.seconds) for timing in timings] == [8, 8, 8]
    rounds = list(zip(*[iter(turns)] * 3, strict=True))
    assert {*map(frozenset, rounds)} == {frozenset("abc")}
    for name in "abc":
        before = {turns[i - 1] for i in range(1, len(turns)) if turns[i] == name}
        assert len(before - {name}) == 2


def test_a_contestant_that_is_not_there_or_fails_is_left_out(monkeypatch):
    with working(["no such one"], 1) as (started, absent):
        assert not started
        assert "no such one" in absent["no such one"]
    with Worker("floor", 1) as floor, pytest.raises(AbsentError, match="has no loss"):
        floor.ask("observe", SMALL, path="nowhere", steps=1)
    said = []
    assert measure(["no such one"], 1, said.append) == []
    assert "no such one" in said[0]
    monkeypatch.setitem(sizes.REQUIREMENTS, "none", "./no such package")
    assert sizes.measure(["none", "bare loop"], said.append) == []
    assert "none" in said[1]


def test_the_command(tmp_path):
    command = [sys.executable, "-m", "benchmarks", "check", "steps", "--only", "torch"]
    command += ["--networks", "1", "--rounds", "1", "--seconds", "0.001", "--threads", "1"]
    result = subprocess.run(
        [*command, "--out", str(tmp_path)], cwd=ROOT, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "One step, float64, Adam" in result.stdout
    found = json.loads((tmp_path / "steps.json").read_text())["found"]
    assert {timing["contestant"] for timing in found} == {OURS, "torch"}
    assert len(found) == 2 * 4


def test_the_short_form_checks_what_it_times_and_keeps_nothing(tmp_path):
    command = [sys.executable, "-m", "benchmarks", "quick", "--only", "torch", "--networks", "1"]
    result = subprocess.run(
        [*command, "--threads", "1", "--out", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.count("torch          float32") == 2
    assert "float64" not in result.stdout
    assert "One step, float32, Adam" in result.stdout
    assert not [*tmp_path.iterdir()]


def test_the_command_refuses_an_unknown_contestant():
    command = [sys.executable, "-m", "benchmarks", "check", "--only", "caffe"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 2
    assert "caffe" in result.stderr


def test_data_and_parameters_come_from_the_seed():
    for task in NETWORKS[:3]:
        assert_allclose(task.data()[0], task.data()[0])
        assert task.data()[0].shape == (task.batch, task.sizes[0])
        assert task.layers()[0][0].dtype == task.dtype
        assert Task.from_json(json.loads(json.dumps(task.to_json()))) == task
    assert set(TESTED) <= set(NAMES)


def test_the_step_by_hand_is_the_step_with_a_model(monkeypatch):
    monkeypatch.setattr(step, "SECONDS_A_ROUND", 1e-4)
    ours, theirs, relative = step.compare((7, 5, 3), 4, rounds=3)
    assert min(ours, theirs, relative) > 0


def test_the_step_by_hand_is_compared_before_it_is_timed(monkeypatch):
    by_hand = step.by_hand
    monkeypatch.setattr(step, "by_hand", lambda layers, lr: by_hand(layers, 1.1 * lr))
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        step.compare((7, 5, 3), 4, rounds=1)


def test_ours_computes_with_numpy_alone_where_it_is_not_called_fast(monkeypatch):
    seen, by_hand = [], step.by_hand

    class Seeing:
        def fit(self, x, y):
            seen.append(kernels.in_force())
            return self

        def score(self, x, y):
            return 1.0

    monkeypatch.setattr(
        step, "by_hand", lambda *given: seen.append(kernels.in_force()) or by_hand(*given)
    )
    monkeypatch.setattr(estimators, "contestants", lambda numbers: {OURS: lambda *_: Seeing()})
    with kernels.using("compiled"):
        step.compare((7, 5, 3), 4, rounds=1)
        list(estimators.measure(estimators.DATA[:1], 2, 1, 1, list))
    assert seen == ["numpy"] * 4


def test_importing_is_timed_in_a_fresh_process():
    assert import_time.seconds("json") > 0
    with pytest.raises(subprocess.CalledProcessError):
        import_time.seconds("no_such_module")


def test_the_estimators_are_scored_and_timed_beside_scikit_learns(tmp_path, monkeypatch):
    monkeypatch.setattr(estimators, "EPOCHS", 2)
    said = []
    chosen = [data for data in estimators.DATA if data.name in ("iris", "diabetes")]
    found = list(estimators.measure(chosen, 2, 1, 1, said.append))
    names = [(one.task, one.contestant) for one in found]
    assert names[:2] == [("iris", OURS), ("iris", estimators.THEIRS)]
    assert len(names) == 5  # for numbers there is one whose targets are standardized too
    assert len(said) == 5
    assert all(len(one.scores) == 2 and len(one.seconds) == 1 for one in found)
    assert all(0.85 < one.score <= 1 for one in found[:2])
    results.write(tmp_path, "estimators", {"versions": estimators.versions()}, found)
    (table, _) = results.collect(tmp_path)
    assert table.rows[1][0] == "diabetes, R2"
    assert "±" in table.rows[0][1]
    assert table.title in (tmp_path / "README.md").read_text()


def test_the_readme_has_the_scores_that_were_measured():
    content = json.loads((results.FOLDER / "estimators.json").read_text())
    found = [estimators.Found(**values) for values in content["found"]]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for row in estimators.estimator_table(found).rows:
        assert f"| {' | '.join(row[:4]).rstrip()} |" in readme.replace("|  |", "| |")
    ours = {one.task: one for one in found if one.contestant == OURS}
    for one in found:  # within one standard error
        assert ours[one.task].score >= one.score - one.error


def test_the_readme_has_the_times_that_were_measured():
    content = json.loads((results.FOLDER / "steps.json").read_text())
    found = [Timing.from_json(values) for values in content["found"]]
    minimum = {(timing.contestant, timing.task): timing.minimum for timing in found}
    names = {"the bare products": "floor", f"`{FAST}`": FAST, "PyTorch": "torch"}
    names |= {"`torch.compile`": "torch.compile", "JAX, `jit`": "jax"}
    names |= {"PyTorch, fused": "torch, fused"}
    _, _, readme = (ROOT / "README.md").read_text(encoding="utf-8").partition("| one step |")
    optimizer = ""
    for line in readme.partition("\n\n")[0].splitlines()[2:]:
        head, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        *named, name = head.split(":** ")
        optimizer = named[0].strip("*") if named else optimizer
        for network, cell in zip(NETWORKS, cells, strict=True):
            task = replace(network, optimizer=optimizer)
            times = minimum[names.get(name, name), task] / minimum[OURS, task]
            assert float(cell) == round(times, len(cell.partition(".")[2])), line


def test_production_is_timed_in_fresh_processes_that_compute_the_same(tmp_path, monkeypatch):
    monkeypatch.delitem(production.CONTESTANTS, "torch")  # whose import takes seconds
    monkeypatch.setenv("HANDGRAD_KERNELS", "compiled")
    load, predict = production.CONTESTANTS["handgrad"]
    load += "\nassert handgrad.kernels.in_force() == 'numpy'"
    monkeypatch.setitem(production.CONTESTANTS, "handgrad", (load, predict))
    said = []
    found = production.measure(1, 0.001, 1, said.append)
    assert not said
    assert [row["contestant"] for row in found] == list(production.CONTESTANTS)
    assert all(
        len(row[figure]) == 1 and row[figure][0] > 0 for row in found for figure in production.UNITS
    )
    results.write(tmp_path, "production", {"versions": production.versions()}, found)
    assert "NumPy export" in results.collect(tmp_path)[0].markdown()
