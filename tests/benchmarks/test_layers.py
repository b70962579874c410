"""The benchmark of the layers: contestants agree in every task, and a race ends in a table."""

import json
import subprocess
import sys
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest
from benchmarks.contestants import FAST, LAYERS, OURS
from benchmarks.layers.agreement import agreed, check, compare
from benchmarks.layers.tables import layer_table
from benchmarks.layers.tasks import ACTIVATIONS, TASKS, LayerTask
from benchmarks.machine import describe
from benchmarks.timing import Timing, race, ratio_of_minimums
from benchmarks.workers import AbsentError, working

from benchmarks import results

pytestmark = pytest.mark.usefixtures("impatient")

ROOT = Path(__file__).parents[2]

TESTED = [OURS, "torch", "torch, other layout"]
"""What the tests need anyway; the other contestants are extras."""

SMALL = {
    "conv": ((2, 5, 4, 3), (7,)),
    "max pool": ((2, 4, 6, 3), ()),
    "average pool": ((2, 4, 6, 3), ()),
    "batch norm": ((7, 5), ()),
    "batch norm 2d": ((2, 5, 4, 3), ()),
    "layer norm": ((3, 4, 5), ()),
    "attention": ((2, 5, 6), (3,)),
    "causal attention": ((2, 5, 6), (3,)),
    "embedding": ((3, 4), (7, 5)),
    "LSTM": ((3, 4, 5), (7,)),
    "GRU": ((3, 4, 5), (7,)),
    "transformer block": ((2, 5, 6), (3,)),
    "CNN": ((3, 8, 12, 2), (5, 7, 3)),
    **dict.fromkeys(ACTIVATIONS, ((4, 5), ())),
}

TINY = [
    LayerTask(f"tiny {kind}", kind, *sizes, bar=1.0, dtype="float64")
    for kind, sizes in SMALL.items()
]


@pytest.fixture(scope="module")
def workers():
    with working(TESTED, 1, "layers") as (started, absent):
        assert not absent
        yield started


def test_every_kind_is_timed_and_tested():
    assert {task.kind for task in TASKS} == set(SMALL)
    assert len({task.name for task in TASKS}) == len(TASKS)
    assert all(task.bar > 0 for task in TASKS)
    assert {task.kind for task in TASKS if task.jax_bar} == {"LSTM", "GRU", "CNN"}


@pytest.mark.parametrize("task", TINY, ids=lambda task: task.kind)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_contestants_find_the_same(workers, task, dtype):
    found = list(check(workers, OURS, replace(task, dtype=dtype), pytest.fail))
    other = workers[2].takes(task)
    assert [difference.contestant for difference in found] == TESTED[1 : 3 if other else 2]
    for difference in found:
        assert difference.agrees, difference
        names = set(difference.apart)
        assert names >= set(task.shapes()) | {"loss" if task.trains else "y"}
        assert task.trains or ("dx" in names) == (task.kind != "embedding")
        # Nothing but the widest rounding is let through where no optimizer divides by it.
        assert difference.worst < {"float32": 1e-4, "float64": 1e-7}[dtype]


@pytest.mark.parametrize(
    "change",
    [
        lambda found: found | {"y": 1.01 * found["y"]},
        lambda found: found | {"weights": -found["weights"]},
        lambda found: found | {"dx": found["dx"] * np.nan},
        lambda found: found | {"dx": found["dx"].swapaxes(1, 2)},
        lambda found: {name: array for name, array in found.items() if name != "bias"},
        lambda found: found | {"more": found["bias"]},
    ],
)
def test_a_contestant_that_finds_something_else_is_found(change):
    task, rng = TINY[0], np.random.default_rng(3)
    shapes = {"y": task.output_shape(), "dx": task.shape, **task.shapes()}
    ours = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    assert compare(task, ours, ours, "same").agrees
    assert not compare(task, ours, change(ours), "other").agrees


def test_of_parameters_after_steps_their_way_is_compared():
    task = TINY[-1 - len(ACTIVATIONS)]
    start = task.parameters()
    assert task.trains
    ours = {"loss": np.array(2.0), **{name: array + 0.01 for name, array in start.items()}}
    theirs = ours | {"dense.bias": start["dense.bias"] + 0.0101}
    assert compare(task, ours, theirs, "other").worst == pytest.approx(0.01)


class Wrong:
    """A contestant that takes part, and finds something else or fails."""

    name, facts = "wrong", {"dtypes": ["float64"], "kinds": []}

    def __init__(self, worker, task):
        self.worker, self.task = worker, task

    def takes(self, task):
        return task.fits(self.facts)

    def ask(self, call, task=None, **arguments):
        if task.kind == self.task.kind:
            raise AbsentError("wrong: fails")
        answer = self.worker.ask(call, task, **arguments)
        with np.load(arguments["path"]) as found:
            arrays = {name: 2 * array for name, array in found.items()}
        np.savez(arguments["path"], **arrays)
        return answer


def test_a_task_in_which_contestants_differ_is_not_timed(workers):
    said = []
    tasks = [TINY[3], TINY[5], replace(TINY[3], dtype="float32")]
    wrong = Wrong(workers[0], TINY[5])
    fine, differing = agreed([*workers, wrong], OURS, tasks, said.append)
    assert (fine, differing) == (tasks[1:], True)
    assert said[0].startswith("DIFFERS: Difference(contestant='wrong'")
    assert said[1] == "left out: tiny layer norm, float64: wrong: fails"
    assert said[2].startswith("agreed on tiny layer norm, float64: off handgrad's at most: torch")
    assert agreed(workers, OURS, tasks, said.append) == (tasks, False)
    del said[:]
    impossible = replace(TINY[0], kind="no such layer")
    assert agreed(workers, OURS, [impossible], said.append) == ([], False)
    assert said[0].startswith("left out: tiny conv, float64: handgrad: AttributeError")
    with pytest.raises(AbsentError, match="is not there"):
        list(check(workers[1:], OURS, tasks[0], said.append))


def test_a_race_over_layers(workers, tmp_path):
    said = []
    tasks = [TINY[3], TINY[9]]
    timings = race(workers, tasks, 2, 0.001, said.append)
    assert [t.contestant for t in timings] == [*TESTED[:2], *TESTED]
    assert said[0] == f"timed {tasks[0].title}: {', '.join(TESTED[:2])}"
    assert said[1] == f"timed {tasks[1].title}: {', '.join(TESTED)}"
    machine = describe(workers, 1)
    for _, group in groupby(timings, lambda t: t.task):
        results.write(tmp_path, "layers", machine, list(group))
    tables = results.collect(tmp_path)
    text = (tmp_path / "README.md").read_text()
    assert tables[0].title in text
    assert all(task.name in text for task in tasks)
    found = json.loads((tmp_path / "layers.json").read_text())["found"]
    assert [Timing.from_json(values, LayerTask) for values in found] == timings


def test_the_table_has_the_bars_beside_the_ratios():
    task = LayerTask("a layer", "LSTM", (3, 4, 5), (7,), 2.0, 1.0)
    times = {
        OURS: [0.004, 0.006, 0.020],
        FAST: [0.002, 0.003, 0.004],
        "torch": [0.004, 0.004, 0.004],
        "torch, other layout": [0.002, 0.006, 0.002],
        "torch.compile": [0.1, 0.1, 0.1],
        "jax": [0.003, 0.004, 0.005],
    }
    assert list(times) == list(LAYERS)
    timings = [Timing(name, task, seconds, 0.25) for name, seconds in times.items()]
    assert ratio_of_minimums(timings[0], timings[3]) == 2.0
    (row,) = layer_table(timings).rows
    assert row[:6] == ["a layer", "4 ms", "2 ms", "2 ms*", "100 ms", "3 ms"]
    assert row[6:] == ["2.00", "2.00", "2 met", "1.33", "1.50", "1 MISSED", "0.2", "0.2"]
    (row,) = layer_table([replace(timings[0], faults=None), timings[2]]).rows
    assert row[:6] == ["a layer", "4 ms", "-", "4 ms", "-", "-"]
    assert row[6:] == ["1.00", "1.50", "2 met", "-", "-", "1", "", ""]
    (row,) = layer_table([replace(timings[2], task=replace(task, bar=0.0))]).rows
    assert row == ["a layer", "-", "-", "4 ms", "-", "-", "-", "-", "", "-", "-", "1", "", ""]


def test_the_readme_has_the_ratios_that_were_measured():
    content = json.loads((results.FOLDER / "layers.json").read_text())
    found = [Timing.from_json(values, LayerTask) for values in content["found"]]
    by_name = {(timing.contestant, timing.task.name): timing for timing in found}
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for row in layer_table(found).rows:
        compiled = ratio_of_minimums(by_name[OURS, row[0]], by_name["torch.compile", row[0]])
        bar = row[8].replace(" met", "").replace("MISSED", "missed")
        assert f"| {row[0]} | {row[6]} | {bar} | {compiled:.2f} | {row[9]} " in readme


def test_tasks_come_from_the_seed_and_from_json():
    for task in (*TINY, *TASKS):
        assert LayerTask.from_json(json.loads(json.dumps(task.to_json()))) == task
    for task in TINY:
        x, dy = task.data()
        assert x.shape == task.shape
        assert task.kind == "CNN" or dy.shape == task.output_shape()
        assert all(array.dtype == "float64" for array in task.parameters().values())
        again = task.data()
        assert (again[0] == x).all()
        assert (again[1] == dy).all()


def test_the_command(tmp_path):
    command = [sys.executable, "-m", "benchmarks", "layers", "--only", "torch", "--rounds", "1"]
    command += ["--layers", "batch norm", "--seconds", "0.001", "--threads", "1"]
    result = subprocess.run(
        [*command, "--out", str(tmp_path)], cwd=ROOT, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "forward and backward" in (tmp_path / "README.md").read_text()
    found = json.loads((tmp_path / "layers.json").read_text())["found"]
    assert [timing["contestant"] for timing in found] == [*TESTED[:2], *TESTED]
    assert {timing["task"]["bar"] for timing in found} == {3.5}
