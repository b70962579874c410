"""Where files come from and go to, as somebody has written it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from handgrad.checkpoint.replacing import replacing
from handgrad.errors import ArgumentError, CheckpointError

__all__ = ["path_of", "written"]


def path_of(path: str | os.PathLike[str]) -> Path:
    """Return a path, or say that it is none.

    Examples
    --------
    >>> path_of("model.onnx").suffix
    '.onnx'
    """
    if not isinstance(path, str | os.PathLike) or "\0" in os.fspath(path):
        raise ArgumentError(f"{path!r} as a path", "the name of a file", 'write it, "folder/name"')
    return Path(path)


@contextmanager
def written(path: Path) -> Iterator[BinaryIO]:
    """Open a file that takes another one's place in the end, if the file system lets it.

    Raises
    ------
    CheckpointError
        The file system refuses; nothing has changed.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with written(Path(folder, "numbers")) as file:
    ...         _ = file.write(b"1234")
    ...     Path(folder, "numbers").stat().st_size
    4
    """
    try:
        with replacing(path) as file:
            yield file
    except OSError as error:
        raise CheckpointError(
            f"a refusal to write {os.fspath(path)!r}: {error}",
            "a folder that can be written to, with room",
            "make room or choose another folder",
        ) from error
