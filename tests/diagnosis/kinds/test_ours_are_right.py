"""Our own components are right, for every kind that can be made without being told anything."""

import pytest

import handgrad
from handgrad import diagnose
from handgrad.diagnosis import Status
from handgrad.diagnosis.kinds import kind_of
from students import conventions

RIGHT = {
    "tanh": handgrad.Tanh,
    "leaky_relu": handgrad.LeakyReLU,
    "elu": handgrad.ELU,
    "gelu": handgrad.GELU,
    "silu": handgrad.SiLU,
    "softplus": handgrad.Softplus,
    "hard_tanh": handgrad.HardTanh,
    "softmax": handgrad.Softmax,
    "log_softmax": handgrad.LogSoftmax,
    "l1": handgrad.L1Loss,
    "huber": handgrad.HuberLoss,
    "binary_cross_entropy": handgrad.BinaryCrossEntropy,
    "hinge": handgrad.HingeLoss,
    "embedding": handgrad.Embedding,
}


@pytest.mark.parametrize(("kind", "ours"), RIGHT.items(), ids=list(RIGHT))
def test_the_kind_is_seen_from_the_name_and_ours_is_right(kind, ours):
    assert kind_of(ours.__name__) == kind
    diagnosis = diagnose(ours)
    assert diagnosis.status is Status.RIGHT, str(diagnosis)
    # Ours is PyTorch's, which divides by the classes; Weston and Watkins do not.
    divided = {"divided by the number of classes"} if kind == "hinge" else set()
    assert conventions(diagnosis) == divided


def test_our_cross_entropy_of_sequences_divides_by_what_counts():
    diagnosis = diagnose(handgrad.CrossEntropy, "sequence_cross_entropy")
    assert conventions(diagnosis) == {"divided by the number of steps that count"}


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(
    ("thing", "convention"),
    [
        (handgrad.LeakyReLU(0.2), "another slope below the kink"),
        (handgrad.ELU(0.5), "another alpha"),
        (handgrad.GELU("tanh"), "the form with a tanh"),
        (handgrad.HardTanh(-2, 2), "other bounds"),
        (handgrad.Softplus(), None),
        (handgrad.Embedding(5, 3), None),
        (handgrad.Embedding(1, 2), None),
    ],
    ids=repr,
)
def test_a_finished_object_has_options_of_its_own(thing, convention, seed):
    diagnosis = diagnose(thing, seed=seed)
    assert diagnosis.status is Status.RIGHT, str(diagnosis)
    assert conventions(diagnosis) == ({convention} if convention else set())


def test_units_that_are_not_known_are_not_taken_for_others():
    assert kind_of("ReLU") == "relu"
    assert kind_of("LeakyReLU") == "leaky_relu"
    assert kind_of("HardTanh") == "hard_tanh"
    assert kind_of("LogSoftmax") == "log_softmax"
    assert kind_of("SoftmaxCrossEntropy") == "cross_entropy"
    assert kind_of("SmoothL1Loss") == "huber"
    assert kind_of("Kernel1") is None
    for other in ("SELU", "CELU", "PReLU", "Softsign", "ReLU6", "Tanhshrink", "GumbelSoftmax"):
        assert kind_of(other) is None, other
