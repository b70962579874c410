"""The child process, and what becomes of it."""

import faulthandler
import io
import json
import operator
import shutil
import sys
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from handgrad.diagnosis.courses.folder import diagnose_folder
from handgrad.diagnosis.findings import Status
from handgrad.diagnosis.process import child, sandbox
from handgrad.diagnosis.process.sandbox import Job, _broken_off, diagnose_file, run

CORPUS = Path(__file__).parents[2] / "corpus"


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


def test_all_that_is_wrong_in_a_file_is_repaired_by_one_child_each_within_its_share(
    tmp_path, monkeypatch
):
    file = write(
        tmp_path,
        "layers.py",
        "import numpy as np\n"
        "def relu_forward(x):\n    return np.maximum(x, 0), x\n"
        "def relu_backward(dout, cache):\n    return -dout * (cache > 0)\n"
        "def affine_forward(x, w, b):\n    return x.reshape(len(x), -1) @ w + b, (x, w)\n"
        "def affine_backward(dout, cache):\n"
        "    x, w = cache\n"
        "    dx = (dout @ w.T).reshape(x.shape)\n"
        "    return dx, x.reshape(len(x), -1).T @ dout, dout.mean(axis=0)\n"
        "def softmax_loss(x, y):\n    import os\n    os._exit(3)\n",
    )
    names = ("relu_forward", "softmax_loss", "affine_forward")
    found = run([Job(str(file), name, course="cs231n") for name in names], 60)
    assert [d.mendable for d in found] == [True, False, True]  # what ended the child does it again
    started = []
    popen = sandbox.subprocess.Popen
    monkeypatch.setattr(
        sandbox.subprocess, "Popen", lambda *a, **k: started.append(a) or popen(*a, **k)
    )
    assert sandbox.repair(found, 0, 20) == found
    repaired = sandbox.repair(found, 10, 19)
    assert len(started) == 1
    assert [len(d.repairs) for d in repaired] == [1, 0, 1]


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
    for name in ("random.py", "numpy.py", "ex 7.3.py"):
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
    answered = diagnose_file(asks, "ReLU")
    assert answered.status is Status.RIGHT
    assert "asks.py does not run to its end (EOFError" in answered.notes[0]
    alone = write(tmp_path, "alone.py", "input('which seed?')\n")
    assert "input()" in diagnose_file(alone, "ReLU").failure.hint
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


HOSTILE = {
    "garbage": ("open(sys.argv[1], 'wb').write(bytes(range(256)))", "not its own"),
    "json of something else": ("open(sys.argv[1], 'w').write('[1]\\n{}\\n')", "not its own"),
    "a deep nest": ("open(sys.argv[1], 'w').write('[' * 100_000)", "not its own"),
    "a pipe in its place": (
        "os.remove(sys.argv[1]); os.mkfifo(sys.argv[1]); os._exit(0)",
        "the program ended in the middle (status 0)",
    ),
    "nothing": ("shutil.rmtree(os.path.dirname(sys.argv[1])); os._exit(3)", "status 3"),
    "emptied": ("open(sys.argv[1], 'w').close(); os._exit(1)", "the program ended"),
    "raises an interrupt": ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    "is interrupted": ("os.kill(os.getpid(), signal.SIGINT)", "KeyboardInterrupt"),
    "neither": ("raise BaseException('mine')", "BaseException: mine"),
    "memory": ("np.zeros(2**31)", "Unable to allocate"),
}


@pytest.mark.parametrize("act", HOSTILE)
def test_what_the_code_does_to_the_child_harms_nobody_else(tmp_path, act):
    statement, error = HOSTILE[act]
    head = f"import os, shutil, signal, sys\nimport numpy as np\n\ndef act():\n    {statement}\n"
    text = RELU.replace("        self.x = x\n", "        act()\n        self.x = x\n")
    jobs = [Job(str(write(tmp_path, f"mine{len(t)}.py", t)), "ReLU") for t in (head + text, RELU)]
    hostile, right = run(jobs, timeout=20)
    assert hostile.status is Status.FAILED
    assert error in hostile.failure.error
    assert "crashed" not in hostile.failure.error
    assert right.status is Status.RIGHT


def test_a_huge_array_and_a_huge_message_are_cut(answer, tmp_path):
    big = RELU.replace("in_gradient * (self.x > 0)", "np.zeros((300, 400))")
    (found,) = answer(Job(str(write(tmp_path, "big.py", big)), "ReLU")).wrong[:1]
    assert "has shape (300, 400)" in found.evidence[0]
    assert found.example.student.size == 10_000
    loud = RELU.replace("in_gradient * (self.x > 0)", "int('y' * 1000)")
    failure = answer(Job(str(write(tmp_path, "loud.py", loud)), "ReLU")).failure
    assert failure.error.startswith("ValueError: invalid literal")
    assert len(failure.error) < 600


OUTLIVES = r"""
import subprocess, sys

write = "import time\nfor _ in range(40): open({path!r} + str(_), 'w').close(); time.sleep(0.02)"
code = write.replace("{path!r}", repr(sys.argv[1]))
subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
"""


def test_a_process_that_outlives_the_child_is_not_waited_for(tmp_path):
    start = time.monotonic()
    diagnosis = diagnose_file(write(tmp_path, "outlives.py", OUTLIVES + RELU), "ReLU")
    assert diagnosis.status is Status.RIGHT, str(diagnosis)
    assert time.monotonic() - start < 20


# The same in this process, where one can look inside.


@pytest.fixture
def answer(monkeypatch, tmp_path):
    """What the child says of a job; the path and the modules are as before afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
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
        ("raise KeyboardInterrupt\n", "KeyboardInterrupt"),
        ("raise GeneratorExit\n", "GeneratorExit"),
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
    monkeypatch.setattr(child, "diagnose_named", operator.truediv)  # raises, in no file at all
    failure = answer(Job(str(write(tmp_path, "fine.py", RELU)), "ReLU")).failure
    assert failure.lines == ()
    assert "one of handgrad's: report it" in failure.hint


def test_a_line_of_ours_is_ours_though_theirs_has_called_it(answer, tmp_path, monkeypatch):
    monkeypatch.setattr(child, "diagnose_named", lambda name, cls, *_, **more: cls().grad(None))
    text = "from handgrad.diagnosis.process.child import Tail\n" + RELU
    text += "    def grad(self, dy):\n        return Tail().write(3)\n"
    failure = answer(Job(str(write(tmp_path, "calls.py", text)), "ReLU")).failure
    assert failure.lines
    assert "one of handgrad's: report it" in failure.hint


def test_what_a_file_tells_numpy_to_raise_is_not_raised_in_ours(answer, tmp_path):
    text = RELU.replace("np.maximum(x, 0)", "1 / (1 + np.exp(-x))").replace(
        "(self.x > 0)", "np.exp(-self.x) / (1 + np.exp(-self.x)) ** 2"
    )
    loud = "import numpy as np\nnp.seterr(all='raise')\n" + text
    with np.errstate():
        diagnosis = answer(Job(str(write(tmp_path, "loud.py", loud)), "ReLU", "sigmoid"))
    assert diagnosis.failure is None, str(diagnosis)
    quiet = answer(Job(str(write(tmp_path, "quiet.py", text)), "ReLU", "sigmoid"))
    assert diagnosis.headline == quiet.headline


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
    lines = results.read_text().splitlines()
    assert [json.loads(line)["status"] for line in lines] == ["right", "could not run"]


def test_a_child_that_cannot_start_is_our_fault(monkeypatch):
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    with pytest.raises(RuntimeError, match="did not start"):
        run([Job("mine.py", "ReLU")], timeout=1)


def test_what_is_printed_without_an_end_of_line_is_a_line():
    tail = child.Tail()
    tail.write("your name?")
    assert tail.note() == "it prints while it runs (1 line, the last one: 'your name?')"
    tail.write("\nand yours?\n")
    assert tail.note() == "it prints while it runs (2 lines, the last one: 'and yours?')"
