"""Mistakes in pools."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.families import GENERAL, Gradient, averaged_input, ignored_in
from handgrad.diagnosis.kinds.convolution.stride_mistakes import PLACE, steps_apart
from handgrad.diagnosis.kinds.convolution.windows import Windows
from handgrad.diagnosis.mistake import Mistake, convention, mistake

__all__ = ["AVERAGE", "MAXIMUM", "ONE_AVERAGE", "ONE_MAXIMUM", "TIES"]

_MAX = Gradient(
    "dx", "input", "the input's", "an input", "dx[window] += (window == window.max()) * dy[n, h, w]"
)
_MEAN = Gradient("dx", "input", "the input's", "an input", "dx[window] += dy[n, h, w] / (k * k)")


def _flat(windows: Windows, x: Array, step: int = 0) -> Array:
    """Return what each window sees, its taps along one axis, (N, H', W', taps, C)."""
    seen = windows.seen(windows.padded(x, -np.inf), windows.counts(x.shape[1:-1]), step)
    flat: Array = seen.reshape(*seen.shape[:3], -1, seen.shape[-1])
    return flat


def _chosen(windows: Windows, x: Array) -> Array:
    """Return where the first of the largest entries of each window is, 1 there and 0 elsewhere."""
    flat = _flat(windows, x)
    largest = flat.argmax(axis=3)[..., None, :]
    return np.asarray(np.arange(flat.shape[3])[:, None] == largest, dtype=float)


def _even(windows: Windows, x: Array) -> Array:
    """Return the same share for each entry of a window."""
    flat = _flat(windows, x)
    return np.full(flat.shape, 1 / flat.shape[3])


def _spread(windows: Windows, x: Array, shares: Array, step: int = 0) -> Array:
    """Return the sum of the shares, (N, H', W', taps, C)."""
    shaped = shares.reshape(*shares.shape[:3], *windows.kernel, -1)
    sizes = x.shape[1:-1]
    return windows.cropped(windows.spread(shaped, sizes, step), sizes)


def _overwritten(windows: Windows, x: Array, shares: Array, where: Array) -> Array:
    """Return the last share of each entry, counting those of windows where `where` is."""
    shape, sizes = (*shares.shape[:3], *windows.kernel, shares.shape[-1]), x.shape[1:-1]
    places = np.broadcast_to(where, shares.shape).reshape(shape)
    spread = windows.spread(shares.reshape(shape), sizes, where=places)
    return windows.cropped(spread, sizes)


def _dy(dy: Array) -> Array:
    """Return the upstream gradient, to be multiplied with the entries of its window."""
    return dy[..., None, :]


Shares = Callable[[Windows, Array], Array]

_ADDS = "An input that several windows see gets a share from each of them."
_SIZE = "The output has (size - kernel) / stride + 1 entries along an axis, rounded down."


def _anywhere(of: Gradient, shares: Shares) -> tuple[Mistake, ...]:
    """Make the mistakes that a pool of any windows can make."""
    return (
        averaged_input(of),
        ignored_in(
            of,
            lambda windows, x: _spread(windows, x, shares(windows, x)),
            "The gradient of the input says how much of an entry enters the output, and not how "
            "much that matters.",
        ),
    )


def _windows(of: Gradient, shares: Shares, pool: Callable[[Array], Array]) -> tuple[Mistake, ...]:
    """Make the mistakes in where the windows of a pool lie, whatever it does to them."""
    return (
        mistake(
            "overlapping windows overwrite each other",
            {
                "dx": lambda windows, x, dy: _overwritten(
                    windows, x, shares(windows, x) * _dy(dy), np.array(True)
                )
            },
            "The shares of each window are written over those of the windows before it.",
            "The gradient of the input is right where the windows do not overlap.",
            _ADDS,
            "The line of the input: the sum runs over all windows that see it.",
            f"Add, with `+=`: `{of.formula}`.",
        ),
        mistake(
            "the windows begin one apart in the gradient of the input",
            {"dx": lambda windows, x, dy: _spread(windows, x, shares(windows, x) * _dy(dy), 1)},
            "The shares are added to windows that lie one entry apart, whatever the stride.",
            "The last rows and columns of the gradient of the input are zero.",
            PLACE,
            "The line of the input: which window saw it?",
            "Let window h begin at `h * stride` in both passes.",
        ),
        *steps_apart(
            lambda windows, x: pool(_flat(windows, x, 1)),
            lambda windows, x: pool(_flat(replace(windows, stride=1), x)),
            _SIZE,
        ),
        mistake(
            "the windows lie side by side whatever the stride",
            {
                "output": lambda windows, x: pool(
                    _flat(replace(windows, stride=windows.kernel[0]), x)
                )
            },
            "A window begins where the one before it ends.",
            "The output does not depend on the stride.",
            _SIZE,
            "The definition of the layer: where does a window begin?",
            "Let window h begin at `h * stride`.",
        ),
        mistake(
            "the gradient goes to the first entry of the window",
            {"dx": lambda windows, x, dy: _spread(windows, x, _first(windows, x) * _dy(dy))},
            "Each window gives its gradient to its upper left entry.",
            "Most of the gradient of the input is zero, at the same places for every input.",
            "What an entry had no part in gives it no gradient, and what it had part in does.",
            of.chain_rule,
            f"Write `{of.formula}` for every window.",
        ),
    )


def _first(windows: Windows, x: Array) -> Array:
    taps = int(np.prod(windows.kernel))
    return np.asarray((np.arange(taps)[:, None] == 0) * np.ones_like(_flat(windows, x)))


_ONE = (
    "A window's maximum moves with its largest entry alone, one to one.",
    "The line of the input: the derivative of the maximum by an entry is 1 for the largest, and 0 "
    "for the others.",
)

ONE_MAXIMUM: tuple[Mistake, ...] = (
    *_anywhere(_MAX, _chosen),
    mistake(
        "the gradient goes to every entry of the window",
        {
            "dx": lambda windows, x, dy: _spread(
                windows, x, np.ones_like(_flat(windows, x)) * _dy(dy)
            )
        },
        "All entries of a window get its gradient, the largest and the others.",
        "The gradient of the input does not depend on the input.",
        *_ONE,
        f"Multiply by the mask: `{_MAX.formula}`.",
    ),
    mistake(
        "the gradient is spread evenly over the window",
        {"dx": lambda windows, x, dy: _spread(windows, x, _even(windows, x) * _dy(dy))},
        "All entries of a window share its gradient, as in an average pool.",
        "The gradient of the input does not depend on the input.",
        *_ONE,
        f"Multiply by the mask: `{_MAX.formula}`.",
    ),
    mistake(
        "the gradient goes to the smallest entry",
        {"dx": lambda windows, x, dy: _spread(windows, x, _chosen(windows, -x) * _dy(dy))},
        "The smallest entry of a window gets its gradient.",
        "Where the input is largest its gradient is zero.",
        *_ONE,
        f"Choose the largest: `{_MAX.formula}`.",
    ),
    mistake(
        "the gradient goes to all but the largest entry",
        {"dx": lambda windows, x, dy: _spread(windows, x, (1 - _chosen(windows, x)) * _dy(dy))},
        "The mask is inverted: the largest entry gets nothing, and all others the gradient.",
        "Where the input is largest its gradient is zero.",
        *_ONE,
        f"Choose the largest: `{_MAX.formula}`.",
    ),
    mistake(
        "the gradient is multiplied by the largest entry",
        {
            "dx": lambda windows, x, dy, output: _spread(
                windows, x, _chosen(windows, x) * _dy(dy * output)
            )
        },
        "The share of the largest entry is multiplied by its value.",
        "The gradient of the input grows with the input.",
        *_ONE,
        "Multiply by the mask, not by the window.",
    ),
    mistake(
        "the smallest in place of the largest entry",
        {"output": lambda windows, x: _flat(windows, x).min(axis=3)},
        "The forward pass takes the minimum of each window.",
        "The output is smaller than most of the input.",
        "No entry of a window is larger than its output.",
        "The definition of the layer.",
        "Take `window.max()`.",
    ),
    mistake(
        "the mean in place of the largest entry",
        {"output": lambda windows, x: _flat(windows, x).mean(axis=3)},
        "The forward pass takes the mean of each window.",
        "The output is smoother than it should be.",
        "No entry of a window is larger than its output.",
        "The definition of the layer.",
        "Take `window.max()`.",
    ),
    mistake(
        "the largest entry of all channels",
        {
            "output": lambda windows, x, output: np.broadcast_to(
                _flat(windows, x).max(axis=(3, 4))[..., None], output.shape
            )
        },
        "The maximum is taken over the channels too.",
        "All channels of the output are the same.",
        "No channel of the output depends on another one of the input.",
        "The definition of the layer: which indices does the maximum run over?",
        "Take the maximum over the two spatial axes alone.",
    ),
)

MAXIMUM: tuple[Mistake, ...] = (
    *_windows(_MAX, _chosen, lambda flat: flat.max(axis=3)),
    mistake(
        "the largest entry keeps the last window's gradient alone",
        {
            "dx": lambda windows, x, dy: _overwritten(
                windows, x, _chosen(windows, x) * _dy(dy), _chosen(windows, x) > 0
            )
        },
        "An entry that is the largest of several windows gets the gradient of the last of them.",
        "The gradient of the input is right where the windows do not overlap.",
        _ADDS,
        "The line of the input: the sum runs over all windows that see it.",
        f"Add, with `+=`: `{_MAX.formula}`.",
    ),
    mistake(
        "rows and columns of the largest entry are exchanged",
        {
            "dx": lambda windows, x, dy: _spread(
                windows, x, _exchanged(windows, _chosen(windows, x)) * _dy(dy)
            )
        },
        "The place of the largest entry within its window is taken with rows and columns "
        "exchanged.",
        "The gradient of the input is right where the largest entry is on the window's diagonal.",
        *_ONE,
        "Take row and column as `np.unravel_index(window.argmax(), window.shape)` gives them.",
    ),
    *ONE_MAXIMUM,
    *GENERAL,
)


def _exchanged(windows: Windows, chosen: Array) -> Array:
    shaped = chosen.reshape(*chosen.shape[:3], *windows.kernel, -1)
    return shaped.swapaxes(3, 4).reshape(chosen.shape)


ONE_AVERAGE: tuple[Mistake, ...] = (
    *_anywhere(_MEAN, _even),
    mistake(
        "the gradient is not divided by the window's size",
        {"dx": lambda dx, windows: dx * np.prod(windows.kernel)},
        "Each entry of a window gets the whole of its gradient.",
        "The gradient is too large, and the more so the larger the window is.",
        "A window's shares add up to its upstream gradient.",
        _MEAN.chain_rule,
        f"Divide by the number of entries: `{_MEAN.formula}`.",
    ),
    mistake(
        "the gradient is divided by the window's side",
        {"dx": lambda dx, windows: dx * windows.kernel[0]},
        "The gradient is divided by the number of a window's rows, and not of its entries.",
        "The gradient is too large, and the more so the larger the window is.",
        "A window's shares add up to its upstream gradient.",
        _MEAN.chain_rule,
        f"Divide by the number of entries: `{_MEAN.formula}`.",
    ),
    mistake(
        "the gradient is divided by the window's size twice",
        {"dx": lambda dx, windows: dx / np.prod(windows.kernel)},
        "The gradient is divided by the number of a window's entries two times.",
        "The gradient is too small, and the more so the larger the window is.",
        "A window's shares add up to its upstream gradient.",
        _MEAN.chain_rule,
        f"Divide once: `{_MEAN.formula}`.",
    ),
    mistake(
        "the gradient goes to the largest entry of the window",
        {"dx": lambda windows, x, dy: _spread(windows, x, _chosen(windows, x) * _dy(dy))},
        "The largest entry of a window gets its gradient, as in a max pool.",
        "Most of the gradient of the input is zero.",
        "A mean moves with each of its entries.",
        _MEAN.chain_rule,
        f"Give every entry its share: `{_MEAN.formula}`.",
    ),
    mistake(
        "the sum in place of the mean",
        {"output": lambda output, windows: output * np.prod(windows.kernel)},
        "The forward pass does not divide by the number of a window's entries.",
        "The output is larger than the input.",
        "A window of ones has an output of 1.",
        "The definition of the layer: a mean is a sum divided by a count.",
        "Divide by the number of entries, or take `window.mean()`.",
    ),
    mistake(
        "the largest entry in place of the mean",
        {"output": lambda windows, x: _flat(windows, x).max(axis=3)},
        "The forward pass takes the maximum of each window.",
        "The output is larger than most of the input.",
        "The output is linear in the input.",
        "The definition of the layer.",
        "Take `window.mean()`.",
    ),
)

AVERAGE: tuple[Mistake, ...] = (
    *_windows(_MEAN, _even, lambda flat: flat.mean(axis=3)),
    *ONE_AVERAGE,
    *GENERAL,
)


def _tied(weights: Callable[[Array], Array], name: str, words: str) -> Mistake:
    """Make a convention for windows with several largest entries, from where these are."""

    def dx(windows: Windows, x: Array, dy: Array) -> Array:
        flat = _flat(windows, x)
        ties = (flat == flat.max(axis=3, keepdims=True)).astype(float)
        return _spread(windows, x, weights(ties) * _dy(dy))

    return convention(name, {"dx": dx}, words)


def _last(ties: Array) -> Array:
    return np.asarray(ties * (np.flip(np.flip(ties, 3).cumsum(axis=3), 3) == 1))


TIES = (
    _tied(
        lambda ties: ties,
        "every one of several largest entries gets the gradient",
        "Where several entries of a window are the largest, each of them gets the whole gradient.",
    ),
    _tied(
        lambda ties: ties / ties.sum(axis=3, keepdims=True),
        "several largest entries share the gradient",
        "Where several entries of a window are the largest, they share the gradient evenly.",
    ),
    _tied(
        _last,
        "the last of several largest entries gets the gradient",
        "Where several entries of a window are the largest, the last of them gets the gradient.",
    ),
)
