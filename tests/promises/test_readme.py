"""What the documents show is true: their Python runs, their output is what it prints."""

from __future__ import annotations

import contextlib
import io
import re

import numpy as np
import pytest

from documents import CONTRIBUTING, README, ROOT, blocks

CI = (ROOT / ".ci" / "run").read_text(encoding="utf-8")


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
    prose = re.sub(r"`[^`]*`", "", document)
    for target in re.findall(r"\]\(([^)#]+)", prose):
        assert target.startswith("https://") or (ROOT / target).exists(), target
