"""The layout of the package: what imports what, what is public, and that it is documented."""

import ast
import dataclasses
import enum
import importlib
import inspect
import json
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import handgrad

SOURCE = Path(handgrad.__file__).parent
TESTS = Path(__file__).parents[1]
EXERCISE = SOURCE.parents[1] / "exercise"

ORDER = [
    "errors",
    "markup",
    "arguments",
    "heap",
    "kernels",
    "randomness",
    "modes",
    "shapes",
    "parameter",
    "per_sample",
    "component",
    "loss",
    "walk",
    "initializers",
    "adapter",
    "activations",
    "layers",
    "containers",
    "losses",
    "dense",
    "flat",
    "chain",
    "summary",
    "predicting",
    "model",
    "optimizers",
    "checkpoint",
    "datasets",
    "training",
    "experiments",
    "estimators",
    "interop",
    "checking",
    "diagnosis",
    "grading",
    "cli",
]
"""A module imports from what stands above it; `__init__` and `__main__` stand below them all."""

FILES = sorted(path.relative_to(SOURCE) for path in SOURCE.rglob("*.py"))


def part(module):
    """Return where a module of the package stands: the name of its file or folder."""
    return module.split(".")[1] if "." in module else "__init__"


def dotted(file):
    names = file.with_suffix("").parts
    return ".".join(("handgrad", *(names[:-1] if names[-1] == "__init__" else names)))


def imports(file):
    """Yield every module that a file imports, also inside its functions."""
    tree = ast.parse((SOURCE / file).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} imports relatively"
            modules = (f"{node.module}.{alias.name}" for alias in node.names)
            yield from (node.module, *(m for m in modules if _is_module(m)))


def _is_module(name):
    path = SOURCE.parent.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or path.is_dir()


@pytest.mark.parametrize("file", [f for f in FILES if f.name != "__main__.py"], ids=str)
def test_a_file_imports_from_what_stands_above_it(file):
    mine = file.parts[0].removesuffix(".py")
    if mine == "__init__":
        return
    above = ORDER[: ORDER.index(mine) + 1]
    for module in imports(file):
        if module.split(".")[0] == "handgrad" and module != "handgrad":
            assert part(module) in above, f"{file} imports {module}"


def test_no_modules_import_each_other():
    """Nor in a longer circle, nor for types alone; a package counts as its `__init__`."""
    modules = {dotted(file): file for file in FILES}
    edges = {
        module: {name for name in imports(file) if name in modules and name != module}
        for module, file in modules.items()
        if file != Path("__init__.py")  # whose imports are the public names, some of them later
    }
    for module, names in edges.items():  # whoever imports a module has run its packages
        names |= {
            package
            for name in names
            for package in (name.rsplit(".", i)[0] for i in range(1, name.count(".")))
            if package in edges and not f"{module}.".startswith(f"{package}.")
        }
    done: set[str] = set()

    def visit(module, path):
        assert module not in path, " imports ".join([*path[path.index(module) :], module])
        if module not in done:
            for name in sorted(edges.get(module, ())):
                visit(name, [*path, module])
            done.add(module)

    for module in sorted(edges):
        visit(module, [])


def test_the_order_names_each_part_once():
    assert len(set(ORDER)) == len(ORDER)


@pytest.mark.parametrize("file", [f for f in FILES if f.name != "__init__.py"], ids=str)
def test_a_name_is_imported_from_where_it_is_defined(file):
    """Or from the package that exports it; not from another module that has imported it."""
    for node in ast.walk(ast.parse((SOURCE / file).read_text(encoding="utf-8"))):
        module = SOURCE.parent.joinpath(*(getattr(node, "module", None) or "").split("."))
        if isinstance(node, ast.ImportFrom) and module.with_suffix(".py").exists():
            tree = ast.parse(module.with_suffix(".py").read_text(encoding="utf-8"))
            others = [n for n in ast.walk(tree) if isinstance(n, ast.Import | ast.ImportFrom)]
            imported = {alias.asname or alias.name for n in others for alias in n.names}
            names = {alias.name for alias in node.names}
            assert not names & imported, f"{node.module} has only imported {names & imported}"


def test_the_tests_mirror_the_sources():
    others = {"promises", "corpus", "support", "benchmarks", "examples"}
    for folder in {path.parent.relative_to(TESTS) for path in TESTS.rglob("test_*.py")}:
        assert (SOURCE / folder).is_dir() or folder.parts[0] in others, folder


@pytest.mark.parametrize("file", FILES, ids=str)
def test_a_module_is_no_longer_than_400_lines(file):
    assert len((SOURCE / file).read_text(encoding="utf-8").splitlines()) <= 400


@pytest.mark.parametrize("file", FILES, ids=str)
def test_nothing_differentiates_automatically_and_only_the_judges_know_pytorch(file):
    others = {"autograd", "jax", "tensorflow", "sympy"}
    others |= set() if file.parts[0] in ("checking", "interop") else {"torch"}
    assert not others & {module.split(".")[0] for module in imports(file)}


LOADED = (
    "import json, sys; import {}; print(json.dumps(sorted(m.split('.')[0] for m in sys.modules)))"
)


def loaded(module):
    command = [sys.executable, "-c", LOADED.format(module)]
    return set(json.loads(subprocess.run(command, capture_output=True, check=True).stdout))


def test_import_loads_numpy_and_nothing_else_that_is_not_the_standard_librarys():
    more = loaded("handgrad") - loaded("numpy.random") - set(sys.stdlib_module_names)
    assert {name for name in more if not name.startswith("_")} == {"handgrad"}


# What is public

MODULES = sorted(
    info.name
    for info in pkgutil.walk_packages([str(SOURCE)], "handgrad.")
    if not any(name.startswith("_") for name in info.name.split("."))
)

PACKAGES = [
    "handgrad",
    *(name for name in MODULES if name.count(".") == 1 and (SOURCE / part(name)).is_dir()),
]
PACKAGES.remove("handgrad.cli")  # whose documentation is its --help


def _public():
    for package in map(importlib.import_module, (*PACKAGES, "handgrad.errors")):
        for name in package.__all__:
            thing = getattr(package, name, None)
            if inspect.isclass(thing) or inspect.isfunction(thing):
                yield thing.__module__, name


PUBLIC = sorted(set(_public()))


@pytest.mark.parametrize("name", ["handgrad", *MODULES])
def test_a_module_says_what_it_is_and_what_is_public(name):
    module = importlib.import_module(name)
    assert module.__doc__
    assert module.__doc__.strip().splitlines()[0].endswith(".")
    assert module.__all__
    assert sorted(set(module.__all__)) == sorted(module.__all__)
    for public in module.__all__:
        assert hasattr(module, public)


def is_record(cls):
    """Return whether instances are what a function returns, and not what a user makes."""
    return dataclasses.is_dataclass(cls) or issubclass(cls, tuple | enum.Enum)


@pytest.mark.parametrize(
    ("module", "name"), PUBLIC, ids=lambda text: text.removeprefix("handgrad.")
)
def test_a_public_name_is_documented(module, name):
    thing = getattr(importlib.import_module(module), name)
    doc = inspect.cleandoc(thing.__doc__ or "")
    assert doc.splitlines()[:1], "no docstring"
    assert doc.splitlines()[0].endswith("."), "no summary"
    if inspect.isclass(thing) and (issubclass(thing, BaseException) or is_record(thing)):
        return
    assert "Examples\n--------\n" in doc, "no example"
    assert ">>> " in doc, "no example that runs"
    if inspect.isclass(thing) and thing.__init__ is object.__init__:
        return
    sections = dict(re.findall(r"^(\w+)\n-+\n(.*?)(?=\n\n\w+\n---|\Z)", doc, re.M | re.S))
    described = sections.get("Parameters", "")
    for parameter in inspect.signature(thing).parameters:
        assert re.search(rf"^.*\b{parameter}\b", described, re.M), f"{parameter} is not described"


def test_public_names_stand_in_the_package_and_in_their_folder():
    for folder in ("activations", "layers", "containers", "losses"):
        module = importlib.import_module(f"handgrad.{folder}")
        for name in module.__all__:
            assert getattr(handgrad, name) is getattr(module, name)
            assert name in handgrad.__all__
    assert handgrad.__version__.count(".") == 2


# The exercise's folder

NAMES = {
    "activations": ["ReLU", "Sigmoid"],
    "layers": ["Dropout", "Linear"],
    "layers.Dropout": ["Dropout"],
    "layers.Linear": ["Linear"],
    "losses": ["CrossEntropy", "MSELoss"],
    "model": ["Model"],
}


def test_the_exercises_folder_holds_re_exports_alone():
    files = sorted(EXERCISE.rglob("*.py"))
    assert len(files) == len(NAMES)
    for file in files:
        docstring, *statements, names = ast.parse(file.read_text(encoding="utf-8")).body
        assert isinstance(docstring.value.value, str)
        assert statements
        assert all(isinstance(statement, ast.ImportFrom) for statement in statements)
        assert isinstance(names, ast.Assign)
        assert names.targets[0].id == "__all__"


def test_the_courses_import_names_are_ours():
    lines = ["import handgrad"]
    for module, names in NAMES.items():
        lines += [
            f"from {module} import {name}; assert {name} is handgrad.{name}" for name in names
        ]
        lines += [f"import sys; assert sorted(sys.modules[{module!r}].__all__) == {names}"]
    command = [sys.executable, "-c", "\n".join(lines)]
    subprocess.run(command, check=True, cwd=EXERCISE, capture_output=True)


def test_every_folder_is_a_package():
    folders = {file.parent for file in SOURCE.rglob("*.py")}
    assert all((folder / "__init__.py").exists() for folder in folders)
