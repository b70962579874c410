"""One edit of a function of a few lines, to see what is said of it."""

import ast
import linecache
from textwrap import indent

from handgrad.diagnosis.engine.repair.edits import Edit, slots, statements
from handgrad.diagnosis.engine.repair.source import units


def edit_of(code, old, new, folder):
    """The edit that puts one expression in the place of another in `code`, from line 2 on."""
    path = folder / "student.py"
    path.write_text("def f(a, b, c, w):" + indent(code, "    "), encoding="utf-8")
    space = {}
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), space)
    linecache.checkcache()
    (unit,) = units([space["f"]])
    statement, slot = next(
        (statement, slot)
        for _, _, statement in statements(unit.tree.body)
        for slot in slots(statement)
        if ast.unparse(slot.node) == old
    )
    inner = {ast.unparse(node): node for node in ast.walk(slot.node) if isinstance(node, ast.expr)}

    class Own(ast.NodeTransformer):
        """The parts that stay are the student's own nodes, as in an edit."""

        def visit(self, node):
            own = inner.get(ast.unparse(node)) if isinstance(node, ast.expr) else None
            return own or self.generic_visit(node)

    fresh = ast.parse(new, mode="eval").body
    for node in ast.walk(fresh):
        for place in ("lineno", "col_offset", "end_lineno", "end_col_offset"):
            if hasattr(node, place):
                delattr(node, place)
    return Edit(unit, statement, (slot.change(Own().visit(fresh)),), 1, "it")
