"""The mistakes, one file for each kind of component: each is a function that makes it."""

from handgrad.diagnosis.catalogue.mistake import Behaviour, Mistake

__all__ = ["Behaviour", "Mistake"]
