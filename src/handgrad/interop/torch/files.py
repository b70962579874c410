"""Files of tensors as PyTorch's users write them, without PyTorch."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.checkpoint.tensors import opened
from handgrad.component import Component
from handgrad.errors import ArgumentError, CheckpointError, printable, shorten
from handgrad.interop.paths import path_of, written
from handgrad.interop.torch.filling import filled
from handgrad.interop.torch.going import Held, held
from handgrad.interop.torch.kinds import Arrays
from handgrad.interop.torch.matching import matched, modules_of, spelled
from handgrad.shapes import Shape

__all__ = ["load_state_dict", "save_state_dict"]

_MOST = 40  # lines of what does not fit


def load_state_dict(
    model: Component,
    path: str | os.PathLike[str],
    *,
    names: Mapping[str, str] | None = None,
    input_shape: Shape | None = None,
) -> None:
    """Copy the tensors of a file of PyTorch's into a model; PyTorch need not be there.

    The file is what ``safetensors.torch.save_file(net.state_dict(), path)`` writes. Names and
    layouts are PyTorch's: weights (out, in), channels first, a second bias in a recurrent layer,
    and behind a flattening the features in PyTorch's order.

    Parameters
    ----------
    model : Model
        A model, or any component, of the same layers.
    path
        The file.
    names : mapping of str to str, optional
        The places in the model of modules of the file, by their names there, such as
        ``{"fc1": "0", "fc2": "2"}``; for those of which neither the name nor the shapes nor numbers
        in the names tell where they belong. Layer k of a recurrent module is ``"rnn:k"``.
    input_shape : tuple, optional
        As `to_torch` takes it.

    Raises
    ------
    ArgumentError
        Some tensors do not fit: each is named, and the model is as it was. Or a component has no
        counterpart.
    CheckpointError
        There is no such file, or it is damaged.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from pathlib import Path
    >>> from safetensors.numpy import save_file
    >>> from handgrad import Linear, Model, ReLU
    >>> model = Model([Linear(2, 3), ReLU(), Linear(3, 1)])
    >>> tensors = {"fc1.weight": np.ones((3, 2)), "fc1.bias": np.zeros(3)}
    >>> tensors |= {"fc2.weight": np.ones((1, 3)), "fc2.bias": np.zeros(1)}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_file(tensors, Path(folder, "net.safetensors"))
    ...     load_state_dict(model, Path(folder, "net.safetensors"))
    >>> model.predict([[1.0, 2.0]])
    array([[9.]])
    """
    wanted, names = held(model, input_shape), _checked(names)
    try:
        with opened(path_of(path), _damaged) as file:
            read = _read(file, wanted, names)
    except (OSError, MemoryError) as error:
        raise CheckpointError(
            f"no readable file of tensors at {os.fspath(path)!r} ({error})",
            "a file that safetensors.torch.save_file has written",
            "write it there with save_file(net.state_dict(), path)",
        ) from error
    for component, arrays in read:
        filled(component, arrays)


def save_state_dict(
    model: Component,
    path: str | os.PathLike[str],
    *,
    names: Mapping[str, str] | None = None,
    input_shape: Shape | None = None,
) -> None:
    """Write a model's tensors into a file from which a module of PyTorch's takes them.

    It is for ``net.load_state_dict(safetensors.torch.load_file(path))``. The names are those of the
    module that `to_torch` makes, whose children have numbers: of an `nn.Sequential` of the same
    layers, where a `Dropout` is a child of its own.

    Parameters
    ----------
    model : Model
        A model, or any component.
    path
        The file.
    names : mapping of str to str, optional
        The places in the model of modules by their names in the file, as `load_state_dict` takes
        them; for a class of somebody's own.
    input_shape : tuple, optional
        As `to_torch` takes it.

    Raises
    ------
    ArgumentError
        A component has no counterpart, or a name or a place is not there, or there twice.
    CheckpointError
        The file system refuses.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from safetensors.numpy import load_file
    >>> from handgrad import Linear, Model, ReLU
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "net.safetensors")
    ...     save_state_dict(Model([Linear(2, 3), ReLU(), Linear(3, 1)]), path, names={"out": "2"})
    ...     sorted(load_file(path))
    ['0.bias', '0.weight', 'out.bias', 'out.weight']
    """
    from safetensors.numpy import save

    wanted, names = held(model, input_shape), _checked(names)
    own: dict[str, list[str]] = {}
    for name, place in names.items():
        own.setdefault(place, []).append(name)
    if unknown := own.keys() - {one.place for one in wanted}:
        raise _misfit([f"names: nothing with parameters at {p!r}" for p in sorted(unknown)])
    tensors: dict[str, Array] = {}
    for one in wanted:
        for module in own.get(one.place, one.names):
            for name, array in one.tensors().items():
                whole = spelled(module, name)
                if whole in tensors:
                    raise _misfit([f"names: {whole} for two components"])
                tensors[whole] = np.array(array, array.dtype.newbyteorder("="), order="C")
    data = save(tensors, {"format": "pt"})
    with written(path_of(path)) as file:
        file.write(data)


def _checked(names: Mapping[str, str] | None) -> Mapping[str, str]:
    names = {} if names is None else names
    right = isinstance(names, Mapping)
    if not right or not all(isinstance(n, str) for pair in names.items() for n in pair):
        raise ArgumentError(
            f"names={shorten(repr(names), 80)}",
            "a dict: by the names of modules in the file their places in the model",
            'write names={"fc1": "0", "fc2": "2"}',
        )
    return names


def _read(file: Any, wanted: list[Held], names: Mapping[str, str]) -> list[tuple[Any, Arrays]]:
    """Return the arrays of components; a tensor is read when all are known to fit."""
    whole = modules_of(file.keys())
    slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 - it is no dict
    found = {
        module: {
            t: (slices[n].get_dtype(), tuple(slices[n].get_shape())) for t, n in tensors.items()
        }
        for module, tensors in whole.items()
    }
    pairs, problems = matched(wanted, found, names)
    if problems:
        raise _misfit(problems)
    read: dict[str, tuple[str, dict[str, Array]]] = {}
    arrays: list[tuple[Any, Arrays]] = []
    for module, one in pairs:
        tensors = {
            n: file.get_tensor(whole[module][n])
            for n in one.tensors()
            if n in whole[module] and n != "num_batches_tracked"
        }
        first, known = read.setdefault(one.place, (module, tensors))
        if any(not np.array_equal(known[n], t, equal_nan=True) for n, t in tensors.items()):
            problems.append(f"{module} and {first} differ, and are one component of the model")
        arrays.append((one.component, one.kind.arrays(one.component, tensors, one.layout)))
    if problems:
        raise _misfit(problems)
    return arrays


def _misfit(problems: list[str]) -> ArgumentError:
    shown = (
        [*problems[:_MOST], f"and {len(problems) - _MOST} more"]
        if len(problems) > _MOST
        else problems
    )
    return ArgumentError(
        "\n    ".join(["tensors that do not fit the model:", *map(printable, shown)]),
        "for each component with parameters a module with tensors of its shapes",
        "make the model of the same layers as the network; say which module is which with names=",
    )


def _damaged(what: object) -> CheckpointError:
    return CheckpointError(
        f"a damaged file of tensors: {shorten(what)}",
        "what safetensors.torch.save_file has written, unchanged",
        "write or download it again; what torch.save has written (.pt, .pth), load with PyTorch, "
        "and write with save_file",
    )
