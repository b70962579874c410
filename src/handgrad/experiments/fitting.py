"""Train a network on some data, and keep it in a folder; or go on with one that is there."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from handgrad.datasets import Dataset, Standardizer
from handgrad.errors import ArgumentError, DataError
from handgrad.experiments.data import fingerprint, read_data, split
from handgrad.experiments.network import build_model, build_trainer
from handgrad.experiments.run import Run, open_run
from handgrad.experiments.settings import Settings
from handgrad.training.callbacks import CSVLog, ModelCheckpoint
from handgrad.training.metrics import R2, Accuracy
from handgrad.training.names import loss_named

__all__ = ["free_folder", "train"]


def train(
    data: str,
    folder: str | os.PathLike[str],
    *,
    resume: bool = False,
    command: str = "",
    progress: bool = True,
    say: Callable[[str], Any] = lambda text: None,
    **options: Any,
) -> Run:
    """Train a network on some data, and keep it in a folder; or go on with one that is there.

    Parameters
    ----------
    data
        ``digits``, or the path of a file.
    folder
        Where the run goes: the checkpoint, ``history.csv``, ``history.png`` where matplotlib is
        installed, and ``command.txt``.
    resume
        Go on with the run in the folder, with its own options. Only `epochs` may be another.
    command
        What was typed, for ``command.txt``.
    progress
        Whether to show progress.
    say
        Called with lines that tell what is trained, and on what.
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
    folder = Path(folder)
    given = {name: value for name, value in options.items() if value is not None}
    if resume:
        run = _go_on(open_run(folder), given)
        dataset = read_data(data, run.target_name, run.feature_names, run.class_names or False)
        if fingerprint(dataset) != run.fingerprint:
            raise DataError(
                f"{data}, which is not what the run in {folder} was begun with",
                f"the same data, unchanged; it was {run.settings.data}",
                "begin another run with this data",
            )
    else:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise ArgumentError(
                f"{folder}, where something is already",
                "a new or empty folder for the run",
                "choose another folder with --out; or go on with the run that is there: --resume",
            )
        settings = Settings(data=data, **given)
        classes = {"auto": None, "mse": False}.get(settings.loss, True)
        dataset = read_data(data, -1 if settings.target is None else settings.target, None, classes)
        run = _begin(folder, settings, dataset)
    settings, trainer = run.settings, run.trainer
    training, held_out = split(dataset, settings.validation, settings.seed)
    say(f"{data}: {dataset!r}, {len(training):,} to train on, {len(held_out):,} held out")
    say(repr(trainer.model))

    _write_command(folder, command)
    trainer.extra["run"] = run.facts()
    trainer.save(folder)  # so that there is something to go on from at any moment
    saving = ModelCheckpoint(folder)
    saving.saved = f"what {trainer.epochs_done} epochs have taught"
    if trainer.epochs_done >= settings.epochs:
        say(f"it has had its {trainer.epochs_done} epochs; --epochs N goes on to N")
    trainer.fit(
        run.x(dataset, training),
        run.y(dataset, training),
        epochs=settings.epochs,
        batch_size=settings.batch_rows(len(training)),
        validation_data=(run.x(dataset, held_out), run.y(dataset, held_out))
        if len(held_out)
        else None,
        callbacks=[CSVLog(folder / "history.csv"), saving],
        progress=progress,
    )
    if trainer.epochs_done and find_spec("matplotlib"):
        trainer.history.plot(folder / "history.png")
    elif trainer.epochs_done:
        say('history.png is not drawn, since matplotlib is missing: pip install "handgrad[plot]"')
    return run


def free_folder(data: str) -> Path:
    """Return the first of ``runs/NAME``, ``runs/NAME-2``, ... that is not there yet.

    Parameters
    ----------
    data
        ``digits``, or the path of a file, after which the folder is named.

    Examples
    --------
    >>> free_folder("flowers.csv").as_posix()
    'runs/flowers'
    """
    name = Path(data).name.split(".")[0] or "run"
    names = (name if i == 1 else f"{name}-{i}" for i in count(1))
    return next(folder for name in names if not (folder := Path("runs", name)).exists())


def _write_command(folder: Path, command: str) -> None:
    """Make the folder, and add the command to those that were typed for it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if command:
            with (folder / "command.txt").open("a", encoding="utf-8") as file:
                file.write(f"{command}\n")
    except OSError as error:
        raise ArgumentError(
            f"{folder}, which cannot be written to: {error.strerror}",
            "a folder for the run",
            "choose another folder with --out",
        ) from error


def _begin(folder: Path, settings: Settings, data: Dataset) -> Run:
    """Return a run that has not been trained yet."""
    if len(data.class_names) == 1:
        raise DataError(
            f"{settings.data} with one class, {data.class_names[0]!r}",
            "two classes or more, or a target that is a number",
            "choose another --target, or --loss mse",
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
    inputs = Standardizer(shared_scale=bool(data.image)).fit(data.x[training])
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
        data.feature_names,
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
