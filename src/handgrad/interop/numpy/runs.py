"""Writing what a run predicts, with what the run knows about its data."""

from __future__ import annotations

import os
from pprint import pformat

from handgrad.activations import Softmax
from handgrad.datasets import Standardizer
from handgrad.experiments import Run
from handgrad.interop.numpy.writing import Page

__all__ = ["export_run"]

_SCORES = '''def scores(rows):
    """Return the network's {what} for rows of features, as they were in the data."""
    x = INPUTS.transform(given(rows, (None, {D}), "float64"))
    y = NETWORK.apply(x.astype("{dtype}"){shaped}).astype("float64")
    return {result}'''

_PREDICT = {
    True: '''def predict(rows):
    """Return the name of the class of each row."""
    return np.array(CLASSES)[scores(rows).argmax(axis=1)]''',
    False: '''def predict(rows):
    """Return the number of each row."""
    return scores(rows)[:, 0]''',
}
_PROBABILITIES = '''def probabilities(rows):
    """Return the probability of each class for each row."""
    return SOFTMAX.apply(scores(rows))'''


def export_run(run: Run, folder: str | os.PathLike[str]) -> None:
    """Write what a run predicts as a file that needs NumPy alone, beside one of arrays.

    ``predict`` in the file takes rows of features as they were in the data, in the order of its
    ``FEATURES``, and returns names of classes, or numbers; ``probabilities`` returns those of the
    classes.

    Parameters
    ----------
    run
        What `handgrad.load` or `open_run` returned.
    folder
        Where the two files go; those that are there already are replaced.

    Examples
    --------
    >>> from handgrad import load
    >>> from handgrad.interop.numpy import export_run
    >>> export_run(load("runs/digits"), "digits")  # doctest: +SKIP
    """
    page, classes = Page(run.trainer.model), bool(run.class_names)
    page.library.component(Standardizer, ["transform"] if classes else ["transform", "restore"])
    before = [f"FEATURES = {_told(run.feature_names)}"]
    scalers = {"INPUTS": run.inputs} if classes else {"INPUTS": run.inputs, "OUTPUTS": run.outputs}
    for name, scaler in scalers.items():
        arrays = {"mean": scaler.mean, "scale": scaler.scale}
        before.append(f"{name} = {page.values.holder(scaler, name.lower(), arrays)}")
    filled = {
        "what": "score of each class" if classes else "number",
        "D": len(run.feature_names),
        "shaped": f".reshape(-1, {', '.join(map(str, run.shape))})" if len(run.shape) > 1 else "",
        "dtype": run.settings.dtype,
        "result": "y" if classes else "OUTPUTS.restore(y)",
    }
    page.parts += [_SCORES.format(**filled), _PREDICT[classes]]
    if classes:
        page.library.component(Softmax)
        before.append(f"SOFTMAX = {page.values.holder(Softmax(), 'softmax', {})}")
        before.append(f"CLASSES = {_told(run.class_names)}")
        page.parts.append(_PROBABILITIES)
    page.write(folder, before)


def _told(names: tuple[str, ...]) -> str:
    """Return names as an expression, in short lines."""
    return pformat(names, width=100, compact=True)
