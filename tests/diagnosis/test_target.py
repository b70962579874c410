"""What the command line may be pointed at, and what is said of several things together."""

from pathlib import Path

import pytest

from handgrad.diagnosis import Diagnosis, Status
from handgrad.diagnosis.process.sandbox import diagnose_file
from handgrad.diagnosis.target import diagnose_target, overall, to_dict

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
