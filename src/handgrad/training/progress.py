"""What a training shows of itself: a bar in a terminal, lines elsewhere, or nothing."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Mapping
from time import perf_counter
from typing import Any, Self

from handgrad.training.history import in_short

__all__ = ["Bar", "Lines", "Progress", "fitted", "make_progress"]

LONGEST = 100
"""So many columns a line has at most."""


class Progress:
    """Silence, and what the others share: a context that the trainer reports to.

    `step` has something to do from the time `due` on, which `time.perf_counter` tells.
    """

    due = math.inf

    def begin(self, epoch: int, epochs: int, steps: int | None, done: int) -> None:
        """Start an epoch, its number counted from 1, with so many steps done already."""

    def step(self, step: int, rows: int, values: Mapping[str, Any]) -> None:
        """Show how far the epoch is: steps, and rows since `begin`; the values so far."""

    def count(self, step: int, rows: int) -> None:
        """Count steps without showing them."""

    def end(self, values: Mapping[str, Any]) -> None:
        """End an epoch."""

    def say(self, text: str) -> None:
        """Show a sentence."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        pass


class Lines(Progress):
    """A line of text for each epoch."""

    def begin(self, epoch: int, epochs: int, steps: int | None, done: int) -> None:
        self.epoch, self.epochs, self.steps = epoch, epochs, steps
        self._rows, self._from, self._steps_before = 0, perf_counter(), done
        if not hasattr(self, "_first"):
            self._first, self._first_epoch = self._from, epoch - 1

    def count(self, step: int, rows: int) -> None:
        self._rows = rows

    def end(self, values: Mapping[str, Any]) -> None:
        now = perf_counter()
        seconds = (now - self._first) / (self.epoch - self._first_epoch)
        left = seconds * (self.epochs - self.epoch)
        speed = self._rows / max(now - self._from, 1e-9)
        head = f"epoch {self.epoch}/{self.epochs}"
        self.say(fitted(head, values, speed, left, self.width))

    @property
    def width(self) -> int:
        """How many columns a line may have."""
        return LONGEST

    def say(self, text: str) -> None:
        print(text, flush=True)


class Bar(Lines):
    """A bar of rich's for the epoch that runs, and a line for each that is done."""

    due = 0.0
    interval = 0.2  # seconds; drawing costs a millisecond or two

    def __init__(self, console: Any = None) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as RichProgress
        from rich.table import Column

        # No thread of its own: it is drawn from the loop, when a step finds that it is due.
        console = console or Console()
        self._drawn = 24 if console.width >= LONGEST else 10
        self._bar = RichProgress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=self._drawn),
            TextColumn("{task.fields[numbers]}", table_column=Column(no_wrap=True)),
            console=console,
            auto_refresh=False,
            transient=True,
        )
        self._task = self._bar.add_task("", numbers="")

    def begin(self, epoch: int, epochs: int, steps: int | None, done: int) -> None:
        super().begin(epoch, epochs, steps, done)
        self._bar.reset(
            self._task, description=f"epoch {epoch}/{epochs}", total=steps, completed=done
        )

    def step(self, step: int, rows: int, values: Mapping[str, Any]) -> None:
        now = perf_counter()
        speed = rows / max(now - self._from, 1e-9)
        of = f"/{self.steps}" if self.steps else ""
        left = 0.0
        if self.steps:
            ahead = self.steps - step + (self.epochs - self.epoch) * self.steps
            left = ahead * (now - self._from) / max(step - self._steps_before, 1)
        # The description and the bar stand before it, with a blank behind each.
        room = self._bar.console.width - len(f"epoch {self.epoch}/{self.epochs}") - self._drawn - 2
        numbers = fitted(f"step {step}{of}", values, speed, left, room)
        self._bar.update(self._task, completed=step, numbers=numbers)
        self._bar.refresh()
        self.due = perf_counter() + self.interval

    @property
    def width(self) -> int:
        return min(self._bar.console.width, LONGEST)

    def say(self, text: str) -> None:
        self._bar.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._bar.stop()


def make_progress(wanted: bool) -> Progress:
    """Return the kind of progress that suits where the output goes."""
    if not wanted:
        return Progress()
    terminal = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    return Bar() if terminal else Lines()


def fitted(head: str, values: Mapping[str, Any], speed: float, left: float, width: int) -> str:
    """Return a line of so many columns: what is in it, values, datapoints a second, the time left.

    Where not all of it fits, what matters least is left out; the loss never is.
    """
    shown = {
        name: f"{name.replace('validation_', 'val_', 1)} {value}"
        for name, value in in_short(values).items()
    }
    held_out = [name for name in shown if name.startswith("validation_")]
    measured = [name for name in shown if name not in {"loss", "lr", *held_out}]
    shown |= {"speed": f"{speed:,.0f} samples/s", "left": f"{_time(left)} left"}
    least = ["speed", "lr", *reversed(measured), *reversed(held_out[1:]), "left", *held_out]
    if not left:
        del shown["left"]
    for name in [None, *least]:
        shown.pop(name or "", None)
        line = "  ".join([head, *shown.values()])
        if len(line) <= width:
            break
    return line


def _time(seconds: float) -> str:
    whole = math.ceil(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
