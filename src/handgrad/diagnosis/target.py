"""What the command line may be pointed at: ``FILE.py:NAME``, or a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from handgrad.diagnosis.courses.folder import diagnose_folder, names_in
from handgrad.diagnosis.findings import Status
from handgrad.diagnosis.process.sandbox import diagnose_file
from handgrad.diagnosis.result import Diagnosis
from handgrad.errors import ArgumentError

__all__ = ["diagnose_target", "overall", "to_dict"]


def diagnose_target(
    target: str, kind: str | None = None, *, timeout: float = 60
) -> tuple[Diagnosis, ...]:
    """Diagnose a class, ``FILE.py:NAME``, or everything in a folder in the course's layout.

    Each diagnosis is stopped after `timeout` seconds. A target that is neither, and a kind that is
    given for a folder, raise an ArgumentError.
    """
    if Path(target).is_dir():
        if kind is not None:
            raise ArgumentError(
                f"the kind {kind!r} for the folder {target}",
                "no kind, since the names in a folder say what they are",
                "leave --kind out, or name one class as FILE.py:NAME",
            )
        return diagnose_folder(target, timeout=timeout)
    file, colon, name = target.rpartition(":")
    if not colon or not name.isidentifier():
        names = sorted(names_in(Path(target), classes_only=True) or ["NAME"])
        raise ArgumentError(
            f"{target!r} as what to check",
            "FILE.py:NAME, or a folder that holds activations, losses, layers and model",
            f"write {target}:{names[0]}" if Path(target).is_file() else "check the path",
        )
    return (diagnose_file(file, name, kind, timeout=timeout),)


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
