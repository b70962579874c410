"""A model: components in a row, walked forwards and backwards, and one vector of parameters."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any, Self, overload

import numpy as np
import numpy.typing as npt

from handgrad.arguments import Array, as_numbers, is_real
from handgrad.chain import Chain
from handgrad.dense import dense
from handgrad.errors import ArgumentError, GradientsError, ShapeError
from handgrad.flat.gradients import Gradients, Reusable
from handgrad.flat.layout import Layout, together
from handgrad.flat.per_sample import PerSample
from handgrad.predicting import predict_rows
from handgrad.shapes import Shape
from handgrad.summary import summary_of
from handgrad.walk import buffers, check_arrays, check_passed_on, parameters, walk

__all__ = ["Model"]

_PACKED = {"layout", "_dense", "_flat", "_homes", "_like", "_remembered", "_reusable", "_reverse"}


class Model(Chain):
    r"""Components in a row, each fed with the output of the one before it.

    .. math:: y = f_L(\dots f_2(f_1(x)))

    Parameters
    ----------
    components : iterable
        Components, in the order of the forward pass: ours, or any objects with the contract's
        ``apply`` and ``pullback``, or with only the exercise's ``__call__`` and ``grad``; models
        too. A component that stands here twice, at whatever depth, has one set of parameters.

    Attributes
    ----------
    components : tuple
        What the model is made of; ``model[i]`` is one of them, and ``model[:-1]`` a model of some,
        with the same parameters.
    parameters : Array, (P,)
        All parameters, at whatever depth, in one contiguous vector. What a layer calls
        ``weights`` and ``bias`` are views into it, so that changing either changes both.
        Assigning copies into place.
    layout : Layout
        Where each parameter lies in the vector.
    has_buffers : bool
        Whether anything in the model keeps buffers.

    Raises
    ------
    ArgumentError
        There are no components, something is not a component, an array is the parameter of two
        components, two have one name, or a component that holds one with buffers does not pass on
        to it.
    DtypeError
        The parameters differ in type, or are no arrays of floats.
    ShapeError
        A component cannot take what the one before it puts out.

    Notes
    -----
    **Gradient.** The chain rule, read from the output to the input. With :math:`x_0 = x` and
    :math:`x_l = f_l(x_{l-1}; \theta_l)`, the gradient of the loss with respect to every
    :math:`x_l` follows from the next one, and every parameter's from its own component's output:

    .. math::
        \frac{\partial L}{\partial x_{l-1}}
            &= \Bigl( \frac{\partial x_l}{\partial x_{l-1}} \Bigr)^{\!T}
               \frac{\partial L}{\partial x_l} \\
        \frac{\partial L}{\partial \theta_l}
            &= \Bigl( \frac{\partial x_l}{\partial \theta_l} \Bigr)^{\!T}
               \frac{\partial L}{\partial x_l}

    Both right-hand sides are one ``pullback`` of component :math:`l`, so the reverse walk is a
    loop. Where :math:`f_l` and :math:`f_m` are the same component, :math:`\theta` reaches the
    loss along both ways, and its gradient is the sum of the two: `pullback` returns a share for
    each place, and `backward` adds them up.

    **Lengths.** Where a component takes them, the input may be padded sequences and their lengths,
    ``(x, lengths)``. Every component that takes lengths is given them, and the others, such as an
    embedding in front, `x` alone. What else the tuple holds, initial states, is for the first that
    takes lengths.

    **Moving in.** A component's parameters live in the model that it was put into last. A model
    in a model goes on to work by itself, as long as it shares nothing with what stands outside
    of it; another model that held the parameters before says so when it is asked for them.

    References
    ----------
    Rumelhart, Hinton and Williams, "Learning representations by back-propagating errors", Nature
    323 (1986).

    Examples
    --------
    >>> import numpy as np
    >>> from handgrad import CrossEntropy, Linear, ReLU
    >>> rng = np.random.default_rng(0)
    >>> model = Model([Linear(4, 8, rng=rng), ReLU(), Linear(8, 3, rng=rng)])
    >>> loss, x, y = CrossEntropy(), rng.standard_normal((16, 4)), rng.integers(0, 3, 16)
    >>> before = loss(model.forward(x), y)
    >>> gradients = model.backward(loss.grad())
    >>> model.update_parameters(gradients, 0.1)
    >>> bool(loss(model.forward(x), y) < before)
    True
    >>> model
    Model        output   parameters
    Linear(4, 8) (..., 8)         40
    ReLU()       (..., 8)          0
    Linear(8, 3) (..., 3)         27
    total                         67
    """

    _reusable: Reusable | None = None

    def __init__(self, components: Iterable[Any]) -> None:
        self._consist_of(components)
        self._pack()

    def _look(self) -> None:
        """Look at what is in the tree."""
        check_arrays(self)
        check_passed_on(self)
        self.has_buffers, self.layout = any(buffers(self)), Layout(self)
        self._reverse = [(i, *named) for i, named in enumerate(self.children().items())][::-1]
        self._dense = dense(self.components) if type(self).pullback is Chain.pullback else None

    def _pack(self) -> None:
        """Move all parameters into one new vector."""
        self._look()
        places = list(parameters(self))
        flat = np.empty_like(places[0].array, shape=self.layout.size) if places else np.empty(0)
        spans = {}
        for (_, holder, key), span in zip(places, self.layout.spans, strict=True):
            view = flat[span.place].reshape(span.shape)
            view[...] = holder[key]
            holder[key] = view
            spans[id(holder), key] = span.place
        self._rest_on(flat)
        for _, inner in walk(self):
            if isinstance(inner, Model) and inner is not self:
                inner._rest_on(together([spans[id(h), k] for _, h, k in parameters(inner)], flat))

    def _rest_on(self, flat: Array | None) -> None:
        """Take `flat` for the vector that all parameters are views of; None where there is none."""
        self._flat, self._reusable = self.layout.groups.of(flat), None
        self._homes = [(holder, key, holder[key]) for _, holder, key in parameters(self)]
        self._like = self._homes[0][2] if self._homes else np.empty(0)
        # Below the first parameters there is no gradient that anybody reads.
        learns = [any(parameters(component)) for component in self.components]
        self._first = learns.index(True) if any(learns) else len(learns) - 1

    @property
    def parameters(self) -> Array:
        """All parameters in one vector, (P,); assigning copies into place."""
        for holder, name, view in self._homes:
            if self._flat is None or holder[name] is not view:
                raise ArgumentError(
                    f"a model whose {name} of shape {view.shape} has moved into another model",
                    "a model that holds its own parameters",
                    "give each model layers of its own, for instance with copy.deepcopy(layer)",
                )
        assert self._flat is not None  # a model without parameters shares none
        return self._flat

    @parameters.setter  # type: ignore[override]
    def parameters(self, values: npt.ArrayLike) -> None:
        flat, given = self.parameters, as_numbers(values, "parameters", self)
        if given.shape != flat.shape:
            raise ShapeError(
                f"parameters of shape {given.shape} for a model",
                f"one vector of shape {flat.shape}",
                "take the vector from a model with the same components",
            )
        flat[...] = given

    def _holds_its_own(self) -> bool:
        return all(held.get(name) is view for held, name, view in self._homes)  # none has moved

    def apply(self, x: Any) -> tuple[Array, Any]:
        if self._dense and self._dense.takes(x, self._flat) and self._holds_its_own():
            return self._dense.apply(x, self._flat)
        return super().apply(x)

    def forward(self, x: Any) -> Array:
        """Run the forward pass, and remember what `backward` needs: the same as a call."""
        return self(x)

    def backward(self, in_gradient: npt.ArrayLike, out: Gradients | None = None) -> Gradients:
        """Return the gradients of every component for the last forward pass.

        Parameters
        ----------
        in_gradient
            Gradient of the loss with respect to the output of that pass, of its shape.
        out : Gradients, optional
            Gradients of an earlier pass to write over, which saves the memory for new ones.

        Returns
        -------
        Gradients
            A dict for each component, in the components' order.

        Raises
        ------
        CallOrderError
            There was no forward pass.
        ShapeError
            `in_gradient` has not the shape of the last output.
        GradientsError
            `out` belongs to another model.
        """
        return self.backpropagate(*self._recall(in_gradient), out)

    def backpropagate(self, dy: Array, saved: Any, out: Gradients | None = None) -> Gradients:
        """Return the gradients of every component for one `apply`, of which nothing is remembered.

        Parameters
        ----------
        dy
            Gradient of the loss with respect to its output, of that shape.
        saved
            What it saved.
        out : Gradients, optional
            Gradients of an earlier pass to write over.

        Raises
        ------
        GradientsError
            `out` belongs to another model, or a component returns gradients of another form.
        """
        if out is None:
            if self._reusable is None or not self._reusable.free():
                self._reusable = Reusable(self.layout, self._like)
            out = self._reusable.gradients
        self._check_ours(out)
        flat = out.flat  # settled, or what somebody has put in a view's place would be written over
        if self._dense and self._dense.takes_back(dy, saved) and self._holds_its_own():
            self._dense.pullback(dy, saved, self._flat, flat)
            return out
        _, given = self.pullback(dy, saved, False, out.offered)
        if given is not out.offered:
            out.gather(given)
        return out

    def per_sample_gradients(self, x: Any, dy: npt.ArrayLike, out: Array | None = None) -> Array:
        """Return the gradients of all parameters for each sample by itself, one a row.

        They add up to what `backward` returns. Where the loss is a mean over N samples, each row of
        `dy` has its 1/N, and so has each gradient: multiply by N for those of the samples' own
        losses.

        Parameters
        ----------
        x
            Input, the samples along its first axis; None for that of the last forward pass,
            whose `Dropout` has drawn its masks already.
        dy
            Gradient of the loss with respect to the output, (N, ...): row n belongs to sample n.
        out : Array, optional
            Where to write them, which saves the memory for new ones.

        Returns
        -------
        Array, (N, P)
            Row n in the order of `parameters`.

        Raises
        ------
        PerSampleError
            The samples see one another, as in a `BatchNorm` in training mode.
        ShapeError
            `dy` is not of the output's shape, there is no axis of samples, or `out` does not fit.
        CallOrderError
            `x` is None, and there was no forward pass.
        """
        return self._per_sample(x, dy).rows(out)

    def per_sample_norms(self, x: Any, dy: npt.ArrayLike) -> Array:
        """Return the Euclidean norms of what `per_sample_gradients` returns, (N,), without it.

        Takes and refuses what that does.
        """
        return self._per_sample(x, dy).norms()

    def _per_sample(self, x: Any, dy: npt.ArrayLike) -> PerSample:
        """Run both passes, and return what the gradients are sums of; nothing is remembered."""
        passed = None
        if x is not None:
            y, saved = self.apply(self._checked(x))
            passed = saved, y.shape
        dy, saved = self._recall(dy, passed)
        _, given = self.pullback_per_sample(dy, saved, False)
        like = self._homes[0][2] if self._homes else dy
        return PerSample(self.layout, given, len(dy), like)

    def update_parameters(self, gradients: Gradients, lr: float) -> None:
        r"""Take one step of gradient descent, :math:`\theta \leftarrow \theta - \eta \, g`.

        Parameters
        ----------
        gradients : Gradients
            What `backward` returned.
        lr : float
            Learning rate :math:`\eta`.

        Raises
        ------
        GradientsError
            The gradients belong to another model.
        ArgumentError
            The learning rate is not a finite number.
        """
        self._check_ours(gradients)
        if not is_real(lr):
            raise ArgumentError(
                f"lr={lr!r} as the learning rate", "a finite number", "try 0.01, or 0.001"
            )
        parameters, flat = self.parameters, gradients.flat
        for part in self.layout.groups.updated:
            parameters[part] -= float(lr) * flat[part]

    def _check_ours(self, gradients: Gradients) -> None:
        if getattr(gradients, "layout", None) is not self.layout or len(gradients) != len(
            self.components
        ):
            raise GradientsError(
                f"{type(gradients).__name__} that this model's backward did not return",
                "the gradients of this very model, one entry for each component",
                "pass what model.backward(loss.grad()) returned; gradients.flat can be changed, "
                "for instance gradients.flat[:] *= 2",
            )

    def __getstate__(self) -> dict[str, Any]:
        # Copies of views are no longer views, so a copy packs its components anew.
        return {name: value for name, value in vars(self).items() if name not in _PACKED}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._pack()

    def __copy__(self) -> Self:
        # Parameters live in one model: a copy that shared its components would move them out.
        return copy.deepcopy(self)

    @overload
    def __getitem__(self, index: slice) -> Model: ...
    @overload
    def __getitem__(self, index: int) -> Any: ...
    def __getitem__(self, index: Any) -> Any:
        """Return a component, or for a slice a model of some of them, with the same parameters.

        Where these do not lie together, as in ``model[::2]``, it predicts and cannot be trained.
        """
        if not isinstance(index, slice):
            return self.components[index]
        part = Model.__new__(Model)
        part._consist_of(self.components[index])
        part._training = self._training
        part._look()
        homes = zip(self._homes, self.layout.spans, strict=True)
        places = {(id(holder), key): span.place for (holder, key, _), span in homes}
        spans = [places[id(holder), key] for _, holder, key in parameters(part)]
        part._rest_on(together(spans, self.parameters))
        return part

    def predict(self, x: Any, *, batch_size: int = 512) -> Array:
        """Return what the model says of all rows, in evaluation mode; nothing is written to it.

        Parameters
        ----------
        x
            Input, (N, ...), or a tuple of arrays where the model takes one; floats are converted to
            the type of its parameters.
        batch_size : int, default 512
            How many rows go through it at a time.

        Returns
        -------
        Array, (N, ...)
            Output.

        Raises
        ------
        ShapeError, DtypeError, ArgumentError
            The input does not fit.
        """
        return predict_rows(self, x, self._like.dtype, batch_size)

    def summary(self, input_shape: Shape = (...,)) -> str:
        """Return what the model is made of, for an input's shape if that is given, as a table."""
        return summary_of(self, input_shape)

    def __repr__(self) -> str:
        return self.summary()
