"""A transformer's encoder, which is a module in PyTorch and several components here."""

from __future__ import annotations

from typing import Any

from handgrad.activations import GELU, ReLU
from handgrad.containers import Residual
from handgrad.interop.torch.kinds.containers import around, identity
from handgrad.interop.torch.kinds.kind import Coming, Kind, refused
from handgrad.interop.torch.layouts import Layout
from handgrad.model import Model

__all__ = ["BLOCKS"]


class _Block(Kind):
    """A module that becomes a model; no component of ours becomes it again."""

    ours, takes, axes = None, "last", 3


class _Layer(_Block):
    """Attention, and two affine maps at each step, with a way around each and a normalization."""

    theirs = ("TransformerEncoderLayer",)

    def coming(self, walk: Coming, module: Any, layout: Layout) -> tuple[Any, Layout]:
        def part(name: str) -> Any:
            component, _ = walk.component(name, getattr(module, name), layout)
            return identity() if component is None else component

        def dropped(layer: Any, name: str) -> Any:
            return around(layer, part(name)) if getattr(module, name).p else layer

        attention = dropped(part("self_attn"), "dropout1")
        activation = dropped(_activation(walk, module, layout), "dropout")
        steps = [part("linear1"), activation, dropped(part("linear2"), "dropout2")]
        first, second = part("norm1"), part("norm2")
        if module.norm_first:
            blocks = [Residual(Model([first, attention])), Residual(Model([second, *steps]))]
        else:
            blocks = [Residual(attention), first, Residual(Model(steps)), second]
        return Model(blocks), layout


def _activation(walk: Coming, module: Any, layout: Layout) -> Any:
    """Return what is a module in a layer, or one of PyTorch's functions."""
    given = module.activation
    if hasattr(given, "forward"):
        return walk.component("activation", given, layout)[0]
    made = {"relu": ReLU, "gelu": GELU}.get(getattr(given, "__name__", ""))
    if made is None or getattr(given, "__module__", "torch").partition(".")[0] != "torch":
        raise refused(f"activation={given!r}", 'make it with activation="relu" or "gelu"')
    return made()


class _Encoder(_Block):
    """Layers in a row, and a normalization where there is one."""

    theirs = ("TransformerEncoder",)

    def coming(self, walk: Coming, module: Any, layout: Layout) -> tuple[Any, Layout]:
        parts = [
            walk.component(f"layers.{name}", layer, layout)[0]
            for name, layer in module.layers._modules.items()  # one that stands twice, twice
        ]
        if module.norm is not None:
            parts.append(walk.component("norm", module.norm, layout)[0])
        return Model(parts), layout


BLOCKS: tuple[Kind, ...] = (_Layer(), _Encoder())
