"""``handgrad check`` on a student's file or folder."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from handgrad.cli import app
from handgrad.errors import ArgumentError

CORPUS = Path(__file__).parents[1] / "corpus"
MISTAKEN = f"{CORPUS / 'mistakes' / 'linear.py'}:AveragedBoth"
RIGHT = f"{CORPUS / 'courses' / 'right' / 'activations' / 'ReLU.py'}:ReLU"


def check(*arguments):
    wide = {"COLUMNS": "200", "NO_COLOR": "1"}  # so that no sentence is broken
    return CliRunner().invoke(app, ["check", *map(str, arguments)], env=wide)


def test_right_wrong_and_could_not_run_have_each_their_status():
    assert check(RIGHT).exit_code == 0
    wrong = check(MISTAKEN, "--kind", "linear")
    assert wrong.exit_code == 1
    assert "averaged over the minibatch" in wrong.stdout
    failed = check(CORPUS / "crash" / "shapes.py:Linear")
    assert failed.exit_code == 2
    assert "self.x @ in_gradient" in failed.stdout


@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_hints_are_capped(level):
    result = check(MISTAKEN, "--kind", "linear", "--hints", level, "--json")
    said = json.loads(result.stdout)
    assert result.exit_code == said["exit_code"] == 1
    assert {hint["level"] for hint in said["hints"]} == set(range(1, level + 1))
    examples = [f["example"] for f in said["findings"] if f["verdict"] == "wrong"]
    assert examples
    for example in examples:
        assert (example["truth"] is not None) == (level == 4)


def test_a_level_outside_the_ladder_is_refused():
    assert check(MISTAKEN, "--kind", "linear", "--hints", 5).exit_code == 2


def test_the_page_is_written(tmp_path):
    page = tmp_path / "page.html"
    assert check(MISTAKEN, "--kind", "linear", "--html", page, "--hints", 4).exit_code == 1
    text = page.read_text(encoding="utf-8")
    assert text.startswith("<!DOCTYPE html>")
    assert text.count("<figure>") >= 3


def test_a_folder_is_checked_whole():
    result = check(CORPUS / "courses" / "mistaken", "--json")
    said = json.loads(result.stdout)
    assert result.exit_code == said["exit_code"] == 1
    assert len(said["diagnoses"]) == 7
    assert check(CORPUS / "courses" / "right").exit_code == 0
    empty = check(CORPUS / "courses" / "empty")
    assert empty.exit_code == 2
    assert "it is missing: there is neither losses.py" in empty.stdout


def test_a_whole_file_is_checked_and_a_notebook():
    said = json.loads(
        check(CORPUS / "courses" / "right" / "losses" / "MSELoss.py", "--json").stdout
    )
    assert (said["subject"], said["status"]) == ("MSELoss", "right")
    assert check(CORPUS / "crash" / "typo.py").exit_code == 2
    assert "SyntaxError" in check(CORPUS / "crash" / "syntax_error.py").stdout


def test_a_notebook_is_checked_whole_or_in_part(tmp_path):
    folder = CORPUS / "courses"
    files = (folder / "right/activations/ReLU.py", folder / "mistaken/losses.py")
    cells = [{"cell_type": "code", "source": file.read_text()} for file in files]
    path = tmp_path / "mine.ipynb"
    path.write_text(json.dumps({"cells": cells}))
    said = {
        d["subject"]: d["status"] for d in json.loads(check(path, "--json").stdout)["diagnoses"]
    }
    assert said == {"CrossEntropy": "wrong", "MSELoss": "wrong", "ReLU": "right"}
    assert check(f"{path}:ReLU").exit_code == 0


@pytest.mark.parametrize("kind", ["Linear", "LINEAR", "the Dense layer"])
def test_a_kind_may_be_written_in_any_way(kind):
    assert "averaged over the minibatch" in check(MISTAKEN, "--kind", kind).stdout


def test_code_that_hangs_is_stopped():
    result = check(CORPUS / "crash" / "endless.py:ReLU", "--timeout", 1)
    assert result.exit_code == 2
    assert "no answer within 1 s" in result.stdout


def test_an_unknown_kind_and_an_unknown_name_are_told():
    for result in (check(MISTAKEN), check(MISTAKEN, "--kind", "nonsense")):
        assert result.exit_code == 2
        assert "linear" in result.output or "linear" in str(result.exception)


@pytest.mark.parametrize(
    ("arguments", "mend"),
    [
        ((CORPUS / "mistakes" / "linear.py",), "linear.py:AveragedBias --kind KIND"),
        (("nowhere",), "check the path"),
        ((CORPUS / "courses" / "right", "--kind", "relu"), "leave --kind out"),
    ],
    ids=["no name", "no file", "a kind for a folder"],
)
def test_a_target_that_is_none_says_how_to_write_one(arguments, mend):
    result = check(*arguments)
    assert isinstance(result.exception, ArgumentError)
    assert mend in str(result.exception)


@pytest.mark.parametrize("option", [("--kind", "relu"), ("--html", "page.html")])
def test_options_of_a_target_need_one(option):
    result = check(*option)
    assert result.exit_code == 2
    assert not Path("page.html").exists()


def test_the_installed_command_gives_the_status_and_no_traceback():
    command = [sys.executable, "-c", "from handgrad.cli import main; main()", "check", "nowhere"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    assert "FILE.py:NAME" in result.stderr


def test_the_line_to_be_changed_is_searched_for_once_the_verdict_is_told():
    wrong = f"{CORPUS / 'mistakes' / 'linear.py'}:AveragedWeights"
    said = check(wrong, "--kind", "linear", "--hints", 4, "--budget", 20).stdout
    verdict, _, repair = said.partition("\nRepair\n")
    assert "is wrong: " in verdict
    assert "in the gradient of the weights" in repair
    assert "With one line changed everything is right" in repair
    below = check(wrong, "--kind", "linear", "--budget", 20).stdout
    assert "With one line changed everything is right (--hints 3 says where)" in below
    assert "Repair" not in check(wrong, "--kind", "linear", "--budget", 0).stdout
