"""What `Model` costs: one training step with it, beside the same step written out by hand.

Run it with ``python -m benchmarks.step``. Both steps run in this process, with NumPy alone, on the
same arrays and threads, and are first shown to compute the same. Then rounds of either alternate,
and the median of the rounds' ratios is printed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise
from statistics import median

import numpy as np
import numpy.typing as npt

from handgrad import CrossEntropy, Linear, Model, ReLU, kernels

__all__ = ["by_hand", "compare", "with_model"]

Array = npt.NDArray[np.float32]
Step = Callable[[Array, Array], float]

NETWORKS = (((64, 64, 10), 32), ((784, 256, 128, 10), 128))
LEARNING_RATE = 0.01
ROUNDS = 31
SECONDS_A_ROUND = 0.05


def with_model(model: Model, lr: float) -> Step:
    """Return a training step as a user of handgrad writes it."""
    loss = CrossEntropy()

    def step(x: Array, targets: Array) -> float:
        value = loss(model.forward(x), targets)
        gradients = model.backward(loss.grad())
        model.update_parameters(gradients, lr)
        return float(value)

    return step


def by_hand(layers: list[tuple[Array, Array]], lr: float) -> Step:
    """Return the same step as a good programmer writes it with NumPy alone."""

    def step(x: Array, targets: Array) -> float:
        inputs = []
        for weights, bias in layers[:-1]:
            inputs.append(x)
            x = np.maximum(x @ weights + bias, 0)
        inputs.append(x)
        weights, bias = layers[-1]
        logits = x @ weights + bias

        z = logits - logits.max(axis=1, keepdims=True)
        e = np.exp(z)
        e_sum = e.sum(axis=1, keepdims=True)
        value = np.sum(targets * (np.log(e_sum) - z)) / len(x)
        dy = (e / e_sum - targets) / len(x)

        for i in reversed(range(len(layers))):
            x, (weights, bias) = inputs[i], layers[i]
            d_weights = x.T @ dy
            d_bias = dy.sum(axis=0)
            if i > 0:
                dy = (dy @ weights.T) * (x > 0)
            weights -= lr * d_weights
            bias -= lr * d_bias
        return float(value)

    return step


@kernels.using("numpy")
def compare(sizes: tuple[int, ...], batch: int, rounds: int = ROUNDS) -> tuple[float, float, float]:
    """Return the median seconds of a step with `Model` and by hand, and of the rounds' ratios."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((batch, sizes[0]), dtype=np.float32)
    targets = np.eye(sizes[-1], dtype=np.float32)[rng.integers(sizes[-1], size=batch)]
    linears = [Linear(a, b, rng=rng, dtype=np.float32) for a, b in pairwise(sizes)]
    layers = [(linear.weights.copy(), linear.bias[0].copy()) for linear in linears]
    between = [component for linear in linears for component in (linear, ReLU())]
    model = Model(between[:-1])
    steps = with_model(model, LEARNING_RATE), by_hand(layers, LEARNING_RATE)

    for _ in range(10):  # the same in both, and warm
        ours, theirs = (step(x, targets) for step in steps)
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)
    flat = np.concatenate([array.ravel() for layer in layers for array in layer])
    np.testing.assert_allclose(model.parameters, flat, rtol=1e-4, atol=1e-6)

    repeats = max(1, round(SECONDS_A_ROUND / _seconds(steps[1], x, targets, 10)))
    times = []
    for i in range(rounds):
        order = (0, 1) if i % 2 else (1, 0)  # neither always runs after the other
        measured = {k: _seconds(steps[k], x, targets, repeats) for k in order}
        times.append((measured[0], measured[1]))
    ours, theirs = (median(column) for column in zip(*times, strict=True))
    return ours, theirs, median(a / b for a, b in times)


def _seconds(step: Step, x: Array, targets: Array, repeats: int) -> float:
    """Return how long one of `repeats` steps takes."""
    start = time.perf_counter()
    for _ in range(repeats):
        step(x, targets)
    return (time.perf_counter() - start) / repeats


def main() -> None:
    """Print the ratio for each network."""
    print(f"One step of gradient descent, float32, median of {ROUNDS} interleaved rounds:")
    for sizes, batch in NETWORKS:
        ours, theirs, ratio = compare(sizes, batch)
        name = f"{'-'.join(map(str, sizes))} at {batch}"
        print(
            f"{name:22} Model {ours * 1e6:8.1f} us   by hand {theirs * 1e6:8.1f} us   {ratio:.3f}"
        )


if __name__ == "__main__":
    main()
