"""How a component is asked for the gradients of each sample, and how containers pass that on."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any

import numpy as np

from handgrad.arguments import Array
from handgrad.per_sample.summands import check_samples

__all__ = ["EachSample", "Seen", "as_it_is"]


class EachSample:
    """What everything with a pullback can do: say each sample's share of the gradients.

    The samples are along the first axis. A layer that need not be asked once for each overrides the
    method. A container passes on to its children where its pullback takes `seen`, how it looks at
    a child. Whoever overrides a pullback has overridden what was said of each sample too.

    Examples
    --------
    >>> from handgrad import Component, Linear
    >>> class Twice(Component):
    ...     def __init__(self, inner):
    ...         self.inner = inner
    ...     def apply(self, x):
    ...         y, saved = self.inner.apply(x)
    ...         return 2 * y, saved
    ...     def pullback(self, dy, saved, need_dx=True, out=None, seen=as_it_is):
    ...         offered = (out or {}).get("inner")
    ...         dx, gradients = seen(self.inner).pullback(2 * dy, saved, need_dx, offered)
    ...         return dx, {"inner": gradients}
    ...     def update_buffers(self, saved):
    ...         self.inner.update_buffers(saved)
    >>> twice = Twice(Linear(2, 1))
    >>> y, saved = twice.apply(np.array([[3.0, 4.0], [0.0, 1.0]]))
    >>> dx, fast = twice.pullback_per_sample(np.ones((2, 1)), saved)
    >>> fast["inner"]["weights"].squares()
    array([100.,   4.])
    >>> dx, slow = EachSample.pullback_per_sample(twice, np.ones((2, 1)), saved)
    >>> slow["inner"]["weights"][:, :, 0]
    array([[6., 8.],
           [0., 2.]])
    """

    pullback: Callable[..., tuple[Any, Any]]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        own = vars(cls)
        if "pullback" in own and "pullback_per_sample" not in own:
            passes_on = "seen" in signature(own["pullback"]).parameters
            cls.pullback_per_sample = (  # type: ignore[method-assign]
                _passed_on if passes_on else EachSample.pullback_per_sample
            )

    def pullback_per_sample(
        self, dy: Array, saved: Any, need_dx: bool = True
    ) -> tuple[Any, dict[str, Any]]:
        r"""Do what `pullback` does, but leave the parameters' gradients apart, sample by sample.

        A pullback is linear in `dy`, and `dy` is the sum of its rows, each with zeros for all
        others. Where no sample sees another, the pullback of one such row is that sample's share:

        .. math::
            dw = \sum_n dy_n \frac{\partial y_n}{\partial w} = \sum_m dw_m, \qquad
            dw_m = \sum_n dy_n \, [n = m] \, \frac{\partial y_n}{\partial w}

        which holds for every component, and takes N pullbacks.

        Parameters
        ----------
        dy
            Gradient of the loss with respect to the output, (N, ...). Not written to.
        saved
            What `apply` returned beside that output.
        need_dx
            Whether the gradient with respect to the input is wanted.

        Returns
        -------
        dx
            As `pullback` returns it: its rows are the samples' own already.
        gradients
            As `pullback` returns them, but each an array (N, ...), or `Summands` that can make it.

        Raises
        ------
        PerSampleError
            The samples see one another.
        ShapeError
            There is no axis of samples.
        """
        dx, summed = self.pullback(dy, saved, need_dx)
        if not _arrays_in(summed):
            return dx, summed
        check_samples(dy)
        found = _each(summed, lambda array: np.empty_like(array, shape=(len(dy), *array.shape)))
        for n in range(len(dy)):
            alone = np.zeros_like(dy)
            alone[n] = dy[n]
            _put(found, n, self.pullback(alone, saved, False)[1])
        return dx, found


Seen = Callable[[Any], Any]
"""How a container looks at a child whose pullback it calls."""


def as_it_is(child: Any) -> Any:
    """Return the child, whose pullback adds up.

    Parameters
    ----------
    child
        A component.

    Examples
    --------
    >>> as_it_is("child")
    'child'
    """
    return child


class _PerSample:
    """A child whose pullback does not add up."""

    def __init__(self, child: Any) -> None:
        self.child = child

    def pullback(
        self, dy: Array, saved: Any, need_dx: bool = True, out: None = None
    ) -> tuple[Any, Any]:
        return self.child.pullback_per_sample(dy, saved, need_dx)  # type: ignore[no-any-return]


def _passed_on(
    self: EachSample, dy: Array, saved: Any, need_dx: bool = True
) -> tuple[Any, dict[str, Any]]:
    """Return what a container's pullback makes of what its children say of each sample."""
    return self.pullback(dy, saved, need_dx, None, _PerSample)


def _arrays_in(gradients: Any) -> bool:
    return not isinstance(gradients, dict) or any(map(_arrays_in, gradients.values()))


def _each(gradients: Any, make: Callable[[Array], Array]) -> Any:
    if isinstance(gradients, dict):
        return {name: _each(entry, make) for name, entry in gradients.items()}
    return make(gradients)


def _put(found: Any, n: int, gradients: Any) -> None:
    for name, entry in gradients.items():
        if isinstance(entry, dict):
            _put(found[name], n, entry)
        else:
            found[name][n] = entry
