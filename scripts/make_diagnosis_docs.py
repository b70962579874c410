"""Fill in what the pages show: files, what the tool answers, the catalogue of mistakes.

    python scripts/make_diagnosis_docs.py

What stands between a mark like `<!-- run: COMMAND -->` and `<!-- end -->` is written anew. A test
asserts that this changes nothing.
"""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = (ROOT / "docs" / "diagnosis.md", ROOT / "docs" / "check.md", ROOT / "README.md")
MARK = re.compile(r"(<!-- (\w+)(?:: (.+?))? -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def filled(text):
    """Return a page with everything between the marks written anew."""

    def fill(match):
        head, what, argument, _, end = match.groups()
        return f"{head}{MAKERS[what](argument)}\n{end}"

    return MARK.sub(fill, text)


def file(path):
    """Show a file."""
    return f"```python\n{(ROOT / path).read_text(encoding='utf-8').strip()}\n```"


def run(command):
    """Show what a command answers, in 80 columns and without colours; `| head -n N` cuts it."""
    asked, _, count = command.partition(" | head -n ")
    program, *arguments = shlex.split(asked)
    assert program == "handgrad"
    said = subprocess.run(
        [sys.executable, "-c", "from handgrad.cli import main; main()", *arguments],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "80", "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        check=False,
        encoding="utf-8",
    )
    lines = [line.rstrip() for line in said.stdout.rstrip().splitlines()]
    if count:
        lines = lines[: int(count)]
    return "\n".join(["```console", f"$ {command}", *lines, "```"])


def catalogue(_):
    """Show every mistake and convention that may be named, in a table for each kind."""
    from handgrad.diagnosis.behaviours import BEHAVIOURS
    from handgrad.diagnosis.families import FLOAT32, GENERAL, OVERFLOW
    from handgrad.diagnosis.kinds import KINDS

    tables = {"In any of them": (*GENERAL, FLOAT32, OVERFLOW, *BEHAVIOURS.values())}
    general = {mistake.cause.name for mistake in GENERAL}
    for name, kind in KINDS.items():
        tables[f"In `{name}`"] = [m for m in kind().catalogue() if m.cause.name not in general]
    lines = []
    for title, entries in tables.items():
        lines += [f"### {title}", "", "| name | what the code does |", "|---|---|"]
        for entry in entries:
            convention = getattr(entry, "convention", False)
            mark = " *A convention, no mistake.*" if convention else ""
            lines.append(f"| {entry.cause.name} | {entry.cause.explanation}{mark} |")
        lines.append("")
    return "\n".join(lines).rstrip()


MAKERS = {"file": file, "run": run, "catalogue": catalogue}

if __name__ == "__main__":
    for page in PAGES:
        page.write_text(filled(page.read_text(encoding="utf-8")), encoding="utf-8")
