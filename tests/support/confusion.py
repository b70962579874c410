"""The confusion matrix of the diagnosis: which mistake was made, and which one was named.

``python tests/support/confusion.py`` writes ``docs/confusion.md``, or the sections of the kinds
that it is given; the tests compare it with a new run of some of its seeds.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from handgrad.diagnosis import Diagnosis, Verdict
from handgrad.diagnosis.diagnose import diagnose_student
from handgrad.diagnosis.kinds import KINDS
from mechanical import Entry, entries

PAGE = Path(__file__).parents[2] / "docs" / "confusion.md"
SEEDS = range(20)
LARGE = ((67, 13, 11), (41, 17, 8), (29, 9, 23))
LARGE_SQUARE = ((67, 13, 13), (41, 11, 11), (29, 9, 9))

INTRODUCTION = """# Which mistake was made, and which one was named

Every mistake of the catalogue is made on purpose, by a class that keeps the exercise's calls, with
{seeds} seeds: for tables half of them at small shapes, half at large ones. A row is the mistake
that was made, a column the first one that was named, under the row's number. Whatever stands off
the diagonal would be a wrong diagnosis; "none" is a mistake that was seen and not named.

This page is written by `python tests/support/confusion.py`, and the tests fail where it is not
what they find with some of the seeds.
"""


def first(diagnosis: Diagnosis) -> str:
    """Return what is named first: a mistake, else a convention, else "none"."""
    for verdict in (Verdict.WRONG, Verdict.CONVENTION):
        for finding in diagnosis.findings:
            if finding.verdict is verdict and finding.summary:
                return finding.summary
    return "none"


def named(entry: Entry, seed: int) -> Diagnosis:
    """Diagnose the student who makes a mistake, at small shapes and large ones in turn."""
    large = LARGE_SQUARE if entry.kind in ("dropout", "model") else LARGE
    fits = len(entry.student.kind.shapes[0]) == len(large[0])  # those of images stay small
    return diagnose_student(entry.student, seed=seed, shapes=large if seed % 2 and fits else None)


def matrix(kind: str, seeds: Iterable[int] = SEEDS) -> dict[str, Counter[str]]:
    """Return for each mistake of a kind how often each one was named."""
    counts: dict[str, Counter[str]] = {}
    for entry in entries(kind):
        row = counts.setdefault(entry.name, Counter())
        row.update(first(named(entry, seed)) for seed in seeds)
    return counts


def section(kind: str, counts: dict[str, Counter[str]]) -> str:
    """Return the matrix of one kind as a Markdown table."""
    names = list(counts)
    others = sorted({name for row in counts.values() for name in row} - set(names))
    columns = [*names, *others]
    head = ["", "mistake", *(str(i + 1) for i in range(len(names))), *others]
    lines = [f"## {kind}", "", _row(head), _row(["--:", ":--", *["--:"] * len(columns)])]
    for i, name in enumerate(names):
        cells = [str(counts[name][column] or "") for column in columns]
        lines.append(_row([str(i + 1), name, *cells]))
    return "\n".join(lines) + "\n"


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def page(sections: dict[str, str]) -> str:
    """Return the whole page."""
    return "\n".join([INTRODUCTION.format(seeds=len(SEEDS)), *sections.values()])


def written() -> dict[str, str]:
    """Return the sections of the page as it is, by kind."""
    _, *sections = PAGE.read_text(encoding="utf-8").split("\n## ")
    return {text.split("\n", 1)[0]: f"## {text.rstrip()}\n" for text in sections}


if __name__ == "__main__":
    asked, old = sys.argv[1:] or list(KINDS), written()
    sections = {k: section(k, matrix(k)) if k in asked else old.get(k, "") for k in KINDS}
    PAGE.write_text(page(sections), encoding="utf-8")
    print(f"wrote {PAGE}")
