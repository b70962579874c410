"""What the command line may be pointed at: ``FILE.py:NAME``, a file, a notebook, or a folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from handgrad.diagnosis.courses.course import Course
from handgrad.diagnosis.courses.folder import diagnose_folder, is_library
from handgrad.diagnosis.courses.outline import Entry, names_in, outline
from handgrad.diagnosis.courses.reading import COURSES, read_course, seen
from handgrad.diagnosis.findings import Status
from handgrad.diagnosis.kinds import KINDS, kind_of
from handgrad.diagnosis.process.sandbox import Job, diagnose_file, run
from handgrad.diagnosis.result import Diagnosis
from handgrad.errors import ArgumentError

__all__ = ["diagnose_target", "overall", "to_dict"]


def diagnose_target(
    target: str,
    kind: str | None = None,
    *,
    course: str | None = None,
    reference: str | None = None,
    timeout: float = 60,
) -> tuple[Diagnosis, ...]:
    """Diagnose ``FILE.py:NAME``, all that a course asks for in a file, or a whole folder.

    The course is the one whose names are in the file, where none is given. Of a file that is of no
    course, those classes are diagnosed whose names say what they are. Each diagnosis is stopped
    after `timeout` seconds. A target that is none of these, and a kind that is given for more than
    one class, raise an ArgumentError.

    With a `reference`, FILE.py or FILE.py:NAME, that is the truth for the thing of the same name,
    or of a whole file for all that both files have.
    """
    if reference is not None:
        if kind or course:
            raise ArgumentError(
                f"the reference {reference} and {'a kind' if kind else 'a course'}",
                "one of them, since each says what is right",
                "leave out --kind and --course",
            )
        return _beside(target, reference, timeout)
    if course and course.endswith(".toml"):
        course = str(Path(course).resolve())  # who reads it again is in another folder
    asked = read_course(course) if course else None
    path = Path(target)
    if path.is_dir():
        if kind is not None:
            raise ArgumentError(
                f"the kind {kind!r} for the folder {target}",
                "no kind, since the names in a folder say what they are",
                "leave --kind out, or name one class as FILE.py:NAME",
            )
        if _is_the_exercise(asked) if asked else is_library(path):
            return diagnose_folder(target, timeout=timeout)
        files = sorted(file for file in path.rglob("*.py") if not _hidden(file, path))
        courses = {file: asked or seen(outline(file)) for file in files}
        found = {file: it for file, it in courses.items() if it and not _is_the_exercise(it)}
        jobs = [job for file, it in found.items() for job in _jobs(file, it, course)]
        if asked is None and not jobs:
            return diagnose_folder(target, timeout=timeout)
        # Whoever runs a file that cannot be read says what is wrong there.
        jobs += [_whole(file) for file in files if names_in(file) is None]
        return _together(jobs, path, asked, timeout)
    if path.is_file():
        its = asked or seen(outline(path))
        if its is None or _is_the_exercise(its) or names_in(path) is None:
            return _file(path, kind, timeout)
        jobs = [job for job in _jobs(path, its, course) if kind in (None, job.kind)]
        return _together(jobs, path, its, timeout)
    file, colon, name = target.rpartition(":")
    if not colon or not all(part.isidentifier() for part in name.split(".")):
        raise ArgumentError(
            f"{target!r}{' as what to check' if colon else ', which is no file and no folder'}",
            "FILE.py:NAME, NOTEBOOK.ipynb:NAME, one of them without NAME, or a folder of files",
            "check the path: it starts at the folder in which you are",
        )
    if course is None and kind is None:
        entries = outline(Path(file))
        if its := seen(entries, name):
            course = None if _is_the_exercise(its) else its.name
        else:
            _refuse_other_arguments(file, entries, name)
    return (diagnose_file(file, name, kind, course=course, timeout=timeout),)


def _beside(target: str, reference: str, timeout: float) -> tuple[Diagnosis, ...]:
    """Diagnose what stands in a file beside what is right in another."""
    file, name = _parted(target)
    other, its_name = _parted(reference)
    for path in (file, other):
        if not path.is_file():
            raise ArgumentError(
                f"{path}, which is no file",
                "FILE.py:NAME or FILE.py, and a reference of the same form",
                "check the path",
            )
    ours, theirs = outline(file), outline(other)
    told = {each for each in ours.keys() & theirs.keys() if f"{each}_inputs" in theirs}
    names = [name] if name else sorted((_passes(ours) & _passes(theirs)) | told)
    if not names:
        raise ArgumentError(
            f"{file} and {other}, which have nothing in common",
            "classes with a forward and a backward pass, or pairs such as x_forward and x_backward",
            "name what is to be checked, and its reference: FILE.py:NAME",
        )
    jobs = [
        Job(str(file.resolve()), each, reference=f"{other.resolve()}:{its_name or each}")
        for each in names
    ]
    return tuple(run(jobs, timeout))


def _parted(target: str) -> tuple[Path, str]:
    file, colon, name = target.rpartition(":")
    return (Path(file), name) if colon and name.isidentifier() else (Path(target), "")


def _passes(entries: Mapping[str, Entry]) -> set[str]:
    """Return the classes that have both passes, and the forward passes that have a backward one."""
    backward = {"grad", "backward"}
    return {
        name
        for name, entry in entries.items()
        if (entry.is_class and entry.mentions & backward)
        or ("forward" in name and name.replace("forward", "backward") in entries)
    }


def _is_the_exercise(course: Course) -> bool:
    """Return whether a course only has classes that are called as the exercise does it."""
    return all(component.forward is None for component in course.components)


def _hidden(file: Path, folder: Path) -> bool:
    return any(part.startswith((".", "_")) for part in file.relative_to(folder).parts)


def _jobs(file: Path, course: Course, asked: str | None) -> list[Job]:
    """Return a job for each thing in a file that a course asks for."""
    return [
        Job(str(file.resolve()), first.name, first.kind, course=asked or course.name)
        for first, *_ in course.inside(outline(file), by_name=True)
    ]


def _refuse_other_arguments(file: str | Path, entries: Mapping[str, Entry], name: str = "") -> None:
    """Raise where a pair of functions has a course's names, and takes other arguments.

    Where no name is asked for, any pair will do.
    """
    for course in map(read_course, COURSES):
        for first, *_ in course.inside(entries, by_name=True):
            if first.forward is None or first.backward is None or first.made:
                continue
            if not first.is_in(entries) and (not name or name in first.names):
                raise ArgumentError(
                    f"{' and '.join(first.wanted)} in {file}, which take other arguments than "
                    f"those of {course.title}",
                    f"{first.forward.text}, and {first.backward.text}",
                    "take these, or describe what yours take, with --course FILE.toml",
                )


def _whole(file: Path) -> Job:
    return Job(str(file.resolve()), file.stem)


def _together(
    jobs: list[Job], path: Path, course: Course | None, timeout: float
) -> tuple[Diagnosis, ...]:
    if not jobs:
        components = course.components if course else ()
        asked = dict.fromkeys(" and ".join(each.wanted) for each in components)
        raise ArgumentError(
            f"{path}, which has nothing of the course",
            f"what it asks for, by its names: {', '.join(asked)}",
            "check the path and the names, or choose another course with --course",
        )
    return tuple(run(jobs, timeout))


def _file(file: Path, kind: str | None, timeout: float) -> tuple[Diagnosis, ...]:
    """Diagnose every class in a file whose name says what it is; the only one, where it is told."""
    names = names_in(file, classes_only=True)
    if names is None:  # whoever runs it says what is wrong
        return (diagnose_file(file, file.stem, kind, timeout=timeout),)
    entries = outline(file)
    if not entries:
        raise ArgumentError(
            f"{file}, in which no class and no function is defined",
            "code that has a forward and a backward pass",
            "save it, and check the path",
        )
    known = sorted(name for name in names if kind_of(name) or (kind and len(names) == 1))
    if not known and kind is None:
        _refuse_other_arguments(file, entries)
    if not known or (kind and len(known) > 1):
        name = next(iter(known or sorted(names) or ["NAME"]))
        raise ArgumentError(
            f"{file}, in which {'several names say' if known else 'no name says'} what they are",
            f"classes whose names have a kind in them ({', '.join(KINDS)}), or one and its kind, "
            f"or what a course asks for ({', '.join(COURSES)})",
            f"name it: {file}:{name} --kind {kind or 'KIND'}; or describe how it is called, with "
            "--course FILE.toml",
        )
    return tuple(run([Job(str(file.resolve()), name, kind) for name in known], timeout))


def overall(diagnoses: Sequence[Diagnosis]) -> Status:
    """Return what is said of several together: the worst, from wrong to right."""
    found = {diagnosis.status for diagnosis in diagnoses}
    worst = (Status.WRONG, Status.FAILED, Status.UNWRITTEN, Status.RIGHT)
    return next(status for status in worst if status in found)


def to_dict(diagnoses: Sequence[Diagnosis], level: int = 4) -> dict[str, Any]:
    """Return one diagnosis, or those of a folder together, as JSON can hold them."""
    if len(diagnoses) == 1:
        return diagnoses[0].to_dict(level)
    status = overall(diagnoses)
    return {
        "status": str(status),
        "exit_code": status.exit_code,
        "diagnoses": [diagnosis.to_dict(level) for diagnosis in diagnoses],
    }
