"""A new component is its file, its row and the lines that export it, as CONTRIBUTING says."""

import os
import re
import shutil
import subprocess
import sys
import textwrap

import pytest

from documents import CONTRIBUTING, ROOT, blocks
from handgrad.checking import check_library
from handgrad.checking.cases import activations

(FILE, _), (ROW, _) = blocks(CONTRIBUTING, "python")
TOUCHED = re.findall(r"`(src/[\w/]+\.py)`", CONTRIBUTING.partition("**The file.**")[0])


def contributed():
    """Return the component of CONTRIBUTING's file, and its row, made in the family's own module."""
    module = {"__name__": "arctan"}
    exec(compile(FILE, "arctan.py", "exec"), module)
    return module["Arctan"], eval(ROW, {**vars(activations), "Arctan": module["Arctan"]})


def test_the_component_of_contributing_passes_with_its_one_row():
    Arctan, row = contributed()
    report = check_library([row])
    assert report.ok
    assert {line.quantity for line in report.lines()} == {"y", "dx", "invariants"}
    for wrong, error in row.wrong:
        with pytest.raises(error):
            wrong(Arctan())


def test_the_row_of_contributing_notices_a_slip(monkeypatch):
    Arctan, row = contributed()
    monkeypatch.setattr(Arctan, "pullback", lambda self, dy, x, *_: (dy / (1 + x), {}))
    assert not check_library([row]).ok


# In a copy of the project


def edit(root, path, *changes):
    """Make changes, (what stands once, what is put in its place), to one file of the copy."""
    text = (root / path).read_text(encoding="utf-8")
    for old, new in changes:
        text, count = re.subn(old, new, text, flags=re.MULTILINE)
        assert count == 1, f"{old!r} stands {count} times in {path}"
    (root / path).write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    root = tmp_path_factory.mktemp("copy")
    for name in ("src", "tests", "docs", "scripts", "exercise"):
        shutil.copytree(
            ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", ".*_cache")
        )
    for name in ("pyproject.toml", "README.md", "CONTRIBUTING.md"):
        shutil.copy(ROOT / name, root)
    before = {path: path.read_bytes() for path in sorted((root / "src").rglob("*.py"))}

    file, cases, family, package = TOUCHED
    (root / file).write_text(FILE, encoding="utf-8")
    imported = r"^(from handgrad\.activations import \()$"
    for path in (cases, package):
        edit(root, path, (imported, r"\1\n    Arctan,"))
    edit(root, cases, (r"^\)\n\Z", textwrap.indent(ROW.rstrip(), "    ") + ",\n)\n"))
    edit(
        root,
        family,
        (
            r"\n\n__all__ = \[\n",
            '\nfrom handgrad.activations.arctan import Arctan\n\n__all__ = [\n    "Arctan",\n',
        ),
    )
    edit(root, package, (r'^    "Sigmoid",$', '    "Sigmoid",\n    "Arctan",'))

    after = {path: path.read_bytes() for path in sorted((root / "src").rglob("*.py"))}
    changed = {path for path in after if after[path] != before.get(path)}
    assert changed == {root / path for path in TOUCHED}
    return root


def run(root, *arguments):
    """Run Python in the copy, on the copy's package."""
    environment = {**os.environ, "PYTHONPATH": str(root / "src")}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=root, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_handgrad_check_knows_a_new_component(copy):
    code = """
        from functools import partial
        from handgrad.checking import CASES, library
        from handgrad.cli import main
        rows = [case for case in CASES if case.component.__name__ in ("Arctan", "Sigmoid")]
        library.check_library = partial(library.check_library, rows)  # the others take their time
        main()
    """
    said = run(copy, "-c", textwrap.dedent(code), "check")
    assert re.search(r"^ ?Arctan +dx .* right *$", said, re.MULTILINE)
    assert re.search(r"^All \d+ checks agree\. *$", said, re.MULTILINE)


def test_so_do_the_proofs_the_mutations_and_every_test_of_rows(copy):
    files = [
        "checking/test_components.py",
        "promises/test_derivations.py",
        "promises/test_mutations.py",
        "promises/test_layout.py",
    ]
    files = [f"tests/{file}" for file in files]
    said = run(
        copy, "-m", "pytest", "-q", "-n", "0", "-rA", "-p", "no:cacheprovider",
        "-k", "Arctan or every_public or arctan or of_every or in_their_folder", *files,
    )  # fmt: skip
    for file in files:
        assert re.search(rf"^PASSED {file}::.*arctan", said, re.MULTILINE | re.IGNORECASE), file
    assert "test_the_coded_gradient_is_the_derivative_of_the_coded_value[Arctan, two axes]" in said
    assert "test_every_public_component_has_a_row" in said


def test_so_does_a_checkpoint(copy):
    code = """
        import sys, numpy as np
        from handgrad import Arctan, Dropout, Linear, Model, checkpoint
        model = Model([Linear(3, 5), Dropout(Arctan(), 0.5), Linear(5, 2)])
        checkpoint.save(sys.argv[1], model)
        again = checkpoint.load(sys.argv[1]).model
        assert type(again.components[1].layer) is Arctan
        assert np.array_equal(again.parameters, model.parameters)
    """
    run(copy, "-c", textwrap.dedent(code), str(copy / "saved"))
