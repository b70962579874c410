"""A network for numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin

from handgrad.arguments import Array
from handgrad.errors import ShapeError
from handgrad.estimators.base import NetworkEstimator
from handgrad.estimators.parameters import documented
from handgrad.estimators.rows import fit_scaler
from handgrad.loss import Loss
from handgrad.losses import MSELoss
from handgrad.model import Model

__all__ = ["NetworkRegressor"]


@documented
class NetworkRegressor(RegressorMixin, NetworkEstimator):  # type: ignore[misc]
    """A network that predicts numbers, with scikit-learn's interface.

    It is trained with the mean squared error. Its losses are those of the standardized targets.

    Parameters
    ----------
    @parameters

    Attributes
    ----------
    @attributes

    Raises
    ------
    ValueError
        The data or a parameter are not what they may be; with handgrad's words, or scikit-learn's.

    Examples
    --------
    >>> from sklearn.datasets import make_friedman1
    >>> X, y = make_friedman1(300, random_state=0)
    >>> network = NetworkRegressor(random_state=0).fit(X[:200], y[:200])
    >>> network.score(X[200:], y[200:]) > 0.8
    True
    """

    _target_scaler: Any = None

    def __init__(
        self,
        hidden: Sequence[int] | int = (100,),
        *,
        activation: str = "relu",
        dropout: float = 0.0,
        optimizer: str = "adamw",
        lr: float | None = 0.003,
        schedule: str = "cosine",
        batch_size: int | None = 64,
        epochs: int = 100,
        early_stopping: bool = False,
        patience: int = 10,
        validation_fraction: float = 0.1,
        weight_decay: float | None = 0.1,
        max_norm: float | None = None,
        standardize: bool = True,
        model: Callable[..., Model] | None = None,
        dtype: str = "float64",
        warm_start: bool = False,
        random_state: Any = None,
        callbacks: Sequence[Any] = (),
        verbose: bool = False,
    ) -> None:
        super().__init__(
            hidden,
            activation,
            dropout,
            optimizer,
            lr,
            schedule,
            batch_size,
            epochs,
            early_stopping,
            patience,
            validation_fraction,
            weight_decay,
            max_norm,
            standardize,
            model,
            dtype,
            warm_start,
            random_state,
            callbacks,
            verbose,
        )

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train for one epoch on some rows; the first ones fix how all is standardized.

        Parameters
        ----------
        X, y, sample_weight
            As `fit` takes them.

        Returns
        -------
        NetworkRegressor
            Itself.
        """
        return self._learn_part(X, y, sample_weight)

    def predict(self, X: Any) -> Array:
        """Return the numbers of each row.

        Parameters
        ----------
        X : table, (N, D)
            Features.

        Returns
        -------
        Array, (N,) or (N, K)
            Of the form of the targets.
        """
        numbers = self._scores(X)
        if self._target_scaler is not None:
            numbers = numbers * self._target_scaler.scale_ + self._target_scaler.mean_
        return numbers[:, 0] if self._alone else numbers

    def _form_of_targets(self) -> dict[str, Any]:
        return {"multi_output": True, "y_numeric": True}

    def _learn_targets(self, y: Array) -> None:
        self._alone = y.ndim == 1
        self._width = y.reshape(len(y), -1).shape[1]

    def _targets(self, y: Array) -> Array:
        if self._alone != (y.ndim == 1) or y.reshape(len(y), -1).shape[1] != self._width:
            raise ShapeError(
                f"targets of shape {y.shape} for {self!r}",
                f"{self._width} numbers for each row, as at first",
                "make a new estimator for other targets, or use warm_start=False",
            )
        return y.reshape(len(y), -1)

    def _measure(self, X: Any, y: Array, weights: Array | None) -> None:
        super()._measure(X, y, weights)
        self._target_scaler = fit_scaler(y, weights) if self.standardize else None

    def _standardized(self, y: Array) -> Array:
        numbers = np.asarray(y, self.dtype)
        if self._target_scaler is not None:
            numbers = (numbers - self._target_scaler.mean_) / self._target_scaler.scale_
        return numbers

    def _loss(self) -> Loss:
        return MSELoss()

    def _outputs(self) -> int:
        return self._width

    def _class_weight(self, y: Array, sample_weight: Array | None) -> Any:
        return None

    def _strata(self, y: Array) -> Array | None:
        return None

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
