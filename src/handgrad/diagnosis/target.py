"""What the command line may be pointed at: ``FILE.py:NAME``, a file, a notebook, or a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from handgrad.diagnosis.courses.folder import diagnose_folder, names_in
from handgrad.diagnosis.findings import Status
from handgrad.diagnosis.kinds import KINDS, kind_of
from handgrad.diagnosis.process.sandbox import Job, diagnose_file, run
from handgrad.diagnosis.result import Diagnosis
from handgrad.errors import ArgumentError

__all__ = ["diagnose_target", "overall", "to_dict"]


def diagnose_target(
    target: str, kind: str | None = None, *, timeout: float = 60
) -> tuple[Diagnosis, ...]:
    """Diagnose a class, ``FILE.py:NAME``, a whole file, or a folder in the course's layout.

    Of a whole file, a script or a notebook, those classes are diagnosed whose names say what they
    are. Each diagnosis is stopped after `timeout` seconds. A target that is none of these, and a
    kind that is given for more than one class, raise an ArgumentError.
    """
    if Path(target).is_dir():
        if kind is not None:
            raise ArgumentError(
                f"the kind {kind!r} for the folder {target}",
                "no kind, since the names in a folder say what they are",
                "leave --kind out, or name one class as FILE.py:NAME",
            )
        return diagnose_folder(target, timeout=timeout)
    if Path(target).is_file():
        return _file(Path(target), kind, timeout)
    file, colon, name = target.rpartition(":")
    if not colon or not name.isidentifier():
        raise ArgumentError(
            f"{target!r} as what to check",
            "FILE.py:NAME, NOTEBOOK.ipynb:NAME, one of them without NAME, or a folder that holds "
            "activations, losses, layers and model",
            "check the path",
        )
    return (diagnose_file(file, name, kind, timeout=timeout),)


def _file(file: Path, kind: str | None, timeout: float) -> tuple[Diagnosis, ...]:
    """Diagnose every class in a file whose name says what it is; the only one, where it is told."""
    names = names_in(file, classes_only=True)
    if names is None:  # whoever runs it says what is wrong
        return (diagnose_file(file, file.stem, kind, timeout=timeout),)
    known = sorted(name for name in names if kind_of(name) or (kind and len(names) == 1))
    if not known or (kind and len(known) > 1):
        name = next(iter(known or sorted(names) or ["NAME"]))
        raise ArgumentError(
            f"{file}, in which {'several names say' if known else 'no name says'} what they are",
            f"classes whose names have a kind in them ({', '.join(KINDS)}), or one and its kind",
            f"name it: {file}:{name} --kind {kind or 'KIND'}",
        )
    return tuple(run([Job(str(file.resolve()), name, kind) for name in known], timeout))


def overall(diagnoses: Sequence[Diagnosis]) -> Status:
    """Return what is said of several together: wrong before could not run before right."""
    found = {diagnosis.status for diagnosis in diagnoses}
    return next(s for s in (Status.WRONG, Status.FAILED, Status.RIGHT) if s in found)


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
