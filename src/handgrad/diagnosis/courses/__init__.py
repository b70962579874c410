"""Whose interface a library keeps: which names a course asks for, and where they stand."""

from handgrad.diagnosis.courses.folder import COURSE, diagnose_folder

__all__ = ["COURSE", "diagnose_folder"]
