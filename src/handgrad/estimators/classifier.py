"""A network for classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import numpy as np
from scipy.special import expit, log_expit, log_softmax, softmax
from sklearn.base import ClassifierMixin
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import (
    check_classification_targets,
    type_of_target,
    unique_labels,
)
from sklearn.utils.validation import column_or_1d

from handgrad.arguments import Array
from handgrad.errors import ArgumentError
from handgrad.estimators.base import NetworkEstimator
from handgrad.estimators.parameters import documented
from handgrad.loss import Loss
from handgrad.losses import BinaryCrossEntropy, CrossEntropy
from handgrad.model import Model

__all__ = ["NetworkClassifier"]


@documented
class NetworkClassifier(ClassifierMixin, NetworkEstimator):  # type: ignore[misc]
    """A network that names classes, with scikit-learn's interface.

    It is trained with the cross-entropy, and with the binary one where a row may have several
    labels.

    Parameters
    ----------
    @parameters
    class_weight : "balanced" or dict, optional
        How much each class counts in training, by its label; ``"balanced"`` for classes that count
        as much as each other, however rare. Not for rows of several labels.

    Attributes
    ----------
    classes_ : Array, (K,)
        The classes, or the indices of the labels where a row may have several.
    @attributes

    Raises
    ------
    ValueError
        The data or a parameter are not what they may be; with handgrad's words, or scikit-learn's.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> network = NetworkClassifier(random_state=0).fit(X, y)
    >>> network.score(X, y) > 0.95, network.predict_proba(X[:2]).shape
    (True, (2, 3))
    """

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
        class_weight: Mapping[Any, float] | str | None = None,
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
        self.class_weight = class_weight

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Train for one epoch on some rows; the first ones fix how features are standardized.

        Parameters
        ----------
        X, y, sample_weight
            As `fit` takes them.
        classes : Array, (K,), optional
            All classes there are, in the first call, where `y` has not all of them.

        Returns
        -------
        NetworkClassifier
            Itself.
        """
        if self.class_weight == "balanced":
            raise ArgumentError(
                'class_weight="balanced" for partial_fit',
                "a weight for each class, since a part of the rows does not tell how rare it is",
                "give a dict, as sklearn.utils.class_weight.compute_class_weight makes of all rows",
            )
        known = getattr(self, "classes_", None)
        if not (classes is None or known is None or np.array_equal(unique_labels(classes), known)):
            raise ArgumentError(
                f"classes={classes!r} for a network that knows {known}",
                "the classes of the first call",
                "leave them out of the calls that follow",
            )
        return self._learn_part(X, y, sample_weight, classes)

    def predict(self, X: Any) -> Array:
        """Return the likeliest class of each row, or of each label whether it is likely.

        Parameters
        ----------
        X : table, (N, D)
            Features.

        Returns
        -------
        Array, (N,) or (N, K)
            Classes; for several labels 0 and 1.
        """
        scores = self._scores(X)
        if self._several:
            return (scores > 0).astype(np.int64)
        found: Array = self.classes_[scores.argmax(axis=1)]
        return found

    def predict_proba(self, X: Any) -> Array:
        """Return the probability of each class, (N, K), in the order of `classes_`.

        Parameters
        ----------
        X : table, (N, D)
            Features.

        Returns
        -------
        Array, (N, K)
            Probabilities; rows sum to 1, except where a row may have several labels.
        """
        scores = self._scores(X)
        p: Array = expit(scores) if self._several else softmax(scores, axis=1)
        return p

    def predict_log_proba(self, X: Any) -> Array:
        """Return the logarithms of `predict_proba`.

        Parameters
        ----------
        X : table, (N, D)
            Features.

        Returns
        -------
        Array, (N, K)
            Logarithms, finite where the probabilities are too small for a float.
        """
        scores = self._scores(X)
        p: Array = log_expit(scores) if self._several else log_softmax(scores, axis=1)
        return p

    def _form_of_targets(self) -> dict[str, Any]:
        return {"multi_output": True}

    def _learn_targets(self, y: Array) -> None:
        check_classification_targets(y)
        kind = type_of_target(y)
        self._several = kind == "multilabel-indicator"
        if kind == "multiclass-multioutput":
            raise ValueError(
                "several targets of more than two classes each are not known; "
                "use sklearn.multioutput.MultiOutputClassifier(NetworkClassifier())"
            )
        self.classes_ = np.arange(y.shape[1]) if self._several else unique_labels(y)
        if not self._several and len(self.classes_) < 2:
            raise ArgumentError(
                f"data with {len(self.classes_)} class, {self.classes_.tolist()}",
                "two classes or more",
                "check the targets; partial_fit(X, y, classes=...) names those that come later",
            )

    def _targets(self, y: Array) -> Array:
        if self._several:
            return np.asarray(y, np.float64)
        y = column_or_1d(y, warn=True)
        indices = np.searchsorted(self.classes_, y).clip(max=len(self.classes_) - 1)
        unknown = np.asarray(self.classes_[indices] != y)
        if unknown.any():
            raise ArgumentError(
                f"the class {y[unknown].tolist()[0]!r} for a network that knows "
                f"{self.classes_.tolist()}",
                "classes that were there at first",
                "name all classes in the first call of partial_fit(X, y, classes=...); or begin "
                "again, with warm_start=False",
            )
        return np.asarray(indices)

    def _loss(self) -> Loss:
        return BinaryCrossEntropy() if self._several else CrossEntropy()

    def _outputs(self) -> int:
        return len(self.classes_)

    def _class_weight(self, y: Array, sample_weight: Array | None) -> Any:
        if self.class_weight is None:
            return None
        if self._several:
            raise ArgumentError(
                f"class_weight={self.class_weight!r} with rows of several labels",
                "one class for each row",
                "use sample_weight",
            )
        if sample_weight is not None:  # of rows that do not count no class is rare
            counted = sample_weight > 0
            y, sample_weight = y[counted], sample_weight[counted]
        labels = self.classes_[y]
        present = np.unique(labels)
        weights = compute_class_weight(
            self.class_weight, classes=present, y=labels, sample_weight=sample_weight
        )
        return dict(zip(np.searchsorted(self.classes_, present).tolist(), weights, strict=True))

    def _strata(self, y: Array) -> Array | None:
        return None if self._several or np.bincount(y).min() < 2 else y

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
