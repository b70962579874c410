"""What handgrad raises.

Every error says three things: what was given, what was expected, and how to mend it. Each class
also derives from the built-in exception that NumPy or Python would have raised, so that code
which catches ``ValueError`` keeps working.
"""

from __future__ import annotations

__all__ = [
    "ArgumentError",
    "CallOrderError",
    "CheckpointError",
    "DataError",
    "DtypeError",
    "GradientsError",
    "HandgradError",
    "PerSampleError",
    "ShapeError",
    "TrainingError",
]


class HandgradError(Exception):
    """The base of everything that handgrad raises on purpose.

    Parameters
    ----------
    got
        What was given, with the name of whoever was given it.
    expected
        What would have been right.
    mend
        What to do about it.

    Examples
    --------
    >>> print(HandgradError("p = 2", "0 <= p < 1", "choose a smaller p"))
    got p = 2
      expected: 0 <= p < 1
      to mend it: choose a smaller p
    """

    def __init__(self, got: str, expected: str, mend: str) -> None:
        super().__init__(got, expected, mend)
        self.got, self.expected, self.mend = got, expected, mend

    def __str__(self) -> str:
        return f"got {self.got}\n  expected: {self.expected}\n  to mend it: {self.mend}"


class ShapeError(HandgradError, ValueError):
    """An array has the wrong shape, or no entries at all."""


class DtypeError(HandgradError, TypeError):
    """An array holds something that is not a number, or numbers of the wrong kind."""


class ArgumentError(HandgradError, ValueError):
    """An argument that is not an array is outside what it may be."""


class CallOrderError(HandgradError, RuntimeError):
    """Something was asked for before the call that makes it possible."""


class GradientsError(HandgradError, ValueError):
    """Gradients were given to a model that they do not belong to."""


class PerSampleError(HandgradError, ValueError):
    """Gradients of each sample were asked for where the samples see one another."""


class DataError(HandgradError, ValueError):
    """A file of data is missing, damaged, or holds something else than was expected."""


class CheckpointError(HandgradError, ValueError):
    """A checkpoint cannot be written, or what stands on the disk cannot be read back.

    What it says is cut where it is long, since a damaged file may say anything at any length.
    """

    def __init__(self, got: str, expected: str, mend: str) -> None:
        super().__init__(*(shorten(part, 1000) for part in (got, expected, mend)))


class TrainingError(HandgradError, ArithmeticError):
    """A training came to numbers that are not finite."""


def shorten(text: object, length: int = 200) -> str:
    """Return what somebody else has written, cut and encoded so that it can stand in a message."""
    whole = str(text)
    cut = whole if len(whole) <= length else f"{whole[: length - 3]}..."
    return cut.encode("utf-8", "backslashreplace").decode()


def printable(text: str, file_names: bool = False) -> str:
    r"""Return a text with control characters written out, but for the ends of lines.

    Somebody's names and messages may hold any: what colours or clears a terminal, turns a line
    round, or cannot be printed at all, is shown as ``\x1b`` and not obeyed. With `file_names`,
    the bytes of a file's name that are no text stay as Python has them.
    """
    return "".join(
        c
        if c.isprintable() or c == "\n" or (file_names and "\udca0" <= c <= "\udcff")
        else repr(c)[1:-1]
        for c in text
    )


def cause(error: BaseException) -> BaseException | None:
    """Return an error to raise another one from; None where it repeats a damaged file at length."""
    return error if len(str(error)) <= 1000 else None
