"""How it is decided what is right, what is wrong, and which mistake it is."""

from handgrad.diagnosis.engine.examine import Outcome, examine

__all__ = ["Outcome", "examine"]
