"""Opening a file of tensors, anybody's, of which nothing is believed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from handgrad.errors import cause

__all__ = ["LONGEST_HEADER", "opened"]

LONGEST_HEADER = 2**20  # bytes; a real one has some thousand


@contextmanager
def opened(path: Path, damaged: Callable[[object], Exception]) -> Iterator[Any]:
    """Open a safetensors file, whose tensors are read when they are asked for, one by one.

    What names and shapes they have is known then, and that the file is as long as they need.

    Parameters
    ----------
    path
        The file.
    damaged
        Makes the error for a file that is none, of what is wrong with it.

    Raises
    ------
    OSError
        The file system refuses.
    """
    from safetensors import SafetensorError, safe_open

    if path.exists() and not path.is_file():  # opening a pipe would wait for ever
        raise OSError(None, "it is no ordinary file")
    with path.open("rb") as start:
        length = int.from_bytes(start.read(8), "little")
    if length > LONGEST_HEADER:
        raise damaged(f"a header of {length:,} bytes")
    try:
        with safe_open(path, framework="numpy") as file:
            yield file
    except SafetensorError as error:
        raise damaged(error) from cause(error)
