"""How well mistakes are noticed, and repaired, that the diagnosis has not been told of.

``python tests/support/trial.py right`` diagnoses every implementation in ``tests/corpus/styles``;
``hand`` makes each mistake of ``mistakes.toml`` there, and ``fresh`` those of
``mistakes_fresh.toml``, which nobody may look at who works on the repair; ``machine`` makes mutants
of them all.
Each case is run in a process of its own. What is true of a changed file is decided by running it
beside the file that it was made of, on inputs of other seeds than the diagnosis uses.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import importlib.util
import json
import os
import re
import signal
import sys
import tempfile
import tomllib
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from select import select
from time import perf_counter
from typing import Any

import numpy as np

from handgrad.diagnosis.courses.called import Called
from handgrad.diagnosis.courses.course import Component
from handgrad.diagnosis.courses.exercise import student_type
from handgrad.diagnosis.courses.outline import outline
from handgrad.diagnosis.courses.reading import read_course
from handgrad.diagnosis.diagnose import diagnose_student
from handgrad.diagnosis.engine.repair import repairs
from handgrad.diagnosis.findings import Status
from handgrad.diagnosis.given import Given
from handgrad.diagnosis.kinds import KINDS, kind_of
from handgrad.diagnosis.student.student import Student
from handgrad.diagnosis.student.subject import Subject
from mutants import mutants

STYLES = Path(__file__).parents[1] / "corpus" / "styles"
COURSES = ("cs231n", "mytorch", "deeplearning_ai", "eecs498")
PATIENCE = 60
"""Seconds in which a case must have ended."""
FRESH = (1009, 2003)
"""Seeds of the inputs on which it is decided whether two files do the same."""


@dataclass(frozen=True)
class Case:
    """One changed function: its file, what the file becomes, and where the change stands."""

    file: str
    function: str
    source: str
    lines: tuple[int, ...]
    what: str


def files() -> list[tuple[str, str]]:
    """Return the file and the course of every implementation that a course describes."""
    return [
        (path.stem, course)
        for path in sorted(STYLES.glob("*.py"))
        for course in COURSES
        if path.stem.startswith(course)
    ]


def components(file: str, course: str) -> list[list[Component]]:
    """Return what a file has of its course, those of several conventions together."""
    return read_course(course).inside(outline(STYLES / f"{file}.py"))


def ways(file: str, function: str) -> list[Callable[[dict[str, Any]], Student]]:
    """Return how a function or a class is called: as its course says, or as the exercise does."""
    courses = [course for name, course in files() if name == file]
    if not courses:
        kind = str(kind_of(function))
        return [lambda names: student_type(kind)(KINDS[kind](), Subject(names[function]))]
    return [
        lambda names, each=each: Called(each, names)
        for group in components(file, courses[0])
        for each in group
        if function in each.wanted
    ]


def by_hand(table_of: str = "mistakes") -> Iterator[Case]:
    """Yield the mistakes that somebody wrote down."""
    table = tomllib.loads((STYLES / f"{table_of}.toml").read_text(encoding="utf-8"))
    for file, functions in table.items():
        source = (STYLES / f"{file}.py").read_text(encoding="utf-8")
        for function, changes in functions.items():
            start = re.search(rf"^(def|class) {function}\b", source, re.MULTILINE).start()
            for right, wrong in changes:
                at = source.find(right, start)
                # Where it is not in the function, it is in one that stands before it, for its use.
                at = source.index(right) if at < 0 else at
                before = source[:at]
                # Where a whole line was taken out, the change is at the first letter that differs.
                same = "".join(
                    a for a, _ in takewhile(lambda p: p[0] == p[1], zip(right, wrong, strict=False))
                )
                first = (before + same).count("\n") + 1
                last = first + right[len(same) :].rstrip("\n").count("\n")
                changed = before + wrong + source[at + len(right) :]
                lines = tuple(range(first, last + 1))
                yield Case(file, function, changed, lines, f"{right!r} became {wrong!r}")


def by_machine(number: int, seed: int) -> Iterator[Case]:
    """Yield this many mutants of each function of a course."""
    for file, course in files():
        source = (STYLES / f"{file}.py").read_text(encoding="utf-8")
        for found in components(file, course):
            for name in dict.fromkeys(n for each in found for n in each.wanted):
                if f"\ndef {name}(" in source:
                    for each in mutants(source, name, number, seed):
                        yield Case(file, name, each.source, each.lines, each.what)


def loaded(path: Path, name: str) -> dict[str, Any]:
    """Import a file, and return its names."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return vars(module)


def outcome(student: Student, given: Given) -> dict[str, np.ndarray] | None:
    """Return what the code gives, None where it stops."""
    try:
        return student.run(student.fresh(given), given)
    except Exception:
        return None


def differ(a: Student, b: Student) -> bool:
    """Return whether the code of two does something else, on fresh inputs of several shapes."""
    shapes = (*a.kind.shapes, *a.kind.square)
    inputs = [g for seed in FRESH for g in a.givens(shapes, seed)]
    inputs += [g for stress in a.stresses(FRESH[0]) for g in stress.givens]
    for given in inputs:
        x, y = outcome(a, given.copied()), outcome(b, given.copied())
        if x is None and y is None:
            continue
        if x is None or y is None or x.keys() != y.keys():
            return True
        for name in x:
            if x[name].shape != y[name].shape or not np.allclose(
                x[name], y[name], rtol=1e-6, atol=1e-8, equal_nan=True
            ):
                return True
    return False


def mended(source: str, repair: Any) -> str:
    """Return the file as it is with a repair."""
    lines = source.splitlines()
    for line in sorted(repair.lines, key=lambda each: -each.number):
        at = line.number - 1
        until = at + len(line.old.splitlines())
        indent = lines[at][: len(lines[at]) - len(lines[at].lstrip())]
        new = [indent + text for text in line.new.splitlines()]
        if line.how == "after":
            at = until = at + 1
        lines[at:until] = new
        if line.how == "remove" and not parses(lines):
            lines.insert(at, f"{indent}pass")
    return "\n".join(lines) + "\n"


def parses(lines: list[str]) -> bool:
    """Return whether lines are a program."""
    try:
        ast.parse("\n".join(lines))
    except SyntaxError:
        return False
    return True


def judged(case: Case, budget: float) -> dict[str, Any]:
    """Diagnose and repair one changed file, and say how that went."""
    right = loaded(STYLES / f"{case.file}.py", "right")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "layers.py")
        path.write_text(case.source, encoding="utf-8")
        try:
            wrong = loaded(path, "layers")
        except Exception as error:
            return {"skipped": repr(error)}
        found = ways(case.file, case.function)
        way = next((way for way in found if differ(way(right), way(wrong))), None)
        if way is None:
            return {"skipped": "the same"}
        start = perf_counter()
        diagnosis = diagnose_student(way(wrong))
        seconds = perf_counter() - start
        told: dict[str, Any] = {
            "status": str(diagnosis.status),
            "noticed": diagnosis.status is not Status.RIGHT,
            "seconds": round(seconds, 2),
            "names": [cause.name for cause in diagnosis.causes],
        }
        if not budget:
            return told
        start = perf_counter()
        hits = repairs(lambda: way(wrong), budget)
        told["repair_seconds"] = round(perf_counter() - start, 2)
        told["repaired"] = bool(hits) and all(
            line.new or line.how == "remove" for line in _lines(hits)
        )
        told["lines"] = [line.number for line in _lines(hits)]
        # A line that is missing is told by the line after which it belongs.
        beside = {line.number + 1 for line in _lines(hits) if line.how == "after"}
        told["line_right"] = bool({*told["lines"], *beside} & set(case.lines))
        told["repair"] = [f"{line.number} {line.how}: {line.new}" for line in _lines(hits)]
        if told["repaired"]:
            whole = Path(folder, "mended.py")
            text = case.source
            for hit in hits:
                text = mended(text, hit)
            whole.write_text(text, encoding="utf-8")
            try:
                told["false"] = differ(way(right), way(loaded(whole, "mended")))
            except SyntaxError:
                told["false"] = True
        return told


def _lines(hits: Any) -> list[Any]:
    return [line for hit in hits for line in hit.lines]


def apart(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Do something in a process of its own, which may take a while and no longer."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        code = 1
        with contextlib.suppress(BaseException), open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 1)
            os.dup2(nowhere.fileno(), 2)
            warnings.simplefilter("ignore")
            try:
                told = work()
            except BaseException as error:
                told = {"failed": repr(error)[:300]}
            os.write(writing, json.dumps(told, default=str).encode())
            code = 0
        os._exit(code)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        if not select([stream], [], [], PATIENCE)[0]:
            os.kill(child, signal.SIGKILL)
        text = stream.read()
    os.waitpid(child, 0)
    return json.loads(text) if text else {"failed": "no end, or a crash"}


def right(_: Any) -> Iterator[dict[str, Any]]:
    """Diagnose everything as it is."""
    for file, course in files():
        for found in components(file, course):
            name = found[0].name

            def work(file: str = file, found: list[Component] = found) -> dict[str, Any]:
                names = loaded(STYLES / f"{file}.py", "right")
                told = [diagnose_student(Called(each, names)) for each in found]
                best = next((d for d in told if d.status is Status.RIGHT), told[0])
                return {"right": best.status is Status.RIGHT, "said": str(best)}

            yield {"case": f"{file}: {name}", **apart(work)}


def changed(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Diagnose and repair every changed function, or each so many of them."""
    by = {"hand": by_hand, "fresh": lambda: by_hand("mistakes_fresh")}
    everything = list(by.get(options.what, lambda: by_machine(options.number, 0))())
    for case in everything[options.start :: options.of]:
        told = apart(lambda case=case: judged(case, options.budget))
        name = f"{case.file}: {case.function}, line {case.lines[0]}: {case.what}"
        yield {"case": name, **told}


def share(rows: list[dict[str, Any]], key: str) -> str:
    """Return how many rows have something, in words."""
    count = sum(bool(row.get(key)) for row in rows)
    return f"{count} of {len(rows)} ({count / max(len(rows), 1):.1%})"


def main() -> None:
    """Run one trial, write what is seen as lines of JSON, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("right", "hand", "fresh", "machine"))
    parser.add_argument("--number", type=int, default=20, help="mutants of each function")
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--of", type=int, default=1, help="take one case of so many")
    parser.add_argument("--budget", type=float, default=3, help="seconds for a repair; 0: none")
    parser.add_argument("--rows", default="trial.jsonl", help="where the lines of JSON go")
    options = parser.parse_args()
    rows = []
    with open(options.rows, "w", encoding="utf-8") as stream:
        for row in (right if options.what == "right" else changed)(options):
            rows.append(row)
            print(json.dumps(row), file=stream, flush=True)
    if options.what == "right":
        print("called right:", share(rows, "right"))
        return
    tried = [row for row in rows if "skipped" not in row]
    repaired = [row for row in tried if row.get("repaired")]
    named = [row for row in tried if row.get("lines")]
    print("cases that do something else:", len(tried), "of", len(rows))
    print("noticed:", share(tried, "noticed"))
    print("repaired:", share(tried, "repaired"))
    print("a line told:", share(tried, "lines"), "- the right one:", share(named, "line_right"))
    print("repairs that are false:", share(repaired, "false"))
    print("with a name:", share(tried, "names"))
    print("ended with a fault:", share(tried, "failed"))
    times = sorted(row["repair_seconds"] for row in repaired)
    if times:
        late = times[int(0.95 * (len(times) - 1))]
        print(f"seconds of a repair: median {times[len(times) // 2]}, 95 % within {late}")


if __name__ == "__main__":
    main()
