"""The gradients of each sample, and their norms, beside PyTorch's and JAX's ``vmap(grad)``."""
