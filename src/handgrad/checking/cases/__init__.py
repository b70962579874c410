"""The table of everything that is checked: a row for each configuration of each component.

Each file holds a family, a row and its twin in PyTorch together. `handgrad check` runs over the
table, and so do the tests; a public component without a row fails them.
"""

from importlib import import_module
from pkgutil import iter_modules

from handgrad.checking.cases.case import Case
from handgrad.checking.pytorch import Twin

__all__ = ["CASES", "TWINS", "Case"]

_FAMILIES = sorted({module.name for module in iter_modules(__path__)} - {"case"})

CASES: tuple[Case, ...] = tuple(
    case for family in _FAMILIES for case in import_module(f"{__name__}.{family}").CASES
)
"""Every row, in the order of the report."""

TWINS: dict[type, Twin] = {case.component: case.twin for case in CASES}
"""The twin of each component, for whatever holds one."""
