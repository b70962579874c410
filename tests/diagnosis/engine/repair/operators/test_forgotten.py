"""What students forget is among the edits, and comes early where a name is left without use."""

import ast
import linecache
from contextlib import suppress

import numpy as np
import pytest

from handgrad.diagnosis.engine.repair.edits import applied
from handgrad.diagnosis.engine.repair.operators import singles
from handgrad.diagnosis.engine.repair.source import recorded, units
from handgrad.diagnosis.engine.repair.vocabulary import Vocabulary

ARRAYS = {
    "x": np.ones((4, 3)),
    "w": np.ones((3, 2)),
    "b": np.ones(2),
    "y": np.array([0, 1, 0, 1]),
    "image": np.ones((2, 3, 4, 5)),
    "padded": np.ones((2, 3, 6, 7)),
    "pad": 1,
    "stride": 2,
    "momentum": 0.9,
}


def made(code, until, folder):
    """All that single edits make of a function, by the turn in which they come."""
    names = ", ".join(ARRAYS)
    lines = "".join(f"    {line}\n" for line in code.splitlines())
    source = f"import numpy as np\n\ndef f({names}):\n{lines}"
    path, space = folder / "student.py", {}
    path.write_text(source, encoding="utf-8")
    exec(compile(source, str(path), "exec"), space)
    linecache.checkcache()
    (unit,) = units([space["f"]])
    with recorded([unit]), suppress(NameError):
        space["f"](**{n: np.copy(v) if np.ndim(v) else v for n, v in ARRAYS.items()})
    found = {}
    everywhere = dict.fromkeys(range(len(source)), 0.0)
    for turn, edit in singles(unit, Vocabulary(unit), everywhere):
        if turn > until:
            break
        with applied(edit):
            found.setdefault(ast.unparse(unit.tree), turn)
    return found


def wanted(code):
    names = ", ".join(ARRAYS)
    lines = "".join(f"    {line}\n" for line in code.splitlines())
    return ast.unparse(ast.parse(f"def f({names}):\n{lines}"))


LOOP = "for n in range(4):\n    for m in range(2):\n        "
SLIPS = {
    "a term": ("out = x @ w\nreturn out", "out = x @ w + b\nreturn out", 2.0),
    "a mask": (
        "mask = x > 1\nreturn x * 2",
        "mask = x > 1\nreturn x * 2 * mask",
        2.0,
    ),
    "a term in a loop": (
        f"out = x @ w\n{LOOP}out[n, m] = out[n, m] * 2\nreturn out",
        f"out = x @ w\n{LOOP}out[n, m] = out[n, m] * 2 + b[m]\nreturn out",
        2.2,
    ),
    "a factor in a loop": (
        f"out = x @ w\n{LOOP}x[n, m] *= 2\n        out[n, m] = out[n, m] - b[m]\nreturn out",
        f"out = x @ w\n{LOOP}x[n, m] *= 2\n        out[n, m] = out[n, m] - b[m] * x[n, m]\n"
        "return out",
        2.3,
    ),
    "exchanged names": (
        "return momentum * x[0] + (1 - momentum) * x[1] * pad",
        "return pad * x[0] + (1 - pad) * x[1] * momentum",
        1.6,
    ),
    "the largest": ("s = x\nreturn np.exp(s)", "s = x - x.max(axis=1, keepdims=True)\n"
        "return np.exp(s)", 1.8),
    "the mean": (
        "d = x - x.mean(0)\nreturn w - d[:3, :2]",
        "d = x - x.mean(0)\nreturn w - w.mean(0) - d[:3, :2]",
        2.0,
    ),
    "the other derivative": ("return x * w.T[0] * (1 - w.T[0])", "return x * (1 - w.T[0] ** 2)",
        1.5),
    "a step": (
        "b /= 4\nreturn w",
        "b /= 4\nw /= 4\nreturn w",
        2.5,
    ),
    "the padding": (
        "dx = padded\nreturn dx + 0 * image[0, 0, 0, 0]",
        "dx = padded[:, :, pad:-pad, pad:-pad]\nreturn dx + 0 * image[0, 0, 0, 0]",
        1.6,
    ),
    "the padding on both sides": (
        "return padded[:, :, :4, :5]",
        "return padded[:, :, pad:pad + 4, pad:pad + 5]",
        1.7,
    ),
    "the stride": (
        "for i in range(2):\n    w[i] = image[0, 0, i:i + 2].sum()\nreturn w",
        "for i in range(2):\n    w[i] = image[0, 0, i * stride:i * stride + 2].sum()\nreturn w",
        1.7,
    ),
    "the start of the window": (
        "for i in range(2):\n    top = i * stride\n    x[i, i] = 0\nreturn x",
        "for i in range(2):\n    top = i * stride\n    x[top, top] = 0\nreturn x",
        1.6,
    ),
    "the end of a window": (
        "for i in range(2):\n    w[i] = x[0, i:2].sum()\nreturn w",
        "for i in range(2):\n    w[i] = x[0, i:i + 2].sum()\nreturn w",
        1.4,
    ),
    "a place in a window": (
        "for i in range(2):\n    top = i * stride\n    x[i, pad] = 0\nreturn x",
        "for i in range(2):\n    top = i * stride\n    x[i, top + pad] = 0\nreturn x",
        1.7,
    ),
    "what is read and never worked out": (
        "dx = x @ w\nreturn dx + dw",
        "dx = x @ w\ndw = x @ b\nreturn dx + dw",
        1.6,
    ),
    "a sum that is read and never worked out": (
        "dx = x @ w\nreturn dx + db",
        "dx = x @ w\ndb = dx.sum(axis=0)\nreturn dx + db",
        1.8,
    ),
    "one step later": ("return x[1:]", "return x[:-1]", 1.4),
    "the right class": (
        "s = x[np.arange(4), y]\nm = x - s[:, None]\nreturn m",
        "s = x[np.arange(4), y]\nm = x - s[:, None]\nm[np.arange(4), y] = 0\nreturn m",
        2.0,
    ),
    "the right class in a loop": (
        f"{LOOP}w[m, 0] += x[n, m] * y[n]\nreturn w",
        "for n in range(4):\n    for m in range(2):\n        if m == y[n]:\n            continue\n"
        "        w[m, 0] += x[n, m] * y[n]\nreturn w",
        2.0,
    ),
    "how many": (
        "x[np.arange(4), y] = -1\nreturn x",
        "x[np.arange(4), y] = -x.sum(axis=1)\nreturn x",
        1.9,
    ),
    "a reset in a loop": (
        f"{LOOP}total = 0\n        total += x[n, m]\nreturn total",
        "total = 0\nfor n in range(4):\n    for m in range(2):\n        total += x[n, m]\n"
        "return total",
        1.8,
    ),
}  # fmt: skip


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_is_mended_by_an_edit(slip, tmp_path):
    wrong, right, until = SLIPS[slip]
    assert wanted(right) in made(wrong, until, tmp_path)


@pytest.mark.parametrize("many", ["ones(x.shape)", "random.random_sample(x.shape)", "arange(pad)"])
def test_no_size_is_multiplied_by_what_may_be_large(many, tmp_path):
    found = made(f"return x[0, 0] * np.{many}", 2.3, tmp_path)
    name = many.partition("(")[0]
    assert not any(f"{many[:-1]} * " in code or f"{name}(np.exp" in code for code in found)
    assert len(found) > 50


def test_what_is_read_is_no_more_likely_than_another(tmp_path):
    wrong, right = "return x @ w + 0 * b", "return x @ w + 0 * b + b"
    assert wanted(right) not in made(wrong, 2.0, tmp_path)
