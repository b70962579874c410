"""Writing a checkpoint, and reading it back."""

from __future__ import annotations

import hashlib
import math
import os
import secrets
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from handgrad.checkpoint.decoder import Decoder
from handgrad.checkpoint.encoder import Encoder
from handgrad.checkpoint.folder import MANIFEST, TENSORS, commit
from handgrad.checkpoint.manifest import parse_manifest, read_manifest, write_manifest
from handgrad.checkpoint.notation import DTYPES, damaged
from handgrad.component import Array
from handgrad.errors import ArgumentError, CheckpointError
from handgrad.model import Model
from handgrad.walk import parameters

__all__ = ["Checkpoint", "check", "load", "save"]


@dataclass(frozen=True)
class Checkpoint:
    """What `load` returns.

    Attributes
    ----------
    model : Model
        With its parameters, and each component in its mode.
    training
        What was passed to `save`; None where nothing was.

    Examples
    --------
    >>> from handgrad import ReLU
    >>> Checkpoint(Model([ReLU()]), {"epoch": 3}).training
    {'epoch': 3}
    """

    model: Model
    training: Any


def save(folder: str | os.PathLike[str], model: Model, training: Any = None) -> None:
    """Write a model, and the state of its training, into a folder.

    Whatever goes wrong, and when, the folder holds the checkpoint that was there before or the
    new one. Where several processes save into one folder, the last one wins.

    Parameters
    ----------
    folder
        Made where it does not exist. Other files in it are left alone.
    model
        The classes of its components keep their constructors' arguments under the same names.
    training
        What is to be stored beside it: dicts with string keys, lists and tuples of numbers,
        strings, None, arrays, data types, generators, losses, optimizers, schedules. A generator
        that the model holds too will be one generator again.

    Raises
    ------
    CheckpointError
        Something cannot be stored, or the file system refuses. The old checkpoint stays.
    ArgumentError
        `model` is not a `Model`, or its layers have moved into another one.

    Examples
    --------
    >>> import tempfile
    >>> from handgrad import Linear
    >>> model = Model([Linear(3, 2)])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(folder, model, {"epoch": 3})
    ...     checkpoint = load(folder)
    >>> bool((checkpoint.model.parameters == model.parameters).all()), checkpoint.training
    (True, {'epoch': 3})
    """
    content, arrays = _encoded(model, training)
    content["files"] = {}
    token, files = secrets.token_hex(8), {}
    for kind, tensors in (("parameters", _parameters(model)), ("training", arrays)):
        name, data = f"{kind}-{token}.safetensors", _serialise(tensors)
        files[name] = data
        sha256 = hashlib.sha256(data).hexdigest()
        content["files"][kind] = {"name": name, "bytes": len(data), "sha256": sha256}
    manifest = write_manifest(content)
    try:
        commit(Path(folder), files, manifest)
    except OSError as error:
        raise CheckpointError(
            f"a refusal to write into {os.fspath(folder)!r}: {error}",
            "a folder that can be written to, with room for the new checkpoint beside the old one",
            "make room or choose another folder; a checkpoint that was there before is unharmed",
        ) from error


def check(model: Model, training: Any = None) -> None:
    """Raise the error that `save` would raise where something cannot be stored; write nothing.

    Parameters
    ----------
    model, training
        As `save` takes them.

    Raises
    ------
    CheckpointError
        Something cannot be stored.
    ArgumentError
        `model` is not a `Model`, or its layers have moved into another one.

    Examples
    --------
    >>> from handgrad import ReLU
    >>> check(Model([ReLU()]), {"epoch": 3})
    >>> check(Model([ReLU()]), {"epoch": print})
    Traceback (most recent call last):
    handgrad.errors.CheckpointError: got a value of type builtin_function_or_method, <built-in ...>
      expected: an object with constructor arguments, an array, or a value that JSON has
      to mend it: store a number, a string, a list, or an array in its place
    """
    _, arrays = _encoded(model, training)
    _check_types({**_parameters(model), **arrays})


def load(folder: str | os.PathLike[str], *, classes: Iterable[type] = ()) -> Checkpoint:
    """Read back what `save` wrote.

    No code comes out of a checkpoint: only handgrad's public classes are built, and those in
    `classes`. Every size is held against the files before memory is taken for it.

    Parameters
    ----------
    folder
        Where it was saved.
    classes
        Classes of your own that stand in the model or in the training state.

    Raises
    ------
    CheckpointError
        There is no checkpoint, or it is damaged, or needs a class that was not passed.
    ArgumentError
        `classes` holds something else than classes, or two of one name.

    Examples
    --------
    >>> load("nowhere")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    handgrad.errors.CheckpointError: got no readable checkpoint in 'nowhere' (No such file ...)
      expected: a folder that handgrad has saved into
      to mend it: look for the folder with checkpoint.json in it
    """
    place, classes = Path(folder), tuple(classes)
    manifest = read_manifest(place)
    while True:
        try:
            return _restore(place, manifest, classes)
        except CheckpointError:
            newer = read_manifest(place)
            if newer == manifest:
                raise
            manifest = newer  # another process saved while we read


def _encoded(model: Model, training: Any) -> tuple[dict[str, Any], dict[str, Array]]:
    """Return what goes into the manifest, and the arrays of the training state."""
    if not isinstance(model, Model):
        raise ArgumentError(
            f"{type(model).__name__} as the model to save", "a Model", "save Model([component])"
        )
    arrays: dict[str, Array] = {}
    encoder = Encoder(arrays)
    content = {
        "model": encoder.encode(model, "model"),
        "training": encoder.encode_rest(training, "training"),
    }
    return content, arrays


def _restore(folder: Path, manifest: bytes, classes: tuple[type, ...]) -> Checkpoint:
    from safetensors import SafetensorError, safe_open

    content = parse_manifest(manifest)
    paths = {kind: _intact(folder, kind, content) for kind in ("parameters", "training")}
    try:
        with safe_open(paths["training"], framework="numpy") as file:
            types = {dtype for dtype, _ in _tensors(file).values()}
            if not types <= set(DTYPES.values()):
                raise damaged(f"tensors of the types {', '.join(sorted(types))}")
            arrays = {name: np.array(file.get_tensor(name)) for name in _tensors(file)}
        with safe_open(paths["parameters"], framework="numpy") as file:
            given = _tensors(file)
            entries = sum(math.prod(shape) for _, shape in given.values())
            decoder = Decoder(classes, arrays, entries)
            built = decoder.build({key: content.get(key) for key in ("model", "training")})
            model = built["model"]
            if not isinstance(model, Model):
                raise damaged(f"a {type(model).__name__} where the model should be")
            parameters = _parameters(model)
            wanted = {n: (DTYPES.get(a.dtype.name), a.shape) for n, a in parameters.items()}
            if given != wanted:
                raise CheckpointError(
                    f"parameters that do not fit the model: {_difference(given, wanted)}",
                    "for each parameter of the model one tensor of its name, shape and type",
                    "pass the same classes as when it was saved, unchanged",
                )
            for name, array in parameters.items():
                array[...] = file.get_tensor(name)
    except (OSError, SafetensorError) as error:
        raise damaged(
            f"tensor files in {os.fspath(folder)!r} that do not open ({error})"
        ) from error
    return Checkpoint(model, built["training"])


def _parameters(model: Model) -> dict[str, Array]:
    """Return the parameters of all components by name, those that are shared under one name."""
    _ = model.parameters  # which makes sure that they have not moved into another model
    return {name: arrays[key] for name, arrays, key in parameters(model)}


def _tensors(file: Any) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Return type and shape of every tensor in an open file, from its header alone."""
    slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 - no dict
    return {name: (part.get_dtype(), tuple(part.get_shape())) for name, part in slices.items()}


def _check_types(tensors: Mapping[str, Array]) -> None:
    for name, array in tensors.items():
        if array.dtype.name not in DTYPES:
            raise CheckpointError(
                f"{name} of type {array.dtype}",
                f"one of the types {', '.join(DTYPES)}",
                "make the layers with dtype=np.float64",
            )


def _serialise(tensors: Mapping[str, Array]) -> bytes:
    from safetensors.numpy import save as to_bytes

    _check_types(tensors)
    # safetensors copies memory as it lies there, so it has to lie row by row.
    return to_bytes({name: np.asarray(array, order="C") for name, array in tensors.items()})


def _intact(folder: Path, kind: str, content: Mapping[str, Any]) -> Path:
    """Return the path of a tensor file that is exactly what the manifest says."""
    try:
        name, size, sha256 = (content["files"][kind][key] for key in ("name", "bytes", "sha256"))
        if not TENSORS.fullmatch(name):  # so that no name leads out of the folder
            raise damaged(f"{name!r} as the name of a tensor file")
    except (KeyError, TypeError) as error:
        raise damaged(f"nothing about the {kind} in {MANIFEST}") from error
    path: Path = folder / name
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode) or status.st_size != size:
            raise damaged(f"{name} has {status.st_size:,} bytes, and had {size!r}")
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                raise damaged(f"{name} has changed since it was written")
    except OSError as error:
        raise damaged(f"{name} cannot be read ({error})") from error
    return path


def _difference(given: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """Return in words the first difference between the tensors that are there and those needed."""
    name = next(name for name in (*wanted, *given) if given.get(name) != wanted.get(name))
    there, needed = (
        "none" if tensor is None else f"{tensor[0]} {tensor[1]}"
        for tensor in (given.get(name), wanted.get(name))
    )
    return f"{name} is {there}, and should be {needed}"
