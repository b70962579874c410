"""The loops worth compiling: each a formula with NumPy's form, the truth, and a compiled one.

The compiled forms are used by themselves where Numba is installed, ``pip install
"handgrad[fast]"``. ``handgrad.kernels.use("numpy")`` does without them, and so does the environment
variable ``HANDGRAD_KERNELS=numpy``. Both forms of a formula stand on its component's page.
"""

from __future__ import annotations

from handgrad.kernels.mode import in_force, use, using

__all__ = ["in_force", "use", "using"]
