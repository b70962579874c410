"""Diagnosing a whole folder in the course's layout."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from handgrad.diagnosis.courses.outline import names_in
from handgrad.diagnosis.courses.reading import read_course
from handgrad.diagnosis.findings import Failure
from handgrad.diagnosis.process.sandbox import Job, failed, run
from handgrad.diagnosis.result import Diagnosis

__all__ = ["COURSE", "diagnose_folder", "is_library"]

COURSE: tuple[tuple[str, str], ...] = tuple(
    (each.module, each.name) for each in read_course("exercise").components
)
"""Module and name of everything that the course asks for."""


def diagnose_folder(folder: str | Path, *, timeout: float = 60) -> tuple[Diagnosis, ...]:
    """Diagnose everything in a folder with ``activations``, ``losses``, ``layers``, ``model``.

    Each of the four is a module or a package. In a package the class is found where it is
    imported in ``__init__.py``, or else in any file of it, such as ``layers/Dropout.py``. For what
    is missing there is a failure.
    """
    folder = Path(folder).resolve()
    found = {entry: _find(folder, *entry) for entry in COURSE}
    jobs = {
        entry: Job(str(file), entry[1], root=str(folder))
        for entry, file in found.items()
        if file is not None
    }
    answers = dict(zip(jobs, run(list(jobs.values()), timeout), strict=True))
    for entry, answer in answers.items():
        if unexported := _unexported(folder, entry[0], jobs[entry]):
            answers[entry] = dataclasses.replace(answer, notes=(*answer.notes, unexported))
    return tuple(answers[e] if e in answers else failed(e[1], _missing(folder, *e)) for e in COURSE)


def is_library(folder: Path) -> bool:
    """Return whether a folder has anything that the exercise asks for, where it asks for it.

    The names of the files alone say nothing: CS231n has a ``layers.py`` as well.
    """
    return any(
        name in (names_in(file) or ()) for module, name in COURSE for file in _files(folder, module)
    )


def _files(folder: Path, module: str) -> list[Path]:
    """Return the files in which a module's classes may stand, in the order of the search."""
    package = folder / module
    inside = sorted(package.glob("*.py"), key=lambda file: (file.name != "__init__.py", file.name))
    return [file for file in (folder / f"{module}.py",) if file.is_file()] + inside


def _find(folder: Path, module: str, name: str) -> Path | None:
    """Return the file that has the class, without running anything."""
    unreadable = None
    for file in _files(folder, module):
        names = names_in(file)
        if names is None:
            # Whoever runs it will say what is wrong; but another file may have the class.
            if file.stem in (module, "__init__") or file.stem.lower() == name.lower():
                unreadable = unreadable or file
        elif name in names:
            return file
    return unreadable


def _unexported(folder: Path, module: str, job: Job) -> str:
    """Say that the notebook's own import would fail, where it would."""
    file, init = Path(job.file), folder / module / "__init__.py"
    if file.parent == folder or file == init or (init.is_file() and "*" in (names_in(init) or ())):
        return ""
    return (
        f"it was found in {file.relative_to(folder).as_posix()}, but "
        f"`from {module} import {job.name}` fails until {module}/__init__.py imports it"
    )


def _missing(folder: Path, module: str, name: str) -> Failure:
    files = _files(folder, module)
    doing = f"looking for {name} in {module}"
    if not files:
        error = f"it is missing: there is neither {module}.py nor a folder {module}"
        return Failure(doing, error, hint="Is this the folder that holds the whole library?")
    classes = sorted(set().union(*(names_in(file, classes_only=True) or () for file in files)))
    error = f"it is missing in {module}, which has {', '.join(classes) or 'no classes'}"
    return Failure(doing, error, hint="The course's notebook imports it by exactly this name.")
