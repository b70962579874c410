"""Writing what a network predicts as one file of Python and one of arrays."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from handgrad.adapter import ContractAdapter, ExerciseAdapter
from handgrad.arguments import in_short
from handgrad.component import Component
from handgrad.errors import ArgumentError
from handgrad.interop.named_inputs import Given, named_inputs
from handgrad.interop.nesting import bounded
from handgrad.interop.numpy.library import Library
from handgrad.interop.numpy.values import Values
from handgrad.interop.paths import path_of, written
from handgrad.shapes import Shape
from handgrad.walk import parameters, walk

__all__ = ["Page", "export"]

_FILES = "predict.py", "network.npz"

_HEAD = '''"""What a network predicts, with NumPy alone. Its arrays are in network.npz, beside this.

Written by handgrad {version}. The formulas are those of its components, as they predict.
"""

{imports}

with np.load(Path(__file__).with_name("network.npz"), allow_pickle=False) as file:
    ARRAYS = dict(file)


def arrays(place, *names):
    """Return the arrays of what stands at a place in the network, by their names."""
    return {{name: ARRAYS[f"{{place}}.{{name}}"] for name in names}}


def given(x, shape, dtype):
    """Return an input as an array of a type, or say what is wrong with its shape."""
    x = np.asarray(x)
    alike = x.ndim == len(shape) and all(n in (None, m) for n, m in zip(shape, x.shape))
    if not alike or x.size == 0:
        raise ValueError(f"got an input of shape {{x.shape}}, expected {{shape}}, and not empty")
    return x.astype(dtype, casting="same_kind", copy=False)


class Layer:
    """A component: its arrays and its settings, as attributes."""

    takes_integers = takes_tuple = takes_lengths = False

    def __init__(self, arrays=(), **settings):
        self.parameters = self.buffers = dict(arrays)
        vars(self).update(self.parameters, **settings)
'''

_NUMPY = "import numpy as np"
_VALUES = ("ARRAYS", "CLASSES", "FEATURES", "INPUTS", "NETWORK", "OUTPUTS", "SOFTMAX", "Layer")
_TAKEN = (*_VALUES, "Path", "arrays", "file", "given", "np", "predict", "probabilities", "scores")
"""Names that the page has itself."""


def export(model: Component, folder: str | os.PathLike[str], input_shape: Shape) -> None:
    """Write what a component computes in evaluation mode as a file that needs NumPy alone.

    The folder then holds ``predict.py``, whose function ``predict`` takes what the component takes,
    and ``network.npz``. The formulas are the components' own, a user's too: they are read from
    their text, without what is for training alone.

    Parameters
    ----------
    model
        The component, a `Model` as a rule. Components of the exercise's kind, that only have
        ``__call__`` and ``grad``, keep no contract that could be written down.
    folder
        Where the two files go; those that are there already are replaced.
    input_shape
        The input's size along each axis, None where any will do, or a tuple of such shapes.

    Raises
    ------
    ArgumentError
        A component's text cannot be read, or needs a library besides NumPy.
    CheckpointError
        The file system refuses.

    Examples
    --------
    >>> from handgrad import Linear, Model, ReLU
    >>> from handgrad.interop.numpy import export
    >>> export(Model([Linear(4, 8), ReLU(), Linear(8, 3)]), "small", (None, 4))  # doctest: +SKIP
    """
    inputs, page = named_inputs(model, input_shape), Page(model)
    names = [x.name for x in inputs]
    checked = ", ".join(page.checked(x) for x in inputs)
    page.parts.append(
        f"def predict({', '.join(names)}):\n"
        f'    """Return what the network makes of its input."""\n'
        f"    return NETWORK.apply({f'({checked})' if len(inputs) > 1 else checked})"
    )
    page.write(folder)


class Page:
    """The file of a network, to which functions are added before it is written.

    Attributes
    ----------
    library : Library
        Its definitions.
    values : Values
        Its arrays, and how its components are written.
    parts : list of str
        What comes after the network.
    """

    def __init__(self, model: Component) -> None:
        for place, component in walk(model):
            if isinstance(component, ContractAdapter | ExerciseAdapter):
                raise ArgumentError(
                    f"{in_short(component)} at {place or 'the top'}, for NumPy alone",
                    "components whose classes are derived from handgrad.Component",
                    "derive its class from Component, with apply and pullback",
                )
        self.library = Library(_TAKEN)
        for _, component in walk(model):
            self.library.component(type(component))
        self.library.settle()
        self.values = Values(self.library, model)
        with bounded("a model"):
            self.network = self.values.network()
        self.dtype = next((place.array.dtype for place in parameters(model)), np.dtype(float))
        self.parts: list[str] = []

    def checked(self, x: Given) -> str:
        """Return the expression of an input that has been looked at."""
        dtype = {"i": "int64", "b": "bool"}.get(x.kind, self.dtype.name)
        return f"given({x.name}, {x.shape!r}, {dtype!r})"

    def text(self, before: Sequence[str] = ()) -> str:
        """Return the file's text."""
        from handgrad import __version__

        self.library.settle()
        wanted = {*self.library.imports.values(), "from pathlib import Path"}
        imports = "\n".join([*sorted(wanted - {_NUMPY}), "", _NUMPY])
        head = _HEAD.format(version=__version__, imports=imports)
        lines = [*self.values.lines, f"NETWORK = {self.network}", *before]
        return (
            "\n\n\n".join([head.rstrip(), self.library.text(), "\n".join(lines), *self.parts])
            + "\n"
        )

    def write(self, folder: str | os.PathLike[str], before: Sequence[str] = ()) -> None:
        """Write both files."""
        place = path_of(folder)
        arrays = io.BytesIO()
        contents: dict[str, Any] = {
            n: np.ascontiguousarray(a) for n, a in self.values.arrays.items()
        }
        np.savez(arrays, **contents)
        text = self.text(before).encode("utf-8", "backslashreplace")
        for name, content in zip(_FILES, (text, arrays.getvalue()), strict=True):
            with written(place / name) as file:
                file.write(content)
