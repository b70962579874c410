"""Diagnosing a file in a process of its own, so that nothing in it can stop or upset the caller.

A student's file may loop for ever, print, call ``sys.exit``, or take the interpreter down. So it is
read and run by a child (`process.child`), which writes one line of JSON for each thing
that it has diagnosed. If the child ends early, or something else stands where its answer should,
the thing that it was at gets a `Failure`, and a new child goes on with the rest. This shields from
accidents; it is no jail for hostile code.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from handgrad.diagnosis.findings import Cause, Example, Failure, Finding, Status, Verdict
from handgrad.diagnosis.repairs import Repair
from handgrad.diagnosis.result import Diagnosis
from handgrad.diagnosis.student.exceptions import is_theirs
from handgrad.diagnosis.student.source import source_line

__all__ = ["Job", "diagnose_file", "rebuild", "repair", "run"]


@dataclass(frozen=True)
class Job:
    """One thing to diagnose: a class, an object or a function, in a file.

    The file's own imports start from the folder `root`. Where it is None: from the folder of the
    file, or of the package that it stands in.
    """

    file: str
    name: str
    kind: str | None = None
    root: str | None = None
    course: str | None = None
    reference: str | None = None
    """What is right, as FILE:NAME."""
    budget: float = 0
    """How long to search for a repair, in seconds."""


def diagnose_file(
    file: str | Path,
    name: str,
    kind: str | None = None,
    *,
    course: str | None = None,
    reference: str | None = None,
    timeout: float = 60,
) -> Diagnosis:
    """Diagnose what a file calls `name`, in a process of its own."""
    if not Path(file).is_file():
        error = f"FileNotFoundError: there is no file {file}"
        hint = "Check the path: it starts at the folder in which you are."
        return failed(name, Failure("looking for the file", error, hint=hint))
    file = str(Path(file).resolve())
    return run([Job(file, name, kind, course=course, reference=reference)], timeout)[0]


def run(jobs: Sequence[Job], timeout: float) -> list[Diagnosis]:
    """Diagnose several things, in as few processes as it takes; each may take `timeout` seconds.

    What is wrong can be `repaired`, which a child does that is started for it: no verdict waits.
    What has broken a child off is not tried again.
    """
    return [
        diagnosis if broken else replace(diagnosis, mender=_Mender(job, timeout))
        for job, (diagnosis, broken) in zip(jobs, _all(jobs, timeout), strict=True)
    ]


def repair(diagnoses: Sequence[Diagnosis], budget: float, together: float) -> list[Diagnosis]:
    """Search for repairs of all that `run` has found wrong, in as few processes as it takes.

    Each has `budget` seconds, or its share of those that all have together.
    """
    menders = [d.mender for d in diagnoses if d.mendable and isinstance(d.mender, _Mender)]
    share = min(budget, together / max(len(menders), 1))
    if share <= 0:
        return list(diagnoses)
    timeout = max((mender.timeout for mender in menders), default=0.0) + share
    jobs = [replace(mender.job, budget=share) for mender in menders]
    found = dict(zip(menders, _all(jobs, timeout), strict=True))
    return [
        replace(d, repairs=found[d.mender][0].repairs)
        if isinstance(d.mender, _Mender) and d.mender in found
        else d
        for d in diagnoses
    ]


@dataclass(frozen=True)
class _Mender:
    """Searches for a repair in a child of its own."""

    job: Job
    timeout: float

    def __call__(self, budget: float) -> tuple[Repair, ...]:
        job = replace(self.job, budget=budget)
        ((diagnosis, _),) = _all([job], self.timeout + budget)
        return diagnosis.repairs


def _all(jobs: Sequence[Job], timeout: float) -> list[tuple[Diagnosis, bool]]:
    """Return for each job what was found, and whether the child was broken off by it."""
    done: list[tuple[Diagnosis, bool]] = []
    while len(done) < len(jobs):
        answers, failure = _one_child(jobs[len(done) :], timeout)
        done += [(answer, False) for answer in answers]
        done += [(failure, True)] if failure else []
    return done


def failed(subject: str, failure: Failure, kind: str | None = None) -> Diagnosis:
    """Return the diagnosis of something that could not be run."""
    return Diagnosis(subject, kind or "", Status.FAILED, failure=failure)


def _one_child(jobs: Sequence[Job], timeout: float) -> tuple[list[Diagnosis], Diagnosis | None]:
    """Run one child on the jobs; return what it finished, and a failure where it broke off."""
    # The files are opened here, before the student's code runs: whatever it puts in their place
    # (a pipe that nobody writes to) is not what is read, and what it leaves behind does no harm.
    with (
        tempfile.TemporaryDirectory(prefix="handgrad-", ignore_cleanup_errors=True) as scratch,
        Path(scratch, "results").open("w+b") as results,
        Path(scratch, "trace").open("w+b") as trace,
    ):
        # -P: a random.py in the folder where the command is given must not stand for Python's own.
        module = ["-P", "-m", "handgrad.diagnosis.process.child"]
        child = subprocess.Popen(
            [sys.executable, *module, results.name, trace.name, str(timeout)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,  # a word when all is ready; closed before the student's code
            stderr=subprocess.DEVNULL,
            # One thread, and no compiled loops: the arrays are tiny, and either takes longer to
            # start than the work takes.
            env={
                **{"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
                **os.environ,
                "HANDGRAD_KERNELS": "numpy",
            },
            start_new_session=True,
        )
        orders = json.dumps([asdict(job) for job in jobs]).encode()
        ready = b"and late"
        with child:
            try:
                # The child stops itself, at the line where it hangs. This is for one that cannot.
                with suppress(subprocess.TimeoutExpired):
                    ready, _ = child.communicate(orders, timeout=len(jobs) * timeout + 30)
            finally:
                _kill(child)
        if not ready:
            raise RuntimeError(f"the child process did not start (status {child.returncode})")
        done, garbled = _answers(results.read(LARGEST), len(jobs))
        if len(done) == len(jobs):
            return done, None
        job = jobs[len(done)]
        told = trace.read(LARGEST).decode("utf-8", "replace")
        failure = _GARBLED if garbled else _broken_off(child.returncode, told, timeout)
        return done, failed(job.name, failure, job.kind)


LARGEST = 1 << 26
"""Bytes of what a child writes that are read."""

_GARBLED = Failure(
    "reading the answer of the child process",
    "the code has written into a file that is not its own",
    hint="Write to files of your own alone: not to every open file, and not to those in the "
    "folder for temporary files.",
)


def _answers(text: bytes, most: int) -> tuple[list[Diagnosis], bool]:
    """Return the answers up to the first that cannot be read, and whether there is one."""
    done: list[Diagnosis] = []
    for line in text.splitlines()[:most]:
        try:
            done.append(rebuild(json.loads(line)))
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            return done, True
    return done, False


def rebuild(plain: dict[str, Any]) -> Diagnosis:
    """Return the `Diagnosis` that `to_dict`, at level 4, made a dict of.

    Only the hints of what isn't wrong are lost.
    """
    hints: dict[str, list[str]] = {}
    for hint in plain["hints"]:
        hints.setdefault(hint["about"], []).append(hint["text"])

    def cause(name: str, explanation: str) -> Cause:
        a, b, c, d = hints.get(name, [""] * 4)[:4]  # what follows is of a repair
        return Cause(name, explanation, (a, b, c, d))

    findings = tuple(
        Finding(
            f["quantity"],
            f["title"],
            Verdict(f["verdict"]),
            tuple(tuple(cause(**c) for c in together) for together in f["explanations"]),
            tuple(f["evidence"]),
            _example(f["example"]),
            f["unusual"],
        )
        for f in plain["findings"]
    )
    failure = plain["failure"]
    if failure:
        failure = Failure(**{**failure, "lines": tuple(map(tuple, failure["lines"]))})
    return Diagnosis(
        plain["subject"],
        plain["kind"],
        Status(plain["status"]),
        findings,
        tuple(plain["notes"]),
        failure,
        plain["seconds"],
        tuple(map(Repair.rebuilt, plain["repairs"])),
    )


def _example(plain: dict[str, Any] | None) -> Example | None:
    if plain is None:
        return None
    truth = plain["truth"]
    return Example(
        plain["case"],
        np.array(plain["student"], dtype=float),
        None if truth is None else np.array(truth, dtype=float),
        np.array(plain["differs"], dtype=bool),
    )


def _kill(child: subprocess.Popen[bytes]) -> None:
    """End the child and everything that it has started."""
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError, PermissionError):  # nobody may be left
            os.killpg(child.pid, signal.SIGKILL)
    else:
        child.kill()
    child.wait()


def _broken_off(status: int, trace: str, timeout: float) -> Failure:
    """Say why a child ended before it had an answer."""
    lines = tuple(
        (file, int(number), source_line(file, int(number)))
        for file, number in reversed(re.findall(r'File "(.+)", line (\d+) in', trace))
        if is_theirs(file)
    )
    if trace.startswith("Timeout") or status == -getattr(signal, "SIGKILL", 9):
        error = f"TimeoutError: no answer within {timeout:g} s"
        hint = "A loop never ends, or is very slow: look at what its condition waits for."
    elif status < 0 or trace:
        error = f"the interpreter crashed (status {status})"
        hint = "Not the formula: the memory ran out, or a compiled library went wrong."
    else:
        error = f"the program ended in the middle (status {status})"
        hint = "A class that others import must not end the program: take the exit out."
    return Failure("running the code", error, lines, hint)
