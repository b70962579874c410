"""Which form of the kernels is in force."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from handgrad.errors import ArgumentError

__all__ = ["Mode", "in_force", "use", "using"]

VARIABLE = "HANDGRAD_KERNELS"
FORMS = ("numpy", "compiled")


class Mode:
    """Whether the compiled forms are in force, in the whole process."""

    compiled = False


def use(form: str) -> None:
    """Choose between NumPy's form of the kernels and the compiled one, for the whole process.

    Parameters
    ----------
    form : {"numpy", "compiled"}
        Compiled forms agree with NumPy's to rounding, and with themselves bit for bit.

    Raises
    ------
    ArgumentError
        There is no such form, or Numba is not installed, which compiles.

    Examples
    --------
    >>> from handgrad import kernels
    >>> before = kernels.in_force()
    >>> kernels.use("numpy")
    >>> kernels.in_force()
    'numpy'
    >>> kernels.use(before)
    """
    if form not in FORMS:
        raise ArgumentError(
            f"{form!r} as the form of the kernels",
            '"numpy" or "compiled"',
            f"write one of them, or leave {VARIABLE} unset",
        )
    if form == "compiled" and find_spec("numba") is None:
        raise ArgumentError(
            "the compiled form of the kernels without Numba",
            "Numba, which compiles them",
            'install it: pip install "handgrad[fast]"',
        )
    Mode.compiled = form == "compiled"


@contextmanager
def using(form: str) -> Iterator[None]:
    """Use one form for a while.

    Parameters
    ----------
    form : {"numpy", "compiled"}
        As for `use`.

    Examples
    --------
    >>> with using("numpy"):
    ...     in_force()
    'numpy'
    """
    before = in_force()
    use(form)
    try:
        yield
    finally:
        use(before)


def in_force() -> str:
    """Return which form is in force, "numpy" or "compiled".

    Examples
    --------
    >>> from handgrad import kernels
    >>> kernels.in_force() in ("numpy", "compiled")
    True
    """
    return FORMS[Mode.compiled]


def _start() -> None:
    """Take the form that the environment asks for, or else the fastest that is installed."""
    if wanted := os.environ.get(VARIABLE):
        use(wanted)
    elif find_spec("numba") is not None:
        use("compiled")


_start()
