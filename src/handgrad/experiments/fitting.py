"""Train a network on some data, and keep it in a folder; or go on with one that is there."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from handgrad.datasets import Column, Dataset, Standardizer
from handgrad.errors import ArgumentError, DataError
from handgrad.experiments.data import fingerprint, read_data, split
from handgrad.experiments.folder import check_free, locked, write_command
from handgrad.experiments.network import build_model, build_trainer
from handgrad.experiments.report import write_report
from handgrad.experiments.run import Run, open_run
from handgrad.experiments.settings import Settings
from handgrad.experiments.words import loss_in_words
from handgrad.training.callbacks import CSVLog, ModelCheckpoint
from handgrad.training.metrics import R2, Accuracy
from handgrad.training.names import loss_named
from handgrad.training.processes import Processes, processes_of

__all__ = ["train"]

SECONDS = 5.0
"""So much work a crash may cost, at most; a network of a few rows is trained in less."""


def train(
    data: str,
    folder: str | os.PathLike[str],
    *,
    resume: bool = False,
    command: str = "",
    progress: bool = True,
    say: Callable[[str], Any] = lambda text: None,
    communicator: Any = None,
    **options: Any,
) -> Run:
    """Train a network on some data, and keep it in a folder; or go on with one that is there.

    Parameters
    ----------
    data
        ``digits``, or the path of a file.
    folder
        Where the run goes: the checkpoint, ``history.csv``, ``command.txt``, ``report.html``, and
        where matplotlib is installed ``history.png`` and ``confusion.png`` or ``predictions.png``.
    resume
        Go on with the run in the folder, with its own options. Only `epochs` may be another.
    command
        What was typed, for ``command.txt``.
    progress
        Whether to show progress.
    say
        Called with lines that tell what is trained, and on what.
    communicator
        The processes that train together, as `Trainer` takes it; each reads the data, and the first
        alone writes and says anything.
    **options
        Fields of `Settings`; one that is None has its default.

    Returns
    -------
    Run
        The run.

    Raises
    ------
    ArgumentError
        The folder is in use or cannot be written to, or the options are not those of the run to be
        resumed.
    DataError
        The data cannot be read, or are not those of the run to be resumed.
    TrainingError
        A loss or a gradient was not finite; the last checkpoint stays.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run = train("digits", folder, hidden=[32], epochs=20, progress=False)
    >>> run.trainer.history["validation_accuracy"][-1] > 0.9
    True
    """
    with processes_of(communicator) as processes:
        alone = say if processes.first else (lambda text: None)
        return _train(data, Path(folder), resume, command, progress, alone, processes, options)


def _train(
    data: str,
    folder: Path,
    resume: bool,
    command: str,
    progress: bool,
    say: Callable[[str], Any],
    processes: Processes,
    options: Mapping[str, Any],
) -> Run:
    """Train in this process, or in this one of several."""
    given = {name: value for name, value in options.items() if value is not None}
    if resume:
        if not folder.is_dir():
            open_run(folder)  # which says that there is none
        with _mine(folder, processes):
            run = _go_on(open_run(folder, best=False), given)
            processes.add_up()  # the first writes when all have read
            known = (run.target_name, run.columns, run.class_names or False)
            dataset = read_data(data, *known, **run.settings.marks)
            if fingerprint(dataset) != run.fingerprint:
                raise DataError(
                    f"{data}, which is not what the run in {folder} was begun with",
                    f"the same data, unchanged; it was {run.settings.data}",
                    "begin another run with this data",
                )
            return _fit(run, dataset, command, progress, say, processes)
    if processes.first:
        check_free(folder)
    settings = Settings(data=data, **given)
    target = -1 if settings.target is None else settings.target
    wanted = (target, settings.features or None, settings.classes)
    dataset = read_data(data, *wanted, drop=settings.drop, **settings.marks)
    run = _begin(folder, settings, dataset)
    with _mine(folder, processes):
        if processes.first:
            check_free(folder)  # of whoever was faster
        return _fit(run, dataset, command, progress, say, processes)


def _mine(folder: Path, processes: Processes) -> AbstractContextManager[None]:
    """Keep every other training out of a folder; the first process does it for all."""
    return locked(folder) if processes.first else nullcontext()


def _fit(
    run: Run,
    dataset: Dataset,
    command: str,
    progress: bool,
    say: Callable[[str], Any],
    processes: Processes,
) -> Run:
    """Train, and leave in the folder what there is to see."""
    settings, trainer, folder = run.settings, run.trainer, run.folder
    weights = _weights(run)
    training, held_out = split(dataset, settings.validation, settings.seed)
    say(f"{settings.data}: {dataset!r}, {len(training):,} to train on, {len(held_out):,} held out")
    for note in dataset.notes:
        say(note)
    if not run.class_names:
        say(f"the loss is {loss_in_words(run)}")
    say(repr(trainer.model))

    trainer.extra["run"] = run.facts()
    trainer.communicator = processes
    trainer.save(folder)  # so that there is something to go on from at any moment
    try:
        write_command(folder, command if processes.first else "")
    except OSError as error:  # a disk that is full by now; what comes next says so too
        say(f"command.txt is not written: {error.strerror or error}")
    saving = ModelCheckpoint(folder, seconds=SECONDS)
    saving.saved = f"what {trainer.epochs_done} epochs have taught"
    if trainer.epochs_done >= settings.epochs:
        say(f"it has had its {trainer.epochs_done} epochs; --epochs N goes on to N")
    held = (run.x(dataset, held_out), run.y(dataset, held_out)) if len(held_out) else None
    trainer.fit(
        run.x(dataset, training),
        run.y(dataset, training),
        epochs=settings.epochs,
        batch_size=settings.batch_rows(len(training)),
        validation_data=held,
        callbacks=[
            *settings.make_callbacks(held is not None),
            CSVLog(folder / "history.csv", SECONDS),
            saving,
        ],
        class_weight=weights,
        progress=progress,
    )
    if trainer.epochs_done and processes.first:
        write_report(run, dataset, training if held is None else held_out, say)
    return run


def _weights(run: Run) -> Any:
    """Return the weights of the classes by their indices."""
    weights, classes = run.settings.class_weight, run.class_names
    if weights is None or (classes and weights == "balanced"):
        return weights
    if not isinstance(weights, Mapping) or not set(weights) <= set(classes):
        raise ArgumentError(
            f"class_weight={weights!r} for {run.target_name}",
            f"weights of {', '.join(classes)}" if classes else "none, for a target of numbers",
            "name the classes as the data does; or leave --class-weight out",
        )
    return {classes.index(name): weight for name, weight in weights.items()}


def _begin(folder: Path, settings: Settings, data: Dataset) -> Run:
    """Return a run that has not been trained yet."""
    if not data.y.size:
        raise DataError(
            f"{settings.data}, whose target is among the features {', '.join(settings.features)}",
            "other columns to predict it from",
            "leave it out of --features, or choose another --target",
        )
    if len(data.class_names) == 1:
        raise DataError(
            f"{settings.data} with one class, {data.class_names[0]!r}",
            "two classes or more, or a target that is a number",
            "choose another --target, or --task numbers",
        )
    training, _ = split(data, settings.validation, settings.seed)
    shape: tuple[int, ...] = data.x.shape[1:]
    if settings.model == "cnn":
        if len(data.image) not in (2, 3):
            raise DataError(
                f"{settings.data} for model='cnn', whose datapoints are not images",
                "images: an array of shape (N, H, W) or (N, H, W, C), IDX, or the digits",
                "keep them in that shape in an NPY or NPZ file; or use --model mlp",
            )
        shape = (*data.image, 1) if len(data.image) == 2 else data.image
    # The pixels of images have one unit; the columns of a table have not.
    columns = data.columns or tuple(map(Column, data.feature_names))
    measured = [one for column in columns for one in column.measured]
    inputs = Standardizer(shared_scale=bool(data.image), missing=True).fit(data.x[training])
    state = inputs.state_dict()  # where 0 and 1 stay what they are
    unchanged = {"mean": 0.0, "scale": 1.0}
    inputs.load_state_dict(
        {name: np.where(measured, found, unchanged[name]) for name, found in state.items()}
    )
    outputs, K = Standardizer(), len(data.class_names)
    if not K:
        outputs.fit(data.y[training, None])
    rng = np.random.default_rng([settings.seed, 1])  # another stream than the one that splits
    trainer = build_trainer(
        build_model(shape, K or 1, settings, rng),
        loss_named("cross-entropy" if K else "mse"),
        settings,
        rng,
        metrics=[Accuracy() if K else R2()],
    )
    return Run(
        folder,
        trainer,
        settings,
        columns,
        data.class_names,
        data.target_name,
        fingerprint(data),
        inputs,
        outputs,
        shape,
    )


def _go_on(run: Run, given: dict[str, Any]) -> Run:
    """Return a run that goes on for as many epochs as are wanted now."""
    wanted = replace(run.settings, **given)
    for name in given.keys() - {"epochs"}:
        kept, value = getattr(run.settings, name), getattr(wanted, name)
        if value != kept:
            raise ArgumentError(
                f"{name}={value!r} for the run in {run.folder}",
                f"{name}={kept!r}, with which it was begun",
                "leave the option out, or begin another run; only --epochs may change",
            )
    return replace(run, settings=wanted)
