"""A folder that holds no exercise."""
