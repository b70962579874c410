"""The exercise's notebook: executed afresh, it says what it says in the repository."""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient

from handgrad import CrossEntropy, Dropout, Linear, MSELoss, ReLU, Sigmoid

NOTEBOOK = Path(__file__).parents[2] / "exercise" / "exercise_7_3.ipynb"


def text(cell):
    """Return what a cell printed and showed."""
    shown = [
        output.text if output.output_type == "stream" else output.data["text/plain"]
        for output in cell.outputs
    ]
    return "".join(shown).splitlines()


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


@pytest.fixture(scope="module")
def committed():
    return nbformat.read(NOTEBOOK, as_version=4)


@pytest.fixture(scope="module")
def executed(committed, tmp_path_factory):
    """Return the notebook after a fresh run, which stops at the first assertion that fails."""
    fresh = nbformat.from_dict(committed.copy())
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR"):
            patch.setenv(variable, str(tmp_path_factory.mktemp(variable.lower())))
        NotebookClient(
            fresh,
            kernel_name="python3",
            timeout=120,
            resources={"metadata": {"path": str(NOTEBOOK.parent)}},
        ).execute()
    return fresh


def test_a_fresh_run_shows_what_is_committed(committed, executed):
    for before, after in zip(code(committed), code(executed), strict=True):
        assert text(after) == text(before), after.source


def test_it_was_run_from_top_to_bottom(committed):
    counts = [cell.execution_count for cell in code(committed)]
    assert counts == list(range(1, len(counts) + 1))


def test_all_six_parts_are_there_and_each_asserts(committed):
    part, asserts = "", dict.fromkeys((f"7.3.{i}" for i in range(1, 7)), 0)
    for cell in committed.cells:
        if cell.cell_type == "markdown" and cell.source.startswith("## "):
            part = cell.source.split()[1]
        elif part in asserts:
            asserts[part] += cell.source.count("judge(") + cell.source.count("assert")
    assert min(asserts.values()) > 0, asserts


def test_it_names_no_machine(committed):
    assert committed.metadata == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    assert not any(cell.metadata for cell in committed.cells)


def run_here(notebook):
    """Run the code in this process, where a component can be corrupted first."""
    namespace = {}
    for cell in code(notebook):
        exec(compile(cell.source, cell.id, "exec"), namespace)


@pytest.fixture
def course(monkeypatch):
    """Make the course's import names importable, for one test."""
    monkeypatch.syspath_prepend(NOTEBOOK.parent)
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.split(".")[0] in {"activations", "layers", "losses", "model"}:
            del sys.modules[name]


@pytest.mark.usefixtures("course")
@pytest.mark.parametrize(
    "component", [CrossEntropy, Dropout, Linear, MSELoss, ReLU, Sigmoid], ids=lambda c: c.__name__
)
def test_its_assertions_notice_a_wrong_gradient(committed, component, monkeypatch):
    right = component.pullback

    def wrong(self, *arguments, **options):
        result = right(self, *arguments, **options)
        if isinstance(result, tuple):
            return (1.0001 * result[0], *result[1:])
        return 1.0001 * result

    monkeypatch.setattr(component, "pullback", wrong)
    with np.printoptions(), pytest.raises(AssertionError, match=r"gradient|input|weights1"):
        run_here(committed)
