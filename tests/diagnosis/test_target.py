"""What the command line may be pointed at, and what is said of several things together."""

from pathlib import Path

import pytest

from handgrad.diagnosis import Diagnosis, Status
from handgrad.diagnosis.process.sandbox import diagnose_file
from handgrad.diagnosis.target import diagnose_target, overall, to_dict
from handgrad.errors import ArgumentError

RIGHT = Diagnosis("ReLU", "relu", Status.RIGHT)
WRONG = Diagnosis("Linear", "linear", Status.WRONG)
FAILED = Diagnosis("Sigmoid", "sigmoid", Status.FAILED)
UNWRITTEN = Diagnosis("affine", "linear", Status.UNWRITTEN)


def test_a_file_that_is_not_there_is_a_failure():
    (diagnosis,) = diagnose_target("no_such_file.py:ReLU")
    assert diagnosis == diagnose_file(Path("no_such_file.py"), "ReLU")
    assert (diagnosis.exit_code, diagnosis.subject) == (2, "ReLU")
    assert diagnosis.failure.error == "FileNotFoundError: there is no file no_such_file.py"
    assert diagnosis.failure.hint.startswith("Check the path")


def test_what_is_no_target_is_told():
    for target, said in (("none.py", "is no file and no folder"), ("a.py:", "as what to check")):
        with pytest.raises(ArgumentError, match=said):
            diagnose_target(target)


@pytest.mark.parametrize(
    ("diagnoses", "status"),
    [
        ([RIGHT, RIGHT], Status.RIGHT),
        ([RIGHT, UNWRITTEN], Status.UNWRITTEN),
        ([UNWRITTEN, RIGHT, FAILED], Status.FAILED),
        ([FAILED, WRONG, RIGHT], Status.WRONG),
    ],
)
def test_wrong_comes_before_could_not_run_before_not_written_before_right(diagnoses, status):
    assert overall(diagnoses) is status
    together = to_dict(diagnoses)
    assert (together["status"], together["exit_code"]) == (status.value, status.exit_code)
    assert together["diagnoses"] == [to_dict([diagnosis]) for diagnosis in diagnoses]


def test_with_a_course_a_file_that_cannot_be_read_is_a_failure_in_its_line(tmp_path):
    file = tmp_path / "layers.py"
    file.write_text("def relu_forward(x)\n")
    for target in (file, tmp_path):
        (diagnosis,) = diagnose_target(str(target), course="cs231n")
        assert diagnosis.failure.error == "SyntaxError: expected ':'"
        assert diagnosis.failure.lines[0][1] == 1


def test_what_takes_other_arguments_than_the_courses_is_not_passed_over(tmp_path):
    file = tmp_path / "layers.py"
    file.write_text(
        "def relu_forward(x):\n    return x * (x > 0), x\n"
        "def relu_backward(dout, cache):\n    return dout * (cache > 0)\n"
        "def affine_forward(x, w):\n    return x @ w, (x, w)\n"
        "def affine_backward(dout, cache):\n    return dout @ cache[1].T, cache[0].T @ dout\n"
    )
    affine, relu = diagnose_target(str(file))
    assert relu.status is Status.RIGHT
    assert affine.status is Status.FAILED
    assert affine.failure.error.startswith("TypeError: affine_forward() takes 2")
    assert "the course gives it" in affine.failure.hint


def test_lambdas_and_second_names_are_seen(tmp_path):
    file = tmp_path / "layers.py"
    file.write_text(
        "relu_forward = lambda x: (x * (x > 0), x)\n"
        "relu_backward = lambda dout, cache: dout * (cache > 0)\n"
        "def step(x, W):\n    return W[x], (x, W.shape)\n"
        "def back(dout, cache):\n"
        "    import numpy as np\n"
        "    dW = np.zeros(cache[1])\n"
        "    dW[cache[0]] += dout\n"
        "    return dW\n"
        "word_embedding_forward = step\n"
        "word_embedding_backward = back\n"
    )
    relu, embedding = diagnose_target(str(file))
    assert (relu.headline, embedding.subject) == ("relu is right", "word_embedding")
    assert [cause.name for cause in embedding.causes] == ["repeated indices count once"]


def test_a_course_says_what_it_asks_for_where_there_is_nothing_of_it(tmp_path):
    file = tmp_path / "layers.py"
    file.write_text("def relu(x):\n    return x\n")
    with pytest.raises(ArgumentError, match="relu_forward and relu_backward"):
        diagnose_target(str(file), course="cs231n")


def test_a_pair_that_takes_other_arguments_is_told_so_where_nothing_else_is_there(tmp_path):
    pair = (
        "def relu_forward(x):\n    return x * (x > 0), x\ndef relu_backward({}):\n    return dout\n"
    )
    file = tmp_path / "layers.py"
    for arguments in ("dout, cache, lr", "*, dout"):
        file.write_text(pair.format(arguments))
        for target in (file, f"{file}:relu_backward"):
            with pytest.raises(ArgumentError, match="other arguments than those of") as error:
                diagnose_target(str(target))
            assert "relu_backward(dy, cache) -> dx" in str(error.value)
    file.write_text(file.read_text() + "class MyReLU:\n    pass\n")
    assert [diagnosis.subject for diagnosis in diagnose_target(str(file))] == ["MyReLU"]


def test_a_folder_with_a_file_called_layers_may_be_of_another_course(tmp_path):
    """CS231n's has one, and no class of the exercise in it."""
    pair = "def relu_forward(x):\n    return x * (x > 0), x\ndef relu_backward(dout, x):\n"
    (tmp_path / "layers.py").write_text(f"{pair}    return dout * (x > 0)\n")
    assert [d.subject for d in diagnose_target(str(tmp_path))] == ["relu"]


def test_a_function_that_no_course_asks_for_is_no_class(tmp_path):
    file = tmp_path / "layer_utils.py"
    file.write_text("def affine_relu_forward(x, w, b):\n    return x @ w + b, x\n")
    (diagnosis,) = diagnose_target(f"{file}:affine_relu_forward")
    assert "no course asks for" in diagnosis.failure.error
    assert "as its reference" in diagnosis.failure.hint


def test_a_file_that_defines_nothing_is_said_to(tmp_path):
    empty = tmp_path / "empty.ipynb"
    empty.write_text('{"cells": []}')
    script = tmp_path / "script.py"
    script.write_text("x = 1\n")
    for file in (empty, script):
        with pytest.raises(ArgumentError, match="no class and no function is defined"):
            diagnose_target(str(file))
