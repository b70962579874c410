"""The logistic sigmoid."""
