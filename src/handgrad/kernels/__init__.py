"""The loops worth compiling: each a formula with NumPy's form, the truth, and a compiled one.

The compiled forms are used by themselves where Numba is installed, ``pip install
"handgrad[fast]"``. ``handgrad.kernels.use("numpy")`` does without them, and so does the environment
variable ``HANDGRAD_KERNELS=numpy``. Both forms of a formula stand on its component's page.
"""

from __future__ import annotations

from handgrad.kernels.compiling import THREADS_ABOVE, Kernel, fits, inlined, kernel, loop, prange
from handgrad.kernels.mode import Mode, in_force, use, using

__all__ = [
    "THREADS_ABOVE",
    "Kernel",
    "Mode",
    "fits",
    "in_force",
    "inlined",
    "kernel",
    "loop",
    "prange",
    "use",
    "using",
]
