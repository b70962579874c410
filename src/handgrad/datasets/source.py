"""Where the bytes of data come from: a file, a compressed one, a pipe, or the standard input."""

from __future__ import annotations

import gzip
import os
import re
import select
import shutil
import stat
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from handgrad.errors import DataError

__all__ = ["Source", "check_unpacked", "open_source", "reading"]

_PATIENCE = 10.0  # seconds that a pipe without a writer is waited for
_PART = 1 << 20  # bytes at a time
_ALWAYS = 1 << 28  # so many bytes may come of any compressed file,
_RATIO = 200  # and so many times its own size; data are hardly packed any denser than that
_GZIP = b"\x1f\x8b"
_IDX = b"\0\0"


@dataclass(frozen=True)
class Source:
    """A file that can be read from any place, and what the user calls it.

    Parameters
    ----------
    path : path
        The file that holds the bytes; a copy where they came through a pipe or were compressed.
    name : str
        What messages call it.
    start : bytes
        Its first bytes.
    packed : bool
        Whether gzip had packed it.
    """

    path: Path
    name: str
    start: bytes
    packed: bool = False

    def __str__(self) -> str:
        return self.name

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return self.path.stat().st_size


@contextmanager
def open_source(data: str | os.PathLike[str]) -> Iterator[Source]:
    """Yield what `data` names: the path of a file or of a pipe, or ``-``, the standard input.

    What comes through a pipe, and what gzip has packed, is written to a file that is gone when the
    context ends; but for packed IDX files, whose reader unpacks them itself.

    Raises
    ------
    DataError
        It is an address, or a device, or a pipe that nobody writes to, or damaged.
    OSError
        It cannot be read.
    """
    name = os.fspath(data)
    if re.match(r"[a-z]+://", name, re.IGNORECASE):
        raise DataError(
            f"{name}, which is an address and no file",
            "a file on this machine",
            f"download it first; or hand it over: curl -L {name} | handgrad ... -",
        )
    with tempfile.TemporaryDirectory(prefix="handgrad-") as folder:
        if name == "-":
            name, path = "the standard input", Path(folder, "data")
            with path.open("wb") as copy:
                shutil.copyfileobj(sys.stdin.buffer, copy, _PART)
        else:
            path = _plain(Path(name), Path(folder, "data"))
        with path.open("rb") as file:
            start = file.read(4096)
            packed = start.startswith(_GZIP)
            if packed:
                file.seek(0)
                path, start = _unpacked(file, path, start, name, Path(folder, "unpacked"))
        yield Source(path, name, start, packed)


def _plain(path: Path, copy: Path) -> Path:
    """Return a file that can be read from any place: `path`, or a copy where that is a pipe."""
    mode = path.stat().st_mode
    if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
        with copy.open("wb") as file:
            _drain(path, file)
        return copy
    if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
        raise DataError(
            f"{path}, which is a device", "a file of data, or a pipe", "copy the data to a file"
        )
    return path


def _drain(path: Path, copy: BinaryIO) -> None:
    """Copy what comes through a pipe, once somebody has opened it for writing."""
    # Opened without waiting, since that would last for ever where there is no writer.
    pipe = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        begun, known = time.monotonic(), False
        ready = select.poll()
        ready.register(pipe, select.POLLIN)
        while True:
            # Of a pipe that nobody has opened yet there is no event; one whose writer is gone
            # has hung up.
            events = ready.poll(100)
            try:
                part = os.read(pipe, _PART)
            except BlockingIOError:  # there is a writer, who thinks
                known = True
                continue
            if part:
                known = True
                copy.write(part)
            elif known or events:
                return
            elif time.monotonic() - begun > _PATIENCE:
                raise DataError(
                    f"{path}, a pipe that nobody has opened for writing in {_PATIENCE:g} seconds",
                    "data",
                    "start the program that writes to it first",
                )
    finally:
        os.close(pipe)


def _unpacked(
    file: BinaryIO, path: Path, packed: bytes, name: str, copy: Path
) -> tuple[Path, bytes]:
    """Return a file with what gzip has packed, and its start; an IDX file stays as it is."""
    size = path.stat().st_size
    try:
        with gzip.GzipFile(fileobj=file) as unpacked, copy.open("wb") as out:
            part = start = unpacked.read(4096)
            if start.startswith(_IDX):
                return path, packed
            while part:
                out.write(part)
                check_unpacked(out.tell(), size, name, "unpack it yourself (gunzip)")
                part = unpacked.read(_PART)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(
            f"{name}, whose compressed data is damaged or cut short ({error})",
            "a whole gzip file",
            "download or copy it again",
        ) from error
    return copy, start


def check_unpacked(unpacked: int, packed: int, name: object, mend: str) -> None:
    """Raise `DataError` where more bytes come of so many packed ones than of any data.

    `mend` is what to do if they are data all the same.
    """
    if unpacked > max(_ALWAYS, _RATIO * packed):
        raise DataError(
            f"{name}, which unpacks to {unpacked / 2**20:,.0f} MB or more, over {_RATIO} times its "
            "size",
            "data, which are hardly packed any denser than that",
            f"{mend}, if that is right",
        )


@contextmanager
def reading(name: str | os.PathLike[str]) -> Iterator[None]:
    """Raise `DataError` for what the system says where data are read."""
    try:
        yield
    except OSError as error:
        raise DataError(
            f"{error.filename or os.fspath(name)}, which cannot be read: {error.strerror or error}",
            "a file of data",
            "check the path and its permissions",
        ) from error
    except MemoryError as error:
        raise DataError(
            f"{os.fspath(name)}, which is larger than the memory that is free",
            "data that fits",
            "write it as .npy, which is read from the disk as it is needed",
        ) from error
