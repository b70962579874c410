"""Safetensors files with sums by which a change is noticed, and a bound on what is read of them.

The package `safetensors` writes and reads them, and refuses a header that its file does not fit.
Two sums are added to the metadata: ``data``, that of the tensors, and ``sha256``, that of all
other texts, so that what was changed is known before anything is built.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from handgrad.checkpoint.notation import DTYPES, damaged
from handgrad.component import Array
from handgrad.errors import CheckpointError, cause

__all__ = ["LONGEST_HEADER", "Tensors", "opened", "sum_of", "to_safetensors"]

LONGEST_HEADER = 2**20
"""So many bytes a header may have. A real one has some thousand."""

_NAMES = {name: dtype for dtype, name in DTYPES.items()}


def to_safetensors(tensors: Mapping[str, Array], metadata: Mapping[str, str]) -> bytes:
    """Return a file's bytes.

    Parameters
    ----------
    tensors
        The arrays, by name.
    metadata
        Texts, by name.

    Raises
    ------
    CheckpointError
        An array has a type that is not in `DTYPES` or a name that is no text, or the header would
        be too long to be read.

    Examples
    --------
    >>> data = to_safetensors({"x": np.arange(3.0)}, {"of": "numbers"})
    >>> int.from_bytes(data[:8], "little"), len(data)
    (240, 272)
    """
    from safetensors.numpy import save

    rows = {}
    for name, array in tensors.items():
        if array.dtype.name not in DTYPES:
            raise CheckpointError(
                f"{name} of type {array.dtype}",
                f"one of the types {', '.join(DTYPES)}",
                "make the layers with dtype=np.float64",
            )
        # The package takes the memory as it lies there, so it has to lie row by row.
        rows[name] = np.asarray(array, array.dtype.newbyteorder("="), order="C")
    texts = {**metadata, "data": sum_of({name: _content(row) for name, row in rows.items()})}
    try:
        data = save(rows, {**texts, "sha256": sum_of(texts)})
    except UnicodeError as error:
        raise CheckpointError(
            f"a name that UTF-8 does not have: {error}",
            "keys that are texts, without halves of characters",
            "use str.encode(errors='replace').decode()",
        ) from cause(error)
    if (length := int.from_bytes(data[:8], "little")) > LONGEST_HEADER:
        raise CheckpointError(
            f"a description of model and training of {length:,} bytes, without their arrays",
            f"at most {LONGEST_HEADER:,} bytes",
            "store long lists of texts as one text, or in a file of their own",
        )
    return data


class Tensors:
    """The tensors of an open file, each read when it is taken.

    Parameters
    ----------
    file
        What `safetensors.safe_open` returns.

    Attributes
    ----------
    kinds : dict of str to (str, tuple of int)
        The data type and the shape of each that has not been taken yet.
    contents : dict of str to list
        What `sum_of` is taken of, for each that has been.
    """

    def __init__(self, file: Any) -> None:
        self._file = file
        self.kinds: dict[str, tuple[str, tuple[int, ...]]] = {}
        self.contents: dict[str, list[Any]] = {}
        for name in file.keys():  # noqa: SIM118 - it is no dict
            tensor = file.get_slice(name)
            dtype = tensor.get_dtype()
            kind = _NAMES.get(dtype, f"unknown {dtype}")
            self.kinds[name] = kind, tuple(tensor.get_shape())

    def pop(self, name: str) -> Array:
        """Return a tensor that has not been taken yet, as an array of one's own."""
        dtype, shape = self.kinds.pop(name)
        array: Array = np.empty(shape, dtype)  # which asks the system whether there is room
        array[...] = self._file.get_tensor(name)
        self.contents[name] = _content(array)
        return array


@contextmanager
def opened(path: Path) -> Iterator[tuple[dict[str, str], Tensors]]:
    """Open a safetensors file; what it says of itself, and its tensors.

    Parameters
    ----------
    path
        The file. While it is open another one may be put into its place.

    Raises
    ------
    OSError
        There is no such file, or it is no ordinary one.
    CheckpointError
        It is no safetensors file, or its header is longer than ours are.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "numbers.safetensors")
    ...     size = path.write_bytes(to_safetensors({"x": np.arange(3.0)}, {"of": "numbers"}))
    ...     with opened(path) as (metadata, tensors):
    ...         metadata["of"], tensors.kinds["x"], tensors.pop("x")
    ('numbers', ('float64', (3,)), array([0., 1., 2.]))
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
            yield file.metadata() or {}, Tensors(file)
    except SafetensorError as error:
        raise damaged(error) from cause(error)


def sum_of(content: object) -> str:
    """Return the SHA-256 of values that JSON can hold, whatever the order of their keys.

    Examples
    --------
    >>> sum_of({"a": 1, "b": 2}) == sum_of({"b": 2, "a": 1}) != sum_of({"a": 1, "b": 3})
    True
    """
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _content(array: Array) -> list[Any]:
    """Return what an array is: its type, its shape, and its bytes' SHA-256."""
    rows = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).reshape(-1).view(np.uint8)
    return [array.dtype.name, list(array.shape), hashlib.sha256(rows.data).hexdigest()]
