"""A model in words: what it is made of, shapes and numbers of parameters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from handgrad.chain import Chain
from handgrad.component import Component
from handgrad.shapes import Shape, check_shape, shape_text
from handgrad.walk import own_arrays, walk

__all__ = ["summary_of"]


def summary_of(model: Any, input_shape: Shape = (...,)) -> str:
    """Return a table of a model's components, output shapes and numbers of parameters.

    Parameters
    ----------
    model
        The model.
    input_shape
        An input's shape, as `Component.output_shape` takes it.

    Examples
    --------
    >>> from handgrad import Linear, Model, ReLU
    >>> print(summary_of(Model([Linear(4, 2), ReLU()]), (None, 4)))
    Model        output parameters
    Linear(4, 2) (?, 2)         10
    ReLU()       (?, 2)          0
    total                       10
    """
    shape = check_shape(input_shape, "summary")
    rows = [("Model", "output", "parameters"), *_rows(model, "", shape, set())]
    rows.append(("total", model.layout.groups.frozen, f"{model.layout.size:,}"))
    name, output, count = (max(map(len, column)) for column in zip(*rows, strict=True))
    return "\n".join(f"{a:{name}} {b:{output}} {c:>{count}}" for a, b, c in rows)


def _rows(
    component: Component, indent: str, shape: Shape, met: set[int]
) -> Iterator[tuple[str, str, str]]:
    """Yield name, output shape and number of parameters of all that a component holds."""
    for child in component.children().values():
        output = child.output_shape(shape)
        if isinstance(component, Chain):
            before, shape = shape, output
        else:  # what a container gives to its children is its own affair
            before, output = (...,), child.output_shape((...,))
        text = "?" if output == (...,) else shape_text(output)
        if "\n" in repr(child):
            yield f"{indent}{type(child).__name__}", text, ""
            yield from _rows(child, indent + "  ", before, met)
        else:
            own = [p for _, c in walk(child) if (p := own_arrays(c))]
            size = sum(array.size for arrays in own for array in arrays.values())
            shared = size and all(id(arrays) in met for arrays in own)
            met |= {id(arrays) for arrays in own}
            yield f"{indent}{child!r}", text, "shared" if shared else f"{size:,}"
