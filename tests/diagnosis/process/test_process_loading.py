"""Scripts that do more than define, and notebooks."""

import json
import os
import sys
import time

import pytest

from handgrad.diagnosis.findings import Status
from handgrad.diagnosis.process import child, loading
from handgrad.diagnosis.process.sandbox import Job, diagnose_file

RELU = """import numpy as np

class ReLU:
    def __call__(self, x):
        self.x = x
        return np.maximum(x, FLOOR)

    def grad(self, in_gradient):
        return in_gradient * (self.x > 0)
"""
FLOOR = "FLOOR = 0\n"


@pytest.fixture
def answer(monkeypatch, tmp_path):
    """What the child says of the ReLU in a text; all is as before afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = set(sys.modules)

    def answer(text, name="mine.py", wanted="ReLU", budget=0):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text if isinstance(text, str) else json.dumps(text), encoding="utf-8")
        monkeypatch.chdir("/")
        return child._answer(Job(str(file), wanted, budget=budget))

    yield answer
    for name in set(sys.modules) - before:
        del sys.modules[name]


def notebook(*cells):
    """Return cells of code, with a title above them, as a notebook."""
    made = [{"cell_type": "markdown", "metadata": {}, "source": ["# Exercise\n", "class ReLU: x"]}]
    for cell in cells:
        lines = cell.splitlines(keepends=True)
        made.append({"cell_type": "code", "metadata": {}, "outputs": [], "source": lines})
    return {"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def test_a_notebook_is_read_and_not_run(answer):
    cells = (
        "%matplotlib inline\n!pip install nothing\nimport nothing_like_it as plt",
        "import numpy as np\nFLOOR = 0\ntraining = np.loadtxt('no such file')\nassert False",
        RELU,
        "while True:\n    plt.plot()",
        "%%html\n<b>not Python</b>",
        "x = ReLU()(training)?",
    )
    diagnosis = answer(notebook(*cells), "mine.ipynb")
    assert diagnosis.status is Status.RIGHT, str(diagnosis)
    assert diagnosis.notes == ()


def test_a_notebooks_lines_are_its_cells(answer):
    broken = RELU.replace("np.maximum(x, FLOOR)", "np.maximum(x, FLOOR + nothing)")
    failure = answer(notebook("1 / 0", FLOOR, broken), "mine.ipynb").failure
    assert failure.error == "NameError: name 'nothing' is not defined"
    ((file, number, source),) = failure.lines
    assert (os.path.basename(file), number) == ("mine.ipynb, cell 3", 6)
    assert source == "return np.maximum(x, FLOOR + nothing)"


def test_the_last_of_two_cells_counts(answer):
    first = RELU.replace("(self.x > 0)", "(self.x < 0)")
    assert answer(notebook(FLOOR, first, RELU), "mine.ipynb").status is Status.RIGHT
    patch = "def better(self, dy):\n    return dy * (self.x > 0)\nReLU.grad = better"
    assert answer(notebook(FLOOR, first, patch), "mine.ipynb").status is Status.RIGHT


def test_a_notebook_that_cannot_be_read_says_so(answer):
    assert "is no notebook" in answer("not json", "mine.ipynb").failure.error
    assert "is no notebook" in answer({"cells": 3}, "mine.ipynb").failure.error
    failure = answer(notebook("class ReLU\n    x"), "mine.ipynb").failure
    assert failure.error.startswith("SyntaxError")
    assert failure.lines[-1][:2] == (failure.lines[-1][0], 1)
    assert failure.lines[-1][0].endswith("mine.ipynb, cell 1")
    assert "Did you mean ReLU?" in answer(notebook(FLOOR, RELU), "a.ipynb", "Relu").failure.hint


def test_a_loop_in_a_notebook_is_found_in_its_cell(tmp_path):
    endless = RELU.replace("self.x = x", "while True: self.x = x")
    file = tmp_path / "endless.ipynb"
    file.write_text(json.dumps(notebook(FLOOR, endless)))
    failure = diagnose_file(file, "ReLU", timeout=1).failure
    assert "no answer" in failure.error
    assert failure.lines[-1] == (f"{file}, cell 2", 5, "while True: self.x = x")


EXPORTED = """#!/usr/bin/env python
# coding: utf-8
# In[1]:
get_ipython().run_line_magic('matplotlib', 'inline')
get_ipython().system('pip install nothing')
"""


@pytest.mark.parametrize(
    "text",
    [
        EXPORTED + FLOOR + RELU,
        "%matplotlib inline\n" + FLOOR + RELU,
        "import nothing_like_it\nnothing_like_it.seed(1)\n" + FLOOR + RELU,
        FLOOR + RELU + "import sys\nsys.exit('trained')\n",
        FLOOR + RELU + "raise KeyboardInterrupt\n",
        "FLOOR = float('0')\n1 / 0\n" + RELU,
        "try:\n    import nothing_like_it as np\nexcept ImportError:\n    pass\n1 / 0\n"
        + FLOOR
        + RELU,
    ],
    ids=["exported", "magic", "no module", "exits", "interrupt", "needs a name", "try"],
)
def test_a_script_is_understood_that_does_more_than_define(answer, text):
    diagnosis = answer(text)
    assert diagnosis.status is Status.RIGHT, str(diagnosis)


def test_a_script_that_stops_says_where(answer):
    (note,) = answer(FLOOR + RELU + "\nnp.loadtxt('no such file')\n").notes
    assert note.startswith("mine.py does not run to its end (FileNotFoundError: no such file")
    assert "in line 12)" in note


def test_a_script_that_trains_is_stopped_and_so_is_what_it_imports(answer, monkeypatch, tmp_path):
    monkeypatch.setattr(loading, "PATIENCE", 0.2)
    endless = (
        "for step in iter(int, 1):\n    try:\n        pass\n    except Exception:\n        pass\n"
    )
    (tmp_path / "floors.py").write_text("FLOOR = 0\n" + endless)
    start = time.monotonic()
    diagnosis = answer("from floors import FLOOR\n" + RELU + endless)
    assert diagnosis.status is Status.RIGHT, str(diagnosis)
    assert [note.split(" does")[0] for note in diagnosis.notes] == ["floors.py", "mine.py"]
    assert "it still runs after 0.2 s in line" in diagnosis.notes[0]
    assert time.monotonic() - start < 3


def test_data_is_read_from_the_scripts_own_folder(answer, tmp_path):
    (tmp_path / "floor.txt").write_text("0")
    diagnosis = answer("import numpy as np\nFLOOR = np.loadtxt('floor.txt')\n" + RELU)
    assert diagnosis.status is Status.RIGHT, str(diagnosis)
    assert diagnosis.notes == ()


def test_what_is_absent_is_told_where_it_is_used(answer):
    failure = answer("import nmpy as np\n" + FLOOR + RELU.replace("import numpy as np", "")).failure
    assert failure.error == "ModuleNotFoundError: No module named 'nmpy'"
    assert [source for *_, source in failure.lines] == [
        "return np.maximum(x, FLOOR)",
        "import nmpy as np",
    ]


def test_the_cell_or_the_other_file_is_told_in_which_a_line_is_to_be_changed(answer, tmp_path):
    wrong = RELU.replace("self.x > 0)", "self.x < 0)")
    (repair,) = answer(notebook(FLOOR, wrong), "mine.ipynb", budget=9).repairs
    line, mend = repair.hints("the mask")
    assert line.text.startswith("Line 9 of cell 2: ")
    assert mend.text.endswith("Line 9 of cell 2: `return in_gradient * (self.x > 0)`.")
    (tmp_path / "masks.py").write_text("def mask(x):\n    return x < 0\n")
    elsewhere = "from masks import mask\n" + FLOOR + RELU.replace("(self.x > 0)", "mask(self.x)")
    (repair,) = answer(elsewhere, budget=9).repairs
    line, mend = repair.hints("the mask")
    assert line.text.startswith("Line 2 of masks.py: ")
    assert mend.text.endswith("Line 2 of masks.py: `return x > 0`.")
