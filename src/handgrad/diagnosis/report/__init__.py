"""What a diagnosis looks like on the terminal and as a page."""

from handgrad.diagnosis.report.html import document, fragment
from handgrad.diagnosis.report.page import LEVELS, Page

__all__ = ["LEVELS", "Page", "document", "fragment"]
