"""Pools of images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np

from handgrad.component import Component
from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.kinds.base import Kind, Shapes, Stress
from handgrad.diagnosis.kinds.convolution.pool_mistakes import AVERAGE, MAXIMUM, TIES
from handgrad.diagnosis.kinds.convolution.windows import Windows
from handgrad.layers import AvgPool2d, MaxPool2d

__all__ = ["AvgPool2dKind", "MaxPool2dKind"]


class AvgPool2dKind(Kind):
    """The mean of each window."""

    name = "avg_pool2d"
    words: ClassVar[tuple[str, ...]] = ("avgpool2d", "avgpool", "averagepool", "meanpool")
    titles: ClassVar = {"output": "output", "dx": "gradient of the input"}
    variables: ClassVar = {"dx": "x"}
    axes: ClassVar = {"x": "N H W C", "output": "N oh ow C"}
    mistakes = AVERAGE
    shapes: Shapes = ((3, 4, 6, 2), (2, 7, 5, 3), (4, 4, 5, 2))
    defaults: ClassVar = {"stride": "kernel_size", "padding": 0}
    by_the_row = False
    dimensions = "N H W C"
    how: Sequence[tuple[Any, Any]] = ((2, 2), (3, 2), (2, 1))
    """Kernel and stride of the trials."""
    component: ClassVar[type[AvgPool2d] | type[MaxPool2d]] = AvgPool2d

    def givens(self, shapes: Shapes, seed: int) -> list[Given]:
        return [
            self.given(shape, *self.how[i % len(self.how)], np.random.default_rng([seed, i]))
            for i, shape in enumerate(shapes)
        ]

    def sized(self, sizes: Mapping[str, Any]) -> Self:
        kind, kernel = super().sized(sizes), sizes.get("kernel_size", 2)
        kind.how = [(kernel, sizes.get("stride", kernel))]
        return kind

    def given(
        self,
        shape: tuple[int, ...],
        kernel: int | tuple[int, int],
        stride: int | tuple[int, int],
        rng: np.random.Generator,
    ) -> Given:
        """Return one trial, of shape (N, H, W, C)."""
        N, *sizes, C = shape
        kernels = kernel if isinstance(kernel, tuple) else (kernel, kernel)
        known = dict(zip("NHWC", shape, strict=True))
        label = ", ".join(f"{name} = {size}" for name, size in known.items())
        options: dict[str, Any] = {
            "kernel_size": kernel,
            "kernel_height": kernels[0],
            "kernel_width": kernels[1],
            "stride": stride,
            "padding": 0,
        }
        return Given(
            f"{label}, kernel {kernels[0]}x{kernels[1]}, stride {stride}",
            known,
            {"x": rng.permutation(int(np.prod(shape))).reshape(shape) / 7 - 3},  # no ties
            3 * rng.standard_normal((N, *Windows(kernels, stride).counts(sizes), C)),
            options=options,
        )

    def stresses(self, seed: int) -> list[Stress]:
        rngs = (np.random.default_rng([seed, 99, i]) for i in range(99))

        def pair(kernel: Any, stride: int, C: int = 2) -> list[Given]:
            return [self.given((N, 6, 7, C), kernel, stride, next(rngs)) for N in (2, 3)]

        whole = pair(2, 2)
        for given in whole:
            given.inputs["x"] = np.rint(7 * given.x).astype(int)
        return [
            Stress("integers", "an array of integers", whole),
            Stress("kernel of 1", "a window of one entry", pair(1, 1)),
            Stress("one channel", "one channel", pair(2, 2, C=1)),
            Stress("stride", "a stride that does not divide", pair(3, 2), optional=True),
            Stress("rectangular", "a window that is not square", pair((2, 3), 1), optional=True),
        ]

    def ours(self, given: Given) -> Component:
        kernel = given["kernel_height"], given["kernel_width"]
        return self.component(kernel, given["stride"], given["padding"])

    def windows(self, given: Given) -> Windows:
        """Return the windows of a trial."""
        kernel = given["kernel_height"], given["kernel_width"]
        return Windows(kernel, given["stride"], given["padding"])

    def fitted(self, given: Given) -> Given:
        return self.windows(given).suited(given)

    def right(self, given: Given, seen: Results) -> Results:
        given.derived["windows"] = self.windows(given)
        return super().right(given, seen)


class MaxPool2dKind(AvgPool2dKind):
    """The largest entry of each window."""

    name = "max_pool2d"
    words = ("maxpool2d", "maxpool", "maxpooling", "pooling")
    mistakes = MAXIMUM
    component = MaxPool2d

    def stresses(self, seed: int) -> list[Stress]:
        tied = self.givens(self.shapes[:2], seed + 98)
        for given in tied:
            given.inputs["x"] = np.floor(given.x) % 3 - 1
        ties = Stress("ties", "windows with several largest entries", tied, conventions=TIES)
        return [*super().stresses(seed), ties]
