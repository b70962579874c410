"""Networks as a file of Python and one of arrays, which need NumPy alone."""

from handgrad.interop.numpy.runs import export_run
from handgrad.interop.numpy.writing import export

__all__ = ["export", "export_run"]
