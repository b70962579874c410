"""Networks with scikit-learn's interface; they need ``pip install "handgrad[sklearn]"``."""

try:
    import sklearn  # noqa: F401
except ImportError as error:
    raise ImportError(
        "handgrad.estimators needs scikit-learn, which is not installed: "
        'pip install "handgrad[sklearn]"'
    ) from error

from handgrad.estimators.classifier import NetworkClassifier
from handgrad.estimators.regressor import NetworkRegressor

__all__ = ["NetworkClassifier", "NetworkRegressor"]
