"""Several processes that train one model together, each with its share of every batch.

What keeps them from waiting for each other for ever is one rule: whatever may fail is done by each
process for itself, and before they exchange anything they add up a few numbers, the first of which
says whether one has failed. That message has one form everywhere, so a process that fails sends it
from wherever it is, the others learn of it where they are, and all raise its error.
"""

from __future__ import annotations

import pickle
import sys
import traceback
import zlib
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Self

import numpy as np

from handgrad.arguments import Array
from handgrad.errors import ArgumentError, HandgradError
from handgrad.randomness import Sources
from handgrad.training.interrupt import Interrupt

__all__ = ["ALONE", "Processes", "Together", "checksum", "processes_of"]


class Processes:
    """The processes of a training, as one of them sees them: here the only one there is.

    Attributes
    ----------
    number
        Which one this is, counted from 0.
    count
        How many there are.
    where
        Words that say so; empty where there is one.
    """

    number, count, where = 0, 1, ""

    @property
    def first(self) -> bool:
        """Whether this is the one that writes and prints."""
        return self.number == 0

    def share(self, rows: int) -> slice:
        """Return which of so many rows are this process'; all of them are somebody's.

        Of few rows some processes have none, and the others two at least, since one row alone is
        not enough for `BatchNorm`.
        """
        count = min(self.count, max(rows // 2, 1))
        first, last = min(self.number, count), min(self.number + 1, count)
        return slice(rows * first // count, rows * last // count)

    def add_up(
        self, one: float = 0.0, other: float = 0.0, step: bool = False
    ) -> tuple[float, float]:
        """Return the sums of two numbers over all processes; raise the error of one that failed.

        `step` says that this process is in a step, where all must be then.
        """
        return one, other

    def average_gradient(
        self, value: float, weight: float, flat: Array, means: bool
    ) -> tuple[float, float]:
        """Return the loss of the whole batch and its weight, and turn `flat` into its gradient.

        Parameters
        ----------
        value, weight
            Loss and weight of this process' share, 0 where it has none.
        flat
            The gradient of its share. Written to.
        means
            Whether the loss is a mean, and not a sum.
        """
        return value, weight

    def average(self, arrays: Iterable[Array]) -> None:
        """Turn arrays into their means over all processes, in place."""

    def to_first(self, thing: Any) -> list[Any]:
        """Return the others' things, in their order, to the first process; nothing to others."""
        return []

    def from_first(self, function: Callable[[], Any]) -> Any:
        """Return, in every process, what a function returns that the first one calls alone."""
        return function()

    def any_text(self, text: str) -> str:
        """Return the first text that is not empty of those that the processes give."""
        return text

    def check_same(self, arrays: Iterable[Array], **facts: Any) -> None:
        """Raise `ArgumentError` in every process where arrays or facts are not the same in all."""

    def watch(self, interrupt: Interrupt, owner: Any) -> None:
        """Take hold of what stops a training, and of all generators that its owner may draw from.

        From now on all processes have the random state of the first.
        """

    def part_ways(self, epoch: int, steps: int) -> None:
        """Let each process draw random numbers of its own, until `meet`.

        They follow from the common state, from the process' number, and from these numbers, which
        say where the training is.
        """

    def commonly(self, function: Callable[[], Any]) -> Any:
        """Return what a function returns that draws the same numbers in all, before `meet`."""
        return function()

    def meet(self) -> None:
        """Go on with the state that was common before, and all that was drawn `commonly`."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass


ALONE = Processes()


class Together(Processes):
    """The processes of an MPI communicator; a context that each of them enters and leaves.

    Where an error leaves it in one process, it leaves it in all, the same one: that of the lowest
    number. KeyboardInterrupt, which may come in the midst of an exchange, ends all at once.
    """

    def __init__(self, communicator: Any) -> None:
        from mpi4py import MPI

        self._mpi, self._communicator = MPI, communicator
        self.number, self.count = communicator.rank, communicator.size
        self.where = f", process {self.number} of {self.count} (counted from 0)"
        self._told = False  # that one has failed
        self._interrupt: Interrupt | None = None
        self._sources = Sources([])
        self._common: Any = None  # the state of its sources that all processes share

    def add_up(
        self, one: float = 0.0, other: float = 0.0, step: bool = False
    ) -> tuple[float, float]:
        failed, asked, steps, one, other = self._sums(False, step, one, other)
        if failed:
            raise self._first_error(None)
        if 0 < steps < self.count:
            raise ArgumentError(
                f"another batch in {steps:.0f} of {self.count} processes, and none in the others",
                "as many batches in every process, each of which takes its share of all of them",
                "give each process the same data",
            )
        if asked and self._interrupt is not None:
            self._interrupt.requested = True
        return one, other

    def _sums(self, failed: bool, step: bool, one: float, other: float) -> list[float]:
        """Exchange the one message that every process sends in the same form wherever it is."""
        asked = self._interrupt is not None and self._interrupt.asked
        numbers = np.array([failed, asked, step, one, other], np.float64)
        self._communicator.Allreduce(self._mpi.IN_PLACE, numbers)
        return list(map(float, numbers))

    def average_gradient(
        self, value: float, weight: float, flat: Array, means: bool
    ) -> tuple[float, float]:
        value, total = self.add_up(value * weight if means else value, weight, step=True)
        if means:
            divisor = total or 1.0
            value /= divisor
            flat *= weight / divisor
        self._communicator.Allreduce(self._mpi.IN_PLACE, flat)
        return value, total

    def average(self, arrays: Iterable[Array]) -> None:
        held = list(arrays)
        sums = np.concatenate([np.ravel(array).astype(np.float64) for array in held])
        self.add_up()
        self._communicator.Allreduce(self._mpi.IN_PLACE, sums)
        sums /= self.count
        ends = np.cumsum([array.size for array in held])
        for array, mean in zip(held, np.split(sums, ends[:-1]), strict=True):
            array[...] = mean.reshape(array.shape)

    def to_first(self, thing: Any) -> list[Any]:
        found = self._exchange(self._communicator.gather, thing)
        return [] if found is None else found[1:]

    def from_first(self, function: Callable[[], Any]) -> Any:
        return self._exchange(self._communicator.bcast, function() if self.first else None)

    def any_text(self, text: str) -> str:
        texts = self._exchange(self._communicator.allgather, text)
        return next(filter(None, texts), "")

    def _exchange(self, exchange: Callable[[Any], Any], thing: Any) -> Any:
        """Exchange something that can be pickled, once all are ready to."""
        packed = pickle.dumps(thing)
        self.add_up()
        found = exchange(packed)
        if isinstance(found, list):
            return list(map(pickle.loads, found))
        return None if found is None else pickle.loads(found)

    def check_same(self, arrays: Iterable[Array], **facts: Any) -> None:
        facts = {"parameters and buffers with the checksum": checksum(arrays), **facts}
        each = self._exchange(self._communicator.allgather, facts)
        for name, value in each[0].items():
            for number, found in enumerate(each):
                if found.get(name) != value:
                    raise ArgumentError(
                        f"{name} {found.get(name)} in process {number}, and {value} in process 0",
                        "the same in every process that trains a model",
                        "let all run the same program, with the same data; draw what is random "
                        "from one seed, np.random.seed(0) or rng=np.random.default_rng(0)",
                    )

    def watch(self, interrupt: Interrupt, owner: Any) -> None:
        self._interrupt, self._sources = interrupt, Sources(owner)
        self._common = self.from_first(self._sources.now)
        self.meet()

    def part_ways(self, epoch: int, steps: int) -> None:
        self._common = self._sources.now()
        self._sources.branch(self.number, epoch, steps)

    def commonly(self, function: Callable[[], Any]) -> Any:
        own = self._sources.now()
        self.meet()
        try:
            return function()
        finally:
            self._common = self._sources.now()
            self._sources.go_back(own)

    def meet(self) -> None:
        self._sources.go_back(self._common)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.add_up()  # nobody leaves while another one may fail
        elif isinstance(error, KeyboardInterrupt | self._mpi.Exception):
            traceback.print_exception(error)
            print(f"handgrad: all processes end{self.where}", file=sys.stderr, flush=True)
            self._communicator.Abort(130 if isinstance(error, KeyboardInterrupt) else 1)
        elif not self._told:
            self._sums(True, False, 0.0, 0.0)
            found = self._first_error(error)
            if found is not error:
                raise found from error

    def _first_error(self, error: BaseException | None) -> BaseException:
        """Return the error of the lowest process that has one; all call this at once."""
        self._told = True
        each = self._communicator.allgather(None if error is None else _packed(error))
        number = next(number for number, packed in enumerate(each) if packed is not None)
        if number == self.number:
            assert error is not None
            found = error
        else:
            found = _unpacked(each[number])
        found.add_note(f"in process {number} of {self.count} (counted from 0)")
        return found


def checksum(arrays: Iterable[Array]) -> str:
    """Return a few digits that differ where the bytes of arrays do."""
    found = 0
    for array in arrays:
        found = zlib.crc32(np.ascontiguousarray(array).data, found)
    return f"{found:08x}"


def _packed(error: BaseException) -> tuple[bytes, str]:
    """Return an error as bytes, where it can be, and as text."""
    text = f"{type(error).__name__}: {error}"
    try:
        return pickle.dumps(error), text
    except Exception:
        return b"", text


def _unpacked(packed: tuple[bytes, str]) -> BaseException:
    content, text = packed
    try:
        found = pickle.loads(content)
    except Exception:
        found = None
    if isinstance(found, BaseException):
        return found
    return HandgradError(
        f"an error in another process, {text}",
        "a training that goes on in all of them",
        "look at what that process says",
    )


def processes_of(communicator: Any) -> Processes:
    """Return the processes of a communicator; the only one where there is none, or one of one."""
    if communicator is None:
        return ALONE
    if isinstance(communicator, Processes):  # whose context goes around that of the training
        return communicator
    names = ("rank", "size", "Allreduce", "allgather", "gather", "bcast", "Abort")
    if isinstance(communicator, type) or not all(hasattr(communicator, n) for n in names):
        raise ArgumentError(
            f"communicator={communicator!r} for a Trainer",
            "a communicator of mpi4py",
            "write communicator=MPI.COMM_WORLD, after from mpi4py import MPI",
        )
    return Together(communicator) if communicator.size > 1 else ALONE
