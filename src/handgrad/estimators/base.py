"""What a classifier and a regressor have in common: all but the form of their targets."""

from __future__ import annotations

import inspect
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from numbers import Integral
from typing import Any, Self

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from handgrad.arguments import Array, is_real
from handgrad.errors import ArgumentError, ShapeError
from handgrad.estimators.rows import SparseRows, fit_scaler, network_rows
from handgrad.experiments.network import NetworkSettings, build_model, build_trainer
from handgrad.loss import Loss
from handgrad.model import Model
from handgrad.training.callbacks.order import check_callbacks

__all__ = ["NetworkEstimator"]

_TYPES = (np.float64, np.float32)
_LASTING = "hidden", "activation", "dropout", "optimizer", "weight_decay", "max_norm", "dtype"
"""What a network, or its optimizer, is made with and keeps."""


class NetworkEstimator(BaseEstimator, ABC):  # type: ignore[misc]
    """A network behind scikit-learn's interface; a subclass knows its targets.

    The parameters are those of `NetworkClassifier` and `NetworkRegressor`.
    """

    _scaler: Any = None

    def __init__(
        self,
        hidden: Sequence[int] | int,
        activation: str,
        dropout: float,
        optimizer: str,
        lr: float | None,
        schedule: str,
        batch_size: int | None,
        epochs: int,
        early_stopping: bool,
        patience: int,
        validation_fraction: float,
        weight_decay: float | None,
        max_norm: float | None,
        standardize: bool,
        model: Callable[..., Model] | None,
        dtype: str,
        warm_start: bool,
        random_state: Any,
        callbacks: Sequence[Any],
        verbose: bool,
    ) -> None:
        self.hidden = hidden
        self.activation = activation
        self.dropout = dropout
        self.optimizer = optimizer
        self.lr = lr
        self.schedule = schedule
        self.batch_size = batch_size
        self.epochs = epochs
        self.early_stopping = early_stopping
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.weight_decay = weight_decay
        self.max_norm = max_norm
        self.standardize = standardize
        self.model = model
        self.dtype = dtype
        self.warm_start = warm_start
        self.random_state = random_state
        self.callbacks = callbacks
        self.verbose = verbose

    @abstractmethod
    def _learn_targets(self, y: Array) -> None:
        """Take note of the targets' form, and of the classes."""

    @abstractmethod
    def _targets(self, y: Array) -> Array:
        """Return the targets as the loss takes them, or raise where their form is another."""

    @abstractmethod
    def _loss(self) -> Loss:
        """Return the loss."""

    @abstractmethod
    def _outputs(self) -> int:
        """Return how many outputs the network has."""

    @abstractmethod
    def _class_weight(self, y: Array, sample_weight: Array | None) -> Any:
        """Return the weight of each class by its index, or None."""

    @abstractmethod
    def _strata(self, y: Array) -> Array | None:
        """Return of what the held-out rows have as large a share as the others, or None."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train the network.

        Parameters
        ----------
        X : table, (N, D)
            Features: an array, a table of pandas' or another library's, or a sparse matrix, of
            which no more than a batch is dense at a time.
        y : Array, (N,) or (N, K)
            Targets.
        sample_weight : Array, (N,), optional
            How much each row counts.

        Returns
        -------
        NetworkClassifier or NetworkRegressor
            Itself.
        """
        goes_on = self.warm_start and hasattr(self, "n_iter_")
        X, y, weights = self._checked(X, y, sample_weight, reset=not goes_on)
        if not goes_on:
            self._begin(y, X.shape[1])
        self._trainer.schedule = self._settings().make_schedule()
        y, epochs = self._targets(y), self.epochs
        return self._train(X, y, weights, epochs, self.early_stopping, first=not goes_on)

    def _learn_part(self, X: Any, y: Any, sample_weight: Any, classes: Any = None) -> Self:
        """Train for one epoch on some rows; the first ones fix what is measured."""
        first = not hasattr(self, "n_iter_")
        X, y, weights = self._checked(X, y, sample_weight, reset=first)
        if first:
            self._begin(y if classes is None else classes, X.shape[1])
        self._trainer.schedule = None
        return self._train(X, self._targets(y), weights, 1, False, first)

    def _checked(
        self, X: Any, y: Any, sample_weight: Any, reset: bool
    ) -> tuple[Any, Array, Array | None]:
        """Return the data as scikit-learn would have them, for a network that can go on so."""
        if not reset:
            self._check_lasting()
        X, y = validate_data(
            self, X, y, accept_sparse="csr", dtype=_TYPES, reset=reset, **self._form_of_targets()
        )
        if sparse.issparse(y):  # several labels
            y = y.toarray()
        if sample_weight is not None:
            sample_weight = _check_sample_weight(
                sample_weight, X, dtype=np.float64, ensure_non_negative=True
            )
        return X, y, sample_weight

    @abstractmethod
    def _form_of_targets(self) -> dict[str, Any]:
        """Return what `validate_data` is to be told of the targets."""

    def _lasting(self) -> dict[str, Any]:
        settings = self._settings()
        kept = {name: getattr(settings, name) for name in _LASTING}
        return {**kept, "standardize": bool(self.standardize), "model": self.model}

    def _check_lasting(self) -> None:
        """Raise where a parameter has changed that a network which goes on could not follow."""
        for name, value in self._lasting().items():
            if value != (made := self._made[name]):
                raise ArgumentError(
                    f"{name}={value!r} for a network that was made with {name}={made!r}",
                    "the same, where a training goes on",
                    "set it back; or begin again, with fit and warm_start=False",
                )

    def _settings(self) -> NetworkSettings:
        names = "hidden activation dropout optimizer lr schedule batch_size epochs patience"
        names += " early_stopping weight_decay max_norm dtype"
        given = {name: getattr(self, name) for name in names.split()}
        if isinstance(self.hidden, Integral):
            given["hidden"] = (self.hidden,)
        return NetworkSettings(**given)

    def _begin(self, y: Array, D: int) -> None:
        """Forget what was fitted, and build a network for such targets and D features."""
        if hasattr(self, "n_iter_"):
            del self.n_iter_
        self._learn_targets(y)
        self._build(D)

    def _measure(self, X: Any, y: Array, weights: Array | None) -> None:
        """Take means and scales of the rows that are trained on."""
        self._scaler = fit_scaler(X, weights) if self.standardize else None

    def _standardized(self, y: Array) -> Array:
        """Return targets as the loss takes them."""
        return y

    def _build(self, D: int) -> None:
        """Build a network for D features and for the targets, and its trainer."""
        settings, self._made = self._settings(), self._lasting()
        seed = check_random_state(self.random_state).randint(np.iinfo(np.int32).max)
        rng, K = np.random.default_rng(seed), self._outputs()
        made = (D,), K, settings, rng
        model = build_model(*made) if self.model is None else _own_model(self.model, D, K, rng)
        self._trainer = build_trainer(model, self._loss(), settings, rng)
        self.model_, self.history_ = model.eval(), self._trainer.history

    def _train(
        self,
        X: Any,
        y: Array,
        weights: Array | None,
        epochs: int,
        early_stopping: bool,
        first: bool,
    ) -> Self:
        settings, trainer = self._settings(), self._trainer
        trainer.optimizer.lr = settings.make_optimizer().lr  # where a schedule begins
        classes = self._class_weight(y, weights)
        held_out: Any = ()
        if early_stopping:
            self._check_share()
            parts = [X, y] if weights is None else [X, y, weights]
            seed, stratify = int(trainer.rng.integers(2**31)), self._strata(y)
            split = train_test_split(
                *parts, test_size=self.validation_fraction, random_state=seed, stratify=stratify
            )
            X, y, *kept = split[::2]
            weights = kept[0] if kept else None
            held_out = split[1::2]
        if first:
            self._measure(X, y, weights)
        size = settings.batch_rows(X.shape[0])
        x, targets, counts = self._rows(X, y, weights, size, trainer.rng)
        trainer.fit(
            x,
            targets,
            sample_weight=counts,
            epochs=trainer.epochs_done + epochs,
            batch_size=size,
            validation_data=self._rows(*held_out) if held_out else None,
            callbacks=[
                *settings.make_callbacks(bool(held_out)),
                *check_callbacks(() if self.callbacks is None else self.callbacks),
            ],
            progress=bool(self.verbose),
            class_weight=classes,
        )
        if not trainer.epochs_done:
            raise KeyboardInterrupt  # Ctrl-C within the first epoch, so nothing has been fitted
        if trainer.history.interrupted:
            warnings.warn(f"{type(self).__name__}: {trainer.history.ended}", stacklevel=3)
        self.loss_curve_, self.n_iter_ = trainer.history["loss"], trainer.epochs_done
        return self

    def _check_share(self) -> None:
        share = self.validation_fraction
        if not is_real(share) or not 0 < share < 1:
            raise ArgumentError(
                f"validation_fraction={share!r} for {type(self).__name__}",
                "a share of the rows, 0 < validation_fraction < 1",
                "0.1 holds out a tenth; use early_stopping=False where none is to be held out",
            )

    def _rows(self, X: Any, y: Array, weights: Array | None = None, *batches: Any) -> Any:
        """Return what `Trainer` takes: three arrays, or batches of a sparse matrix alone."""
        dtype, y = str(self.model_.parameters.dtype), self._standardized(y)
        if sparse.issparse(X):
            rows = SparseRows(X, self._scaler, dtype, y, weights, *batches)
            return (rows, None, None) if batches else rows
        return network_rows(X, self._scaler, dtype), y, weights

    def _scores(self, X: Any) -> Array:
        """Return what the network says of rows, (N, K)."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", dtype=_TYPES, reset=False)
        x = network_rows(X, self._scaler, str(self.model_.parameters.dtype))
        scores: Array = self._trainer.predict(x).astype(np.float64)
        return scores

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "n_iter_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _own_model(make: Callable[..., Model], D: int, K: int, rng: np.random.Generator) -> Model:
    """Return the model that a function of somebody's makes for so many features and outputs."""
    if isinstance(make, Model) or not callable(make):
        raise ArgumentError(
            f"{type(make).__name__} as model",
            "a function of the numbers of features and outputs that makes a Model",
            "write model=lambda features, outputs: Model([Linear(features, outputs)])",
        )
    takes_rng = "rng" in inspect.signature(make).parameters
    model = make(D, K, rng=rng) if takes_rng else make(D, K)
    if not isinstance(model, Model):
        raise ArgumentError(
            f"{type(model).__name__} from model={make!r}",
            "a handgrad.Model",
            "return Model([...]) from the function",
        )
    shape = model.output_shape((None, D))
    if shape != (...,) and shape != (None, K):
        raise ShapeError(
            f"outputs of shape {shape} from model={make!r} for {D} features",
            f"{K} numbers for each row",
            "end the model with Linear(..., outputs), where outputs is its second argument",
        )
    return model
