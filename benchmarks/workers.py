"""The parent's side: starting the contestants' processes, and asking them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from benchmarks.layers.tasks import LayerTask
from benchmarks.tasks import Task

__all__ = ["AbsentError", "AnyTask", "Worker", "working"]

AnyTask = Task | LayerTask

ROOT = Path(__file__).parents[1]
THREADS = ("OMP", "OPENBLAS", "MKL", "BLIS", "NUMBA", "NUMEXPR", "VECLIB_MAXIMUM")


class AbsentError(Exception):
    """A contestant cannot take part, or failed."""


class Worker:
    """The process of one contestant.

    Parameters
    ----------
    name
        Which contestant.
    threads
        How many threads it may use.
    family
        Which of `benchmarks.contestants.FAMILIES` it is of.

    Raises
    ------
    AbsentError
        What it needs is not installed.
    """

    def __init__(self, name: str, threads: int, family: str = "networks") -> None:
        self.name = name
        counts = {f"{library}_NUM_THREADS": str(threads) for library in THREADS}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", name, str(threads), family],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=ROOT,
            env=os.environ | counts | {"TERM": "xterm"},
        )
        try:
            self.facts: dict[str, Any] = self.ask("describe")
        except AbsentError:
            self.close()
            raise

    def ask(self, call: str, task: AnyTask | None = None, **arguments: Any) -> Any:
        """Return what a method of `benchmarks.worker.Session` returns.

        Raises
        ------
        AbsentError
            It raised something, or the process has ended.
        """
        if task is not None:
            arguments["task"] = task.to_json()
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            print(
                json.dumps({"call": call, "arguments": arguments}),
                file=self.process.stdin,
                flush=True,
            )
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise AbsentError(f"{self.name}: its process has ended")
        answer = json.loads(line)
        if "error" in answer:
            failure = AbsentError(f"{self.name}: {answer['error']}")
            failure.add_note(answer["where"])
            raise failure
        return answer["answer"]

    def takes(self, task: AnyTask) -> bool:
        """Return whether the contestant takes part in a task."""
        return task.fits(self.facts)

    def close(self) -> None:
        """End the process."""
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()
        self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()


@contextmanager
def working(
    names: Iterable[str], threads: int, family: str = "networks"
) -> Iterator[tuple[list[Worker], dict[str, str]]]:
    """Give the workers of those contestants that are there, and for the others the reason."""
    workers: list[Worker] = []
    absent: dict[str, str] = {}
    try:
        for name in names:
            try:
                workers.append(Worker(name, threads, family))
            except AbsentError as reason:
                absent[name] = str(reason)
        yield workers, absent
    finally:
        for worker in workers:
            worker.close()
