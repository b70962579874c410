"""Writing a checkpoint, and reading it back."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from handgrad.checkpoint.decoder import Decoder
from handgrad.checkpoint.encoder import Encoder
from handgrad.checkpoint.notation import damaged
from handgrad.checkpoint.replacing import replacing
from handgrad.checkpoint.tensors import read_tensors, to_safetensors
from handgrad.component import Array
from handgrad.errors import ArgumentError, CheckpointError, cause, shorten
from handgrad.model import Model
from handgrad.walk import buffers, parameters

__all__ = ["FILE", "Restored", "check", "load", "save"]

FILE = "checkpoint.safetensors"
"""What a checkpoint is called in its folder."""

_HEAD = {"format": "handgrad checkpoint", "version": "2"}
_OLD = "checkpoint.json"


class Restored(NamedTuple):
    """What `load` returns.

    Attributes
    ----------
    model : Model
        With its parameters and buffers, and each component in its mode.
    training
        What was passed to `save`; None where nothing was.

    Examples
    --------
    >>> from handgrad import ReLU
    >>> Restored(Model([ReLU()]), {"epoch": 3}).training
    {'epoch': 3}
    """

    model: Model
    training: Any


def save(path: str | os.PathLike[str], model: Model, training: Any = None) -> None:
    """Write a model, and the state of its training, into a file.

    Whatever goes wrong, and when, the checkpoint that was there before or the new one is there.
    Where several processes save to one place, one waits for the other, and the last one wins.

    Parameters
    ----------
    path
        A folder, in which the file is called ``checkpoint.safetensors``, or a file whose name ends
        in ``.safetensors``. Folders are made; other files in them are left alone.
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
    parts = _encoded(model, training)
    try:
        with replacing(_file(path)) as file:
            file.writelines(parts)
    except OSError as error:
        raise CheckpointError(
            f"a refusal to write into {os.fspath(path)!r}: {error}",
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
    _encoded(model, training)


def load(path: str | os.PathLike[str], *, classes: Iterable[type] = ()) -> Restored:
    """Read back what `save` wrote.

    No code comes out of a checkpoint: only handgrad's public classes are built, and those in
    `classes`. Every size is held against the file before memory is taken for it.

    Parameters
    ----------
    path
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
    handgrad.errors.CheckpointError: got no readable checkpoint in 'nowhere' ([Errno 2] No such ...)
      expected: a folder that handgrad has saved into
      to mend it: look for the folder with checkpoint.safetensors in it
    """
    try:
        metadata, tensors, intact = read_tensors(_file(path))
    except (OSError, MemoryError) as error:
        if isinstance(error, FileNotFoundError) and Path(path, _OLD).is_file():
            raise CheckpointError(
                f"a checkpoint of version 1 in {os.fspath(path)!r}, three files with {_OLD}",
                f"a checkpoint of version {_HEAD['version']}, which is one file, {FILE}",
                "train anew; no release of handgrad has written version 1",
            ) from error
        raise CheckpointError(
            f"no readable checkpoint in {os.fspath(path)!r} ({error})",
            "a folder that handgrad has saved into",
            f"look for the folder with {FILE} in it",
        ) from error
    description = _description(metadata, intact)
    entries = sum(array.size for name, array in tensors.items() if "/" not in name)
    restored = Restored(**Decoder(classes, tensors, entries).build(description))
    if not isinstance(restored.model, Model):
        raise damaged(f"a {type(restored.model).__name__} where the model should be")
    _fill(restored.model, tensors)
    return restored


def _file(path: str | os.PathLike[str]) -> Path:
    place = Path(path)
    return place if place.suffix == ".safetensors" else place / FILE


def _encoded(model: Model, training: Any) -> list[bytes | memoryview]:
    """Return the parts of a checkpoint's file."""
    if not isinstance(model, Model):
        raise ArgumentError(
            f"{type(model).__name__} as the model to save", "a Model", "save Model([component])"
        )
    arrays: dict[str, Array] = {}
    encoder = Encoder(arrays)
    content = {"model": encoder.encode(model, "model")}
    encoder.may_hold_components = False
    content["training"] = encoder.encode(training, "training")
    texts = {key: json.dumps(value, allow_nan=False) for key, value in content.items()}
    return to_safetensors(_state(model) | arrays, _HEAD | texts)


def _state(model: Model) -> dict[str, Array]:
    """Return the parameters and buffers of all components by name, each once."""
    _ = model.parameters  # which makes sure that they have not moved into another model
    return {place.name: place.array for place in (*parameters(model), *buffers(model))}


def _description(metadata: dict[str, str], intact: bool) -> dict[str, Any]:
    """Return what a file says of model and training, if it is exactly what was written."""
    version = metadata.get("version") if metadata.get("format") == _HEAD["format"] else None
    if version != _HEAD["version"]:
        raise CheckpointError(
            f"a checkpoint of version {shorten(version)!r}" if version else "somebody else's file",
            f"a checkpoint of handgrad's, version {_HEAD['version']}",
            "use the release of handgrad that has written it, or a newer one",
        )
    if not intact:
        raise damaged("it has changed since it was written")
    try:
        return {key: json.loads(metadata[key]) for key in ("model", "training")}
    except (KeyError, ValueError, RecursionError) as error:
        raise damaged(f"{type(error).__name__} in its description: {error}") from cause(error)


def _fill(model: Model, tensors: dict[str, Array]) -> None:
    """Copy parameters and buffers into a model, if they are exactly those that it has."""
    wanted = _state(model)
    for name in (*wanted, *tensors):
        there, needed = (
            f"{arrays[name].dtype} {arrays[name].shape}" if name in arrays else "none"
            for arrays in (tensors, wanted)
        )
        if there != needed:
            raise CheckpointError(
                f"{shorten(name)} that is {there}, where the model needs {needed}",
                "for each parameter and buffer of the model one of its name, shape and type",
                "pass the same classes as when it was saved, unchanged",
            )
    for name, array in wanted.items():
        array[...] = tensors[name]
