"""Fill in the table of what comes and goes, in docs/interop.md.

    python scripts/make_interop_docs.py

A test asserts that this changes nothing.
"""

import inspect
import re
import sys
from pathlib import Path

import numpy as np
from torch import nn

import handgrad
from handgrad.checking.cases import CASES
from handgrad.interop.torch.kinds import OURS
from handgrad.walk import buffers, parameters

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from exchange import cells  # noqa: E402

PAGE = ROOT / "docs" / "interop.md"
TABLE = re.compile(r"(<!-- table -->\n).*?(<!-- end -->)", re.DOTALL)
NO_TENSORS = "has no tensors"


def components():
    """Return the public components that are not there to be derived from."""
    found = (getattr(handgrad, name) for name in handgrad.__all__)
    return sorted(
        {c for c in found if inspect.isclass(c) and issubclass(c, handgrad.Component)}
        - {handgrad.Component, handgrad.Activation},
        key=lambda component: component.__name__,
    )


def has_tensors(component):
    """Return whether the component has parameters or buffers in some row of what is checked."""
    (case, *_) = [case for case in CASES if case.component is component]
    made = case.build(np.random.default_rng(0))
    return any(parameters(made)) or any(buffers(made))


def module(component):
    """Return the modules that a component corresponds to, of ``torch.nn`` or of ours."""
    if component not in OURS:
        return "none"
    names = {name: "nn" if hasattr(nn, name) else "modules" for name in OURS[component].theirs}
    return ", ".join(f"`{home}.{name}`" for name, home in names.items())


def tensors(component):
    """Return whether files of tensors are read and written."""
    if component not in OURS:
        return "no: no module is like it"
    return "yes" if has_tensors(component) else NO_TENSORS


def tree(component):
    """Return whether modules are made of it and it of modules."""
    return "yes" if component in OURS else "no: no module is like it"


def beyond(i):
    """Return the column of ONNX out, ONNX in or NumPy out."""
    return lambda component: cells(component.__name__)[i]


def of_sklearn(component):
    """Return whether scikit-learn's networks have it."""
    theirs = {"Linear", "ReLU", "Sigmoid", "Tanh", "Model"}
    return "yes" if component.__name__ in theirs else "no: an MLP has none"


COLUMNS = {
    "PyTorch's module": module,
    "state_dict in": tensors,
    "state_dict out": tensors,
    "`from_torch`": tree,
    "`to_torch`": tree,
    "ONNX out, in onnxruntime": beyond(0),
    "ONNX in": beyond(1),
    "NumPy out": beyond(2),
    "scikit-learn": of_sklearn,
}


def table():
    """Return the table."""
    lines = ["| component |" + "".join(f" {name} |" for name in COLUMNS)]
    lines.append("|---" * (len(COLUMNS) + 1) + "|")
    for component in components():
        cells = "".join(f" {cell(component)} |" for cell in COLUMNS.values())
        lines.append(f"| `{component.__name__}` |{cells}")
    return "\n".join(lines)


def filled(text):
    """Return the page with the table written anew."""
    return TABLE.sub(lambda match: f"{match[1]}{table()}\n{match[2]}", text)


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
