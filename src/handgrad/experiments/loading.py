"""A trained network on the disk, written and read in one call."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from handgrad import checkpoint
from handgrad.experiments.run import Run, open_run
from handgrad.model import Model
from handgrad.training.state import CLASSES

__all__ = ["load", "save"]


def save(model: Model, path: str | os.PathLike[str]) -> None:
    """Write a model to the disk, without the state of a training.

    Parameters
    ----------
    model
        The model. A `Trainer` saves itself, with all that its training needs to go on.
    path
        A folder, or a file whose name ends in ``.safetensors``; what is there is replaced at once.

    Raises
    ------
    CheckpointError
        Something in it cannot be stored, or the file system refuses.
    ArgumentError
        It is not a `Model`.

    Examples
    --------
    >>> import tempfile
    >>> from handgrad import Linear
    >>> model = Model([Linear(3, 2)])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(model, f"{folder}/network.safetensors")
    ...     loaded = load(f"{folder}/network.safetensors")
    >>> bool((loaded.predict([[1, 2, 3]]) == model.predict([[1, 2, 3]])).all())
    True
    """
    checkpoint.save(path, model)


def load(path: str | os.PathLike[str], *, classes: Iterable[type] = ()) -> Run | Model:
    """Return what was trained, ready for ``predict``.

    Parameters
    ----------
    path
        The folder of a run of ``handgrad train``; or where `save`, or `Trainer.save`, has written.
    classes
        Classes of your own that the model is made of; no others are built.

    Returns
    -------
    Run or Model
        A run with its preparation, whose ``predict`` takes raw rows, as they were in the data; or a
        model in evaluation mode, which takes what it was trained with.

    Raises
    ------
    CheckpointError
        There is nothing, or it is damaged, or needs a class that was not passed.

    Examples
    --------
    >>> import tempfile
    >>> from handgrad.datasets import load_digits
    >>> from handgrad.experiments import train
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = train("digits", folder, hidden=[], epochs=20, progress=False)
    ...     run = load(folder)
    >>> run.predict(load_digits().x[:3])
    array(['0', '1', '2'], dtype='<U1')
    """
    found = checkpoint.load(path, classes=(*CLASSES, *classes))
    state = found.training
    extra = state.get("extra") if isinstance(state, dict) else None
    if isinstance(extra, Mapping) and isinstance(extra.get("run"), Mapping):
        return open_run(path)
    return found.model.eval()
