"""Attention: of given queries, keys and values, and of several heads to themselves."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from handgrad.diagnosis.families import GENERAL
from handgrad.diagnosis.given import Given, Results
from handgrad.diagnosis.kinds.attention.dot_product import (
    BACKWARD,
    FORWARD,
    OPTIONS,
    attention_conventions,
    attention_mistakes,
)
from handgrad.diagnosis.kinds.attention.heads import ABSENT, GRADIENTS, LINES, head_mistakes
from handgrad.diagnosis.kinds.base import Kind, Shapes, Stress
from handgrad.diagnosis.kinds.lines import Program, Renamed, Straight

__all__ = ["AttentionKind", "MultiHeadAttentionKind"]


class _Attention(Kind):
    """What both have in common."""

    program: ClassVar[Program]

    def stresses(self, seed: int) -> list[Stress]:
        large = self.givens(self.shapes[:2], seed + 99)
        for given in large:
            for array in given.inputs.values():
                array[...] *= 1e3
        one = self.givens([(1, *shape[1:]) for shape in self.shapes[:2]], seed + 98)
        return [
            Stress("one row", "a single row", one),
            Stress("extreme", "inputs of size 1e3", large),
        ]

    def right(self, given: Given, seen: Results) -> Results:
        return dict(self.program.right(given))


class AttentionKind(_Attention):
    """Scaled dot-product attention."""

    name = "attention"
    dimensions = "N T S d e"
    words = ("attention", "dotproduct")
    titles: ClassVar = {
        "output": "output",
        "dquery": "gradient of the queries",
        "dkey": "gradient of the keys",
        "dvalue": "gradient of the values",
    }
    variables: ClassVar = {"dquery": "query", "dkey": "key", "dvalue": "value"}
    axes: ClassVar = {"query": "N T d", "key": "N S d", "value": "N S e", "output": "N T e"}
    shapes = ((2, 3, 4, 5, 2), (3, 4, 2, 3, 5), (2, 5, 3, 2, 4))
    square = ((2, 3, 3, 5, 5), (3, 4, 4, 2, 2), (2, 5, 5, 3, 3))
    program = Straight(
        {
            **{name[0]: Renamed(np.asarray, (name,)) for name in ("query", "key", "value")},
            **FORWARD,
            "output": Renamed(np.asarray, ("y",)),
            "g": Renamed(np.asarray, ("dy",)),
            **BACKWARD,
            **{
                f"d{name}": Renamed(np.asarray, (f"d{name[0]}",))
                for name in ("query", "key", "value")
            },
        },
        {},
        tuple(titles),
    )
    mistakes = (*attention_mistakes(program), *GENERAL)
    conventions = attention_conventions(program)

    def givens(self, shapes: Shapes, seed: int) -> list[Given]:
        givens = []
        for i, (N, T, S, d, e) in enumerate(shapes):
            rng = np.random.default_rng([seed, i])
            sizes = {"N": N, "T": T, "S": S, "d": d, "e": e}
            inputs = {
                "query": rng.standard_normal((N, T, d)),
                "key": rng.standard_normal((N, S, d)),
                "value": rng.standard_normal((N, S, e)),
            }
            label = ", ".join(f"{name} = {size}" for name, size in sizes.items())
            dy = rng.standard_normal((N, T, e))
            givens.append(Given(label, sizes, inputs, dy, options=dict(OPTIONS)))
        return givens


class MultiHeadAttentionKind(_Attention):
    """Self-attention of several heads."""

    name = "multi_head_attention"
    dimensions = "N T D H"
    words = ("multihead", "selfattention", "multiheadattention")
    titles: ClassVar = {
        "output": "output",
        "dx": "gradient of the input",
        **{q: f"gradient of the {name.replace('_', ' ')}" for q, name in GRADIENTS.items()},
    }
    variables: ClassVar = {"dx": "x", **GRADIENTS}
    optional = ("dbq", "dbk", "dbv", "dbo")
    absent = tuple(ABSENT)
    axes: ClassVar = {
        "x": "N T D",
        "output": "N T D",
        **{name: "D E" if name.endswith("weights") else "E" for name in GRADIENTS.values()},
    }
    shapes = ((2, 3, 4, 2), (3, 4, 6, 3), (2, 5, 6, 2))
    program = Straight(LINES, ABSENT, tuple(titles))
    mistakes = head_mistakes(program)
    conventions = attention_conventions(program)

    def givens(self, shapes: Shapes, seed: int) -> list[Given]:
        givens = []
        for i, (N, T, D, H) in enumerate(shapes):
            rng = np.random.default_rng([seed, i])
            parameters = {
                name: rng.standard_normal((D, D) if name.endswith("weights") else D) * D**-0.5
                for name in GRADIENTS.values()
            }
            sizes = {"N": N, "T": T, "D": D, "H": H}
            label = ", ".join(f"{name} = {size}" for name, size in sizes.items())
            x, dy = rng.standard_normal((N, T, D)), rng.standard_normal((N, T, D))
            options = {"features": D, "num_heads": H, **OPTIONS}
            givens.append(Given(label, sizes, {"x": x}, dy, parameters, options))
        return givens
