"""The folder of a run: free or not, in use or not, and what was typed for it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from handgrad.errors import ArgumentError

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows has no such locks
    fcntl = None  # type: ignore[assignment]

__all__ = ["check_free", "free_folder", "locked", "write_command"]

_LOCK = ".lock"
_LEFT_OVER = {_LOCK, "command.txt", "checkpoint.safetensors.part"}
"""What a training may leave that has never come to save anything."""


def free_folder(data: str) -> Path:
    """Return the first of ``runs/NAME``, ``runs/NAME-2``, ... that is not there yet.

    Parameters
    ----------
    data
        ``digits``, or the path of a file, after which the folder is named.

    Examples
    --------
    >>> free_folder("flowers.csv").as_posix()
    'runs/flowers'
    """
    name = Path(data).name.split(".")[0]
    if not name or not name.strip("-0123456789"):  # a pipe
        name = "run"
    names = (name if i == 1 else f"{name}-{i}" for i in count(1))
    return next(folder for name in names if not (folder := Path("runs", name)).exists())


def check_free(folder: Path) -> None:
    """Raise `ArgumentError` where something is in the folder already."""
    if folder.exists() and (
        not folder.is_dir() or any(path.name not in _LEFT_OVER for path in folder.iterdir())
    ):
        raise ArgumentError(
            f"{folder}, where something is already",
            "a new or empty folder for the run",
            "choose another folder with --out; or go on with the run that is there: --resume",
        )


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Make a folder, and keep every other training out of it.

    The lock ends with the process, however that ends. Where nothing has come into a folder that was
    made, it is removed.

    Raises
    ------
    ArgumentError
        Another training is under way there, or it cannot be made.
    """
    path, there = folder / _LOCK, folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = _acquired(path)
    except BlockingIOError as error:
        raise ArgumentError(
            f"{folder}, where another training is under way",
            "a folder of its own for each",
            "choose another folder with --out; or wait for that training to end, and --resume",
        ) from error
    except OSError as error:
        raise ArgumentError(
            f"{folder}, which cannot be written to: {error.strerror}",
            "a folder for the run",
            "choose another folder with --out",
        ) from error
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink()
        os.close(lock)
        if not there:
            with suppress(OSError):  # something is in it
                folder.rmdir()


def _acquired(path: Path) -> int:
    """Return the open file of a lock; raise BlockingIOError where another process has it."""
    while True:
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            if fcntl is not None:  # pragma: no branch
                _flock(lock)
            # Whoever had it may have removed the file since it was opened here.
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(lock), os.stat(path)):
                    return lock
        except BaseException:
            os.close(lock)
            raise
        os.close(lock)


def _flock(lock: int) -> None:
    """Lock an open file, where the file system has locks: some of those in networks have none."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        pass


def write_command(folder: Path, command: str) -> None:
    """Add a command to those that were typed for the run."""
    if command:
        path = folder / "command.txt"
        with path.open("a", encoding="utf-8", errors="surrogateescape") as file:  # any file's name
            file.write(f"{command}\n")
