"""Write src/handgrad/datasets/digits.npz from the copy that scikit-learn ships.

Run once, with scikit-learn installed: ``python scripts/make_digits.py``. The file that it wrote is
part of the repository, so nobody who uses or builds handgrad needs this.
"""

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

target = Path(__file__).parents[1] / "src" / "handgrad" / "datasets" / "digits.npz"
digits = load_digits()
# Whole numbers from 0 to 16, and labels from 0 to 9: a byte holds either.
np.savez_compressed(target, x=digits.data.astype(np.uint8), y=digits.target.astype(np.uint8))
print(f"{target}: {target.stat().st_size:,} bytes")
