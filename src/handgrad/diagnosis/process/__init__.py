"""A process of its own for a student's file, and the way of a diagnosis out of it."""
