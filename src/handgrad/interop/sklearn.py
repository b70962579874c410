"""scikit-learn's networks as ours.

What comes back is an estimator, since whoever has an `MLPClassifier` has pipelines, grids and
calls of `predict_proba` around it: they go on as they were. The network itself is its ``model_``,
for a `Trainer` with another loss.
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier, MLPRegressor

from handgrad.errors import ArgumentError
from handgrad.estimators import NetworkClassifier, NetworkRegressor
from handgrad.layers import Dropout, Linear
from handgrad.model import Model
from handgrad.walk import walk

__all__ = ["from_sklearn"]

_ACTIVATIONS = {"relu": "relu", "tanh": "tanh", "logistic": "sigmoid", "identity": None}
_BATCH = 200  # rows of scikit-learn's "auto", where there are so many


def from_sklearn(network: Any, **settings: Any) -> NetworkClassifier | NetworkRegressor:
    r"""Return an estimator of handgrad's that predicts what scikit-learn's network predicts.

    Parameters
    ----------
    network : MLPClassifier or MLPRegressor
        A fitted one. Of a pipeline, take its last step, and put what comes back in its place.
    settings
        Parameters of `NetworkClassifier` or `NetworkRegressor`, for what is trained from here on:
        ``dropout=0.2``, ``optimizer="adamw"``, ``callbacks=[...]``. The layers, the activation and
        the type are the network's, and nothing is standardized, as nothing was.

    Returns
    -------
    NetworkClassifier or NetworkRegressor
        Fitted. `fit` and `partial_fit` go on from the network as it is, unless ``warm_start=False``
        is among the settings. ``model_`` is a `Model`, which a `Trainer` takes with any loss.

    Raises
    ------
    ArgumentError
        It is another estimator, or not fitted, or its outputs are exponentials.

    Notes
    -----
    **Two classes.** scikit-learn has one output there, :math:`z`, and the probability
    :math:`\sigma(z)` of the second class. Ours has an output for each, and a softmax. With
    :math:`-z/2` and :math:`z/2` that is the same:

    .. math::
        \frac{e^{z/2}}{e^{-z/2} + e^{z/2}} = \frac{1}{1 + e^{-z}} = \sigma(z),

    so the last layer's weights and biases are halved, which is exact in floating point.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.neural_network import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> theirs = MLPClassifier((20,), solver="lbfgs", random_state=0).fit(X, y)
    >>> network = from_sklearn(theirs, dropout=0.2, epochs=2, random_state=0)
    >>> bool(np.abs(network.predict_proba(X) - theirs.predict_proba(X)).max() < 1e-12)
    True
    >>> network.fit(X, y).n_iter_
    2
    """
    kinds: dict[type, Any] = {MLPClassifier: NetworkClassifier, MLPRegressor: NetworkRegressor}
    kind = kinds.get(type(network))
    if kind is None:
        raise ArgumentError(
            f"{type(network).__name__} for from_sklearn",
            "an MLPClassifier or an MLPRegressor",
            "of a pipeline or a grid take the network itself: pipeline[-1], or "
            "grid.best_estimator_[-1]",
        )
    if not hasattr(network, "coefs_"):
        raise ArgumentError(f"{network} that is not fitted", "a fitted one", "call its fit first")
    if network.out_activation_ == "exp":
        raise ArgumentError(
            f"loss={network.loss!r} of {type(network).__name__}, whose output is an exponential",
            "the squared error",
            "train a model with a loss of your own from the start",
        )
    layers = [*zip(network.coefs_, network.intercepts_, strict=True)]
    fixed = _fixed(network, settings.get("dropout", 0.0))
    if taken := sorted(fixed.keys() & settings.keys()):
        raise ArgumentError(
            f"{taken[0]}={settings[taken[0]]!r} for what {type(network).__name__} is already",
            "settings of what is trained from here on, such as dropout=0.2",
            "leave it out; take another network with handgrad.estimators from the start",
        )
    estimator: NetworkClassifier | NetworkRegressor = kind(
        **{**_settings(network), **settings, **fixed}
    )
    for name in ("n_features_in_", "feature_names_in_"):
        if hasattr(network, name):
            setattr(estimator, name, getattr(network, name))
    estimator._begin(_targets_of(network), network.n_features_in_)
    estimator.loss_curve_, estimator.n_iter_ = [], 0
    if kind is NetworkClassifier and network.n_outputs_ == 1:
        W, b = (array / 2 for array in layers.pop())
        layers.append((np.hstack([-W, W]), np.hstack([-b, b])))
    for layer, (W, b) in zip(_affine(estimator.model_), layers, strict=True):
        layer.weights, layer.bias = W, b[None]
    return estimator


def _settings(network: Any) -> dict[str, Any]:
    """Return how a training goes on where nobody says otherwise: much as it was."""
    size = network.batch_size
    return {
        "optimizer": "sgd" if network.solver == "sgd" else "adam",
        "lr": network.learning_rate_init,
        "schedule": "constant",
        "batch_size": _BATCH if size == "auto" else size,
        "weight_decay": 0.0,
        "early_stopping": network.early_stopping,
        "validation_fraction": network.validation_fraction,
        "patience": network.n_iter_no_change,
        "random_state": network.random_state,
        "warm_start": True,
    }


def _fixed(network: Any, dropout: float) -> dict[str, Any]:
    """Return what a network is already."""
    activation = _ACTIVATIONS[network.activation]
    hidden = tuple(W.shape[1] for W in network.coefs_[:-1])
    dtype = str(network.coefs_[0].dtype)
    plain = partial(_affine_network, hidden=hidden, dropout=dropout, dtype=dtype)
    return {
        "hidden": hidden,
        "activation": activation or "relu",
        "model": None if activation else plain,
        "dtype": dtype,
        "standardize": False,
    }


def _affine_network(
    features: int,
    outputs: int,
    rng: np.random.Generator,
    *,
    hidden: tuple[int, ...],
    dropout: float,
    dtype: str,
) -> Model:
    """Return a network without activations, of which the estimators' settings know none."""
    sizes = [features, *hidden, outputs]
    *inner, last = (Linear(D, K, rng=rng, dtype=dtype) for D, K in pairwise(sizes))
    dropped = [Dropout(layer, dropout, rng=rng) if dropout else layer for layer in inner]
    return Model([*dropped, last])


def _affine(model: Model) -> list[Linear]:
    """Return the affine layers of a network, in their order."""
    return [layer for _, layer in walk(model) if isinstance(layer, Linear)]


def _targets_of(network: Any) -> Any:
    """Return targets of the form that a network was fitted to."""
    if not hasattr(network, "classes_"):
        return np.zeros(2) if network.n_outputs_ == 1 else np.zeros((2, network.n_outputs_))
    if network.out_activation_ == "logistic" and network.n_outputs_ > 1:
        return np.eye(network.n_outputs_, dtype=int)
    return network.classes_
