"""Importing a student's file, as far as what it defines needs it.

A script is run as its author would run it, in its own folder. Where that fails, or goes on for long
(it trains, or reads data that was not handed in), its imports, functions and classes are taken and
the rest is left; so it is with a notebook at once, and with every file of the student's own that
one of these imports.
"""

from __future__ import annotations

import os
import signal
import sys
import types
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from handgrad.diagnosis.findings import Failure
from handgrad.diagnosis.process.sandbox import Job
from handgrad.diagnosis.student.exceptions import explain, is_theirs
from handgrad.diagnosis.student.source import (
    Piece,
    definitions,
    is_notebook,
    parse,
    pieces,
    remember,
)
from handgrad.diagnosis.student.subject import Stopped, StudentError

__all__ = ["load", "load_apart"]

PATIENCE = 5.0
"""Seconds that a file may run on its own, beside importing libraries."""


def load(job: Job, notes: list[str]) -> Any:
    """Import the file, and return what it calls by the job's name; add to the notes."""
    file = Path(job.file).resolve()
    root = Path(job.root).resolve() if job.root else file.parent
    os.chdir(root)  # where a script looks for its data
    if not job.root:
        while (root / "__init__.py").is_file():
            root = root.parent
    # The folder above comes last, for `from layers.Linear import ...` without an __init__.py.
    sys.path[:] = [str(root), *(p for p in sys.path if p != str(root)), str(root.parent)]
    sys.meta_path[:] = [f for f in sys.meta_path if not isinstance(f, _Finder)]
    sys.meta_path.insert(0, _Finder(root, notes))
    parts = list(file.relative_to(root).with_suffix("").parts)
    if parts[-1] == "__init__":
        parts.pop()
    doing = f"reading {file.name}"
    try:
        if (len(parts) > 1 or file.name == "__init__.py") and not is_notebook(file):
            module = import_module(".".join(parts))
        else:
            module = _single(file, parts[0], job.name.partition(".")[0], notes)
    except SyntaxError as error:
        where = ((error.filename or job.file, error.lineno or 0, (error.text or "").strip()),)
        hint = "Python cannot read this line; look also at the end of the line before it."
        message = f"{type(error).__name__}: {error.msg}"
        raise StudentError(Failure(doing, message, where, hint)) from error
    except BaseException as error:  # SystemExit, and whatever else the file raises
        raise StudentError(explain(error, doing)) from error
    found: Any = module
    for name in job.name.split("."):  # a method of a class, where it has a dot
        if not hasattr(found, name):
            raise StudentError(_missing(name, found))
        found = getattr(found, name)
    return found


def load_apart(target: str, notes: list[str]) -> Any:
    """Load FILE:NAME so that neither it nor another file finds what the other has imported."""
    file, _, name = target.rpartition(":")
    others = _loaded()
    for module in others:
        del sys.modules[module]
    try:
        return load(Job(file, name), notes)
    finally:
        for module in _loaded():
            del sys.modules[module]
        sys.modules.update(others)


def _loaded() -> dict[str, types.ModuleType]:
    """Return the modules that were loaded here."""
    found = {name: getattr(module, "__spec__", None) for name, module in sys.modules.items()}
    return {
        name: sys.modules[name]
        for name, spec in found.items()
        if isinstance(getattr(spec, "loader", None), _Loader)
    }


def _single(file: Path, stem: str, wanted: str, notes: list[str]) -> types.ModuleType:
    """Import a file that belongs to no package, under a name that no other module has."""
    name = f"student_{stem}" if stem in sys.modules else stem
    spec = spec_from_file_location(name, file, loader=_Loader(name, str(file), notes, wanted))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


class _Finder(MetaPathFinder):
    """Finds the student's own modules, so that they are run as the file itself is."""

    def __init__(self, root: Path, notes: list[str]) -> None:
        self.root, self.notes = root, notes

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return where a module of the student's is, None for any other."""
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None or not isinstance(spec.loader, SourceFileLoader):
            return None
        file = Path(str(spec.origin)).resolve()
        if not (file.is_relative_to(self.root) and is_theirs(str(file))):
            return None
        spec.loader = _Loader(fullname, str(file), self.notes)
        return spec


class _Loader(SourceFileLoader):
    """Runs a file of the student's, or what defines in it."""

    def __init__(self, name: str, path: str, notes: list[str], wanted: str = "") -> None:
        super().__init__(name, path)
        self.notes, self.wanted = notes, wanted

    def exec_module(self, module: types.ModuleType) -> None:
        """Run all of a script; where that fails, and in a notebook, what defines."""
        file = Path(self.path)
        parts = pieces(file)
        for piece in parts:
            remember(piece)
        if is_notebook(file):
            errors = _define(module, parts, self.wanted)
            if errors and self.wanted not in module.__dict__:
                raise errors[0]
            return
        module.__dict__["get_ipython"] = _Nothing()  # for a script that was a notebook
        (piece,) = parts
        code = compile(parse(piece), piece.filename, "exec", dont_inherit=True)
        try:
            with _patience():
                exec(code, module.__dict__)
        except BaseException as error:
            cause = f"it still runs after {PATIENCE:g} s" if isinstance(error, _Late) else None
            told = explain(error, "")
            line = f" in line {told.lines[-1][1]}" if told.lines else ""
            _define(module, parts, self.wanted)
            if self.wanted and self.wanted not in module.__dict__:
                raise
            self.notes.append(
                f"{file.name} does not run to its end ({cause or told.error}{line}): its imports, "
                "functions and classes are taken, and the rest is left"
            )


class _Late(Stopped):
    """A file runs on and on."""


@contextmanager
def _patience() -> Iterator[None]:
    """Raise `_Late` where the student's own statements take long, on systems that have a clock."""
    if not hasattr(signal, "setitimer"):
        yield
        return
    before = signal.signal(signal.SIGALRM, _ring)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE, 0.5)
    try:
        yield
    finally:
        # The file that has imported this one begins anew.
        signal.setitimer(signal.ITIMER_REAL, PATIENCE if before is _ring else 0, 0.5)
        signal.signal(signal.SIGALRM, before)


def _ring(number: int, frame: types.FrameType | None) -> None:
    """Raise, unless a library is being imported, which has to come to its end."""
    while frame is not None and not is_theirs(frame.f_code.co_filename):
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return
        frame = frame.f_back
    raise _Late


class _Nothing:
    """Does nothing, whatever it is asked."""

    def __call__(self, *args: Any, **kwargs: Any) -> _Nothing:
        return self

    def __getattr__(self, name: str) -> _Nothing:
        return self


class _Absent(types.ModuleType):
    """Stands for a module that is not there, until somebody needs it."""

    def __init__(self, error: Exception) -> None:
        super().__init__("absent")
        self.__dict__["_error"] = error

    def __getattr__(self, name: str) -> Any:
        raise self.__dict__["_error"]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise self.__dict__["_error"]


def _define(module: types.ModuleType, parts: list[Piece], wanted: str) -> list[BaseException]:
    """Run the statements that define; return what stopped some of them."""
    statements, unreadable = definitions(parts, wanted)
    errors: list[BaseException] = list(unreadable)
    for each in statements:
        try:
            exec(each.code, module.__dict__)
        except ImportError as error:
            for name in each.makes - module.__dict__.keys():
                module.__dict__[name] = _Absent(error)
        except BaseException as error:
            errors.append(error)
    return errors


def _missing(name: str, module: Any) -> Failure:
    there = [key for key, value in vars(module).items() if isinstance(value, type)]
    small = {key.lower(): key for key in there}
    near = get_close_matches(name.lower(), small, n=1)
    hint = (
        f"Did you mean {small[near[0]]}?"
        if near
        else f"The file has the classes {', '.join(there)}."
        if there
        else "The file has no classes at all: is it saved?"
    )
    return Failure(
        f"looking for {name}", f"AttributeError: there is no {name} in the file", (), hint
    )
