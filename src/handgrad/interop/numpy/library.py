"""The definitions that a file needs, each found from the names that the others read.

It begins with the classes of a network's components and their `apply`. A method that a formula
calls comes along, and so does a function of its module, what that calls, and a constant; what
nobody calls stays where it is.
"""

from __future__ import annotations

import ast
import builtins
import copy
import importlib
from collections.abc import Iterable
from typing import Any

from handgrad.chain import Chain
from handgrad.component import Component
from handgrad.errors import ArgumentError
from handgrad.interop.numpy.modules import allowed, class_node, found, member
from handgrad.interop.numpy.shaping import shaped
from handgrad.model import Model

__all__ = ["Library"]

_NOT_RUN = {"__reduce__", "__repr__", "__getstate__", "__setstate__"}


class Library:
    """Definitions by their names, each after what it needs when it is read.

    Attributes
    ----------
    imports : dict of str to str
        Import statements.
    definitions : dict of str to ast.stmt
        Constants, functions and classes.
    read : dict of type to set of str
        Which attributes the formulas of a class read of its objects that are no methods.
    attributes : set of str
        Every attribute that anything reads.
    """

    def __init__(self, reserved: Iterable[str] = ()) -> None:
        self.imports: dict[str, str] = {}
        self.definitions: dict[str, ast.stmt] = {}
        self.read: dict[type, set[str]] = {}
        self.attributes: set[str] = set()
        self._origins: dict[str, tuple[str, str]] = {name: ("", name) for name in reserved}
        self._helpers: dict[str, type] = {}
        self._asked: set[type] = set()
        self._begun: set[str] = set()

    def component(self, cls: type[Any], methods: Iterable[str] = ("apply",)) -> str:
        """Add the class of a component, with these methods, and return its name in the file."""
        name = self._named(cls.__module__, cls.__name__)
        if cls in self._asked:
            return name
        self._asked.add(cls)
        body: dict[str, ast.stmt] = {}
        read = self.read[cls] = set()
        ahead = list(methods)
        while ahead:
            wanted = ahead.pop(0)
            if wanted in body or wanted in read:
                continue
            origin = member(_formulas_of(cls, wanted), wanted)
            if origin is None or not _is_method(cls, wanted):
                read.add(wanted)
                continue
            module, statement = origin
            body[wanted] = self._settled(statement, module, component=True)
            ahead += self._attributes_of("self", body[wanted])
        methods_last = sorted(body.values(), key=lambda each: isinstance(each, ast.FunctionDef))
        summary = (cls.__doc__ or "").strip().partition("\n")[0]
        docstring = [ast.Expr(ast.Constant(summary))] if summary else []
        made = ast.ClassDef(
            name, [ast.Name("Layer", ast.Load())], [], [*docstring, *methods_last], []
        )
        self.definitions[name] = ast.fix_missing_locations(made)
        return name

    def settle(self) -> None:
        """Give each class that helps the methods that are called, until none is missing."""
        while sum(self._add_methods(name) for name in list(self._helpers)):
            pass

    def text(self) -> str:
        """Return the definitions as text, after what they import."""
        text, before = "", None
        for definition in self.definitions.values():
            constants = isinstance(definition, ast.Assign) and isinstance(before, ast.Assign)
            text += ("\n" if constants else "\n\n\n") * bool(text) + ast.unparse(definition)
            before = definition
        return text

    def name_of(self, cls: type[Any]) -> str:
        """Return the name of a class in the file, adding it where it is not there yet."""
        if issubclass(cls, Component):
            return self.component(cls)
        return self._resolved(cls.__module__, cls.__name__)

    def _attributes_of(self, name: str, node: ast.AST) -> list[str]:
        """Return which attributes of what is called `name` are read, here or where it is given."""
        read: list[str] = []
        for each in ast.walk(node):
            if isinstance(each, ast.Attribute) and getattr(each.value, "id", "") == name:
                read.append(each.attr)
            elif isinstance(each, ast.Call):
                function = self.definitions.get(getattr(each.func, "id", ""))
                for i, argument in enumerate(each.args):
                    given = isinstance(argument, ast.Name) and argument.id == name
                    if given and isinstance(function, ast.FunctionDef):
                        read += self._attributes_of(function.args.args[i].arg, function)
        return read

    def _settled(self, statement: ast.stmt, module: str, *, component: bool = False) -> ast.stmt:
        """Return a statement as it is in the file, with all that it refers to added before it."""
        made: ast.stmt
        if isinstance(statement, ast.FunctionDef):
            made = shaped(statement, component=component)
        else:
            made = copy.deepcopy(statement)
        if isinstance(made, ast.AnnAssign) and made.value is not None:
            made = ast.fix_missing_locations(ast.Assign([made.target], made.value))
        renamed = {name: self._resolved(module, name) for name in sorted(_free_names(made))}
        self.attributes |= {n.attr for n in ast.walk(made) if isinstance(n, ast.Attribute)}
        for node in ast.walk(made):
            if isinstance(node, ast.Name):
                node.id = renamed.get(node.id, node.id)
        return made

    def _resolved(self, module: str, name: str) -> str:
        """Return what a name of a module is called in the file, adding what it stands for."""
        module, statement = found(module, name)
        if isinstance(statement, ast.Import | ast.ImportFrom):
            return self._imported(statement, module, name)
        own = getattr(statement, "name", name)
        thing = getattr(importlib.import_module(module), own)
        if isinstance(thing, type) and issubclass(thing, Component):
            made_there = self.component(thing)
            if self.read[thing]:
                raise ArgumentError(
                    f"a {own} that is made in a formula of {module}",
                    "components with settings that are made before, and kept as attributes",
                    f"write self.inner = {own}(...) in __init__, and self.inner.apply(x)",
                )
            return made_there
        unique = self._named(module, own)
        if unique in self._begun:
            return unique
        self._begun.add(unique)  # so that it may call itself
        if isinstance(thing, type):
            self._helper(thing, unique)
            return unique
        made = self._settled(statement, module)
        if isinstance(made, ast.FunctionDef):
            made.name = unique
        self.definitions[unique] = made
        return unique

    def _imported(self, statement: ast.Import | ast.ImportFrom, module: str, name: str) -> str:
        alias = next(a for a in statement.names if name in (a.asname, a.name.partition(".")[0]))
        source = statement.module if isinstance(statement, ast.ImportFrom) else alias.name
        if not allowed(source or ""):
            raise ArgumentError(
                f"{name} of {source} in the module {module}",
                "components that need NumPy and Python's own library alone",
                "export the network as ONNX, or write the component without that library",
            )
        alone: ast.stmt = copy.deepcopy(statement)
        alone.names = [alias]  # type: ignore[attr-defined]
        self.imports[name] = ast.unparse(alone)
        return name

    def _helper(self, cls: type[Any], name: str) -> None:
        """Add a class that is no component, with those of its methods that somebody calls."""
        node = class_node(cls)
        for base in node.bases:
            self._resolved(cls.__module__, getattr(base, "id", ""))
        fields = [s for s in node.body if isinstance(s, ast.Assign | ast.AnnAssign)]
        made = ast.ClassDef(name, node.bases, [], [*fields], node.decorator_list)
        self._helpers[name] = cls
        self._add_methods(name, made)
        self.definitions[name] = made

    def _add_methods(self, name: str, made: Any = None) -> bool:
        """Add the methods that are called and not yet there; return whether there were any."""
        cls, made = self._helpers[name], made or self.definitions[name]
        there = {getattr(statement, "name", "") for statement in made.body}
        added = False
        for statement in class_node(cls).body:
            if not isinstance(statement, ast.FunctionDef) or statement.name in there | _NOT_RUN:
                continue
            if statement.name in self.attributes or statement.name.startswith("__"):
                made.body.append(self._settled(statement, cls.__module__))
                added = True
        return added

    def _named(self, module: str, name: str) -> str:
        """Return a name that no other module's definition has, the same one each time."""
        unique, n = name, 1
        while self._origins.setdefault(unique, (module, name)) != (module, name):
            n += 1
            unique = f"{name}_{n}"
        return unique


def _formulas_of(cls: type[Any], method: str) -> type[Any]:
    """Return the class whose method is the formula: a model may run all of its own in one call."""
    holder = next((base for base in cls.__mro__ if method in vars(base)), cls)
    return Chain if (holder, method) == (Model, "apply") else cls


def _is_method(cls: type[Any], name: str) -> bool:
    """Return whether a class has code of this name, and not a value."""
    thing = next((vars(base)[name] for base in cls.__mro__ if name in vars(base)), None)
    return callable(thing) or isinstance(thing, property | staticmethod | classmethod)


def _free_names(node: ast.AST) -> set[str]:
    """Return the names that are read and not bound inside, nor Python's own."""
    names = [each for each in ast.walk(node) if isinstance(each, ast.Name)]
    bound = {each.id for each in names if isinstance(each.ctx, ast.Store)}
    bound |= {each.arg for each in ast.walk(node) if isinstance(each, ast.arg)}
    if isinstance(node, ast.Assign):
        bound = set()
    return (
        {each.id for each in names if isinstance(each.ctx, ast.Load)} - bound - set(dir(builtins))
    )
