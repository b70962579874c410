"""Safetensors files: named arrays behind a header that says where each one lies.

The format is eight bytes with the header's length, the header as JSON, and the arrays' bytes::

    {"__metadata__": {name: text, ...},
     "0.weights": {"dtype": "F64", "shape": [3, 2], "data_offsets": [0, 48]}, ...}

It is written and read here, rather than with the package of that name, so that nothing is believed
before it is checked, and no file is mapped into memory, where one that is cut meanwhile would end
the process. What is written has a ``sha256`` in its metadata: that of the whole file with 64 zeros
in the place of the digest itself.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from handgrad.checkpoint.notation import DTYPES, damaged
from handgrad.component import Array
from handgrad.errors import CheckpointError, cause

__all__ = ["read_tensors", "to_safetensors"]

LONGEST_HEADER = 2**20
"""So many bytes a header may have. A real one has some thousand."""

_NAMES = {name: dtype for dtype, name in DTYPES.items()}
_ZEROS = b"0" * 64


def to_safetensors(
    tensors: Mapping[str, Array], metadata: Mapping[str, str]
) -> list[bytes | memoryview]:
    """Return a file's bytes in parts: its header, and each of the arrays, not copied.

    Parameters
    ----------
    tensors
        The arrays, by name.
    metadata
        Texts, by name.

    Raises
    ------
    CheckpointError
        An array has a type that is not in `DTYPES`, or the header would be too long to be read.

    Examples
    --------
    >>> header, x = to_safetensors({"x": np.arange(3.0)}, {"of": "numbers"})
    >>> int.from_bytes(header[:8], "little"), x.nbytes
    (168, 24)
    """
    header: dict[str, Any] = {"__metadata__": {"sha256": _ZEROS.decode(), **metadata}}
    parts, end = [], 0
    # The widest entries first, so that each array begins at a multiple of its entries' size.
    for name, array in sorted(tensors.items(), key=lambda item: -item[1].dtype.itemsize):
        if array.dtype.name not in DTYPES:
            raise CheckpointError(
                f"{name} of type {array.dtype}",
                f"one of the types {', '.join(DTYPES)}",
                "make the layers with dtype=np.float64",
            )
        start, end = end, end + array.nbytes
        shape, dtype = list(array.shape), DTYPES[array.dtype.name]
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}
        rows = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        parts.append(rows.reshape(-1).view(np.uint8).data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    if len(text) > LONGEST_HEADER:
        raise CheckpointError(
            f"a description of model and training of {len(text):,} bytes, without their arrays",
            f"at most {LONGEST_HEADER:,} bytes",
            "store long lists of texts as one text, or in a file of their own",
        )
    text = len(text).to_bytes(8, "little") + text
    digest = hashlib.sha256(text)
    for part in parts:
        digest.update(part)
    return [text.replace(_ZEROS, digest.hexdigest().encode(), 1), *parts]


def read_tensors(path: Path) -> tuple[dict[str, str], dict[str, Array], bool]:
    """Read a safetensors file.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    metadata : dict of str to str
        What it says of itself.
    tensors : dict of str to Array
        The arrays, which lie in memory as they lay in the file.
    intact : bool
        Whether every byte is as `to_safetensors` wrote it.

    Raises
    ------
    OSError
        There is no such file, or it is no ordinary one.
    CheckpointError
        It is no safetensors file, or one that none of ours can be.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "numbers.safetensors")
    ...     path.write_bytes(b"".join(to_safetensors({"x": np.arange(3.0)}, {"of": "numbers"})))
    ...     metadata, tensors, intact = read_tensors(path)
    200
    >>> metadata["of"], tensors, intact
    ('numbers', {'x': array([0., 1., 2.])}, True)
    """
    if path.exists() and not path.is_file():  # opening a pipe would wait for ever
        raise OSError(None, "it is no ordinary file")
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        first = file.read(8)
        length = int.from_bytes(first, "little")
        if not 2 <= length <= min(LONGEST_HEADER, size - 8):
            raise damaged(f"a header of {length:,} bytes in a file of {size:,}")
        text = file.read(length)
        metadata, entries = _parse(text, size - 8 - length)
        data = np.empty(size - 8 - length, np.uint8)
        if file.readinto(data.data) != data.size:
            raise damaged("a file that is cut while it is read")
    written = metadata.get("sha256", "")
    digest = hashlib.sha256(first + text.replace(written.encode(), _ZEROS, 1))
    digest.update(data.data)
    tensors = {
        name: data[start:stop].view(dtype.newbyteorder("<")).reshape(shape)
        for name, (dtype, shape, start, stop) in entries.items()
    }
    return metadata, tensors, digest.hexdigest() == written


def _parse(text: bytes, size: int) -> tuple[dict[str, str], dict[str, Any]]:
    """Return what a header says, if it fits so many bytes of arrays."""
    entries, end = {}, 0
    try:
        header = json.loads(text.decode())  # else JSON in UTF-16 would pass too
        metadata = header.pop("__metadata__", {})
        if not all(isinstance(value, str) for value in metadata.values()):
            raise ValueError("metadata that are not texts")
        for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
            dtype, shape = np.dtype(_NAMES[entry["dtype"]]), entry["shape"]
            start, stop = entry["data_offsets"]
            if (
                len(shape) > 64  # NumPy has no more
                or not all(type(n) is int and n >= 0 for n in (*shape, start, stop))
                or math.prod(n or 1 for n in shape) * dtype.itemsize >= 2**63
                or (start, stop) != (end, end + math.prod(shape) * dtype.itemsize)
            ):
                raise ValueError(f"{name!r}: {entry}")
            entries[name] = dtype, shape, start, stop
            end = stop
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise damaged(f"{type(error).__name__} in its header: {error}") from cause(error)
    if end != size:
        raise damaged(f"{size:,} bytes of arrays, where the header speaks of {end:,}")
    return metadata, entries
