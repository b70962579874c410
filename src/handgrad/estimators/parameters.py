"""The words for what both estimators take and keep."""

from __future__ import annotations

from typing import TypeVar

__all__ = ["documented"]

_PARAMETERS = """hidden : sequence of int or int, default (100,)
        Units of each hidden layer, or of the one hidden layer; may be empty.
    activation : str, default "relu"
        What follows each hidden layer: the name of an activation of handgrad, in lower case.
    dropout : float, default 0
        The probability with which the output of a hidden unit is dropped in training.
    optimizer : {"adamw", "adam", "rmsprop", "sgd"}
        The optimizer; ``sgd`` has a momentum of 0.9.
    lr : float, default 0.003
        Learning rate; None for 0.02 with ``sgd``, and 0.001 with the others.
    schedule : {"cosine", "constant", "exponential", "plateau", "step"}
        How the learning rate changes from epoch to epoch of a `fit`; in `partial_fit` it stays.
    batch_size : int, default 64
        Rows of a minibatch; None for all rows where they are at most 64, else for a power of two
        from 16 to 128, with which an epoch has about a hundred steps.
    epochs : int, default 100
        How often each row is seen, at most.
    early_stopping : bool, default False
        Whether a share of the rows is held out, and the network is that of the epoch with the least
        loss on them.
    patience : int, default 10
        After how many epochs without an improvement the training stops.
    validation_fraction : float, default 0.1
        The share that is held out.
    weight_decay : float, default 0.1
        The optimizer's weight decay; None for its own default.
    max_norm : float, optional
        Gradients with a larger norm are scaled down to it.
    standardize : bool, default True
        Whether features are shifted and scaled to mean 0 and standard deviation 1 first, and a
        regression's targets too.
    model : function, optional
        Called with the number of features and of outputs, and with ``rng`` where it has an argument
        of that name; returns a `Model` that takes the place of the hidden layers.
    dtype : {"float64", "float32"}
        The floating type of the network.
    warm_start : bool, default False
        Whether `fit` goes on from where an earlier one has ended, for `epochs` more; what the
        network and its optimizer were made with stays as it was.
    random_state : int or numpy.random.RandomState, optional
        Fixes all that is drawn; None for NumPy's global state.
    callbacks : sequence of Callback or function
        What is done besides; see `handgrad.training`.
    verbose : bool, default False
        Whether to show progress."""

_ATTRIBUTES = """model_ : Model
        The network, in evaluation mode.
    history_ : History
        Loss and all else that was measured, epoch by epoch; ``history_.plot()`` draws it.
    loss_curve_ : list of float
        The training loss of each epoch.
    n_iter_ : int
        How many epochs there were.
    n_features_in_ : int
        How many features there are.
    feature_names_in_ : Array of str
        Their names, where `fit` was given a table that has some."""

Class = TypeVar("Class", bound=type)


def documented(cls: Class) -> Class:
    """Put the shared words into a class's docstring.

    Examples
    --------
    >>> @documented
    ... class Estimator:
    ...     '''Attributes: @attributes'''
    >>> Estimator.__doc__[:25]
    'Attributes: model_ : Mode'
    """
    doc = cls.__doc__ or ""
    cls.__doc__ = doc.replace("@parameters", _PARAMETERS).replace("@attributes", _ATTRIBUTES)
    return cls
