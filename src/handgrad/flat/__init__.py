"""All parameters of a model in one vector, and all their gradients in another."""

from handgrad.flat.gradients import Gradients
from handgrad.flat.layout import Layout, together

__all__ = ["Gradients", "Layout", "together"]
