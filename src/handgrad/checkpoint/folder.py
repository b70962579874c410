"""A folder whose manifest and tensor files change in one step, whatever happens meanwhile.

The manifest names the tensor files that belong to it. Those are written first, under names that
were never used before; then the manifest is replaced, which the file system does in one step.
Before that moment the folder holds the old state, after it the new one, and nothing but files
that no manifest names is ever removed.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows has no such locks
    fcntl = None  # type: ignore[assignment]

__all__ = ["MANIFEST", "TENSORS", "commit", "read_bounded"]

MANIFEST = "checkpoint.json"
LARGEST = 2**26
"""So many bytes may a manifest have."""

TENSORS = re.compile(r"(parameters|training)-[0-9a-f]{16}\.safetensors")
_TENSORS_IN_MANIFEST = re.compile(TENSORS.pattern.encode())
_TEMPORARY = re.compile(re.escape(MANIFEST) + r"\.[0-9a-f]{16}\.tmp")


def commit(folder: Path, files: Mapping[str, bytes], manifest: bytes) -> None:
    """Write files under fresh names, and replace the manifest by one that names them.

    Parameters
    ----------
    folder
        Made where it does not exist.
    files
        Contents by name.
    manifest
        Has the names of `files` in it.

    Raises
    ------
    OSError
        The file system refuses. Unless the manifest was replaced by then, nothing has changed.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     for name in ("training-0123456789abcdef.safetensors",
    ...                  "training-fedcba9876543210.safetensors"):
    ...         commit(Path(place), {name: b"..."}, name.encode())
    ...     sorted(path.name for path in Path(place).iterdir())
    ['checkpoint.json', 'training-fedcba9876543210.safetensors']
    """
    folder.mkdir(parents=True, exist_ok=True)
    temporary = f"{MANIFEST}.{secrets.token_hex(8)}.tmp"
    with _saving(folder) as directory:
        before = _named(folder)
        try:
            for name, data in files.items():
                _write(folder / name, data)
            _sync(directory)  # the files are there for good before anything names them
            _write(folder / temporary, manifest)
            os.replace(folder / temporary, folder / MANIFEST)
            _sync(directory)
        except BaseException:
            _remove(folder, {temporary, *files})
            raise
        _remove(folder, _left_over(folder) if _alone(directory) else before)


def read_bounded(path: Path) -> bytes:
    """Return a manifest's bytes, no more than one may have, and one if it has more.

    Raises
    ------
    OSError
        There is no such file, or it is no ordinary one.

    Examples
    --------
    >>> read_bounded(Path("no") / MANIFEST)
    Traceback (most recent call last):
    FileNotFoundError: [Errno 2] No such file or directory: 'no/checkpoint.json'
    """
    if path.exists() and not path.is_file():  # opening a pipe would wait for ever
        raise OSError(f"{path} is no ordinary file")
    with path.open("rb") as file:
        return file.read(LARGEST + 1)


@contextmanager
def _saving(folder: Path) -> Iterator[int | None]:
    """Hold the folder open, and say to other processes that somebody is saving into it."""
    if fcntl is None:  # pragma: no cover - Windows opens no folders
        yield None
        return
    directory = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network file systems have no locks
            fcntl.flock(directory, fcntl.LOCK_SH)
        yield directory
    finally:
        os.close(directory)  # which ends the lock, as does the end of the process


def _alone(directory: int | None) -> bool:
    """Return whether surely nobody else is saving into the folder now."""
    if directory is None:  # pragma: no cover - Windows
        return False
    try:
        fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _write(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync(directory: int | None) -> None:
    """Make the names in the folder outlive a loss of power."""
    if directory is not None:
        os.fsync(directory)


def _named(folder: Path) -> set[str]:
    """Return every tensor file that the manifest mentions."""
    try:
        manifest = read_bounded(folder / MANIFEST)
    except FileNotFoundError:
        return set()
    return {match.group().decode() for match in _TENSORS_IN_MANIFEST.finditer(manifest)}


def _left_over(folder: Path) -> set[str]:
    """Return the files of saves that were killed, or have been replaced."""
    names = os.listdir(folder)
    return {name for name in names if TENSORS.fullmatch(name) or _TEMPORARY.fullmatch(name)}


def _remove(folder: Path, names: Iterable[str]) -> None:
    """Remove those of the files that the manifest does not name, as far as the system lets us."""
    with suppress(OSError):
        for name in set(names) - _named(folder):
            with suppress(OSError):
                (folder / name).unlink(missing_ok=True)
