"""The affine layer."""
