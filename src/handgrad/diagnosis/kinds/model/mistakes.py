"""Mistakes in a model: the order of the passes, and the step."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from handgrad.component import Array
from handgrad.diagnosis.mistake import Given, Mistake, Results, mistake
from handgrad.diagnosis.result import Cause

__all__ = ["MISTAKES", "REVERSED"]

Saved = list[Any]

_CHAIN = (
    "Each component's backward pass gets the gradient with respect to its own output, which is "
    "what the component after it returns."
)


def _forward(
    given: Given, components: Iterable[Any], x: Array | None = None
) -> tuple[Array, Saved]:
    """Run components one after the other; return the output and what each has saved."""
    x, saved = given.x if x is None else x, []
    for component in components:
        x, kept = component.apply(x)
        saved.append(kept)
    return x, saved


def _gradients(given: Given, parts: dict[int, dict[str, Array]]) -> Results:
    """Return the flat gradients, of zeros for every layer that has none."""
    weights, bias = [], []
    for i, component in enumerate(given.layers):
        if hasattr(component, "weights"):
            part = parts.get(i, {})
            weights.append(part.get("weights", np.zeros_like(component.weights)).ravel())
            bias.append(part.get("bias", np.zeros_like(component.bias)).ravel())
    flat, flat_bias = np.concatenate(weights), np.concatenate(bias)
    return {"dW": flat, "W step": flat, "b step": flat_bias}


def _backward(given: Given, order: Iterable[int], chain: bool = True) -> Results:
    """Walk the components in some order, each getting what the one before it returned."""
    _, saved = _forward(given, given.layers)
    dy, parts = given.dy, {}
    for i in order:
        dx, parts[i] = given.layers[i].pullback(dy, saved[i])
        if chain:
            dy = dx
    return _gradients(given, parts)


def _split(given: Given, flat: Array, name: str) -> list[Array]:
    """Return the parts of a flat vector, one for each layer with parameters."""
    sizes = [getattr(layer, name).size for layer in given.layers if hasattr(layer, name)]
    return np.split(flat, np.cumsum(sizes)[:-1])


def _rearranged(given: Given, right: Results, order: list[int]) -> Results:
    """Return the steps with layer i moved by the gradient of layer order[i]."""
    steps = {}
    for step, name in (("W step", "weights"), ("b step", "bias")):
        parts = _split(given, right[step], name)
        shapes = [layer.weights.shape for layer in given.layers if hasattr(layer, "weights")]
        if any(shapes[i] != shapes[j] for i, j in enumerate(order)):
            raise ValueError("the gradients do not fit")
        steps[step] = np.concatenate([parts[j] for j in order])
    return steps


def _count(given: Given) -> int:
    return sum(hasattr(layer, "weights") for layer in given.layers)


@mistake(
    "walks forwards in the backward pass",
    "The components' backward passes are run from the first to the last.",
    "Unless all layers have one size, the shapes do not fit; with one layer nothing is seen.",
    _CHAIN,
    "The chain rule: the gradient of the loss is known at the output, so the walk begins there.",
    "Walk in reverse: `for component in reversed(self.components)`.",
)
def walks_forwards(given: Given, right: Results) -> Results:
    return _backward(given, range(len(given.layers)))


@mistake(
    "every component gets the loss' gradient",
    "The gradient is not handed on: each component's backward pass gets the one of the output.",
    "Only the last component's gradients are right.",
    _CHAIN,
    "The chain rule: each factor multiplies what came out of the one before it.",
    "Overwrite the gradient in the loop: `dy = component.grad(dy)`, the part that belongs to the "
    "input.",
)
def not_chained(given: Given, right: Results) -> Results:
    return _backward(given, range(len(given.layers)), chain=False)


@mistake(
    "the activations are skipped in the backward pass",
    "The gradient walks through the layers alone.",
    "The last layers' gradients are right as long as no activation stands behind them.",
    _CHAIN,
    "The chain rule: an activation is a factor as a layer is.",
    "Call the backward pass of every component, also where it has no parameters.",
)
def skips_activations(given: Given, right: Results) -> Results:
    layers = [i for i, layer in enumerate(given.layers) if hasattr(layer, "weights")]
    return _backward(given, reversed(layers))


@mistake(
    "the last component is skipped in the backward pass",
    "The walk begins one component too early.",
    "The last component has no gradient, and all others are wrong.",
    _CHAIN,
    "The first factor of the chain rule is missing.",
    "Begin with the last one: `reversed(self.components)`, or `range(len(...) - 1, -1, -1)`.",
)
def skips_last(given: Given, right: Results) -> Results:
    return _backward(given, range(len(given.layers) - 2, -1, -1))


@mistake(
    "the first component is skipped in the backward pass",
    "The walk ends one component too early.",
    "All gradients are right but the first component's, which is missing, and never learns.",
    "Every parameter on which the loss depends has a gradient.",
    "The last factor of the chain rule is missing.",
    "End with the first one: `reversed(self.components)`, or `range(len(...) - 1, -1, -1)`.",
)
def skips_first(given: Given, right: Results) -> Results:
    return _backward(given, range(len(given.layers) - 1, 0, -1))


@mistake(
    "the last component is left out of the forward pass",
    "The output is that of the last but one component.",
    "The output does not change when the last component does.",
    "A model's output is its last component's.",
    "The composition of the functions: its outermost one is missing.",
    "Loop over all components: `for component in self.components`.",
)
def forward_skips_last(given: Given, right: Results) -> Results:
    output, _ = _forward(given, given.layers[:-1])
    return {"output": output}


@mistake(
    "the first component is left out of the forward pass",
    "The input goes into the second component.",
    "The output does not change when the first component does.",
    "A model's input goes through its first component.",
    "The composition of the functions: its innermost one is missing.",
    "Loop over all components: `for component in self.components`.",
)
def forward_skips_first(given: Given, right: Results) -> Results:
    output, _ = _forward(given, given.layers[1:])
    return {"output": output}


@mistake(
    "the activations are skipped in the forward pass",
    "The input goes through the layers alone.",
    "The model is an affine map: its output is a straight line along any line of inputs.",
    "Each component gets the output of the one before it.",
    "The composition of the functions: the activations are missing.",
    "Call every component, also where it has no parameters.",
)
def forward_skips_activations(given: Given, right: Results) -> Results:
    output, _ = _forward(given, [c for c in given.layers if hasattr(c, "weights")])
    return {"output": output}


@mistake(
    "walks backwards in the forward pass",
    "The components are called from the last to the first.",
    "Unless all layers have one size, the shapes do not fit.",
    "Each component gets the output of the one before it.",
    "The composition of the functions: which one is the innermost?",
    "Call them in the order of the list.",
)
def forward_reversed(given: Given, right: Results) -> Results:
    output, _ = _forward(given, given.layers[::-1])
    return {"output": output}


@mistake(
    "every component gets the model's input",
    "The output is not handed on: each component is called on the input itself.",
    "Only the last component has an influence on the output.",
    "Each component gets the output of the one before it.",
    "The composition of the functions: each one is applied to the result of the one before.",
    "Overwrite the input in the loop: `x = component(x)`.",
)
def forward_not_chained(given: Given, right: Results) -> Results:
    output, _ = _forward(given, given.layers[-1:])
    return {"output": output}


@mistake(
    "ascends",
    "The step goes along the gradient, uphill.",
    "The loss rises at every step, by what it should fall.",
    "A small step of gradient descent lowers the loss.",
    "The step: the gradient points to where the loss grows.",
    "Subtract: `weights -= lr * gradient`.",
)
def ascends(given: Given, right: Results) -> Results:
    return {name: -right[name] for name in ("W step", "b step")}


@mistake(
    "the learning rate is ignored",
    "The whole gradient is subtracted.",
    "The step has the same length whatever the learning rate is.",
    "Half the learning rate makes half the step.",
    "The step: the gradient has a factor.",
    "Multiply by the learning rate: `weights -= lr * gradient`.",
)
def no_rate(given: Given, right: Results) -> Results:
    return {name: right[name] / given.lr for name in ("W step", "b step")}


@mistake(
    "divided by the learning rate",
    "The gradient is divided by the learning rate.",
    "The smaller the learning rate, the longer is the step.",
    "Half the learning rate makes half the step.",
    "The step: the gradient has a factor.",
    "Multiply by the learning rate: `weights -= lr * gradient`.",
)
def divided_by_rate(given: Given, right: Results) -> Results:
    return {name: right[name] / given.lr**2 for name in ("W step", "b step")}


@mistake(
    "the learning rate is applied twice",
    "The gradient is multiplied by the learning rate two times.",
    "The step is very short.",
    "Half the learning rate makes half the step.",
    "The step: the gradient has one factor.",
    "Multiply by the learning rate once: `weights -= lr * gradient`.",
)
def rate_twice(given: Given, right: Results) -> Results:
    return {name: right[name] * given.lr for name in ("W step", "b step")}


@mistake(
    "the step is averaged over the minibatch",
    "The gradient is divided by the number of rows once more.",
    "The larger the minibatch, the shorter is the step.",
    "The mean is the loss' affair: its gradient has the factor already.",
    "The step: no other factor than the learning rate stands in it.",
    "Leave out the division by the number of rows.",
)
def averaged(given: Given, right: Results) -> Results:
    return {name: right[name] / len(given.x) for name in ("W step", "b step")}


@mistake(
    "two steps at once",
    "The gradient is subtracted twice.",
    "The step is twice as long as the learning rate says.",
    "Half the learning rate makes half the step, and one call makes one step.",
    "The step: it is carried out once for each parameter.",
    "Look for a second loop over the same layers, or a `+=` onto the gradients before the step.",
)
def two_steps(given: Given, right: Results) -> Results:
    return {name: 2 * right[name] for name in ("W step", "b step")}


@mistake(
    "no step",
    "The parameters stay as they are.",
    "The loss is the same after the step.",
    "A small step of gradient descent lowers the loss.",
    "The step: its result has to be put where the layer reads it.",
    "Write into the layer: `layer.weights -= lr * gradient`; `w = w - ...` changes a local name "
    "alone.",
)
def no_step(given: Given, right: Results) -> Results:
    return {name: np.zeros_like(right[name]) for name in ("W step", "b step")}


@mistake(
    "the old parameters are lost in the step",
    "The parameters are set to the step itself, minus the learning rate times the gradient.",
    "After one step the parameters are very small, whatever they were before.",
    "A learning rate of 0 leaves the parameters as they are.",
    "The step: the new parameters are the old ones and a small change.",
    "Subtract from the old ones: `weights -= lr * gradient`; `weights =- ...` is an assignment of "
    "a negative number.",
)
def old_lost(given: Given, right: Results) -> Results:
    return {
        "W step": right["W step"] + given.W / given.lr,
        "b step": right["b step"] + given.b / given.lr,
    }


@mistake(
    "the bias is not updated",
    "The step moves the weights alone.",
    "The biases never change.",
    "Every parameter on which the loss depends takes part in the step.",
    "The step: theta stands for all parameters.",
    "Update the bias too: `layer.bias -= lr * layer.gradients['bias']`.",
)
def bias_stays(given: Given, right: Results) -> Results:
    return {"b step": np.zeros_like(right["b step"])}


@mistake(
    "the weights are not updated",
    "The step moves the biases alone.",
    "The weights never change.",
    "Every parameter on which the loss depends takes part in the step.",
    "The step: theta stands for all parameters.",
    "Update the weights too: `layer.weights -= lr * gradient`.",
)
def weights_stay(given: Given, right: Results) -> Results:
    return {"W step": np.zeros_like(right["W step"])}


@mistake(
    "the bias ascends",
    "The weights go downhill and the biases uphill.",
    "Training is unstable, although the weights' step is right.",
    "A small step of gradient descent lowers the loss.",
    "The step: it is the same for every parameter.",
    "Subtract for the bias too.",
)
def bias_ascends(given: Given, right: Results) -> Results:
    return {"b step": -right["b step"]}


@mistake(
    "updated with the gradients in reverse order",
    "The first layer is moved by the last layer's gradient and so on.",
    "With one layer all is well; with two of one size both move the wrong way.",
    "Each parameter is moved by its own gradient.",
    "The step: the index of the parameter and that of the gradient are the same.",
    "The walk was in reverse, so the list is too: turn it round before the step.",
)
def reversed_gradients(given: Given, right: Results) -> Results:
    return _rearranged(given, right, list(range(_count(given)))[::-1])


@mistake(
    "every layer is updated with the last layer's gradient",
    "One layer's gradient moves all of them.",
    "With one layer all is well; with two of one size one moves the wrong way.",
    "Each parameter is moved by its own gradient.",
    "The step: the index of the parameter and that of the gradient are the same.",
    "Take each layer's own entry of the list, and not a name that is left from another loop.",
)
def last_for_all(given: Given, right: Results) -> Results:
    return _rearranged(given, right, [_count(given) - 1] * _count(given))


@mistake(
    "every layer is updated with the first layer's gradient",
    "One layer's gradient moves all of them.",
    "With one layer all is well; with two of one size one moves the wrong way.",
    "Each parameter is moved by its own gradient.",
    "The step: the index of the parameter and that of the gradient are the same.",
    "Take each layer's own entry of the list, and not a name that is left from another loop.",
)
def first_for_all(given: Given, right: Results) -> Results:
    return _rearranged(given, right, [0] * _count(given))


@mistake(
    "each layer is updated with the next layer's gradient",
    "The gradients are shifted by one against the layers.",
    "With one layer all is well; with two of one size both move the wrong way.",
    "Each parameter is moved by its own gradient.",
    "The step: the index of the parameter and that of the gradient are the same.",
    "Take each layer's own entry of the list; an index that counts activations too, or begins at "
    "1, is shifted.",
)
def shifted(given: Given, right: Results) -> Results:
    count = _count(given)
    return _rearranged(given, right, [(i + 1) % count for i in range(count)])


@mistake(
    "only the last layer is updated",
    "All layers but the last stay as they are.",
    "The parameters of the first layers never change.",
    "Every parameter on which the loss depends takes part in the step.",
    "The step: it is carried out for every layer.",
    "Loop over all layers; a `return` inside the loop ends it too early.",
)
def only_last(given: Given, right: Results) -> Results:
    return _only(given, right, _count(given) - 1)


@mistake(
    "only the first layer is updated",
    "All layers but the first stay as they are.",
    "The parameters of the last layers never change.",
    "Every parameter on which the loss depends takes part in the step.",
    "The step: it is carried out for every layer.",
    "Loop over all layers; a `return` inside the loop ends it too early.",
)
def only_first(given: Given, right: Results) -> Results:
    return _only(given, right, 0)


def _only(given: Given, right: Results, kept: int) -> Results:
    steps = {}
    for step, name in (("W step", "weights"), ("b step", "bias")):
        parts = _split(given, right[step], name)
        steps[step] = np.concatenate(
            [part if i == kept else np.zeros_like(part) for i, part in enumerate(parts)]
        )
    return steps


MISTAKES: tuple[Mistake, ...] = (
    walks_forwards,
    not_chained,
    skips_activations,
    skips_last,
    skips_first,
    forward_skips_last,
    forward_skips_first,
    forward_skips_activations,
    forward_reversed,
    forward_not_chained,
    ascends,
    no_rate,
    divided_by_rate,
    rate_twice,
    averaged,
    two_steps,
    no_step,
    old_lost,
    bias_stays,
    weights_stay,
    bias_ascends,
    reversed_gradients,
    last_for_all,
    first_for_all,
    shifted,
    only_last,
    only_first,
)
REVERSED = Cause(
    "gradients from the last component to the first",
    "The list of gradients begins with the last component's; the step takes that into account.",
    ("nothing is wrong",) * 4,
)
