"""A whole model."""
