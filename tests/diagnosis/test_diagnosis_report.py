"""What a diagnosis looks like: on the terminal, as a page, and on its way between processes."""

import faulthandler
import io
import json
import operator
import re
import shutil
import sys
import time
from dataclasses import asdict
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from handgrad.diagnosis.courses.folder import diagnose_folder
from handgrad.diagnosis.findings import Cause, Example, Failure, Finding, Status, Verdict
from handgrad.diagnosis.process import child
from handgrad.diagnosis.process.sandbox import Job, _broken_off, diagnose_file, run
from handgrad.diagnosis.process.transport import rebuild
from handgrad.diagnosis.report.html import document, fragment
from handgrad.diagnosis.report.terminal import print_diagnosis, print_folder
from handgrad.diagnosis.result import Diagnosis

TRUTH = 41.4141  # a number that stands in no other place
LOST = Cause("lost", "A factor is lost.", ("hint one", "hint two", "hint three", "hint four"))


def wrong(student=None, truth=None, kind=Verdict.WRONG):
    student = np.array([[1.5, -2.5], [np.nan, 0.25]]) if student is None else student
    truth = np.array([[1.5, TRUTH], [3.0, 0.25]]) if truth is None else truth
    example = Example("N = 2, D = 2", student, truth, student != truth)
    finding = Finding("dx", "gradient of the input", kind, ((LOST,),), ("half of it",), example)
    right = Finding("output", "output", Verdict.RIGHT, (), ("it agrees",))
    return Diagnosis("Mine", "relu", Status.WRONG, (right, finding), ("it loops",))


FAILED = Diagnosis(
    "Mine",
    "relu",
    Status.FAILED,
    failure=Failure("calling it", "ValueError: [red]no", (("/a/mine.py", 3, "x = y[0]"),), "Look."),
)
RIGHT = Diagnosis("Yours", "relu", Status.RIGHT)


def page(diagnoses, level=2):
    many = diagnoses if isinstance(diagnoses, list) else [diagnoses]
    return document([diagnosis.page(level) for diagnosis in many])


def printed(diagnosis, level=2, show=print_diagnosis, **options):
    console = Console(width=80, file=io.StringIO(), **options)
    show(diagnosis, level, console)
    return console.file.getvalue()


@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_hints_and_values_appear_up_to_their_level(level):
    shown = {"page": page(wrong(), level), "terminal": printed(wrong(), level)}
    shown["json"] = json.dumps(wrong().to_dict(level))
    for text in shown.values():
        for number, hint in enumerate(LOST.hints, 1):
            assert (hint in text) == (number <= level)
        assert ("41.41" in text) == (level == 4)
        assert "half of it" in text
        assert "A factor is lost." in text


def test_the_terminal_marks_what_differs():
    text = printed(wrong())
    assert "[-2.5]" in text
    assert "[nan]" in text
    assert "[1.5]" not in text
    assert "it agrees" not in text  # the evidence for what is right fills no page


def test_a_large_matrix_is_cut():
    big = np.arange(400.0).reshape(20, 20)
    text = printed(wrong(big, big + 1))
    assert text.count("...") == 9
    assert "[399]" not in text
    assert page(wrong(big, big + 1)).count("<td>...</td>") == 17


@pytest.mark.parametrize("shape", [(), (3,), (2, 3, 4)])
def test_any_shape_is_shown(shape):
    student = np.full(shape, 0.125)
    text = printed(wrong(student, student + TRUTH), 4)
    assert text.count("[0.125]") == student.size
    assert page(wrong(student, student + TRUTH), 4).count(">0.125</td>") == student.size


def test_an_example_of_another_shape_is_marked_whole():
    example = Example("N = 2", np.ones((2, 3)), None, np.ones((1, 1), bool))
    finding = Finding("dW", "gradient of the weights", Verdict.WRONG, (), ("shapes",), example)
    diagnosis = Diagnosis("Mine", "linear", Status.WRONG, (finding,))
    assert printed(diagnosis, 4).count("[1]") == 6
    assert page(diagnosis, 4).count("differs") == 6 + STYLE_USES


STYLE_USES = 1  # the word stands in the style sheet once


def test_an_example_without_difference_is_not_shown():
    same = np.ones((2, 2))
    assert "yours" not in printed(wrong(same, same))
    assert "<figure" not in page(wrong(same, same))


def test_a_failure_shows_the_lines_and_the_hint():
    for text in (printed(FAILED), page(FAILED)):
        assert "ValueError: [red]no" in text
        assert "mine.py:3  x = y[0]" in text
        assert "/a/" not in text
        assert "Look." in text


def test_two_causes_have_each_their_hints():
    other = Cause("other", "Another one.", ("a1", "a2", "a3", "a4"))
    finding = Finding("dx", "gradient of the input", Verdict.WRONG, ((LOST, other),), ("so",))
    text = printed(Diagnosis("Mine", "relu", Status.WRONG, (finding,)), 1)
    assert "lost and other" in text
    assert re.search(r"lost\n\s+symptom\s+hint one\s+other\n\s+symptom\s+a1", text)


def test_a_folder_is_a_table_and_a_page_for_what_is_not_right():
    text = printed([RIGHT, FAILED, wrong()], show=print_folder)
    table, pages = text.split("─" * 10, 1)
    assert [line.split()[0] for line in table.splitlines() if line.strip()] == [
        "Yours",
        "Mine",
        "Mine",
    ]
    assert "Yours" not in pages


class Balanced(HTMLParser):
    """Fails where a tag is not closed, and collects the attributes."""

    def __init__(self, text):
        super().__init__()
        self.open, self.attributes = [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.attributes += attrs
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_stands_alone():
    text = page([wrong(), FAILED, RIGHT], 4)
    assert not {name for name, _ in Balanced(text).attributes} & {"src", "href", "onload"}
    assert "<script" not in text
    assert "http" not in text
    assert text.count("<figure>") == 3


def test_the_page_escapes_what_the_student_wrote():
    hostile = "<script>alert('x')</script>"
    failure = Failure(hostile, hostile, ((hostile, 1, hostile),), hostile)
    bad = Diagnosis(hostile, hostile, Status.FAILED, (), (hostile,), failure)
    cause = Cause(hostile, hostile, (hostile,) * 4)
    finding = Finding(hostile, hostile, Verdict.WRONG, ((cause,),), (hostile,))
    worse = Diagnosis(hostile, hostile, Status.WRONG, (finding,))
    for text in (page([bad, worse], 4), fragment(bad.page()), fragment(worse.page())):
        assert "<script" not in text
        Balanced(text)


def test_a_notebook_shows_the_fragment_without_the_truth():
    html = wrong()._repr_html_()
    assert html == fragment(wrong().page())
    assert "41.41" not in html
    Balanced(html)


@pytest.mark.parametrize("diagnosis", [wrong(), FAILED, RIGHT], ids=["wrong", "failed", "right"])
def test_a_diagnosis_survives_the_way_through_json(diagnosis):
    back = rebuild(json.loads(json.dumps(diagnosis.to_dict())))
    assert json.dumps(back.to_dict()) == json.dumps(diagnosis.to_dict())
    assert str(back) == str(diagnosis)


# The child process and what becomes of it.

CORPUS = Path(__file__).parents[1] / "corpus"


def write(folder, name, text):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


RELU = """
import numpy as np


class ReLU:
    def __call__(self, x):
        self.x = x
        return np.maximum(x, 0)

    def grad(self, in_gradient):
        return in_gradient * (self.x > 0)
"""


def test_one_that_breaks_off_does_not_stop_the_others():
    crash = CORPUS / "crash"
    jobs = [
        Job(str(crash / "hard_exit.py"), "Sigmoid"),
        Job(str(crash / "endless.py"), "ReLU"),
        Job(str(crash / "chatty.py"), "ReLU"),
    ]
    first, second, third = run(jobs, timeout=1)
    assert first.failure.error == "the program ended in the middle (status 0)"
    assert second.failure.error == "TimeoutError: no answer within 1 s"
    assert {Path(file).name for file, _, _ in second.failure.lines} == {"endless.py"}
    assert third.status is Status.RIGHT


def test_a_crash_of_the_interpreter_is_told(tmp_path):
    text = RELU.replace("self.x = x", "import faulthandler; faulthandler._sigsegv()")
    diagnosis = diagnose_file(write(tmp_path, "mine.py", text), "ReLU")
    assert diagnosis.failure.error.startswith("the interpreter crashed")
    assert diagnosis.failure.lines[0][2].startswith("import faulthandler")


def test_a_kill_from_outside_reads_as_a_timeout():
    assert "no answer" in _broken_off(-9, "", 5).error


def test_a_file_may_import_its_neighbours_and_be_called_like_a_module(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "helpers_of_mine.py", "import numpy as np\n")
    text = RELU.replace("import numpy as np", "from helpers_of_mine import np")
    for name in ("random.py", "numpy.py", "ex 7.3.py", "ordinary.py"):
        diagnosis = diagnose_file(write(tmp_path, name, text), "ReLU")
        assert diagnosis.status is Status.RIGHT, str(diagnosis)
        (tmp_path / name).unlink()
    assert not list(tmp_path.rglob("__pycache__"))


STARTS = r"""
import subprocess, sys, threading, time

threading.Thread(target=time.sleep, args=[50]).start()
beat = "import time\nwhile True: print(end='.', file=open({path!r}, 'a')); time.sleep(0.02)"
subprocess.Popen([sys.executable, "-c", beat])
time.sleep(0.3)
"""


def test_what_the_code_has_started_ends_with_it(tmp_path):
    heart = tmp_path / "beats"
    start = time.monotonic()
    text = STARTS.replace("{path!r}", repr(str(heart))) + RELU
    diagnosis = diagnose_file(write(tmp_path, "started.py", text), "ReLU")
    assert diagnosis.status is Status.RIGHT, str(diagnosis)
    assert time.monotonic() - start < 40
    beats = len(heart.read_text())
    assert beats
    time.sleep(0.2)
    assert len(heart.read_text()) == beats


@pytest.mark.parametrize("init", [True, False])
def test_a_file_in_a_package_imports_as_its_author_does(tmp_path, init):
    write(tmp_path, "layers/base.py", "import numpy as np\n")
    if init:
        write(tmp_path, "layers/__init__.py", "")
    text = RELU.replace("import numpy as np", "from layers.base import np")
    diagnosis = diagnose_file(write(tmp_path, "layers/mine.py", text), "ReLU")
    assert diagnosis.status is Status.RIGHT, str(diagnosis)


def test_input_and_name_are_explained(tmp_path):
    asks = write(tmp_path, "asks.py", RELU + "\ninput('which seed?')\n")
    assert "input()" in diagnose_file(asks, "ReLU").failure.hint
    near = diagnose_file(write(tmp_path, "near.py", RELU), "Relu").failure
    assert near.hint == "Did you mean ReLU?"
    bare = diagnose_file(write(tmp_path, "bare.py", "x = 1\n"), "ReLU").failure
    assert "no classes at all" in bare.hint
    half = write(tmp_path, "half.py", "from math import nothing\n")
    assert "The name is not in that module" in diagnose_file(half, "ReLU").failure.hint


def test_a_class_that_the_package_does_not_export_is_found_and_told(tmp_path):
    write(tmp_path, "activations/__init__.py", "")
    write(tmp_path, "activations/ReLU.py", RELU)
    write(tmp_path, "losses/__init__.py", "from .all_of_them import *\n")
    write(tmp_path, "losses/all_of_them.py", "MSELoss = CrossEntropy = None\n")
    diagnoses = {d.subject: d for d in diagnose_folder(tmp_path)}
    assert diagnoses["ReLU"].status is Status.RIGHT
    assert "`from activations import ReLU` fails" in diagnoses["ReLU"].notes[-1]
    assert diagnoses["MSELoss"].failure
    assert not diagnoses["MSELoss"].notes
    assert "missing in activations, which has ReLU" in diagnoses["Sigmoid"].failure.error


# The same in this process, where one can look inside.


@pytest.fixture
def answer(monkeypatch):
    """What the child says of a job; the path and the modules are as before afterwards."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield child._answer
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_the_child_answers_without_a_process(answer, tmp_path):
    mine = write(tmp_path, "mine_alone.py", "print('hello')\n" + RELU)
    right = answer(Job(str(mine), "ReLU"))
    assert right.status is Status.RIGHT
    assert "the last one: 'hello'" in right.notes[-1]
    assert answer(Job(str(mine), "Relu")).failure.hint == "Did you mean ReLU?"
    assert "--kind" in answer(Job(str(mine), "ReLU", "nonsense")).failure.hint
    again = answer(Job(str(mine), "ReLU"))  # the name of the module is taken by now
    assert again.status is Status.RIGHT


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("class ReLU\n", "SyntaxError"),
        ("import sys\nsys.exit(3)\n", "SystemExit"),
        ("import nothing_like_it\n", "ModuleNotFoundError"),
        ("from os import nothing_like_it\n", "ImportError"),
        ("ReLU = 1 / 0\n", "ZeroDivisionError"),
    ],
)
def test_the_child_explains_what_stops_an_import(answer, tmp_path, text, error):
    failure = answer(Job(str(write(tmp_path, "stops.py", text)), "ReLU")).failure
    assert failure.error.startswith(error)
    assert failure.lines[-1][0].endswith("stops.py")
    assert failure.hint


def test_the_child_imports_a_package_by_its_name(answer, tmp_path):
    write(tmp_path, "of_mine/__init__.py", RELU + "from .deeper import *\n")
    write(tmp_path, "of_mine/deeper.py", "Sigmoid = None\n")
    for root in (None, str(tmp_path)):
        job = Job(str(tmp_path / "of_mine" / "__init__.py"), "ReLU", root=root)
        assert answer(job).status is Status.RIGHT
    assert sys.modules["of_mine.deeper"]


def test_a_fault_of_ours_is_not_blamed_on_the_student(answer, tmp_path, monkeypatch):
    monkeypatch.setattr(child, "diagnose", operator.truediv)  # raises, in no file at all
    failure = answer(Job(str(write(tmp_path, "fine.py", RELU)), "ReLU")).failure
    assert failure.lines == ()
    assert "a fault of handgrad" in failure.hint


def test_the_child_writes_a_line_for_each_job(answer, tmp_path, monkeypatch):
    mine = str(write(tmp_path, "mine_twice.py", RELU))
    jobs = json.dumps([asdict(Job(mine, "ReLU")), asdict(Job(mine, "Nothing"))])
    monkeypatch.setattr(sys, "stdin", io.StringIO(jobs))
    monkeypatch.setattr(sys, "dont_write_bytecode", sys.dont_write_bytecode)
    results = tmp_path / "results"
    try:
        child.main(str(results), str(tmp_path / "trace"), "60")
    finally:
        faulthandler.disable()
    ready, *lines = results.read_text().splitlines()
    assert ready == "ready"
    assert [json.loads(line)["status"] for line in lines] == ["right", "could not run"]


def test_a_child_that_cannot_start_is_our_fault(monkeypatch):
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    with pytest.raises(RuntimeError, match="did not start"):
        run([Job("mine.py", "ReLU")], timeout=1)
