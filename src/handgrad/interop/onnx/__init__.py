"""Networks as files of ONNX, for every runtime that reads them."""

from handgrad.interop.onnx.exporting import export
from handgrad.interop.onnx.importing import import_onnx
from handgrad.interop.onnx.runs import export_run

__all__ = ["export", "export_run", "import_onnx"]
