"""The mean squared error."""
