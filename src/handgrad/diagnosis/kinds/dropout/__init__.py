"""Inverted dropout around a layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from handgrad.arguments import Array
from handgrad.diagnosis.findings import Finding, Verdict
from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.kinds.base import Kind, Shapes
from handgrad.diagnosis.kinds.dropout.mistakes import KEEPS_P, MASKS, MISTAKES
from handgrad.diagnosis.kinds.inner import linear_handle, own_linear
from handgrad.diagnosis.kinds.linear import LinearHandle, LinearKind
from handgrad.diagnosis.mistake import Mistake
from handgrad.diagnosis.student.gradients import sort_gradients
from handgrad.diagnosis.student.subject import StudentError, Subject, guard
from handgrad.layers import Linear

__all__ = ["DropoutKind"]


@dataclass
class _Wrapped:
    """A student's dropout, and the layer that it wraps."""

    thing: Any
    inner: LinearHandle


class DropoutKind(Kind):
    """Inverted dropout around a layer.

    The wrapped layer is ours and square, so that the mask can be recovered from what comes out:
    from the output by its zeros, from the gradient by solving for what the layer was given.
    """

    name = "dropout"
    words = ("dropout",)
    titles: ClassVar = {**LinearKind.titles, "evaluation": "output in evaluation mode"}
    forwards = ("output", "evaluation")
    variables: ClassVar = LinearKind.variables
    optional = ("dW", "db")  # the wrapped layer's affair
    mistakes = MISTAKES
    shapes = ((7, 5, 5), (11, 4, 4), (5, 6, 6), (13, 3, 3))
    needs = ("linear",)

    def __init__(self, subject: Subject, own: dict[str, type] | None = None) -> None:
        super().__init__(subject, own)
        self._own_linear = own_linear(self.own)
        self._keeps_p: bool | None = None
        self.p = None if subject.is_class else _probability(subject)

    def givens(self, shapes: Shapes, seed: int) -> list[Given]:
        givens = []
        for i, (N, *_, K) in enumerate(shapes):
            rng = np.random.default_rng([seed, i])
            W = np.linalg.qr(rng.standard_normal((K, K)))[0] * rng.uniform(0.5, 1.5, K)
            x, dy = rng.standard_normal((N, K)), rng.standard_normal((N, K))
            p = self.p if self.p is not None else (0.3, 0.4, 0.2, 0.6)[i % 4]
            b = rng.standard_normal(K)
            label = f"N = {N}, K = {K}, p = {p:g}"
            sizes = {"N": N, "K": K}
            parameters = {"weights": W, "bias": b}
            givens.append(Given(label, sizes, {"x": x}, dy, parameters, {"p": p}))
        return givens

    def start(self, given: Given) -> Any:
        inner = linear_handle(given["weights"], given["bias"], self._own_linear)
        if not self.subject.is_class:
            thing = self.subject.make()
            setattr(thing, _inner_name(thing), inner.thing)
        elif self.subject.takes("p"):
            thing = self.subject.make(inner.thing, p=given["p"])
        else:
            thing = self.subject.make(inner.thing, given["p"])
        return _Wrapped(thing, inner)

    def place(self, thing: Any, given: Given) -> None:
        thing.inner.place(given["weights"], given["bias"])

    def forward(self, thing: Any, given: Given) -> Results:
        return super().forward(thing.thing, given)

    def backward(self, thing: Any, given: Given) -> Results:
        returned = self.returned(thing.thing, given)
        results, _ = sort_gradients(thing.thing, returned, given.x.shape, given["weights"].shape)
        if "dW" in results:
            results["dW"] = thing.inner.orient(results["dW"])
        if "db" in results and results["db"].size == given["bias"].size:
            results["db"] = results["db"].ravel()
        return results

    def run(self, thing: Any, given: Given) -> Results:
        results = super().run(thing, given)
        given.derived["redrawn"] = self._redraws(thing, given, results)
        given.derived["keeps_p"] = self.keeps_p()
        other = self.start(given)
        if _switched(other.thing):
            results["evaluation"] = self.look(other, given)["output"]
        return results

    def _redraws(self, thing: Any, given: Given, first: Results) -> bool:
        """Return whether the backward pass gives something else when it is asked again."""
        try:
            again = self.backward(thing, given.copied())
        except StudentError:
            return False
        return any(not np.array_equal(array, first[name]) for name, array in again.items())

    def keeps_p(self) -> bool:
        """Return whether entries are kept with probability p, not 1 - p."""
        if self._keeps_p is None:
            given = self.givens(((400, 12, 12),), 0)[0]
            share = float((self.look(self.fresh(given), given)["output"] != 0).mean())
            self._keeps_p = abs(share - given["p"]) < 0.05 < abs(1 - 2 * given["p"])
        return self._keeps_p

    def right(self, given: Given, seen: Results) -> Results:
        W, b, p = (given[name] for name in ("weights", "bias", "p"))
        f = super().right(given, seen)["output"]
        output = seen.get("output", f)
        if output.shape != f.shape:
            output = f
        keep = (output != 0).astype(np.float64)
        given.derived |= {
            "keep": keep,
            "input_mask": _nonzero(np.linalg.solve(W.T, (output - b).T).T),
        }
        if "dx" in seen and seen["dx"].shape == given.x.shape:
            given.derived["fresh"] = _nonzero(np.linalg.solve(W, seen["dx"].T).T)
        if "evaluation" in seen:
            given.derived["evaluation_mask"] = (seen["evaluation"] != 0).astype(np.float64)
        mask = keep / (1 - p)
        masked = super().right(given.changed(dy=given.dy * mask), seen)
        return {**masked, "output": f * mask, "evaluation": f}

    def ours(self, given: Given) -> Linear:
        return LinearKind.ours(given)

    def extra(self, seed: int) -> list[Finding]:
        """Judge how the mask is drawn, by its statistics."""
        given = self.givens(((400, 12, 12),), seed)[0]
        thing = self.start(given)
        p = given["p"]
        if not 0 < p < 1:
            return []
        # A mask of few random numbers may keep all, or come twice, by chance; not in four calls.
        masks = [self.look(thing, given)["output"] != 0 for _ in range(4)]
        keep = next((mask for mask in masks if not mask.all()), None)
        if keep is None:
            return []
        share = float(keep.mean())
        sigma = (p * (1 - p) / keep.size) ** 0.5
        found: list[tuple[Mistake | None, str]] = []
        if (keep == keep[0]).all():
            found.append((MASKS["rows"], "all rows of the mask are the same"))
        elif (keep == keep[:, :1]).all():
            found.append((MASKS["columns"], "all columns of the mask are the same"))
        elif abs(share - (1 - p)) > 6 * sigma:
            known = KEEPS_P if abs(share - p) < 6 * sigma else None
            sentence = (
                f"{share:.1%} of {keep.size} entries are kept; with p = {p:g} it should be "
                f"{1 - p:.0%}, give or take {6 * sigma:.1%}"
            )
            found.append((known, sentence))
        if all(np.array_equal(mask, keep) for mask in masks):
            found.append((MASKS["once"], "all calls of one object drop the same entries"))
        return [
            Finding(
                "mask",
                "how the mask is drawn",
                Verdict.WRONG,
                ((mistake.cause,),) if mistake else (),
                (sentence,),
            )
            for mistake, sentence in found
        ]


def _nonzero(array: Array) -> Array:
    """Return 1 where an entry is more than rounding."""
    shown = np.abs(array) > 1e-9 * np.abs(array).max(initial=1e-300)
    return np.asarray(shown, dtype=np.float64)


def _switched(thing: Any) -> bool:
    """Switch to evaluation mode; return whether the object has one."""
    if callable(getattr(thing, "eval", None)):
        with guard("calling eval()"):
            thing.eval()
        return True
    for name in ("training", "train"):
        if isinstance(getattr(thing, name, None), bool):
            setattr(thing, name, False)
            return True
    return False


def _inner_name(thing: Any) -> str:
    """Return the attribute that holds the wrapped layer."""
    name: str
    for name, value in vars(thing).items():
        if callable(value) and (hasattr(value, "grad") or hasattr(value, "backward")):
            return name
    raise StudentError.missing(
        f"the layer that {type(thing).__name__} wraps",
        "no attribute holds an object with __call__ and grad",
        "Keep the wrapped layer in an attribute, for instance self.layer.",
    )


_PROBABILITIES = {"p", "prob", "probability", "rate", "drop", "dropout", "p_drop", "drop_prob"}


def _probability(subject: Subject) -> float:
    """Return the probability with which a finished object drops."""
    values = {
        name: float(value)
        for name, value in vars(subject.thing).items()
        if isinstance(value, float | int) and not isinstance(value, bool) and 0 <= value < 1
    }
    for name, value in values.items():
        if name.lower().strip("_") in _PROBABILITIES:
            return value
        if "keep" in name.lower():
            return 1 - value
    if len(values) == 1:
        return next(iter(values.values()))
    raise StudentError.missing(
        f"the probability of the {subject.name} object",
        "no attribute holds a number between 0 and 1",
        "Keep the probability in an attribute, for instance self.p.",
    )
