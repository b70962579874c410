"""Writing a file so that, whatever happens, the old one or the new one is there."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows has no such locks
    fcntl = None  # type: ignore[assignment]

__all__ = ["replacing"]


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a file beside another one, and at the end put it into the other one's place.

    Until then the new file is called ``<name>.part``. Where a process is killed, that stays, and
    the next one writes over it. Of several that write at the same time, one waits for the other.
    Where the file system refuses, nothing has changed, unless all had been written.
    """
    if not path.name:
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    with _locked(path.parent) as folder:
        try:
            part.unlink(missing_ok=True)
            with part.open("xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, path)
        except BaseException:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise
        if folder is not None:
            os.fsync(folder)  # so that the new name outlives a loss of power


@contextmanager
def _locked(folder: Path) -> Iterator[int | None]:
    """Hold a folder open, and keep other processes that do the same out of it."""
    if fcntl is None:  # pragma: no cover - Windows opens no folders
        yield None
        return
    directory = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network file systems have no locks
            fcntl.flock(directory, fcntl.LOCK_EX)
        yield directory
    finally:
        os.close(directory)  # which ends the lock, as does the end of the process
