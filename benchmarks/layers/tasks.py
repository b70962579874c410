"""What layers there are to run: their inputs, parameters and upstream gradients, from one seed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import prod
from typing import Any, ClassVar, Self

import numpy as np

from benchmarks.tasks import STILL, Array

__all__ = ["ACTIVATIONS", "TASKS", "TURN", "LayerTask"]

TURN = 0.02
"""How long a turn is, in seconds: there are many layers, and most take less than a millisecond."""

Shape = tuple[int, ...]

ACTIVATIONS = (
    *("ReLU", "LeakyReLU", "ELU", "GELU", "GELU tanh", "SiLU", "Softplus", "HardTanh"),
    *("Sigmoid", "Tanh", "Softmax", "LogSoftmax"),
)


@dataclass(frozen=True)
class LayerTask:
    """A layer with its input, to be run forward and backward; or a network, to be trained a step.

    Attributes
    ----------
    name : str
        What it is, for people.
    kind : str
        Which layer, for the contestants.
    shape : tuple of int
        The input's, features last.
    sizes : tuple of int
        What the layer is made with: channels out, entries and features of an embedding, units of
        a recurrence, heads of an attention.
    bar, jax_bar : float
        How many times PyTorch's time, and JAX's, ours may be; 0 where there is no bar.
    dtype : str
        ``"float32"`` or ``"float64"``.
    lr, eps : float
        Adam's learning rate and epsilon, where a step is taken.
    """

    name: str
    kind: str
    shape: Shape
    sizes: Shape = ()
    bar: float = 0.0
    jax_bar: float = 0.0
    dtype: str = "float32"
    lr: float = STILL
    eps: float = 1e-8

    samples: ClassVar[int] = 0  # there is no epoch

    @property
    def title(self) -> str:
        """The task, for people."""
        return f"{self.name}, {self.dtype}"

    @property
    def trains(self) -> bool:
        """Whether it is a step of training."""
        return self.kind in ("transformer block", "CNN")

    def fits(self, facts: dict[str, Any]) -> bool:
        """Return whether a contestant takes part."""
        return self.dtype in facts["dtypes"] and self.kind in (facts["kinds"] or [self.kind])

    def shapes(self) -> dict[str, Shape]:
        """Return the shape of each parameter by its name, features last."""
        D, sizes = self.shape[-1], self.sizes
        if self.kind == "conv":
            return _conv(D, sizes[0])
        if self.kind in ("batch norm", "batch norm 2d", "layer norm"):
            return _norm(D)
        if self.kind in ("attention", "causal attention"):
            return _attention(D)
        if self.kind == "embedding":
            return {"weights": sizes}
        if self.kind == "LSTM":
            return _recurrent(D, sizes[0], 4)
        if self.kind == "GRU":
            return _recurrent(D, sizes[0], 3) | {"recurrent_bias": (1, sizes[0])}
        if self.kind == "transformer block":
            parts = {"norm1": _norm(D), "attention": _attention(D), "norm2": _norm(D)}
            return _joined(parts | {"up": _linear(D, 4 * D), "down": _linear(4 * D, D)})
        if self.kind == "CNN":
            _, H, W, _ = self.shape
            first, second, classes = sizes
            dense = {"weights": (H // 4, W // 4, second, classes), "bias": (1, classes)}
            return _joined(
                {"conv1": _conv(D, first), "conv2": _conv(first, second), "dense": dense}
            )
        return {}

    def parameters(self) -> dict[str, Array]:
        """Return the first parameters by their names: outputs are about as large as inputs."""
        rng, found = np.random.default_rng(1), {}
        for name, shape in self.shapes().items():
            array = rng.standard_normal(shape)
            array *= prod(shape[:-1]) ** -0.5 if name.endswith("weights") else 0.1
            found[name] = (array + name.endswith("gamma")).astype(self.dtype)
        return found

    def output_shape(self) -> Shape:
        """Return the output's shape."""
        if self.kind in ("conv", "LSTM", "GRU"):
            return (*self.shape[:-1], self.sizes[-1])
        if self.kind in ("max pool", "average pool"):
            N, H, W, C = self.shape
            return (N, H // 2, W // 2, C)
        return (*self.shape, self.sizes[1]) if self.kind == "embedding" else self.shape

    def data(self) -> tuple[Array, Array]:
        """Return the input, and the upstream gradient or, for a step, the targets."""
        rng = np.random.default_rng(2)
        if self.kind == "embedding":
            x = rng.integers(self.sizes[0], size=self.shape)
        else:
            x = rng.standard_normal(self.shape).astype(self.dtype)
        if self.kind == "CNN":
            return x, rng.integers(self.sizes[-1], size=len(x))
        return x, rng.standard_normal(self.output_shape()).astype(self.dtype)

    def to_json(self) -> dict[str, Any]:
        """Return the task as JSON's values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Return the task that `to_json` was called on."""
        shapes = {name: tuple(values[name]) for name in ("shape", "sizes")}
        return cls(**{**values, **shapes})


def _conv(C: int, K: int) -> dict[str, Shape]:
    return {"weights": (3, 3, C, K), "bias": (K,)}


def _linear(D: int, K: int) -> dict[str, Shape]:
    return {"weights": (D, K), "bias": (1, K)}


def _norm(D: int) -> dict[str, Shape]:
    return {"gamma": (D,), "beta": (D,)}


def _attention(D: int) -> dict[str, Shape]:
    weights = {f"{name}_weights": (D, D) for name in ("query", "key", "value", "output")}
    return weights | {f"{name}_bias": (1, D) for name in ("query", "value", "output")}


def _recurrent(D: int, H: int, gates: int) -> dict[str, Shape]:
    K = gates * H
    return {"input_weights": (D, K), "recurrent_weights": (H, K), "bias": (1, K)}


def _joined(parts: dict[str, dict[str, Shape]]) -> dict[str, Shape]:
    return {f"{part}.{key}": shape for part, own in parts.items() for key, shape in own.items()}


def _recurrences(kind: str, bar: float) -> list[LayerTask]:
    name = f"{kind}, 32 sequences of 32, 64 features, {{}} units"
    shape = (32, 32, 64)
    return [LayerTask(name.format(H), kind, shape, (H,), bar, 1.0) for H in (64, 128)]


TASKS: tuple[LayerTask, ...] = (
    *(
        LayerTask(f"conv 3x3, {C} to {C}, 32 of 16x16", "conv", (32, 16, 16, C), (C,), 2.75)
        for C in (16, 32, 64)
    ),
    *(
        LayerTask(f"conv 3x3, {C} to 16, 32 of 8x8", "conv", (32, 8, 8, C), (16,), 0.5)
        for C in (1, 3)
    ),
    LayerTask("max pool 2x2, 32 of 16x16x32", "max pool", (32, 16, 16, 32), (), 5.0),
    LayerTask("average pool 2x2, 32 of 16x16x32", "average pool", (32, 16, 16, 32), (), 5.0),
    LayerTask("batch norm, 256 rows of 256", "batch norm", (256, 256), (), 3.5),
    LayerTask("batch norm, 32 of 16x16x32", "batch norm 2d", (32, 16, 16, 32), (), 3.5),
    LayerTask("layer norm, 1024 rows of 128", "layer norm", (8, 128, 128), (), 4.0),
    LayerTask("layer norm, 1024 rows of 512", "layer norm", (8, 128, 512), (), 9.0),
    *(
        LayerTask(f"{kind}, 8 of {T}x128, 4 heads", kind, (8, T, 128), (4,), 1.4)
        for kind, T in (
            *(("attention", T) for T in (64, 128, 256)),
            ("causal attention", 256),
        )
    ),
    LayerTask("embedding, 32x64 of 1,000, 128 features", "embedding", (32, 64), (1000, 128), 2.2),
    *_recurrences("LSTM", 2.1),
    *_recurrences("GRU", 1.0),
    *(
        LayerTask(f"{kind}, {rows}x256", kind, (rows, 256), (), bar)
        for rows, bar in ((128, 1.0), (4096, 4.0))
        for kind in ACTIVATIONS
    ),
    LayerTask("step of a block, 8 of 128x128", "transformer block", (8, 128, 128), (4,), 1.3),
    LayerTask("step of a CNN, 64 of 28x28", "CNN", (64, 28, 28, 1), (16, 32, 10), 2.5, 1.0),
)
