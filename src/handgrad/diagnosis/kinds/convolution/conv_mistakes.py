"""Mistakes in convolutions over one axis and over two."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.families import GENERAL, Gradient, averaged, averaged_input, ignored_in
from handgrad.diagnosis.kinds.convolution.stride_mistakes import PLACE, steps_apart
from handgrad.diagnosis.kinds.convolution.windows import Windows, turned
from handgrad.diagnosis.mistake import Formula, Mistake, convention, mistake
from handgrad.diagnosis.parameter_families import loops, multiplied, shifted, summed

__all__ = ["CONVENTIONS", "CONV_1D", "CONV_2D"]

WEIGHTS = Gradient(
    "dW", "weights", "the weights'", "a weight", "dW += window.T @ dy[n, h, w]` for every window `"
)
BIAS = Gradient("db", "bias", "the bias'", "the bias", "dy.sum(axis=(0, 1, 2))")
INPUT = Gradient(
    "dx",
    "input",
    "the input's",
    "an input",
    "dx[window] += weights @ dy[n, h, w]` for every window `",
)


def _dx(windows: Windows, shares: Array, x: Array, step: int = 0) -> Array:
    sizes = x.shape[1:-1]
    return windows.cropped(windows.spread(shares, sizes, step), sizes)


def _overwritten(windows: Windows, shares: Array, x: Array) -> Array:
    """Return `dx` where each share is written over the ones before it."""
    sizes, everywhere = x.shape[1:-1], np.ones(shares.shape, dtype=bool)
    return windows.cropped(windows.spread(shares, sizes, where=everywhere), sizes)


def _whole(windows: Windows, x: Array, dy: Array, weights: Array) -> Array:
    """Return `dx` with the padding's."""
    return windows.spread(windows.shares(dy, weights), x.shape[1:-1])


def _cut_to_minus(windows: Windows, x: Array, dy: Array, weights: Array) -> Array:
    """Return `dx` with its padding cut off as by ``[pad:-pad]``."""
    inside = (slice(windows.padding, -windows.padding),) * len(windows.kernel)
    return _whole(windows, x, dy, weights)[:, *inside].copy()


def _of_weights(change: Formula) -> dict[str, Formula]:
    """Return `dx` with other weights."""
    return {
        "dx": lambda windows, x, dy, weights: _dx(windows, windows.shares(dy, change(weights)), x)
    }


def _last_window(windows: Windows, x: Array, dy: Array) -> Array:
    only = np.zeros_like(dy)
    last = (-1,) * (dy.ndim - 1)
    only[last] = dy[last]
    return windows.of_weights(windows.padded(x), only)


def _unpadded(windows: Windows, x: Array, dy: Array) -> Array:
    """Return the kernels' gradient of windows that begin at the input, not at its padding."""
    behind = [(0, 2 * windows.padding)] * len(windows.kernel)
    return windows.of_weights(np.pad(x, [(0, 0), *behind, (0, 0)]), dy)


def _last_channel(windows: Windows, x: Array, weights: Array, bias: Array) -> Array:
    return windows.output(x[..., -1:], weights[..., -1:, :]) + bias


_TRANSPOSE = "The backward pass is the transpose of the forward pass: what a tap took, it gives to."
_CUT = "The first step of the forward pass was to pad, so the last one backwards is to cut."
_ADDS = "An input that several windows see gets a share from each of them."
_SUM = "A kernel serves every window of every image, so its gradient is a sum over all of them."
_SIZE = (
    "The output has (size + 2 padding - kernel) / stride + 1 entries along an axis, rounded down."
)

_ONE_APART, _UNSTRIDED = steps_apart(
    lambda windows, x, weights, bias: windows.output(x, weights, step=1) + bias,
    lambda windows, x, weights, bias: replace(windows, stride=1).output(x, weights) + bias,
    _SIZE,
)

CONVENTIONS = (
    convention(
        "the kernel is turned, as in mathematics",
        lambda windows, x, dy, weights, bias, dW: {
            "output": windows.output(x, turned(weights)) + bias,
            "dW": turned(dW),
            "dx": _dx(windows, windows.shares(dy, turned(weights)), x),
        },
        "The kernel is turned by half a turn before it is laid over the input, which makes of a "
        "correlation a convolution in the mathematical sense.",
    ),
)

_FORWARD = (
    *shifted("bias", "an input of zeros", "(window * weights).sum() + bias"),
    mistake(
        "the bias is added for each channel",
        {"output": lambda output, bias, x: output + (x.shape[-1] - 1) * bias},
        "The bias is inside the sum over the channels, and so enters as often as there are any.",
        "The output for an input of zeros is a multiple of the bias.",
        "For an input of zeros the output is the bias.",
        "The definition of the layer: the bias stands outside of the sum.",
        "Add the bias once, after the sum over the channels.",
    ),
    mistake(
        "the products are averaged in the forward pass",
        {"output": lambda output, bias, weights: bias + (output - bias) / weights[..., 0].size},
        "The products of a window and a kernel are averaged where they should be summed.",
        "The output is the smaller the larger the kernel is.",
        "For a window of ones and a kernel of ones the output counts the taps.",
        "The definition of the layer: it is a sum.",
        "Write `(window * weights).sum() + bias`.",
    ),
    mistake(
        "the padding is left out of the forward pass",
        {
            "output": lambda windows, x, weights, bias: (
                replace(windows, padding=0).output(x, weights) + bias
            )
        },
        "The windows slide over the input alone.",
        "The output is smaller than it should be.",
        _SIZE,
        "The definition of the layer: what do the first and the last windows see?",
        "Pad first: `np.pad(x, ...)` along the spatial axes.",
    ),
    _UNSTRIDED,
    _ONE_APART,
    mistake(
        "only the last channel counts in the forward pass",
        {"output": _last_channel},
        "A loop over the input's channels overwrites the output instead of adding to it.",
        "Changing any channel of the input but the last leaves the output as it is.",
        "The output is a sum over all channels of the input.",
        "The definition of the layer: what its sum runs over.",
        "Add in the loop, `+=`, or sum over the channels' axis too.",
    ),
)


_INPUT = (
    mistake(
        "the kernel is turned in the gradient of the input",
        _of_weights(turned),
        "Each tap gives its share to the opposite one's place.",
        "The gradient of the input is right for kernels that are symmetric.",
        _TRANSPOSE,
        "The line of the input: which tap of which window saw it? As a correlation with the "
        "upstream gradient the kernel has to be turned, as a sum over windows it has not.",
        f"Give each share to what the tap saw: `{INPUT.formula}`.",
    ),
    mistake(
        "overlapping windows overwrite each other",
        {
            "dx": lambda windows, x, dy, weights: _overwritten(
                windows, windows.shares(dy, weights), x
            )
        },
        "The share of each window is written over those of the windows before it.",
        "The gradient of the input is right where the windows do not overlap.",
        _ADDS,
        "The line of the input: the sum runs over all windows that see it.",
        f"Add, with `+=`: `{INPUT.formula}`.",
    ),
    mistake(
        "neither windows nor filters add up in the gradient of the input",
        {
            "dx": lambda windows, x, dy, weights: _overwritten(
                windows, windows.shares(dy[..., -1:], weights[..., -1:]), x
            )
        },
        "Loops over windows and filters overwrite the gradient, so that the share of the last "
        "filter in the last window remains.",
        "Changing the upstream gradient of any filter but the last changes nothing.",
        _ADDS,
        "The line of the input: the sum runs over all windows that see it, and over all filters.",
        f"Add, with `+=`: `{INPUT.formula}`.",
    ),
    mistake(
        "the padding is not cut off the gradient of the input",
        {"dx": _whole},
        "The gradient of the padded input is returned, padding and all.",
        "The gradient of the input is larger than the input.",
        "The gradient of the input has the input's shape.",
        _CUT,
        "Cut off: `dx[:, pad : pad + H, pad : pad + W]`, along the spatial axes.",
    ),
    mistake(
        "the padding is cut off at one end of the gradient of the input",
        {
            "dx": lambda windows, x, dy, weights: windows.cropped(
                _whole(windows, x, dy, weights), x.shape[1:-1], 0
            )
        },
        "The gradient of the padded input is cut at its end alone, and begins with the padding's.",
        "The gradient of the input is shifted by the padding.",
        "The input lies in the middle of the padded input.",
        _CUT,
        "Cut off both ends: `dx[:, pad : pad + H, pad : pad + W]`, along the spatial axes.",
    ),
    mistake(
        "without padding nothing is left of the gradient of the input",
        {"dx": _cut_to_minus},
        "The padding is cut off by a slice to minus the padding, which is empty if that is 0.",
        "Without padding the gradient of the input has no entries.",
        "The gradient of the input has the input's shape, whatever the padding.",
        "The last step, which cuts: where does the slice end if the padding is 0?",
        "Count from the start: `dx[:, pad : pad + H, pad : pad + W]`, along the spatial axes.",
    ),
    mistake(
        "the windows begin one apart in the gradient of the input",
        {"dx": lambda windows, x, dy, weights: _dx(windows, windows.shares(dy, weights), x, 1)},
        "The shares are added to windows that lie one entry apart, whatever the stride.",
        "The last rows and columns of the gradient of the input are zero.",
        PLACE,
        "The line of the input: which window saw it?",
        "Let window h begin at `h * stride` in both passes.",
    ),
    mistake(
        "only the last filter counts in the gradient of the input",
        {
            "dx": lambda windows, x, dy, weights: _dx(
                windows, windows.shares(dy[..., -1:], weights[..., -1:]), x
            )
        },
        "A loop over the filters overwrites the gradient instead of adding to it.",
        "Changing the upstream gradient of any filter but the last changes nothing.",
        "An input enters the output of every filter, so its gradient is a sum over the filters.",
        "The line of the input: what its sum runs over.",
        f"Add in the loop, `+=`: `{INPUT.formula}`.",
    ),
    averaged_input(INPUT),
    multiplied(INPUT, "x"),
    ignored_in(
        INPUT,
        lambda windows, x, dy, weights: _dx(windows, windows.shares(np.ones_like(dy), weights), x),
        "The gradient of the input is made of the weights alone.",
    ),
)

_WEIGHTS = (
    mistake(
        "the gradient of the weights is turned",
        {"dW": lambda dW: turned(dW)},
        "The taps of the gradient are in reverse order.",
        "The gradient of the first tap is the one that belongs to the last.",
        "The gradient of a tap is made of what that tap saw.",
        "The line of the weights: which input did tap i of window h see?",
        "Leave it as it is: as a correlation with the upstream gradient nothing is turned.",
    ),
    mistake(
        "the gradient of the weights is made without the padding",
        {"dW": _unpadded},
        "The windows begin at the input itself, while in the forward pass they began at its "
        "padding.",
        "The gradient of each tap is made of what another tap saw.",
        "The gradient of a tap is made of what that tap saw.",
        "The line of the weights: which input did tap i of window h see?",
        "Use the padded input: save it in the forward pass, or pad again.",
    ),
    mistake(
        "the windows begin one apart in the gradient of the weights",
        {"dW": lambda windows, x, dy: windows.of_weights(windows.padded(x), dy, 1)},
        "The upstream gradients are multiplied with windows that lie one entry apart.",
        "The last rows and columns of the input have no part in the gradient of the weights.",
        PLACE,
        "The line of the weights: which input did tap i of window h see?",
        "Let window h begin at `h * stride` in both passes.",
    ),
    mistake(
        "only the last window counts",
        {"dW": _last_window},
        "The loops overwrite the gradient instead of adding to it, so that the one of the last "
        "window of the last image remains.",
        "Changing any upstream gradient but the last leaves the gradient of the weights as it is.",
        _SUM,
        "The line of the weights: its sum runs over images and windows.",
        f"Add in the loops, starting from zeros: `{WEIGHTS.formula}`.",
    ),
    mistake(
        "the channels of the weights' gradient are exchanged",
        {"dW": lambda dW: dW.swapaxes(-1, -2)},
        "The axes of the input's and of the output's channels have changed places.",
        "The gradient of the weights has not the shape of the weights.",
        "The gradient of a parameter has the parameter's shape.",
        "The line of the weights: which index is the input's channel, which the filter?",
        "Exchange the two axes.",
    ),
    averaged(WEIGHTS),
    averaged(WEIGHTS, BIAS),
    multiplied(WEIGHTS),
    ignored_in(
        WEIGHTS,
        lambda windows, x, dy: windows.of_weights(windows.padded(x), np.ones_like(dy)),
        "The gradient of the weights is made of the input alone: it is the same for every filter.",
    ),
    *loops(
        lambda windows, x, dy, row: {
            "dW": windows.of_weights(windows.padded(x[[row]]), dy[[row]]),
            "db": dy[row].reshape(-1, dy.shape[-1]).sum(axis=0),
        },
        "dW += ...",
    ),
)


def _places(dy: Array) -> int:
    return dy[..., 0].size


_BIAS = (
    averaged(BIAS, mend=f"Sum in place of taking the mean: `{BIAS.formula}`."),
    *summed(BIAS, lambda dy: dy, features=False),
    multiplied(BIAS),
    mistake(
        "the bias' gradient is summed over the minibatch alone",
        {"db": lambda dy: dy.sum(axis=0)},
        "The upstream gradient is summed over the images, and each place keeps its own.",
        "The gradient of the bias has an entry for each place and filter.",
        "A filter's bias serves every place of every image.",
        "The line of the bias: its sum runs over images and places.",
        f"Sum over the places too: `{BIAS.formula}`.",
    ),
    mistake(
        "the bias' gradient is averaged over images and places",
        {"db": lambda db, dy: db / _places(dy)},
        "The upstream gradient is averaged where it should be summed.",
        "The bias learns the slower the larger the image is.",
        "A filter's bias serves every place of every image, so its gradient is a sum over them.",
        "The line of the bias: its sum runs over images and places, and no count divides it.",
        f"Sum in place of taking the mean: `{BIAS.formula}`.",
    ),
    mistake(
        "the bias' gradient is that of the last place alone",
        {"db": lambda dy: dy[(-1,) * (dy.ndim - 1)].copy()},
        "The loops overwrite the gradient instead of adding to it, so that the upstream gradient "
        "of the last place of the last image remains.",
        "Changing any upstream gradient but the last ones leaves the bias' gradient as it is.",
        "A filter's bias serves every place of every image, so its gradient is a sum over them.",
        "The line of the bias: its sum runs over images and places.",
        f"Add in the loops, `db += ...`, or sum: `{BIAS.formula}`.",
    ),
    ignored_in(
        BIAS,
        lambda db, dy: np.full(db.shape, float(_places(dy))),
        "The gradient of the bias is the number of outputs of a filter, whatever comes in.",
    ),
)


def _exchanged(array: Array) -> Array:
    """Return kernels with rows and columns exchanged."""
    return array.swapaxes(0, 1)


_TWO_AXES = (
    mistake(
        "rows and columns of the kernel are exchanged in the forward pass",
        {"output": lambda windows, x, weights, bias: windows.output(x, _exchanged(weights)) + bias},
        "The kernel is laid over the input with its rows and columns exchanged.",
        "An image and its transpose have exchanged outputs for a kernel that is not symmetric.",
        "Row i and column j of a kernel meet row i and column j of a window.",
        "The definition of the layer: which index of the kernel runs down the rows?",
        "Keep the order of both axes.",
    ),
    mistake(
        "rows and columns of the weights' gradient are exchanged",
        {"dW": lambda dW: _exchanged(dW)},
        "The gradient of the kernel has its rows and columns exchanged.",
        "The gradient of a kernel is right on its diagonal alone.",
        "The gradient of a tap is made of what that tap saw.",
        "The line of the weights: which index of the kernel runs down the rows?",
        "Keep the order of both axes.",
    ),
    mistake(
        "rows and columns of the kernel are exchanged in the gradient of the input",
        _of_weights(_exchanged),
        "The shares of the taps go to places with rows and columns exchanged.",
        "The gradient of the input is right for kernels that are symmetric.",
        _TRANSPOSE,
        "The line of the input: which index of the kernel runs down the rows?",
        "Keep the order of both axes.",
    ),
)

CONV_1D: tuple[Mistake, ...] = (*_FORWARD, *_INPUT, *_WEIGHTS, *_BIAS, *GENERAL)
CONV_2D: tuple[Mistake, ...] = (*_FORWARD, *_INPUT, *_WEIGHTS, *_BIAS, *_TWO_AXES, *GENERAL)
