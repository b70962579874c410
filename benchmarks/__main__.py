"""``python -m benchmarks``: the check, then the times."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from benchmarks import agreement, estimators, growth, memory, production, results, sizes, tables
from benchmarks.contestants import LAYERS, NAMES, OURS, PER_SAMPLE, UPDATES
from benchmarks.layers import agreement as layer_agreement
from benchmarks.layers.tasks import TASKS, TURN
from benchmarks.machine import describe
from benchmarks.per_sample.tasks import tasks as per_sample_tasks
from benchmarks.scaling import measure as scaling
from benchmarks.tasks import EPOCH, NETWORKS, Task, steps
from benchmarks.timing import race
from benchmarks.updates.tasks import TASKS as UPDATE_TASKS
from benchmarks.workers import AbsentError, Worker, working

__all__ = ["Part", "main"]


class Part(StrEnum):
    """What there is to run."""

    QUICK = "quick"
    CHECK = "check"
    STEPS = "steps"
    EPOCH = "epoch"
    MEMORY = "memory"
    GROWTH = "growth"
    SIZES = "sizes"
    LAYERS = "layers"
    PER_SAMPLE = "per-sample"
    UPDATES = "updates"
    ESTIMATORS = "estimators"
    PRODUCTION = "production"
    SCALING = "scaling"


def main(
    parts: Annotated[
        list[Part] | None,
        typer.Argument(
            help="What to run, after the check; everything but the sizes by default. quick takes "
            "three minutes, prints what it finds, and keeps nothing."
        ),
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(help=f"A contestant to run beside {OURS}; repeatable.")
    ] = None,
    rounds: Annotated[
        int, typer.Option(min=1, help="How often each contestant has its turn.")
    ] = 15,
    seconds: Annotated[
        float,
        typer.Option(
            help=f"How long a turn is, at least; {TURN} at most for layers, updates, per-sample."
        ),
    ] = 0.1,
    threads: Annotated[int, typer.Option(min=1, help="Threads of each contestant.")] = 2,
    networks: Annotated[
        int, typer.Option(min=1, max=len(NETWORKS), help="Run the first few networks alone.")
    ] = len(NETWORKS),
    layers: Annotated[
        str,
        typer.Option(
            help="Run only the layers, data or networks of scaling with this in the name."
        ),
    ] = "",
    out: Annotated[Path, typer.Option(help="Where the results go.")] = results.FOLDER,
) -> None:
    """Check that all contestants compute the same; then time them, in turns, and write it down."""
    console = Console()
    wanted = set(parts or Part) - (set() if parts else {Part.SIZES, Part.QUICK})
    unknown = set(only or ()) - set(NAMES)
    if unknown:
        raise typer.BadParameter(f"{sorted(unknown)}: the contestants are {', '.join(NAMES)}")
    names = [name for name in NAMES if not only or name == OURS or name in only]
    chosen = NETWORKS[:networks]

    def say(text: str) -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    apart = {Part.LAYERS, Part.PER_SAMPLE, Part.UPDATES, Part.ESTIMATORS, Part.PRODUCTION}
    alone = wanted <= apart | {Part.SCALING}
    with working([] if alone else names, threads) as (workers, absent):
        for name, reason in absent.items():
            say(f"left out: {name}: {reason}")
        machine = describe(workers, threads)

        def keep(part: Part, found: Any) -> None:
            results.write(out, part, machine, found)

        if wanted & {Part.QUICK, Part.CHECK, Part.STEPS, Part.EPOCH, Part.GROWTH}:
            small = [task for task in steps(chosen[:4]) if task.dtype == "float32"]
            try:
                agreed = agree(workers, small if wanted == {Part.QUICK} else steps(chosen), say)
            except AbsentError as reason:
                sys.exit(str(reason))
            if not agreed:
                sys.exit("the contestants do not compute the same, so no time means anything")
            say_load(threads, say)
        if Part.QUICK in wanted:
            for table in tables.step_tables(race(workers, small, 5, 0.05, say)):
                console.print(table.rich())
        if Part.STEPS in wanted:
            for task in steps(chosen):
                keep(Part.STEPS, race(workers, [task], rounds, seconds, say))
        if Part.EPOCH in wanted:
            keep(Part.EPOCH, race(workers, [EPOCH], rounds, seconds, say))
        if Part.GROWTH in wanted:
            drawn = [worker for worker in workers if worker.name in growth.CONTESTANTS]
            for axis, tasks in growth.AXES.items():
                keep(Part.GROWTH, {axis: race(drawn, tasks, rounds, seconds, say)})
    differing = False
    families: dict[Part, Any] = {
        Part.LAYERS: (LAYERS, [task for task in TASKS if layers in task.name]),
        Part.PER_SAMPLE: (PER_SAMPLE, per_sample_tasks(chosen[:3])),  # of which all rows fit
        Part.UPDATES: (UPDATES, UPDATE_TASKS),
    }
    for part in [part for part in families if part in wanted]:
        entrants, tasks = families[part]
        kept = [name for name in entrants if not only or name == OURS or _package(name) in only]
        with working(kept, threads, part) as (workers, absent):
            for name, reason in absent.items():
                say(f"left out: {name}: {reason}")
            machine = describe(workers, threads)
            agreed, others = layer_agreement.agreed(workers, OURS, tasks, say)
            differing |= others
            say_load(threads, say)
            for task in agreed:
                keep(part, race(workers, [task], rounds, min(seconds, TURN), say))
    if Part.ESTIMATORS in wanted:
        say_load(threads, say)
        machine = describe([], threads) | {"versions": estimators.versions()}
        sets = [data for data in estimators.DATA if layers in data.name]
        measured = list(estimators.measure(sets, estimators.SPLITS, rounds, threads, say))
        keep(Part.ESTIMATORS, measured)
    if Part.PRODUCTION in wanted:
        say_load(threads, say)
        machine = describe([], threads) | {"versions": production.versions()}
        keep(Part.PRODUCTION, production.measure(rounds, seconds, threads, say))
    if Part.SCALING in wanted:
        say_load(2, say)
        try:
            machine = describe([], 1) | {"versions": scaling.versions()}
            for task in [task for task in scaling.TASKS if layers in task.network]:
                say(task.network)
                keep(Part.SCALING, [scaling.measure(task, rounds, seconds)])
        except AbsentError as reason:
            say(f"left out: several processes: {reason}")
    if Part.MEMORY in wanted:
        keep(Part.MEMORY, memory.measure(names, threads, say))
    if Part.SIZES in wanted:
        keep(Part.SIZES, sizes.measure([*names, "onnxruntime"], say))
    for table in results.collect(out) if wanted != {Part.QUICK} else ():
        console.print(table.rich())
    if differing:
        sys.exit("not all contestants compute the same; those tasks were not timed")


def _package(name: str) -> str:
    return name.partition(",")[0]


def say_load(threads: int, say: Any) -> None:
    """Say how busy the machine is."""
    if hasattr(os, "getloadavg"):
        say(f"load of this machine, {threads} of it our own: {os.getloadavg()[0]:.1f}")


def agree(workers: list[Worker], tasks: list[Task], say: Any) -> bool:
    """Check the contestants in some tasks, say what was found, and return whether all agree."""
    worst: dict[tuple[str, str, str], agreement.Difference] = {}
    fine = True
    for found in agreement.check(workers, OURS, tasks, say):
        key = (found.contestant, found.task.dtype, found.task.optimizer)
        if not found.agrees:
            fine = False
            say(f"DIFFERS: {found}")
        if key not in worst or found.parameters > worst[key].parameters:
            worst[key] = found
    for (name, dtype, optimizer), found in worst.items():
        say(
            f"{name:14} {dtype} {optimizer:4} loss {found.loss:.1e}  gradients "
            f"{found.gradients:.1e}  parameters {found.parameters:.1e} off {OURS}'s"
        )
    return fine


if __name__ == "__main__":
    typer.run(main)
