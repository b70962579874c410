"""What the documents show is true: their Python runs, their output is what it prints."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from handgrad.checking import cases, check_library
from handgrad.checking.report import show

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
CI = (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def blocks(document, language):
    """Return the code blocks of a language, each with the text block right after it, or None."""
    pattern = rf"^```{language}\n(.*?)^```$(?:\n\n```text\n(.*?)^```$)?"
    return re.findall(pattern, document, flags=re.DOTALL | re.MULTILINE)


def test_the_examples_of_the_readme_print_what_it_shows():
    state, namespace, compared = np.random.get_state(), {}, 0
    for code, shown in blocks(README, "python"):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "README.md", "exec"), namespace)
        assert printed.getvalue() == shown
        compared += bool(shown)
    np.random.set_state(state)
    assert compared


def test_the_table_of_the_readme_is_what_handgrad_check_prints():
    (table,) = re.findall(r"^```text\n([^`]*verdict.*?)^```$", README, re.DOTALL | re.MULTILINE)
    console = Console(file=io.StringIO(), width=80)
    show(check_library(), console)
    assert rows(table) == rows(console.file.getvalue())


def rows(table):
    """Return the rows, without numbers, which differ in their last digits between machines."""
    lines = [re.sub(r"\d+(\.\d+)?(e[+-]\d+)?", "#", line).split() for line in table.splitlines()]
    return [line for line in lines if line]


def test_ci_runs_the_commands_of_the_readme():
    commands = re.findall(r"^python3 -m venv .*$", README, flags=re.MULTILINE)
    assert len(commands) == 2
    main_job, tests = commands
    assert re.search(r"pip install (\.|\"\.\[[a-z,]+\]\") && \.venv/bin/handgrad \w+", main_job)
    assert tests.endswith('pip install -e ".[test]" && .venv/bin/pytest')
    assert "grep '^python3 -m venv' README.md" in CI


def test_ci_and_the_hooks_run_the_same_commands():
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    entries = re.findall(r"entry: (.*)", hooks)
    assert entries == re.findall(r"^run '(.*)'$", CI, flags=re.MULTILINE)
    assert len(entries) == 3


@pytest.mark.parametrize("document", [README, CONTRIBUTING], ids=["README", "CONTRIBUTING"])
def test_what_the_documents_link_to_is_there(document):
    for target in re.findall(r"\]\(([^)#]+)", document):
        assert target.startswith("https://") or (ROOT / target).exists(), target


def contributed():
    """Return the component of CONTRIBUTING's file, and its row, made in the table's own module."""
    (file, _), (row, _) = blocks(CONTRIBUTING, "python")
    module = {"__name__": "tanh"}
    exec(compile(file, "tanh.py", "exec"), module)
    return module["Tanh"], eval(row, {**vars(cases), "Tanh": module["Tanh"]})


def test_the_component_of_contributing_passes_with_its_one_row():
    Tanh, row = contributed()
    report = check_library([row])
    assert report.ok
    assert {line.quantity for line in report.lines()} == {"y", "dx", "invariants"}
    for wrong, error in row.wrong:
        with pytest.raises(error):
            wrong(Tanh())


def test_the_row_of_contributing_notices_a_slip(monkeypatch):
    Tanh, row = contributed()
    monkeypatch.setattr(Tanh, "pullback", lambda self, dy, y, *_: (dy * (1 - y), {}))
    assert not check_library([row]).ok
