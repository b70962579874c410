"""The page on what comes and goes: its blocks print what they show, and its table is what is so."""

import contextlib
import importlib.util
import io
import tempfile

import numpy as np
import torch

from documents import ROOT, blocks
from handgrad import Loss
from handgrad.checking.cases import CASES

COMPONENTS = [case for case in CASES if not issubclass(case.component, Loss)]

PAGE = (ROOT / "docs" / "interop.md").read_text(encoding="utf-8")


def maker():
    path = ROOT / "scripts" / "make_interop_docs.py"
    spec = importlib.util.spec_from_file_location("make_interop_docs", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_prints_what_it_shows(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    state, namespace = np.random.get_state(), {"__name__": "page"}
    for code, shown in blocks(PAGE, "python"):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), torch.random.fork_rng():
            exec(compile(code, "docs/interop.md", "exec"), namespace)
        assert printed.getvalue() == shown, code
    np.random.set_state(state)


def test_the_table_is_what_is_so():
    assert maker().filled(PAGE) == PAGE, "run scripts/make_interop_docs.py"


def test_the_table_has_a_row_for_each_component_and_tells_why_not():
    rows = [line.split("|")[1:-1] for line in maker().table().splitlines()]
    head, _, *rows = rows
    assert {row[0].strip(" `") for row in rows} == {case.component.__name__ for case in COMPONENTS}
    for row in rows:
        assert len(row) == len(head)
        assert all(cell.strip() == "yes" or len(cell) > 3 for cell in row[2:])
