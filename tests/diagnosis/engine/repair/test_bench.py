"""The trials tell less that is wrong from more, and run no pass again that no edit changes."""

import numpy as np
import pytest

from handgrad.diagnosis import diagnose
from handgrad.diagnosis.engine.repair.bench import SHARES, Bench, _items, _share
from handgrad.diagnosis.engine.repair.search import Search
from slips import RIGHT, write

SOFTMAX = """import numpy as np

def softmax_loss(x, y):
    n = len(x)
    p = np.exp(x - x.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    loss = -np.log(p[range(n), y]).mean()
    p[range(n), y] -= 1
    return loss, p / n
"""


def looked_at(look, source, folder, monkeypatch):
    """Repair a source, with a look at the search in the place of what it does."""
    monkeypatch.setattr(Search, "all", lambda self: look(self) or [])
    assert diagnose(write(source, folder / "student.py", "Linear")).repaired(30).repairs == ()


def test_a_value_that_fits_another_convention_is_mended_and_no_gradient(tmp_path):
    wrong = SOFTMAX.replace(".mean()", ".sum()")
    student = write(wrong, tmp_path / "student.py", "softmax_loss")
    (repair,) = diagnose(student, course="cs231n").repaired(30).repairs
    assert [line.new for line in repair.lines] == ["loss = -np.log(p[range(n), y]).mean()"]


def test_a_convention_is_kept_where_more_is_wrong_without_it(tmp_path):
    right = SOFTMAX.replace(".mean()", ".sum()").replace("p / n", "p")
    student = write(right.replace("-= 1", "-= 2"), tmp_path / "student.py", "softmax_loss")
    (repair,) = diagnose(student, course="cs231n").repaired(30).repairs
    assert [line.new for line in repair.lines] == ["p[range(n), y] -= 1"]


def test_the_trials_come_in_the_order_of_their_size(tmp_path, monkeypatch):
    wrong = RIGHT["Linear"].replace("self.x.T @ in_gradient", "self.x.T @ in_gradient / n")
    orders: list[Bench] = []
    for clock in (iter(range(1000)), iter(range(10**6, 0, -1))):
        # The alarm has a clock of its own.
        monkeypatch.setattr(
            "handgrad.diagnosis.engine.repair.bench.process_time", lambda c=clock: next(c) / 1e4
        )
        looked_at(lambda search: orders.append(search.bench), wrong, tmp_path, monkeypatch)
    first, second = ([probe.name for probe in bench.probes] for bench in orders)
    assert first == second
    sizes = {g.label: sum(a.size for a in g.arrays.values()) for g in orders[0]._givens}
    assert first[: len(sizes)] == sorted(sizes, key=sizes.get)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.6, 1.0])
def test_the_more_entries_are_wrong_the_more_is_noted(share):
    right = np.ones(100)
    seen = right + (np.arange(100) < 100 * share)
    assert _share(seen, right, 1e-7) == share
    assert _share(seen[:-1], right, 1e-7) == 1
    less, more = _items("dx", 0.9 * share), _items("dx", share)
    assert less <= more
    assert len(more) == 1 + sum(share > limit for limit in SHARES)


def test_a_forward_pass_that_no_edit_changes_is_kept(tmp_path, monkeypatch):
    source = RIGHT["Linear"].replace("self.x.T @ in_gradient", "self.x.T @ in_gradient / n")
    source = source.replace("        self.x = x\n", "        CALLS.append(x)\n        self.x = x\n")
    seen = []

    def look(search):
        units = {unit.tree.name: unit for unit in search.units}
        calls = units["grad"].function.__globals__["CALLS"]
        start = search.bench.baseline[search.bench.probes[0].name]
        for name in ("grad", "__call__"):
            calls.clear()
            seen.append((search.bench.first({units[name]}, start) == start, len(calls)))

    looked_at(look, source + "\nCALLS = []\n", tmp_path, monkeypatch)
    (kept, none), (run, some) = seen
    assert kept
    assert none == 0
    assert run
    assert some > 0
