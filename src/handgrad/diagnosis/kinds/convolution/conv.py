"""Convolutions over one axis and over two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np

from handgrad.component import Component
from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.kinds.base import Kind, Shapes, Stress
from handgrad.diagnosis.kinds.convolution.conv_mistakes import CONV_1D, CONV_2D, CONVENTIONS
from handgrad.diagnosis.kinds.convolution.windows import Windows
from handgrad.layers import Conv1d, Conv2d

__all__ = ["Conv1dKind", "Conv2dKind"]


class Conv2dKind(Kind):
    """The same kernels at every place of an image."""

    name = "conv2d"
    words: ClassVar[tuple[str, ...]] = ("conv2d", "conv", "convolution", "convolutional")
    titles: ClassVar = {
        "output": "output",
        "dW": "gradient of the weights",
        "db": "gradient of the bias",
        "dx": "gradient of the input",
    }
    variables: ClassVar = {"dW": "weights", "db": "bias", "dx": "x"}
    axes: ClassVar = {
        "x": "N H W C",
        "weights": "kh kw C F",
        "bias": "F",
        "output": "N oh ow F",
    }
    dimensions: ClassVar[str] = "N H W C F"
    mistakes = CONV_2D
    conventions = CONVENTIONS
    shapes: Shapes = ((3, 5, 6, 2, 4), (2, 7, 5, 3, 2), (4, 5, 7, 4, 3), (3, 4, 6, 3, 2))
    component: ClassVar[type[Conv1d] | type[Conv2d]] = Conv2d
    defaults: ClassVar = {"stride": 1, "padding": 0}
    by_the_row = False
    kernel: Any = 3
    how: Sequence[tuple[int, int]] = ((1, 1), (2, 1), (2, 0), (1, 0))
    """Stride and padding of the trials."""

    def givens(self, shapes: Shapes, seed: int) -> list[Given]:
        return [
            self.given(
                shape, self.kernel, *self.how[i % len(self.how)], np.random.default_rng([seed, i])
            )
            for i, shape in enumerate(shapes)
        ]

    def sized(self, sizes: Mapping[str, Any]) -> Self:
        kind = super().sized(sizes)
        axes = self.axes["weights"].split()[:-2]
        kind.kernel = tuple(sizes.get(axis, self.kernel) for axis in axes)
        kind.how = [(sizes.get("stride", 1), sizes.get("padding", 0))]
        return kind

    def given(
        self,
        shape: tuple[int, ...],
        kernel: int | tuple[int, ...],
        stride: int,
        padding: int,
        rng: np.random.Generator,
    ) -> Given:
        """Return one trial, of shape (N, ..., C, F)."""
        N, *sizes, C, F = shape
        kernels = kernel if isinstance(kernel, tuple) else (kernel,) * len(sizes)
        windows = Windows(kernels, stride, padding)
        names = self.axes["x"].split()
        known = dict(zip((*names, "F"), shape, strict=True))
        label = ", ".join(f"{name} = {size}" for name, size in known.items())
        options: dict[str, Any] = {
            "in_channels": C,
            "out_channels": F,
            "kernel_size": kernel,
            "stride": stride,
            "padding": padding,
        }
        if len(kernels) == 2:
            options |= {"kernel_height": kernels[0], "kernel_width": kernels[1]}
        return Given(
            f"{label}, kernel {'x'.join(map(str, kernels))}, stride {stride}, padding {padding}",
            known,
            {"x": rng.standard_normal((N, *sizes, C))},
            rng.standard_normal((N, *windows.counts(sizes), F)),
            {"weights": rng.standard_normal((*kernels, C, F)), "bias": rng.standard_normal(F)},
            options,
        )

    def stresses(self, seed: int) -> list[Stress]:
        """Kernels of 1, one channel, integers, padding beyond what a window needs, odd strides."""
        space = [6] * (len(self.axes["x"].split()) - 2)
        rngs = (np.random.default_rng([seed, 99, i]) for i in range(99))

        def pair(C: int, F: int, kernel: Any, stride: int, padding: int) -> list[Given]:
            return [
                self.given((N, *space, C, F), kernel, stride, padding, next(rngs)) for N in (2, 3)
            ]

        whole = pair(3, 2, 3, 1, 1)
        for given in whole:
            given.inputs["x"] = np.rint(3 * given.x).astype(int)
        found = [
            Stress("integers", "an array of integers", whole),
            Stress("kernel of 1", "a kernel of one entry", pair(3, 2, 1, 1, 0)),
            Stress("one channel", "one channel and one filter", pair(1, 1, 3, 1, 1)),
            Stress("padding", "padding of 2", pair(2, 3, 3, 1, 2)),
            Stress("stride", "a stride that does not divide", pair(2, 3, 3, 2, 0), optional=True),
        ]
        if len(space) == 2:
            odd = pair(2, 3, (2, 3), 1, 0)
            found.append(Stress("rectangular", "a kernel that is not square", odd, optional=True))
        return found

    def ours(self, given: Given) -> Component:
        weights = given["weights"]
        *kernel, C, F = weights.shape
        ours = self.component(C, F, tuple(kernel), given["stride"], given["padding"], init="zeros")
        ours.weights, ours.bias = weights, given["bias"]
        return ours

    def windows(self, given: Given) -> Windows:
        """Return the windows of a trial."""
        return Windows(given["weights"].shape[:-2], given["stride"], given["padding"])

    def fitted(self, given: Given) -> Given:
        return self.windows(given).suited(given)

    def right(self, given: Given, seen: Results) -> Results:
        given.derived["windows"] = self.windows(given)
        return super().right(given, seen)


class Conv1dKind(Conv2dKind):
    """The same kernels at every step of a sequence."""

    name = "conv1d"
    words = ("conv1d",)
    dimensions = "N T C F"
    axes: ClassVar = {"x": "N T C", "weights": "k C F", "bias": "F", "output": "N ot F"}
    mistakes = CONV_1D
    shapes = ((3, 6, 2, 4), (2, 7, 3, 2), (4, 9, 4, 3), (3, 5, 3, 2))
    component = Conv1d
