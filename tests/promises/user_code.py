"""What a user writes, as a type checker sees it; it catches the lines that say "refused"."""

import numpy as np

import handgrad
from handgrad import SGD, Adam, CrossEntropy, Linear, Model, MSELoss, ReLU, Trainer
from handgrad.training import EarlyStopping, ModelCheckpoint, find_learning_rate


class OwnLoss:
    def __call__(self, predictions: object, targets: object) -> float:
        return 0.0

    def grad(self) -> object:
        return 0.0


def share(targets: object, predictions: object) -> float:
    return 0.5


def right(model: Model) -> tuple[object, ...]:
    shape: tuple[int, ...] = model.components[0].weights.shape
    first: tuple[int, ...] = model[0].weights.shape
    front: Model = model[:-1]
    total: int = model.parameters.size + len(model)
    said = model.predict(np.ones((2, 4))).argmax(axis=1)
    text: str = model.summary((32, 4))

    trainer = Trainer(model, "cross_entropy", "adamw", metrics=["accuracy", "f1", share])
    Trainer(model, CrossEntropy(), Adam(lr=0.01, l1=1e-4))
    Trainer(model, OwnLoss(), SGD())
    history = trainer.fit(
        np.ones((8, 4)),
        np.zeros(8, int),
        epochs=2,
        validation_split=0.25,
        class_weight="balanced",
        callbacks=[EarlyStopping(), ModelCheckpoint("run", best_only=True)],
        progress=False,
    )
    best: float = min(history["validation_loss"])
    rate: float = find_learning_rate(trainer, np.ones((8, 4)), np.zeros(8, int)).suggestion
    handgrad.save(model, "network.safetensors")
    names = handgrad.load("network.safetensors").predict([[1.0, 2.0, 3.0, 4.0]])
    return shape, first, front, total, said, text, best, rate, names


def wrong(model: Model) -> None:
    Trainer(model, "cros_entropy", "adam")  # refused: no loss of that name
    Trainer(model, "mse", "adamm")  # refused: no optimizer of that name
    Trainer(model, MSELoss, "adam")  # refused: a class is no loss
    Trainer(model, ReLU(), "adam")  # refused: an activation is no loss
    Trainer(model, share, "adam")  # refused: a function has no gradient
    Trainer(model, "mse", CrossEntropy())  # refused: a loss is no optimizer
    Trainer(model, "mse", "adam", metrics=["acuracy"])  # refused: no metric of that name
    Trainer([Linear(4, 3)], "mse", "adam")  # refused: a list is no model
