"""Which tensors of a file belong to which component.

A file has names alone, without an order: ``safetensors`` sorts them. Where they are the names that
`to_torch` gives, they decide. Else the shapes do, and where several modules have the same, the
numbers in their names (``conv1``, ``conv2``): nothing is guessed beyond that.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from handgrad.arguments import in_short
from handgrad.errors import shorten
from handgrad.interop.torch.going import Held
from handgrad.walk import join

__all__ = ["FLOATS", "Matched", "matched", "modules_of", "spelled"]

FLOATS = ("F16", "F32", "F64")
_UNREAD = {"num_batches_tracked"}
_LAYER = re.compile(r"((?:weight|bias)_[ih]h_l)(\d+)((?:_reverse)?)")
_PROJECTIONS = {"in_proj_weight", "q_proj_weight"}


class Matched(NamedTuple):
    """What belongs together, a module of the file and what it is for; and what does not.

    Attributes
    ----------
    pairs : list of (str, Held)
        Modules by their names in the file.
    problems : list of str
        A line for each tensor that does not fit.
    """

    pairs: list[tuple[str, Held]]
    problems: list[str]


def modules_of(names: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return the modules that tensors are of, and of each its tensors by their names in it.

    The layers of a recurrent module are modules of their own, with a colon and a number, and what
    an attention's last layer holds is the attention's.

    Examples
    --------
    >>> modules_of(["a.weight", "rnn.weight_ih_l0", "rnn.weight_ih_l1"])["rnn:1"]
    {'weight_ih_l0': 'rnn.weight_ih_l1'}
    """
    split = {name: tuple(name.rpartition(".")[::2]) for name in names}
    attentions = {module for module, tensor in split.values() if tensor in _PROJECTIONS}
    layers = [(module, _LAYER.fullmatch(tensor)) for module, tensor in split.values()]
    stacked = {module for module, layer in layers if layer and layer[2] != "0"}
    found: dict[str, dict[str, str]] = {}
    for name, (module, tensor) in split.items():
        parent, _, last = module.rpartition(".")
        if last == "out_proj" and parent in attentions:
            module, tensor = parent, f"out_proj.{tensor}"
        elif layer := _LAYER.fullmatch(tensor):
            module = f"{module}:{layer[2]}" if module in stacked else module
            tensor = f"{layer[1]}0{layer[3]}"
        found.setdefault(module, {})[tensor] = name
    return found


def spelled(module: str, tensor: str) -> str:
    """Return the name of a module's tensor in a file.

    Examples
    --------
    >>> spelled("rnn:1", "weight_ih_l0"), spelled("fc", "weight")
    ('rnn.weight_ih_l1', 'fc.weight')
    """
    module, _, number = module.partition(":")
    layer = _LAYER.fullmatch(tensor)
    if number and layer:
        tensor = f"{layer[1]}{number}{layer[3]}"
    return join(module, tensor)


def matched(
    wanted: list[Held],
    found: Mapping[str, Mapping[str, tuple[str, tuple[int, ...]]]],
    names: Mapping[str, str],
) -> Matched:
    """Return which modules of a file belong to which components.

    Parameters
    ----------
    wanted
        What the model's components need.
    found
        Of each module of the file the tensors, each with its type and shape.
    names
        The places in the model of some modules, by their names in the file.

    Examples
    --------
    >>> from handgrad import Linear, Model
    >>> from handgrad.interop.torch.going import held
    >>> layers = held(Model([Linear(2, 3, bias=False), Linear(3, 1, bias=False)]))
    >>> found = {"a": {"weight": ("F32", (1, 3))}, "b": {"weight": ("F32", (3, 2))}}
    >>> [(name, one.place) for name, one in matched(layers, found, {}).pairs]
    [('b', '0'), ('a', '1')]
    """
    by_place = {one.place: one for one in wanted}
    problems = [f"names: no module {name!r} in the file" for name in names if name not in found]
    problems += [
        f"names: nothing with parameters at {place!r} in the model"
        for place in names.values()
        if place not in by_place
    ]
    pairs = [(n, by_place[p]) for n, p in names.items() if n in found and p in by_place]
    taken = {one.place for _, one in pairs}
    rest = [one for one in wanted if one.place not in taken]
    left = [name for name in found if name not in names]
    own = {name: one for one in rest for name in one.names}
    if own.keys() <= set(left) or set(left) <= own.keys():
        pairs += [(name, one) for name, one in own.items() if name in left]
    else:
        more, unclear = _by_shape(rest, {name: found[name] for name in left})
        pairs, problems = pairs + more, problems + unclear
    paired = {name for name, _ in pairs}, {one.place for _, one in pairs}
    for name, one in pairs:
        problems += _misfits(name, found[name], one)
    if not any("alike" in problem for problem in problems):
        problems += [
            f"{_said(one)} needs {_listed(_shapes(one))}: there is none"
            for one in rest
            if one.place not in paired[1]
        ]
        problems += [
            f"{shorten(name, 80)} has {_listed(_shapes_in(found[name]))}: nothing in the model has"
            for name in left
            if name not in paired[0]
        ]
    return Matched(pairs, problems)


def _by_shape(
    wanted: list[Held], found: Mapping[str, Mapping[str, Any]]
) -> tuple[list[tuple[str, Held]], list[str]]:
    """Return pairs of what has the same tensors in the same shapes, and what is not clear."""
    groups: dict[Any, tuple[list[Held], list[str]]] = {}
    for one in wanted:
        groups.setdefault(_key(_shapes(one)), ([], []))[0].append(one)
    for name, tensors in found.items():
        groups.setdefault(_key(_shapes_in(tensors)), ([], []))[1].append(name)
    pairs, unclear, rest = list[tuple[str, Held]](), [], ([*wanted], [*found])
    for components, modules in groups.values():
        if not modules or len(components) != len(modules):
            continue
        ordered = _in_order(modules, found)
        if ordered is None:
            places = ", ".join(one.place for one in components)
            unclear.append(
                f"{', '.join(shorten(name, 80) for name in modules)} are alike, and so are {places}"
                f" of the model: say which is which, names={{{modules[0]!r}: "
                f"{components[0].place!r}, ...}}"
            )
            continue
        pairs += zip(ordered, components, strict=True)
    for name, one in pairs:
        rest[0].remove(one)
        rest[1].remove(name)
    if len(rest[0]) == len(rest[1]) == 1:  # what is wrong with it can be said tensor by tensor
        pairs.append((rest[1][0], rest[0][0]))
    return pairs, unclear


def _in_order(modules: list[str], every: Collection[str]) -> list[str] | None:
    """Return names in the order of their numbers, None where they differ in more than these.

    PyTorch's encoder of a transformer has one more normalization behind those of its layers.

    Examples
    --------
    >>> _in_order(["conv10", "conv9"], [])
    ['conv9', 'conv10']
    >>> norms = ["norm", "layers.0.norm2", "layers.0.norm1"]
    >>> _in_order(norms, ["layers.0.self_attn", *norms])
    ['layers.0.norm1', 'layers.0.norm2', 'norm']
    """

    def numbers(name: str) -> list[int]:
        return [int(digits) for digits in re.findall(r"\d+", name)]

    def template(name: str) -> str:
        return re.sub(r"\d+", "#", name)

    if len({template(name) for name in modules}) == 1:
        return sorted(modules, key=numbers)
    parted = {name: re.fullmatch(r"(|.*\.)(layers\.\d+\.norm\d|norm)", name) for name in modules}
    found = {name: (each[1], each[2]) for name, each in parted.items() if each is not None}
    if len(found) < len(modules) or len({template(before) for before, _ in found.values()}) > 1:
        return None
    if not all(f"{before}layers.0.self_attn" in every for before, _ in found.values()):
        return None
    return sorted(
        modules,
        key=lambda name: (numbers(found[name][0]), found[name][1] == "norm", numbers(name)),
    )


def _misfits(
    name: str, tensors: Mapping[str, tuple[str, tuple[int, ...]]], one: Held
) -> Iterable[str]:
    """Say of each tensor of a module what is wrong with it."""
    wanted = _shapes(one)
    for tensor, shape in wanted.items():
        whole = shorten(spelled(name, tensor), 80)
        if tensor not in tensors:
            yield f"{whole} {shape}, for {_said(one)}: there is none"
            continue
        dtype, given = tensors[tensor]
        if given != shape:
            yield f"{whole} is {given}, where {_said(one)} needs {shape}"
        elif dtype not in FLOATS:
            yield f"{whole} is {dtype}, where {', '.join(FLOATS)} are read: write net.float()'s"
    for tensor in tensors:
        if tensor not in wanted and tensor not in _UNREAD:
            yield f"{shorten(spelled(name, tensor), 80)}: {_said(one)} has none"


def _said(one: Held) -> str:
    return f"{in_short(one.component)} at {one.place!r}" if one.place else in_short(one.component)


def _shapes(one: Held) -> dict[str, tuple[int, ...]]:
    return {n: array.shape for n, array in one.tensors().items() if n not in _UNREAD}


def _shapes_in(tensors: Mapping[str, tuple[str, tuple[int, ...]]]) -> dict[str, tuple[int, ...]]:
    return {name: shape for name, (_, shape) in tensors.items() if name not in _UNREAD}


def _key(shapes: Mapping[str, tuple[int, ...]]) -> Any:
    return frozenset(shapes.items())


def _listed(shapes: Mapping[str, tuple[int, ...]]) -> str:
    return ", ".join(f"{shorten(name, 80)} {shape}" for name, shape in shapes.items())
