"""A model: components in a row, walked forwards and backwards, and one vector of parameters."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from handgrad.adapter import adapt
from handgrad.arguments import as_numbers, in_short, is_real
from handgrad.component import Activation, Array, Component
from handgrad.errors import ArgumentError, DtypeError, GradientsError, ShapeError
from handgrad.gradients import Gradients, Homes, Layout, Reusable, parameters_of, store

__all__ = ["Model", "named_parameters"]


class Model(Component):
    r"""Components in a row, each fed with the output of the one before it.

    .. math:: y = f_L(\dots f_2(f_1(x)))

    Parameters
    ----------
    components : iterable
        Components, in the order of the forward pass: ours, or any objects with the contract's
        ``apply`` and ``pullback``, or with only the exercise's ``__call__`` and ``grad``; models
        too. A component that stands here twice has one set of parameters.

    Attributes
    ----------
    components : tuple of Component
        What the model is made of.
    parameters : Array, (P,)
        All parameters in one contiguous vector. What a layer calls ``weights`` and ``bias`` are
        views into it, so that changing either changes both. Assigning copies into place.
    layout : Layout
        Where each parameter lies in the vector.

    Raises
    ------
    ArgumentError
        There are no components, something is not a component, or parameters are shared in a way
        that one vector cannot hold.
    DtypeError
        The parameters differ in type.

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
    loss along both ways, and its gradient is the sum of the two.

    **Moving in.** A component's parameters live in the model that it was put into last. Another
    model that held them before says so when its parameters are asked for.

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
        try:
            given = tuple(components)
        except TypeError:
            given = ()
        if not given:
            raise ArgumentError(
                f"{components!r} as the components of a Model",
                "a list with at least one component",
                "write Model([Linear(4, 8), ReLU(), Linear(8, 3)])",
            )
        made = {id(component): adapt(component) for component in given}
        self.components = tuple(made[id(component)] for component in given)
        self._pack()

    def _pack(self) -> None:
        """Move the parameters of all components into one new vector."""
        layout = Layout(self.components)
        distinct = dict(zip(layout.slots, self.components, strict=True)).values()
        leaves = [leaf for component in distinct for leaf in _leaves(component)]
        if len({id(parameters) for parameters in leaves}) < len(leaves):
            raise ArgumentError(
                "a layer that stands in a nested model and elsewhere too",
                "shared layers side by side in one model, so that one vector can hold them",
                "put the nested model's components into the outer list",
            )
        arrays = [array for parameters in leaves for array in parameters.values()]
        if len({id(array) for array in arrays}) < len(arrays):
            raise ArgumentError(
                "one array as a parameter of two layers",
                "arrays of their own, or one layer in both places",
                "put the same layer into the model twice, and its gradients add",
            )
        types = sorted({str(array.dtype) for array in arrays})
        if len(types) > 1:
            raise DtypeError(
                f"components with parameters of the types {' and '.join(types)}",
                "one type, since the parameters share one vector",
                "make every layer with the same dtype=",
            )
        self.layout = layout
        self._move(np.empty_like(arrays[0], shape=layout.size) if arrays else np.empty(0))

    def _move(self, flat: Array) -> None:
        """Copy the parameters into `flat`, and make every component's arrays views of it."""
        self._homes: Homes = []
        parts = zip(self.components, self.layout.views(flat, []), strict=True)
        for component, views in dict(zip(self.layout.slots, parts, strict=True)).values():
            if isinstance(component, Model):
                component._move(views.flat)
                self._homes += component._homes
            else:
                parameters = parameters_of(component)
                for name, view in views.items():
                    view[...] = parameters[name]
                    parameters[name] = view
                    self._homes.append((parameters, name, view))
        self._flat = flat
        self._reusable = None

    @property
    def parameters(self) -> Array:
        """All parameters in one vector, (P,); assigning copies into place."""
        for parameters, name, view in self._homes:
            if parameters[name] is not view:
                raise ArgumentError(
                    f"a model whose {name} of shape {view.shape} has moved into another model",
                    "a model that holds its own parameters",
                    "give each model layers of its own, for instance with copy.deepcopy(layer)",
                )
        return self._flat

    @parameters.setter
    def parameters(self, values: npt.ArrayLike) -> None:
        flat, given = self.parameters, as_numbers(values, "parameters", self)
        if given.shape != flat.shape:
            raise ShapeError(
                f"parameters of shape {given.shape} for a model",
                f"one vector of shape {flat.shape}",
                "take the vector from a model with the same components",
            )
        flat[...] = given

    def apply(self, x: Array) -> tuple[Array, list[Any]]:
        """Run the components one after the other, and keep what each of them saves."""
        saved: list[Any] = []
        try:
            for component in self.components:
                x, kept = component.apply(x)
                saved.append(kept)
        except Exception as error:
            self._locate(error, len(saved))
            raise
        return x, saved

    def pullback(
        self,
        dy: Array,
        saved: list[Any],
        need_dx: bool = True,
        out: Gradients | None = None,
    ) -> tuple[Array | None, Gradients]:
        """Run the components' pullbacks in reverse, each fed with the one's that stands after it.

        Returns
        -------
        dx
            Gradient with respect to the model's input; None where it is not needed.
        gradients : Gradients
            `out`, or new ones where that is None.
        """
        gradients = Gradients(self.layout, np.empty_like(self._flat)) if out is None else out
        repeated, components = self.layout.repeated, self.components
        first = 0
        if not need_dx:  # below the first parameters there is nothing that anybody reads
            while first < len(components) - 1 and not gradients[first]:
                first += 1
        dx: Any = dy
        i = len(components)
        try:
            while i > first:
                i -= 1
                mine = gradients[i]
                dx, given = components[i].pullback(
                    dx, saved[i], need_dx or i > first, None if repeated[i] else mine
                )
                if given is not mine and (given or mine):
                    store(given, mine, add=repeated[i])
        except Exception as error:
            self._locate(error, i)
            raise
        return dx if need_dx else None, gradients

    def _locate(self, error: Exception, i: int) -> None:
        error.add_note(f"in component {i} of the model, {in_short(self.components[i])}")

    def forward(self, x: npt.ArrayLike) -> Array:
        """Run the forward pass and remember what `backward` needs; the same as calling the model.

        Parameters
        ----------
        x
            Input, (..., D).

        Returns
        -------
        Array
            Output of the last component, (..., K).

        Raises
        ------
        ShapeError
            The input is empty, or its number of features does not fit.
        DtypeError
            The input holds something else than numbers.
        """
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
        dy, saved = self._recall(in_gradient)
        if out is not None:
            self._check_ours(out)
            out.settle()  # or what somebody has put in a view's place would be written over
            return self.pullback(dy, saved, False, out)[1]
        if self._reusable is None or not self._reusable.free():
            self._reusable = Reusable(self.layout, self._flat)
        return self.pullback(dy, saved, False, self._reusable.gradients)[1]

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
        parameters = self.parameters
        parameters -= float(lr) * gradients.flat

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

    def train(self) -> Self:
        """Switch every component to training mode."""
        for component in self.components:
            component.train()
        return super().train()

    def eval(self) -> Self:
        """Switch every component to evaluation mode."""
        for component in self.components:
            component.eval()
        return super().eval()

    def __getstate__(self) -> dict[str, Any]:
        # Copies of views are no longer views, so a copy packs its components anew.
        packed = ("layout", "_flat", "_homes", "_remembered", "_reusable")
        return {name: value for name, value in vars(self).items() if name not in packed}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._pack()

    def __copy__(self) -> Self:
        # Parameters live in one model: a copy that shared its components would move them out.
        return copy.deepcopy(self)

    def __repr__(self) -> str:
        rows = [("Model", "output", "parameters"), *_rows(self, "")]
        rows.append(("total", "", f"{self._flat.size:,}"))
        name, output, count = (max(map(len, column)) for column in zip(*rows, strict=True))
        return "\n".join(f"{a:{name}} {b:{output}} {c:>{count}}" for a, b, c in rows)


def named_parameters(component: Any, prefix: str = "") -> Iterator[tuple[str, Any, str]]:
    """Yield the name of every parameter, and the dict and the key that it is found under.

    Examples
    --------
    >>> from handgrad import Linear, Model, ReLU
    >>> [name for name, _, _ in named_parameters(Model([Linear(2, 3), ReLU(), Linear(3, 1)]))]
    ['0.weights', '0.bias', '2.weights', '2.bias']
    """
    if isinstance(component, Model):
        slots = component.layout.slots
        for i, inner in enumerate(component.components):
            if slots.index(slots[i]) == i:  # components that share parameters have one set
                yield from named_parameters(inner, f"{prefix}{i}.")
    else:
        parameters = getattr(component, "parameters", None) or {}
        for key in parameters:
            yield prefix + key, parameters, key


def _leaves(component: Component) -> list[dict[str, Array]]:
    """Return every dict of parameters in a component, each once."""
    if isinstance(component, Model):
        leaves = [leaf for inner in component.components for leaf in _leaves(inner)]
        return list({id(leaf): leaf for leaf in leaves}.values())
    return [parameters] if (parameters := parameters_of(component)) else []


def _features(component: Component, before: int | None) -> int | None:
    """Return how many features a component puts out, None where it is not known."""
    if isinstance(component, Activation):
        return before
    if isinstance(component, Model):
        for inner in component.components:
            before = _features(inner, before)
        return before
    if hasattr(component, "layer"):
        return _features(component.layer, before)
    return getattr(component, "out_features", None)


def _rows(model: Model, indent: str, features: int | None = None) -> Iterator[tuple[str, str, str]]:
    """Yield name, output shape and number of parameters of every component."""
    slots = model.layout.slots
    for i, component in enumerate(model.components):
        before, features = features, _features(component, features)
        if isinstance(component, Model):
            yield f"{indent}Model", "", ""
            yield from _rows(component, indent + "  ", before)
        else:
            size = sum(array.size for array in parameters_of(component).values())
            shared = size and slots.index(slots[i]) < i  # and counted where it stands first
            output = "?" if features is None else f"(..., {features})"
            yield f"{indent}{component!r}", output, "shared" if shared else f"{size:,}"
