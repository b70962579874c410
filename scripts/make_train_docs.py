"""Fill in what docs/train.md shows: what the commands answer, in 80 columns and without colours.

    python scripts/make_train_docs.py

What stands between a mark like `<!-- run: COMMAND -->` and `<!-- end -->` is written anew; all of
them run in one folder that begins with the tables of docs/examples. A test compares it.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "train.md"
MARK = re.compile(r"(<!-- run: (.+?) -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def filled(text):
    """Return a page with everything between the marks written anew."""
    with tempfile.TemporaryDirectory() as folder:
        for table in (ROOT / "docs" / "examples").glob("*.csv"):
            shutil.copy(table, folder)
        return MARK.sub(lambda match: f"{match[1]}{answered(match[2], folder)}\n{match[4]}", text)


def answered(command, folder):
    """Show what a command answers; of the epochs' lines there is one with dots."""
    program, *arguments = shlex.split(command)
    assert program == "handgrad"
    said = subprocess.run(
        [sys.executable, "-c", "from handgrad.cli import main; main()", *arguments],
        cwd=folder,
        env={**os.environ, "COLUMNS": "80", "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        encoding="utf-8",
    )
    lines = "\n".join(line.rstrip() for line in said.stdout.rstrip().splitlines())
    lines = re.sub(r"(^epoch .*\n)+", "...\n", lines, flags=re.MULTILINE)
    return f"```console\n$ {command}\n{lines}\n```"


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
