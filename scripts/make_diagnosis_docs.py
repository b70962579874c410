"""Fill in what the pages show: files, what the tool answers, the catalogue of mistakes.

    python scripts/make_diagnosis_docs.py [PAGE ...]

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
DOCS = ROOT / "docs"
NAMES = ("diagnosis.md", "mistakes.md", "courses.md", "check.md", "repairs.md")
PAGES = (*(DOCS / name for name in NAMES), ROOT / "README.md")
MARK = re.compile(r"(<!-- (\w+)(?:: (.+?))? -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def filled(text):
    """Return a page with everything between the marks written anew."""

    def fill(match):
        head, what, argument, _, end = match.groups()
        return f"{head}{MAKERS[what](argument)}\n{end}"

    return MARK.sub(fill, text)


def file(path):
    """Show a file."""
    language = {".py": "python"}.get(Path(path).suffix, Path(path).suffix[1:])
    return f"```{language}\n{(ROOT / path).read_text(encoding='utf-8').strip()}\n```"


def run(command):
    """Show what a command answers, in 80 columns and without colours; `| head -n N` cuts it.

    What another page shows in full is taken from there.
    """
    asked, _, count = command.partition(" | head -n ")
    lines = (count and _shown(asked)) or _said(asked, in_full=not count)
    if count:
        lines = lines[: int(count)]
    return "\n".join(["```console", f"$ {command}", *lines, "```"])


def _shown(command):
    """Return what a page shows in full of what a command answers; None where none does."""
    block = f"<!-- run: {command} -->\n```console\n$ {command}\n"
    for name in NAMES:
        _, found, after = (DOCS / name).read_text(encoding="utf-8").partition(block)
        if found:
            return after.partition("\n```\n<!-- end -->")[0].splitlines()
    return None


def _said(command, in_full):
    program, *arguments = shlex.split(command)
    assert program == "handgrad"
    said = subprocess.run(
        [sys.executable, "-c", "from handgrad.cli import main; main()", *arguments],
        cwd=ROOT,
        # More time than it takes, so that what is found does not depend on the machine; none where
        # it is cut off.
        env={
            **os.environ,
            "COLUMNS": "80",
            "NO_COLOR": "1",
            "HANDGRAD_BUDGET": "20" if in_full else "0",
            "HANDGRAD_KERNELS": "numpy",  # whether Numba is there or not
        },
        capture_output=True,
        check=False,
        encoding="utf-8",
    )
    text = said.stdout or said.stderr  # an error, where nothing else is said
    return [line.rstrip() for line in text.rstrip().splitlines()]


def catalogue(_):
    """Show every mistake and convention that may be named, in a table for each kind."""
    from handgrad.diagnosis.behaviours import BEHAVIOURS
    from handgrad.diagnosis.families import FLOAT32, GENERAL, OVERFLOW
    from handgrad.diagnosis.kinds import KINDS

    tables = {"In any of them": (*GENERAL, FLOAT32, OVERFLOW, *BEHAVIOURS.values())}
    tables |= {f"In `{name}`": _own(kind()) for name, kind in KINDS.items()}
    lines = []
    for title, entries in tables.items():
        lines += [f"## {title}", "", "| name | what the code does |", "|---|---|"]
        for entry in entries:
            convention = getattr(entry, "convention", False)
            mark = " *A convention, no mistake.*" if convention else ""
            lines.append(f"| {entry.cause.name} | {entry.cause.explanation}{mark} |")
        lines.append("")
    return "\n".join(lines).rstrip()


def kinds(_):
    """Count the mistakes and the conventions of each kind."""
    from handgrad.diagnosis.kinds import KINDS

    lines = ["| kind | mistakes | conventions |", "|---|--:|--:|"]
    for name, kind in KINDS.items():
        conventions = [mistake.convention for mistake in _own(kind())]
        link = f"[`{name}`](mistakes.md#in-{name})"
        lines.append(f"| {link} | {conventions.count(False)} | {conventions.count(True)} |")
    return "\n".join(lines)


def _own(kind):
    """Return the mistakes and conventions of a kind, without those that any kind has."""
    from handgrad.diagnosis.families import GENERAL

    return [mistake for mistake in kind.catalogue() if mistake not in GENERAL]


def interfaces(_):
    """Show every kind, and the names that a course may use of it."""
    from handgrad.diagnosis.kinds import KINDS

    head = ("kind", "inputs and parameters", "options", "what comes out", "gradients, of what")
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for name in sorted(name for name in KINDS if KINDS[name].axes):
        kind = KINDS[name]()
        given = kind.givens(kind.shapes[:1], 0)[0]
        arrays = [f"`{n}` ({kind.axes_of(n)})" for n in (*given.inputs, *given.parameters)]
        options = [f"`{option}`" for option in given.options]
        outputs = [
            f"`{output}`"
            + (f", upstream `{kind.upstream[output]}`" if output in kind.upstream else "")
            for output in kind.forwards
        ]
        gradients = [f"`{gradient}` ({of})" for gradient, of in kind.variables.items()]
        parts = (arrays, options, outputs, gradients)
        cells = (f"`{name}`", *("; ".join(part) for part in parts))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


MAKERS = {
    "file": file,
    "run": run,
    "catalogue": catalogue,
    "kinds": kinds,
    "interfaces": interfaces,
}

if __name__ == "__main__":
    for page in map(Path.absolute, map(Path, sys.argv[1:])) if sys.argv[1:] else PAGES:
        page.write_text(filled(page.read_text(encoding="utf-8")), encoding="utf-8")
