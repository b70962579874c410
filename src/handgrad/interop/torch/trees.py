"""Between a tree of ours and one of PyTorch's, where PyTorch is installed."""

from __future__ import annotations

from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.component import Component
from handgrad.errors import ArgumentError, HandgradError, shorten
from handgrad.interop.nesting import bounded
from handgrad.interop.torch.filling import filled
from handgrad.interop.torch.going import lowered
from handgrad.interop.torch.kinds import KINDS, Kind, Node, arrays_of, refused
from handgrad.interop.torch.kinds.containers import PASSING, identity
from handgrad.interop.torch.kinds.transformer import BLOCKS
from handgrad.interop.torch.layouts import Layout, given
from handgrad.model import Model
from handgrad.shapes import Shape
from handgrad.walk import join

__all__ = ["from_torch", "to_torch"]


def torch_package() -> Any:
    """Return PyTorch, or raise where it is not installed."""
    try:
        import torch
    except ImportError as error:
        raise ArgumentError(
            "a wish for modules of PyTorch where it is not installed",
            "an environment that has it",
            "install it: pip install 'handgrad[torch]'; load_state_dict and save_state_dict "
            "read and write files without it",
        ) from error
    return torch


class _Modules:
    """All modules by name: those of ours, and those of ``torch.nn``."""

    def __init__(self) -> None:
        nn = torch_package().nn
        import handgrad.interop.torch.modules as modules

        self.torch, self.own = nn, modules

    def __getattr__(self, name: str) -> Any:
        return getattr(self.own if name in self.own.__all__ else self.torch, name)

    def named(self, name: str) -> list[Any]:
        """Return the classes of that name."""
        homes = (self.own, self.torch)
        return [getattr(home, name) for home in homes if hasattr(home, name)]


def to_torch(model: Any, *, input_shape: Shape | None = None) -> Any:
    """Return a module of PyTorch's that computes what a model computes.

    Parameters
    ----------
    model : Model
        A model, or any component.
    input_shape : tuple, optional
        Of the model's input, features last, such as ``(None, 28, 28, 1)``; for a model whose layers
        do not tell whether it takes images, and for a flattening of images that no convolution has
        seen.

    Returns
    -------
    torch.nn.Module
        With copies of the parameters and buffers, of their type, frozen and in the modes that the
        model's are. An `nn.Sequential` of modules of ``torch.nn``, and where that has none of the
        kind, of `handgrad.interop.torch.modules`. It takes images and what a `Conv1d` reads with
        the channels second, ``x.transpose(0, 3, 1, 2)``, and all else as ours.

    Raises
    ------
    ArgumentError
        A component has no counterpart.

    Examples
    --------
    >>> from handgrad import Dropout, Linear, Model, ReLU
    >>> to_torch(Model([Linear(4, 8), Dropout(ReLU(), 0.5), Linear(8, 3, bias=False)]))
    Sequential(
      (0): Linear(in_features=4, out_features=8, bias=True)
      (1): ReLU()
      (2): Dropout(p=0.5, inplace=False)
      (3): Linear(in_features=8, out_features=3, bias=False)
    )
    """
    torch = torch_package()
    nn, made = _Modules(), dict[int, Any]()

    def build(node: Node) -> Any:
        component = node.component
        shared = node.kind is not None and not node.children
        if shared and id(component) in made:
            return made[id(component)]
        module = node.make(nn, [build(child) for child in node.children.values()])
        if shared:
            made[id(component)] = module
        if node.kind is not None:
            arrays = node.kind.tensors(component, arrays_of(component), node.layout)
            tensors = {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}
            if tensors:
                floats = [t.dtype for t in tensors.values() if t.is_floating_point()]
                module.to(floats[0]).load_state_dict(tensors)
                module.requires_grad_(not _frozen(component))
        if component is not None:
            module.training = component.training
        return module

    # what is drawn is written over
    with bounded("a model"), torch.random.fork_rng(devices=[]):
        return build(lowered(model, input_shape).root)


def _frozen(component: Any) -> bool:
    """Return whether a component is frozen, or all those that it joins in one module."""
    children = component.children().values()
    return all(child.frozen for child in children) if children else bool(component.frozen)


def from_torch(module: Any, *, input_shape: Shape | None = None) -> Model:
    """Return a model that computes what a module of PyTorch's computes.

    Parameters
    ----------
    module : torch.nn.Module
        An `nn.Sequential`, however nested, or one of the modules that correspond to components; see
        the table in the documentation. Containers are those of `handgrad.interop.torch.modules`.
    input_shape : tuple, optional
        Of the input as the model takes it, features last, such as ``(None, 32, 32, 3)``; for a
        flattening of images that no convolution has seen.

    Returns
    -------
    Model
        With copies of the tensors, of their type; what is frozen there (``requires_grad=False``)
        and in evaluation mode is so here. It takes images and what a `Conv1d` reads with the
        channels last, ``x.transpose(0, 2, 3, 1)``, and all else as PyTorch. A recurrent layer puts
        out its states.

    Raises
    ------
    ArgumentError
        A module, or an option of one, has no counterpart: with its name, and its path in the tree.

    Examples
    --------
    >>> from torch import nn
    >>> from_torch(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 3)))
    Model                  output   parameters
    Linear(4, 8)           (..., 8)         40
    Dropout(ReLU(), p=0.5) (..., 8)          0
    Linear(8, 3)           (..., 3)         27
    total                                   67
    """
    if not isinstance(module, torch_package().nn.Module):
        raise ArgumentError(
            f"{type(module).__name__} for from_torch",
            "a module of PyTorch's",
            "read a file with load_state_dict(model, path)",
        )
    with bounded("a module"):
        coming = _Coming()
        component, after = coming.component("", module, coming.start(module, input_shape))
    if after.form == "pooled":
        raise _unflattened("")
    component = identity() if component is None else component
    return component if isinstance(component, Model) else Model([component])


_POOLED = (
    "handgrad pools images: give sequences a second axis of 1, with nn.Conv2d(..., (3, 1)) and "
    "pools of (2, 1)"
)
_CROSS = (
    "it reads what an encoder makes beside its own input: build it of Residual and "
    "MultiHeadAttention, and read its tensors with load_state_dict"
)
_INSTEAD = {
    **dict.fromkeys(("MaxPool1d", "AvgPool1d", "LPPool1d"), _POOLED),
    **dict.fromkeys(("Transformer", "TransformerDecoder", "TransformerDecoderLayer"), _CROSS),
    "PReLU": "no activation here learns: take nn.LeakyReLU with the slope that it has learned",
}
"""What to do without modules that people have."""
_OTHERWISE = (
    "build the rest of the network with handgrad, and read its tensors with load_state_dict; of a "
    "class of your own, its modules as an nn.Sequential"
)


class _Coming:
    """One walk through modules, which notes what it has met."""

    def __init__(self) -> None:
        nn = _Modules()
        self.kinds: dict[type, Kind] = {
            cls: kind
            for kind in (*KINDS, *PASSING, *BLOCKS)
            for name in kind.theirs
            for cls in nn.named(name)
        }
        self.place = ""
        self.met: dict[Any, tuple[int, Any]] = {}
        self.owners: dict[int, Any] = {}

    def start(self, root: Any, input_shape: Shape | None) -> Layout:
        """Return how the input lies: as the first module wants it that does not take any."""
        form, axes = None, None
        for module in root.modules():
            kind = self.kinds.get(type(module))
            if type(module).__name__ == "Flatten":
                break
            if kind is not None and kind.form(module)[0]:
                form, axes = kind.form(module)
                break
        return given(input_shape, form or "last", axes)

    def component(self, name: str, module: Any, layout: Layout) -> tuple[Any, Layout]:
        before, self.place = self.place, join(self.place, name)
        try:
            return self._component(module, layout)
        except HandgradError as error:
            if not getattr(error, "__notes__", None):
                error.add_note(f"at {self.place!r} of the module, {type(module).__name__}")
            raise
        finally:
            self.place = before

    def _component(self, module: Any, layout: Layout) -> tuple[Any, Layout]:
        kind = self._kind(module)
        self._check_layout(kind, module, layout)
        component, after = kind.coming(self, module, layout)
        if component is None:
            return None, after
        if [*module.parameters(recurse=False), *module.buffers(recurse=False)]:
            order, first = self.met.setdefault(module, (layout.order, component))
            if order != layout.order:
                raise refused(
                    f"{self._named(module)}, which stands twice, before a flattening and behind it",
                    "give each place a module of its own",
                )
            if first is not component:  # a module that stands twice is one component
                return first, after
        if any(type(child) in self.kinds for child in module.children()):
            component.training = module.training  # what it holds has modes of its own
        else:
            self._marked(component, module)
        return component, after

    def _named(self, module: Any) -> str:
        return f"{type(module).__name__} at {self.place!r}" if self.place else type(module).__name__

    def _kind(self, module: Any) -> Kind:
        kind = self.kinds.get(type(module))
        if kind is None:
            raise ArgumentError(
                f"{self._named(module)}, a module that has no counterpart in handgrad",
                "nn.Sequential, and modules that correspond to components of handgrad",
                _INSTEAD.get(type(module).__name__, _OTHERWISE),
            )
        if module._forward_hooks or module._forward_pre_hooks:
            raise refused(
                f"{self._named(module)} with hooks, which change what it computes",
                "remove them, for instance with torch.nn.utils.remove_weight_norm",
            )
        for name, value in kind.only.items():
            found = getattr(module, name, value)
            pair = tuple(found) if isinstance(found, tuple) else (found,)
            if any(one != value for one in pair):
                raise refused(
                    f"{name}={shorten(repr(found), 60)} of {self._named(module)}",
                    kind.mends.get(name, f"make it with {name}={value!r}"),
                )
        return kind

    def _check_layout(self, kind: Kind, module: Any, layout: Layout) -> None:
        if layout.form == "pooled" and not kind.takes_pooled:
            raise _unflattened(self._named(module))
        wanted = kind.form(module)[0] or kind.wants(layout)
        flat = layout.form == "flat"
        if (flat and (wanted == "first" or not kind.takes_flat)) or (
            not flat and wanted not in (None, layout.form)
        ):
            where = {"first": "second", "last": "last", "flat": "those of a flattened image"}
            raise refused(
                f"{self._named(module)}, whose input has its features {where[layout.form]}",
                "put the axes in order with ChannelsFirst or FeaturesLast of "
                "handgrad.interop.torch.modules",
            )

    def _marked(self, component: Component, module: Any) -> None:
        """Bring a component to a module's mode, and freeze it if that is frozen."""
        if not module.training:
            component.eval()
        learns = {p.requires_grad for p in module.parameters()}
        if len(learns) > 1:
            raise refused(
                f"{self._named(module)}, of which some tensors are frozen and others learn",
                "freeze a whole module, with module.requires_grad_(False)",
            )
        if learns == {False}:
            component.freeze()

    def options(self, module: Any) -> dict[str, Any]:
        tensors = module.state_dict().values()
        if any(tensor.is_meta for tensor in tensors):
            raise refused(
                f"{self._named(module)} on the device meta, which keeps no numbers",
                "make it on another device, and load its tensors",
            )
        numbers = (t for t in tensors if t.is_floating_point() or t.is_complex())
        dtypes = {str(tensor.dtype).removeprefix("torch.") for tensor in numbers}
        dtype = dtypes.pop() if dtypes else "float64"
        if dtypes or dtype not in ("float32", "float64"):
            raise refused(
                f"{self._named(module)} of {', '.join(sorted({dtype, *dtypes}))}",
                "make it float32 with module.float()",
            )
        return {"init": "zeros", "bias_init": "zeros", "dtype": np.dtype(dtype)}

    def tensors(self, module: Any) -> dict[str, Array]:
        for tensor in module.parameters():
            if self.owners.setdefault(id(tensor), module) is not module:
                raise refused(
                    f"{self._named(module)}, which shares a tensor with another module",
                    "give each module tensors of its own",
                )
        return {name: t.detach().cpu().numpy() for name, t in module.state_dict().items()}

    filled = staticmethod(filled)


def _unflattened(name: str) -> ArgumentError:
    return refused(
        f"an adaptive pool without a flattening behind it{name and f', but {name}'}",
        "put nn.Flatten() behind the pool",
    )
