"""The child process of `process.sandbox`: reads a student's file and diagnoses it.

Started as ``python -m ...child RESULTS TRACE TIMEOUT`` with the jobs as JSON on
standard input. It says on its standard output that all is ready, and closes it; the file RESULTS
gets a line of JSON for each job. After TIMEOUT seconds with one of them the child writes into TRACE
where it is, and ends.
"""

from __future__ import annotations

import dataclasses
import faulthandler
import io
import json
import os
import sys
from contextlib import redirect_stderr, redirect_stdout, suppress

from handgrad.diagnosis.diagnose import diagnose_named
from handgrad.diagnosis.findings import Failure
from handgrad.diagnosis.process.loading import load, load_apart
from handgrad.diagnosis.process.sandbox import Job, failed
from handgrad.diagnosis.result import Diagnosis
from handgrad.diagnosis.student.exceptions import explain, is_ours
from handgrad.diagnosis.student.subject import StudentError
from handgrad.errors import ArgumentError

try:
    import resource
except ImportError:  # on Windows
    resource = None  # type: ignore[assignment]

__all__ = ["main"]

MEMORY = 8 << 30
"""Bytes of address space for the child: PyTorch alone asks for some, most of it never used."""


class Tail(io.TextIOBase):
    """A stream that counts what is printed and keeps the end of it."""

    def __init__(self) -> None:
        self.lines = 0
        self.text = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.lines += text.count("\n")
        self.text = (self.text + text)[-1000:]
        return len(text)

    def note(self) -> str:
        """Say that something was printed, and what came last."""
        last = (self.text.strip().splitlines() or [""])[-1].strip()[:80]
        count = self.lines + (not self.text.endswith("\n"))
        lines = "1 line" if count == 1 else f"{count} lines"
        return f"it prints while it runs ({lines}, the last one: {last!r})"


def _answer(job: Job) -> Diagnosis:
    printed = Tail()
    notes: list[str] = []
    with redirect_stdout(printed), redirect_stderr(printed):
        try:
            reference = job.reference and load_apart(job.reference, notes)
            thing = load(job, notes)
            diagnosis = diagnose_named(
                job.name, thing, job.kind, job.course, reference, budget=job.budget
            )
        except StudentError as error:
            diagnosis = failed(job.name, error.failure, job.kind)
        except ArgumentError as error:  # no kind, or an unknown one
            hint = (
                f"Say with --kind which exercise it is: {error.expected}."
                if error.mend.startswith("give the kind")
                else f"Expected: {error.expected}. To mend it: {error.mend}."
            )
            diagnosis = failed(job.name, Failure("choosing what it is", error.got, hint=hint))
        except KeyboardInterrupt as error:  # nobody's: the child has no terminal
            diagnosis = failed(job.name, explain(error, "running the code"), job.kind)
        except Exception as error:
            failure = explain(error, "diagnosing")
            if not failure.lines or is_ours(error):
                hint = "It is no line of yours that raised this, but one of handgrad's: report it."
                failure = dataclasses.replace(failure, hint=hint)
            diagnosis = failed(job.name, failure, job.kind)
    if printed.text.strip():
        notes.append(printed.note())
    return dataclasses.replace(diagnosis, notes=(*diagnosis.notes, *notes))


def main(results: str, trace: str, timeout: str) -> None:
    """Diagnose every job that is read from standard input."""
    jobs = [Job(**job) for job in json.load(sys.stdin)]
    sys.dont_write_bytecode = True  # leave no __pycache__ in the student's folder
    with open(results, "a", encoding="utf-8") as answers, open(trace, "w") as where:
        faulthandler.enable(where)
        for job in jobs:
            faulthandler.dump_traceback_later(float(timeout), exit=True, file=where)
            answer = _answer(job).to_dict()
            faulthandler.cancel_dump_traceback_later()
            print(json.dumps(answer), file=answers, flush=True)


def _limit_memory() -> None:
    """Have an array that is too large raise a MemoryError, where the system can do that.

    Without it the whole machine runs out of memory, and the system picks whom it ends.
    """
    if resource is not None:
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        if hard == resource.RLIM_INFINITY or hard > MEMORY:
            with suppress(ValueError, OSError):  # there are systems that have the name alone
                resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


if __name__ == "__main__":
    os.write(1, b"ready")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    _limit_memory()
    main(*sys.argv[1:])
    os._exit(0)  # do not wait for threads that the student's code has started
