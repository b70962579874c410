"""What an exception in a student's code says, and what to look at."""

from __future__ import annotations

import linecache
import re
import sysconfig
import traceback
from pathlib import Path

from handgrad.diagnosis.findings import Failure

__all__ = ["HINTS", "explain", "is_ours", "is_theirs"]

_OURS = Path(__file__).resolve().parents[2]
_LIBRARIES = tuple(
    {str(Path(sysconfig.get_path(name)).resolve()) for name in ("stdlib", "purelib", "platlib")}
)

LONGEST = 500
"""Characters of a message that are told."""

HINTS: dict[str, str] = {
    # an exception and a part of its message: what to look at; the first that fits is given
    "ShapeError": (
        "A component gets an array that does not fit it. Is it what the component before it "
        "returned? A layer's grad returns a pair: gradient_weights first, gradient_input second."
    ),
    "CallOrderError": "A component's grad is called before its forward pass.",
    "ValueError: .*(matmul|not aligned)": (
        "Two matrices do not fit. Write the shape of each factor beside the product: the inner "
        "sizes must be equal, and the outer two are the shape of the result."
    ),
    "ValueError: .*broadcast": (
        "Two arrays of different shapes meet. Print both shapes just before this line; after a "
        "sum over an axis, keepdims=True keeps that axis."
    ),
    "ValueError: .*read-only": "The array that is written to is not yours. Work on a copy.",
    "UnicodeDecodeError": (
        "The file is written in another encoding: save it as UTF-8, or say in its first line which "
        "one it is."
    ),
    "ValueError: .*inhomogeneous": (
        "The rows of this list differ in length, so that it is no rectangular array."
    ),
    "ValueError: .*truth value": (
        "An `if` needs one answer and this condition gives one for each entry: use np.where or a "
        "boolean mask."
    ),
    "IndexError: .*arrays used as indices": (
        "An array of fractions cannot be an index. The exercise's targets are one-hot, a row of "
        "0s and a single 1: `argmax(axis=1)` gives the labels."
    ),
    "IndexError: .*valid indices": "What stands in the brackets is no whole number: print it.",
    "IndexError: .*too many indices": (
        "There are more indices than the array has axes: print its shape."
    ),
    "IndexError: .*tuple index": (
        "The tuple has fewer entries than that. If it is a shape: that of a vector has only one."
    ),
    "IndexError: .*index ": "An index is outside the array: print its shape, and count from 0.",
    "(IndexError|ValueError): .*axis": (
        "This axis does not exist in the array: print its shape. A vector has axis 0 only."
    ),
    "IndexError": "An index is outside the array: print its shape, and count from 0.",
    "TypeError: .*Cannot cast": (
        "The array holds integers and the result is a fraction. Make the array with dtype=float, "
        "or do not work in place."
    ),
    "TypeError: .*missing": "It asks for more arguments than the exercise or the course gives it.",
    "TypeError: .*takes": (
        "It takes other arguments than the exercise or the course gives it. Of a method, is `self` "
        "the first?"
    ),
    "(TypeError|AttributeError): .*NoneType": (
        "Something is None here: a function without a return, or a value that is saved only later."
    ),
    "AttributeError": (
        "No attribute has this name: is it spelled the same everywhere, and saved by the forward "
        "pass before the backward pass reads it?"
    ),
    "NameError": "A name is not defined here: a slip of the pen, or a `self.` that is missing?",
    "KeyError": "The dict has no such key: print its keys.",
    "NotImplementedError": "This part is not written yet.",
    "RecursionError": "The function calls itself and never stops.",
    "ZeroDivisionError": "A size or a count is 0 here.",
    "ModuleNotFoundError": (
        "No module has this name: a slip of the pen, or a file that was not handed in?"
    ),
    "ImportError": "The name is not in that module; or two files import each other.",
    "EOFError": "Nobody answers an `input()` here: leave it out.",
    "MemoryError": (
        "The array that is made here is far too large: print the shapes that go into it. A "
        "product of (M, 1) and (N,) has M times N entries."
    ),
    "KeyboardInterrupt": (
        "The code interrupts itself, as Ctrl-C would: leave out the `raise KeyboardInterrupt` or "
        "the signal."
    ),
    "SystemExit": "The code ends the program: leave out `exit()`, a class only returns.",
    "AssertionError": "An assertion of your own does not hold: print what it compares.",
    "BaseException": (
        "Call it by hand on a small array, and print what goes into the last line above."
    ),
}


def explain(error: BaseException, doing: str) -> Failure:
    """Return what an exception says, with the student's own lines and a hint where one is known."""
    if isinstance(error, MemoryError):  # let go of what has filled it
        traceback.clear_frames(error.__traceback__)
    lines = [
        (frame.filename, frame.lineno or 0, frame.line or "")
        for frame in traceback.extract_tb(error.__traceback__)
        if is_theirs(frame.filename)
    ]
    lines = list(dict.fromkeys(reversed(lines)))[::-1]  # of what calls itself each line once
    try:
        message = next(iter(str(error)[:LONGEST].splitlines()), "")
    except Exception:  # an exception that cannot even be printed
        message = ""
    known = [f"{cls.__name__}: {message}" for cls in type(error).__mro__]
    hint = next(text for pattern, text in HINTS.items() if any(re.match(pattern, k) for k in known))
    if not lines and hint == HINTS["BaseException"]:
        hint = "Call it by hand on a small array, and print what it returns."
    linecache.checkcache()
    name = type(error).__name__
    return Failure(doing, f"{name}: {message}" if message else name, tuple(lines), hint)


def is_ours(error: BaseException) -> bool:
    """Return whether it was raised in a line of ours, which the student's code may have called."""
    frames = traceback.extract_tb(error.__traceback__)
    files = [Path(frame.filename).resolve() for frame in frames]
    return any(file.is_relative_to(_OURS) for file in files[-1:])


def is_theirs(filename: str) -> bool:
    """Return whether a file of a traceback is the student's, not ours or a library's."""
    if filename.startswith("<frozen"):
        return False
    if filename.startswith("<"):  # a notebook's cell, or typed at a prompt
        return True
    path = Path(filename).resolve()
    return not (path.is_relative_to(_OURS) or any(path.is_relative_to(x) for x in _LIBRARIES))
