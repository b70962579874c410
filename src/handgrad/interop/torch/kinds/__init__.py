"""The components and the modules that they correspond to, each in one place.

A component that has none here is refused by its name, and so is a module.
"""

from handgrad.interop.torch.kinds import (
    activations,
    attention,
    containers,
    convolution,
    layers,
    normalization,
    recurrent,
)
from handgrad.interop.torch.kinds.kind import Arrays, Kind, Node, arrays_of, refused

__all__ = ["KINDS", "OURS", "Arrays", "Kind", "Node", "arrays_of", "refused"]

KINDS: tuple[Kind, ...] = (
    *activations.KINDS,
    *layers.KINDS,
    *convolution.KINDS,
    *normalization.KINDS,
    *recurrent.KINDS,
    *attention.KINDS,
    *containers.KINDS,
)
OURS: dict[type, Kind] = {kind.ours: kind for kind in KINDS}
"""The kind of each component."""
