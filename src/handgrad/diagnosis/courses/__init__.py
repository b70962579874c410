"""Whose interface a library keeps: which names a course asks for, and where they stand."""
