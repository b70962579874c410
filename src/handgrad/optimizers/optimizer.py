"""What all optimizers share: the checks, clipping, weight decay, the blocks and the state.

An optimizer's mathematics is one method, `Optimizer.descend`, which updates one block of the
parameters in place. A block is short enough that its part of every vector stays in the cache from
one NumPy call to the next; without blocks, the ten calls of Adam would each fetch a long vector
from memory anew. Nothing is allocated on the way, and the scratch is no longer than a block.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from handgrad.arguments import Array
from handgrad.errors import ArgumentError
from handgrad.flat.groups import Group, groups_of, merged
from handgrad.kernels.compiling import fits
from handgrad.kernels.mode import Mode
from handgrad.modes import Frozen
from handgrad.optimizers.blocks import Block, cut
from handgrad.optimizers.checks import (
    Form,
    check_vectors,
    describe,
    load_counts,
    load_numbers,
    load_vectors,
    number,
)
from handgrad.optimizers.clipping import clipping_factor
from handgrad.optimizers.penalties import penalties

__all__ = ["Optimizer"]

BLOCK = 65_536
"""Parameters in a block: 256 KB of float32, so that the blocks of a few vectors fit in a core's
cache, and a NumPy call costs little beside the work that it does."""


class Optimizer(ABC):
    r"""The base of all optimizers.

    Parameters
    ----------
    lr : float
        Learning rate :math:`\eta`, at least 0. It may be assigned between two steps.
    weight_decay : float, default 0
        How strongly the parameters are pulled towards 0, :math:`\lambda`, at least 0.
    max_norm : float, optional
        Gradients whose norm is larger are first scaled down to it.
    decay : {"all", "weights"}, default "all"
        Whether the decay concerns all parameters, or leaves out biases, gammas and betas: what
        has one row and is not called weights.
    l1 : float, default 0
        How strongly the parameters are pulled towards exactly 0, :math:`\lambda_1`, at least 0; of
        the same parameters as the decay. Both together are an elastic net.

    Attributes
    ----------
    steps : int
        Number of updates so far.
    age : int
        In `descend`, how many of them the block has had, with this one: all, unless it was frozen.
    slots : tuple of str
        Names of the vectors that the optimizer keeps, each as long as the parameters.
    decoupled : bool
        Whether weight decay shrinks the parameters themselves, instead of joining the gradient.
    loop : function, optional
        `descend` as a compiled loop, which takes clipping and decay along in the same pass: it is
        given the parameters, the gradient, the slots, and as arrays `numbers` and the penalties.

    Raises
    ------
    ArgumentError
        An option is outside its range.

    Notes
    -----
    **Clipping.** With one norm over all the parameters, as PyTorch's ``clip_grad_norm_`` has it,

    .. math:: g \leftarrow g \, \min\Bigl(1, \frac{c}{\|g\|_2 + 10^{-6}}\Bigr), \qquad
              c = \text{max\_norm}.

    **Weight decay.** The penalty :math:`\frac{\lambda}{2} \|\theta\|_2^2` has the gradient
    :math:`\lambda \theta`, so after the clipping :math:`g \leftarrow g + \lambda \theta`.

    **The L1 penalty** :math:`\lambda_1 \|\theta\|_1` adds its subgradient
    :math:`\lambda_1 \operatorname{sign}(\theta)`, which is 0 at 0. Where decay is decoupled, so is
    the penalty, and what it reaches stays exactly 0 until a gradient moves it (soft thresholding,
    the proximal step of the penalty):

    .. math:: \theta \leftarrow \operatorname{sign}(\theta) \max(|\theta| - \eta \lambda_1, 0).

    **What is frozen** (`Component.freeze`) is left as it is, with what is kept for it, and does not
    count in the norm, as in PyTorch where ``requires_grad`` is False. Once it is not frozen any
    more it goes on where it was: Adam's means are over the steps that it has had.

    **What fades.** What is kept of gradients that are 0 from now on ends at 0, and not among the
    numbers just above it, for which a processor takes a hundred times as long (`subnormal`).

    **Types.** Everything stays in the parameters' precision.

    References
    ----------
    Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks", ICML
    2013, algorithm 1 (clipping).

    Examples
    --------
    A new optimizer is what it does to a block of the parameters:

    >>> import numpy as np
    >>> class SignDescent(Optimizer):
    ...     def descend(self, p, g, scratch, slots):
    ...         np.sign(g, out=scratch)
    ...         scratch *= self.lr
    ...         p -= scratch
    >>> parameters = np.array([1.0, 2.0])
    >>> SignDescent(lr=0.5).update(parameters, np.array([3.0, -4.0]))
    >>> parameters
    array([0.5, 2.5])
    """

    slots: tuple[str, ...] = ()
    decoupled: ClassVar[bool] = False
    loop: ClassVar[Any] = None

    def __init__(
        self,
        lr: float,
        weight_decay: float = 0.0,
        max_norm: float | None = None,
        decay: str = "all",
        l1: float = 0.0,
    ) -> None:
        owner = type(self).__name__
        self.lr = lr
        self.weight_decay = number(weight_decay, "weight_decay", owner)
        self.l1 = number(l1, "l1", owner)
        self.max_norm = max_norm
        if max_norm is not None:
            self.max_norm = number(max_norm, "max_norm", owner, positive=True)
        if decay not in ("all", "weights"):
            raise ArgumentError(
                f"decay={decay!r} for {owner}",
                '"all" or "weights"',
                'write decay="weights" to leave out biases, gammas and betas',
            )
        self.decay = decay
        self.steps = self.age = 0
        self._vectors: dict[str, Array] = {}
        self._form: Form | None = None  # what vectors the state belongs to
        self._groups: tuple[Group, ...] = ()  # of the model that it was started with
        # How many steps each of them had missed when `_counted` steps were done.
        self._missed, self._counted = np.zeros(0, np.int64), 0
        # The parameters, how often freezing had changed, whether loops were in force, and `decay`.
        self._known: Array | None = None
        self._changes = -1, False, decay
        self._looped = False
        self._blocks: list[Block] = []

    def __init_subclass__(cls) -> None:
        if "loop" not in next(filter({"descend", "loop"}.intersection, map(vars, cls.__mro__))):
            cls.loop = None  # the one that it would inherit computes something else

    @property
    def lr(self) -> float:
        """The learning rate of the next step."""
        return self._lr

    @lr.setter
    def lr(self, value: float) -> None:
        self._lr = number(value, "lr", type(self).__name__)

    @abstractmethod
    def descend(self, p: Array, g: Array, scratch: Array, slots: Sequence[Array]) -> None:
        """Update one block of the parameters in place.

        Parameters
        ----------
        p
            The parameters. Written to.
        g
            Their gradient, clipped, and with the weight decay where it is not decoupled. Not
            written to.
        scratch
            An array of their length, to write to.
        slots
            Their part of the vectors named in `slots`, which are 0 before the first step. Written
            to.
        """

    def numbers(self) -> tuple[float, ...]:
        """Return the constants of this step that `loop` is given."""
        return (self.lr,)

    def update(self, parameters: Array, gradients: Array) -> None:
        """Take one step.

        Parameters
        ----------
        parameters : Array, (P,)
            ``model.parameters``, updated in place.
        gradients : Array, (P,)
            ``gradients.flat``. Not written to.

        Raises
        ------
        ShapeError
            They are not two vectors of one length, or not of the length of the step before.
        DtypeError
            They are not floats of one type, or not of the type of the step before.
        ArgumentError
            The parameters are read-only; or no model's, where that matters.
        """
        try:
            forms = (parameters.shape, parameters.dtype), (gradients.shape, gradients.dtype)
            same = forms[0] == forms[1] == self._form and parameters.flags.writeable
        except AttributeError:  # no arrays
            same = False
        if not same:
            check_vectors(parameters, gradients, self, self._form)
        changes = Frozen.changes, Mode.compiled, self.decay
        if not (same and parameters is self._known and changes == self._changes):
            self._look(parameters, same)

        scale = 1.0
        if self.max_norm is not None:
            scale = clipping_factor(gradients, self.max_norm, self._updated)
        scale = 1.0 if scale >= 1 else scale  # one that is not a number shows in the parameters
        self.steps += 1
        if self._looped and gradients.flags.carray:
            self._loop_over(parameters, gradients, scale)
            return
        both = (self.l1, self._shrink), (self.weight_decay, self._decay)
        own = [penalize for strength, penalize in both if strength]
        for block in self._blocks:
            place, missed, _, _, adjusted, scratch, slots = block
            p, g = parameters[place], gradients[place]
            self.age = self.steps - missed
            if scale != 1:
                g = np.multiply(g, scale, out=adjusted)
            for penalize in own:
                g = penalize(p, g, block)
            self.descend(p, g, scratch, slots)

    def _loop_over(self, parameters: Array, gradients: Array, scale: float) -> None:
        """Update every block in one pass over its numbers."""
        dtype = parameters.dtype
        others = decayed = self._no_penalties if scale == 1 else penalties(dtype, scale)
        if self.decoupled and (self.l1 or self.weight_decay):
            threshold, shrink = self.lr * self.l1, 1 - self.lr * self.weight_decay
            decayed = penalties(dtype, scale, threshold=threshold, shrink=shrink)
        elif self.l1 or self.weight_decay:
            decayed = penalties(dtype, scale, self.l1, self.weight_decay)
        for place, missed, parts, rest, _, _, slots in self._blocks:
            p, g = parameters[place], gradients[place]
            self.age = self.steps - missed
            numbers = np.array(self.numbers(), dtype)
            if decayed is others or not rest:
                self.loop(p, g, *slots, numbers, decayed)
                continue
            for part, which in [(a, decayed) for a in parts] + [(a, others) for a in rest]:
                self.loop(p[part], g[part], *(s[part] for s in slots), numbers, which)

    def _decay(self, p: Array, g: Array, block: Block) -> Array:
        """Return the gradient with that of the weight decay, or shrink what decays in place."""
        if self.decoupled:
            for part in block.decayed:
                np.multiply(p[part], 1 - self.lr * self.weight_decay, out=p[part])
            return g
        return block.joined(g, np.multiply(p, self.weight_decay, out=block.scratch))

    def _shrink(self, p: Array, g: Array, block: Block) -> Array:
        """Return the gradient with that of the L1 penalty, or shrink what it concerns in place."""
        sign = np.sign(p, out=block.scratch)
        if self.decoupled:
            for part in block.decayed:
                size = np.abs(p[part], out=p[part])
                size -= self.lr * self.l1
                np.maximum(size, 0, out=size)
                size *= sign[part]
            return g
        sign *= self.l1
        return block.joined(g, sign)

    def _look(self, parameters: Array, same: bool) -> None:
        """Look what is to be done with each of the parameters, and cut them into blocks."""
        groups, missed = groups_of(parameters), self._missed_so_far()
        weights_alone = self.decay == "weights"
        if not groups and (weights_alone or missed.any()):
            raise ArgumentError(
                f"a vector that is not a model's for {self!r}",
                "model.parameters itself, of which is known what is weights, and what is frozen",
                "call optimizer.update(model.parameters, gradients.flat)",
            )
        if missed.any() and len(missed) != len(groups):
            raise ArgumentError(
                f"a model with {len(groups)} arrays of parameters for {self!r}",
                f"one with {len(missed)}, to which its state belongs",
                "make a new optimizer for another model",
            )
        if not same:
            self._vectors = {name: np.zeros_like(parameters) for name in self.slots}
            self._form = parameters.shape, parameters.dtype
        looped = Mode.compiled and self.loop is not None and fits(parameters)
        before = self._groups, self._looped, self._changes[2]
        if not same or not self._blocks or (groups, looped, self.decay) != before:
            self._groups, self._counted = groups, self.steps
            self._missed = missed if missed.any() else np.zeros(len(groups), np.int64)
            each = groups or [Group(slice(0, parameters.size), updated=True, weights=True)]
            counts = self._missed if groups else [0]
            # A loop passes over memory once: it gains by long blocks, which the cores can share.
            size = max(parameters.size, 1) if looped else BLOCK
            vectors = self._vectors.values()
            self._blocks = cut(each, counts, weights_alone, vectors, parameters, size)
            self._updated = merged(group.place for group in each if group.updated)
        self._looped = looped
        self._no_penalties = penalties(parameters.dtype, 1.0)
        self._known, self._changes = parameters, (Frozen.changes, Mode.compiled, self.decay)

    def _missed_so_far(self) -> Array:
        """Return how many steps each array of the model has missed while it was frozen."""
        if not self._groups:
            return self._missed
        frozen = np.array([not group.updated for group in self._groups])
        missed: Array = self._missed + frozen * (self.steps - self._counted)
        return missed

    def state_dict(self) -> dict[str, Any]:
        """Return a copy of all that changes while training.

        Returns
        -------
        dict of str to Array, int or float
            ``steps``, ``lr``, and after the first step the vectors named in `slots`; where
            something was frozen, ``missed``, how many steps each array of parameters has missed.
        """
        state = {name: vector.copy() for name, vector in self._vectors.items()}
        missed = self._missed_so_far()
        if missed.any():
            state["missed"] = missed
        return {"steps": self.steps, "lr": self.lr, **state}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over a state, so that the training goes on from there bit for bit.

        Parameters
        ----------
        state
            What `state_dict` of an optimizer with the same options returned. Copied.

        Raises
        ------
        ArgumentError
            Something is missing, or is not what such an optimizer keeps. Nothing has changed.
        ShapeError, DtypeError
            The vectors are not floats of one length and one type. Nothing has changed.
        """
        numbers = load_numbers(state, self, {"steps": int, "lr": float})
        steps, lr = numbers["steps"], number(numbers["lr"], "lr", type(self).__name__)
        expected = self.slots if steps else ()
        given = state.keys() - numbers.keys() - {"missed"}
        if given != set(expected):
            raise ArgumentError(
                f"a state with vectors {sorted(given)} after {steps} steps for {self!r}",
                f"vectors {sorted(expected)}",
                "make the optimizer with the options that the state was saved with",
            )
        vectors = load_vectors(state, self, expected)
        missed = load_counts(state, self, "missed", steps)
        self.steps, self.lr = steps, lr
        self._groups, self._missed, self._counted = (), missed, steps
        self._restore(vectors)

    def _restore(self, vectors: dict[str, Array]) -> None:
        """Keep vectors of another time; where there are none, the next step fits any vector."""
        self._vectors, self._form, self._blocks, self._known = {}, None, [], None
        if vectors:
            like = next(iter(vectors.values()))
            self._vectors, self._form = vectors, (like.shape, like.dtype)

    def __getstate__(self) -> dict[str, Any]:
        # Copies of views are no longer views, so a copy cuts its vectors anew.
        cut = ("_blocks", "_known", "_updated", "_no_penalties")
        return {name: value for name, value in vars(self).items() if name not in cut}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._restore(self._vectors)

    def __repr__(self) -> str:
        return describe(self)
