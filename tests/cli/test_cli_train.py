"""The commands' pages: help in groups, versions, completion, and how much is said."""

import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from contextlib import suppress

import pytest
from typer.testing import CliRunner

import handgrad
import handgrad.cli
import handgrad.experiments.report as report
from handgrad.experiments import write_predictions
from handgrad.kernels import in_force

PANELS = ("The data", "The network", "The training", "The run")


@pytest.fixture(autouse=True)
def no_picture(monkeypatch):
    monkeypatch.setattr(report, "find_spec", lambda name: None)


def typed(*arguments, **more):
    return CliRunner().invoke(handgrad.cli.app, [str(argument) for argument in arguments], **more)


@pytest.mark.parametrize("columns", ["60", "80", "120"])
def test_help_is_in_groups_and_fits(columns):
    result = typed("train", "--help", env={"COLUMNS": columns, "TERMINAL_WIDTH": columns})
    text = result.output
    assert all(len(line) <= int(columns) for line in text.splitlines())
    assert "\x1b" not in text
    places = [text.index(f"╭─ {panel} ─") for panel in PANELS]
    assert places == sorted(places)
    groups = re.split(r"╭─ .*", text)[-len(PANELS) :]
    for option, panel in (
        ("--drop", "The data"),
        ("--task", "The data"),
        ("--hidden", "The network"),
        ("--patience", "The training"),
        ("--class-weight", "The training"),
        ("--quiet", "The run"),
    ):
        assert option in groups[PANELS.index(panel)]


def test_every_setting_has_its_option():
    from dataclasses import fields

    from handgrad.experiments import Settings

    text = typed("train", "--help", env={"COLUMNS": "120"}).output
    for field in fields(Settings):
        assert field.name == "data" or f"-{field.name.replace('_', '-')} " in text, field.name


def test_the_version_is_told():
    result = typed("--version")
    assert result.output == f"handgrad {handgrad.__version__}, kernels: {in_force()}\n"
    assert result.exit_code == 0


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_completes_commands(shell):
    variables = {"_HANDGRAD_COMPLETE": f"source_{shell}"}
    code = "from handgrad.cli import app; app(prog_name='handgrad')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "_HANDGRAD_COMPLETE=complete_" + shell in done.stdout


def test_quiet_says_nothing_and_verbose_the_settings(tmp_path):
    arguments = ["train", "digits", "--hidden", "4", "--epochs", 2, "--out"]
    assert typed(*arguments, tmp_path / "a", "--quiet").output == ""
    plain, verbose = typed(*arguments, tmp_path / "b"), typed(*arguments, tmp_path / "c", "-v")
    assert "patience: 20" in verbose.output
    assert "patience" not in plain.output
    assert "epoch 2/2" in plain.output
    assert all(len(line) <= 100 for line in plain.output.splitlines() if line.startswith("epoch"))
    wrong = typed(*arguments, tmp_path / "d", "--quiet", "--verbose")
    assert wrong.exit_code == 2
    assert "--quiet, --verbose" in wrong.output


def test_quiet_does_not_hide_what_is_wrong(tmp_path, monkeypatch, capsys):
    command = ["handgrad", "train", "https://example.org/a.csv", "--out", str(tmp_path / "a")]
    monkeypatch.setattr(sys, "argv", [*command, "--quiet"])
    with pytest.raises(SystemExit):
        handgrad.cli.main()
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "which is an address and no file" in captured.err


def test_names_of_the_data_command_no_terminal(tmp_path, monkeypatch):
    path, run = tmp_path / "a.csv", tmp_path / "run"
    red, clear = "\x1b[31mred", "\x1b[2Jclear"
    lines = "".join(f"{i % 7 / 8},{clear}{i % 2},{red if i % 3 else 'x'}\n" for i in range(60))
    path.write_text(f"a,\x1b[1mb,kind\x1b[7m\x07\n{lines}")
    trained = typed("train", path, "--hidden", 4, "--epochs", 1, "--out", run, "--verbose")
    assert trained.exit_code == 0
    assert r"\x1b[1mb (2)" in trained.output
    measured, foretold = typed("evaluate", run, path), typed("predict", run, path)
    assert r"\x1b[31mred" in measured.output
    wrong = typed("evaluate", run, path, "--target", "a")
    for told in (trained.output, measured.output, wrong.output):
        assert not {"\x1b", "\x07"} & {*told}
    assert red in foretold.output  # data for another program stay what they are
    with (tmp_path / "tty").open("w+", newline="") as terminal:
        monkeypatch.setattr(terminal, "isatty", lambda: True)
        monkeypatch.setattr(sys, "stdout", terminal)
        write_predictions(["kind"], [(red,)])
        terminal.seek(0)
        assert terminal.read() == "kind\n\\x1b[31mred\n"


def test_letters_that_the_output_lacks_are_told(tmp_path, monkeypatch, capsys):
    path = tmp_path / os.fsdecode(b"\xff.csv")  # a name that is no text
    path.write_text("a,kind\n" + "1,\u65e5\u672c\n2,x\n" * 8, encoding="utf-8")
    run = str(tmp_path / "run")

    def main(encoding, *arguments):
        out = io.TextIOWrapper(io.BytesIO(), encoding)
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setattr(sys, "argv", ["handgrad", *arguments])
        with pytest.raises(SystemExit) as ended:
            handgrad.cli.main()
        out.flush()
        return ended.value.code, out.buffer.getvalue()

    code, said = main("utf-8", "train", str(path), "--epochs", "1", "--out", run)
    assert code == 0
    assert b"\xff.csv: Dataset(16 rows" in said
    assert b"\xff.csv" in (tmp_path / "run" / "command.txt").read_bytes()
    assert "What was typed" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    capsys.readouterr()
    assert main("latin-1", "predict", run, str(path), "--proba")[0] == 2
    assert "has no '\\u65e5'" in capsys.readouterr().err
    assert main("utf-8", "predict", run, str(path))[0] == 0


CODE = (
    "import handgrad.experiments.report as report; report.find_spec = lambda name: None\n"
    "from handgrad.cli import main; main()"
)


def in_a_terminal(arguments, columns, **variables):
    """Return what a command writes to a terminal of so many columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    kept = {name: v for name, v in os.environ.items() if name not in {"COLUMNS", "NO_COLOR"}}
    process = subprocess.Popen(
        [sys.executable, "-c", CODE, *map(str, arguments)],
        **dict.fromkeys(("stdin", "stdout", "stderr"), theirs),
        env={**kept, "TERM": "xterm-256color", **variables},
    )
    os.close(theirs)
    written = b""
    with suppress(OSError):  # which is how a terminal ends
        while part := os.read(ours, 1 << 16):
            written += part
    os.close(ours)
    assert process.wait() == 0
    return written.decode()


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_a_training_fits_the_terminal(tmp_path, monkeypatch, columns):
    monkeypatch.chdir(tmp_path)
    rows = "".join(
        f"{i % 7},{'red' if i % 3 else ''},{'x' if i % 7 < 3 else 'y'}\n" for i in range(90)
    )
    (tmp_path / "a.csv").write_text("length,colour,kind\n" + rows)
    arguments = ["train", "a.csv", "--hidden", 4, "--epochs", 2, "--out"]
    written = in_a_terminal([*arguments, "run"], columns, NO_COLOR="1")
    assert not re.findall(r"\x1b\[[\d;]*[34]\d[\d;]*m", written)  # no colours
    lines = re.split(r"\r\n|\r|\x1b\[2K", written)
    lines = [re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", line).rstrip() for line in lines]
    assert all(len(line) <= columns for line in lines)
    assert any("━" in line for line in lines)
    piped = typed(*arguments, "run-2").output
    assert "\x1b" not in piped
    seen = " ".join(" ".join(lines).split())
    for line in piped.replace("run-2", "run").splitlines():
        if not line.startswith("epoch"):
            assert " ".join(line.split()) in seen
