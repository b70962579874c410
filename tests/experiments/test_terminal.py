"""How good a network is, in terminals of 60, 80 and 120 columns, light, dark, and in a pipe."""

import io
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from rich.console import Console

from handgrad.experiments.evaluation import measure
from handgrad.experiments.terminal import print_evaluations

PAGES = Path(__file__).parents[1] / "corpus" / "terminal"
SEEN_ON_BOTH = {0, 1, 2, 3, 4, 22, 23, 24, *range(31, 33), *range(34, 37), 39}
"""Codes for weight and underline, and the colours that are legible on light and on dark."""


def measured(names):
    """Return what an evaluation of a run with these classes is; with none, of numbers."""
    rng = np.random.default_rng(0)
    run = SimpleNamespace(class_names=tuple(names), target_name="[target]")
    K, found = len(names), []
    for part, N in (("held out", 60), ("training", 1240)):
        y = rng.integers(0, K, N) if K else rng.normal(100, 20, N)
        scores = np.eye(K)[(y + (rng.random(N) < 0.3)) % K] * 3 if K else y[:, None] + 5
        found.append(measure(run, part, scores, y))
    return run, found


CASES = {
    "flowers": ["setosa", "[versicolor]", "virginica"],
    "letters": [f"letter {k}" for k in range(26)],
    "numbers": [],
}


def page(name, **options):
    console = Console(file=io.StringIO(), _environ={}, **options)
    print_evaluations(*measured(CASES[name]), console)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("name", CASES)
def test_the_page_is_what_was_looked_at(name, width):
    made = page(name, width=width)
    expected = (PAGES / f"evaluate-{name}-{width}.txt").read_text(encoding="utf-8")
    assert made == expected
    assert "\x1b" not in made
    assert all(len(line) <= width for line in made.splitlines())


@pytest.mark.parametrize("name", CASES)
def test_a_terminal_has_the_same_page_in_colours_for_light_and_dark(name):
    colourful = page(name, width=80, force_terminal=True, color_system="truecolor")
    codes = re.findall(r"\x1b\[([\d;]*)m", colourful)
    assert codes
    assert {int(code) for group in codes for code in group.split(";") if code} <= SEEN_ON_BOTH
    assert re.sub(r"\x1b\[[\d;]*m", "", colourful) == page(name, width=80)
    plain = page(name, width=80, force_terminal=True, no_color=True)
    assert {
        int(code) for group in re.findall(r"\x1b\[([\d;]*)m", plain) for code in group.split(";")
    } <= set(range(25))


def test_a_wide_matrix_is_whole_in_a_narrow_terminal():
    console = Console(file=io.StringIO(), width=40, _environ={})
    print_evaluations(*measured([f"a long name {k}" for k in range(9)]), console)
    lines = console.file.getvalue().splitlines()
    assert max(map(len, lines)) > 100
    assert console.width == 40


if __name__ == "__main__":
    for each in CASES:
        for columns in (60, 80, 120):
            text = page(each, width=columns)
            (PAGES / f"evaluate-{each}-{columns}.txt").write_text(text, encoding="utf-8")
