"""Code that is called as a course says: layouts, conventions, what is missing."""

from pathlib import Path

import numpy as np
import pytest

from handgrad import diagnose
from handgrad.diagnosis import Status, Verdict
from handgrad.errors import ArgumentError
from students import verdicts

CORPUS = Path(__file__).parents[2] / "corpus" / "courses"


def affine(backward, forward=lambda x, w, b: (x.reshape(len(x), -1) @ w + b, (x, w, b))):
    """Return the functions of a module, as CS231n has them."""
    names = {"forward": forward, "backward": backward, "np": np}
    exec(
        "def affine_forward(x, w, b):\n    return forward(x, w, b)\n"
        "def affine_backward(dout, cache):\n    return backward(dout, *cache)\n",
        names,
    )
    return names


def right(dout, x, w, b):
    rows = x.reshape(len(x), -1)
    return (dout @ w.T).reshape(x.shape), rows.T @ dout, dout.sum(axis=0)


def judged(backward, **options):
    return diagnose(affine(backward, **options)["affine_forward"])


def test_a_pair_of_functions_is_seen_by_either_name():
    names = affine(right)
    for name in ("affine_forward", "affine_backward"):
        diagnosis = diagnose(names[name])
        assert diagnosis.status is Status.RIGHT, str(diagnosis)
        assert (diagnosis.subject, diagnosis.headline) == ("affine", "affine is right")
    assert diagnose(names["affine_forward"], course="cs231n").status is Status.RIGHT


def test_what_a_course_does_not_ask_for_is_said():
    with pytest.raises(ArgumentError, match="for Stanford's CS231n"):
        diagnose(lambda x: x, course="cs231n")
    with pytest.raises(ArgumentError, match="one of affine_forward"):
        diagnose(affine(right)["affine_forward"], "relu", course="cs231n")


def test_an_exercise_is_called_by_the_name_that_it_has():
    class ReLU:
        def __call__(self, x):
            self.x = x
            return np.maximum(x, 0)

        def grad(self, dy):
            return dy * (self.x > 0)

    assert diagnose(ReLU, course="exercise").status is Status.RIGHT


def test_what_is_not_written_yet_is_not_wrong():
    unwritten = judged(lambda *args: None, forward=lambda *args: None)
    assert unwritten.status is Status.UNWRITTEN
    assert unwritten.headline == "affine: affine_forward is not written yet"
    assert unwritten.exit_code == 2

    half = judged(lambda *args: (None, None, None))
    assert half.status is Status.UNWRITTEN
    assert half.headline == "affine: its backward pass is not written yet"
    assert verdicts(half)["output"] is Verdict.RIGHT
    assert verdicts(half)["dW"] is Verdict.UNKNOWN

    def later(*args):
        raise NotImplementedError

    assert judged(later).status is Status.UNWRITTEN
    mistaken = judged(lambda *args: None, forward=lambda x, w, b: (x.reshape(len(x), -1) @ w, ()))
    assert mistaken.status is Status.WRONG


def test_one_gradient_that_is_missing_is_wrong():
    diagnosis = judged(lambda dout, x, w, b: (*right(dout, x, w, b)[:2], None))
    assert [f.quantity for f in diagnosis.wrong] == ["db"]
    assert "your code gives no gradient of the bias" in str(diagnosis)


def test_another_number_of_results_is_said():
    diagnosis = judged(lambda *args: right(*args)[:2])
    assert diagnosis.failure.error == "ValueError: 2 values in place of 3: dx, dW, db"
    assert diagnosis.failure.doing == "taking what affine_backward returns"


def test_an_axis_of_size_1_more_is_told_and_right():
    def kept(dout, x, w, b):
        return (*right(dout, x, w, b)[:2], dout.sum(axis=0, keepdims=True))

    diagnosis = judged(kept)
    assert diagnosis.status is Status.RIGHT
    assert "one more axis of size 1" in diagnosis.headline


def test_what_is_written_to_is_seen_through_any_order_of_axes():
    def spoils(dout, x, w, b):
        gradients = right(dout, x, w, b)
        x *= 0
        return gradients

    assert "writes to its input" in {cause.name for cause in judged(spoils).causes}

    names: dict = {"np": np}
    exec(
        "def linear_forward(A, W, b):\n    return W @ A + b, (A, W)\n"
        "def linear_backward(dZ, cache):\n"
        "    A, W = cache\n"
        "    m = A.shape[1]\n"
        "    dZ /= m\n"
        "    return W.T @ dZ * m, dZ @ A.T, dZ.sum(axis=1, keepdims=True)\n",
        names,
    )
    diagnosis = diagnose(names["linear_forward"])
    assert {c.name for c in diagnosis.causes} == {"writes to the upstream gradient"}, str(diagnosis)


def test_a_missing_axis_of_size_1_is_wrong_where_a_step_would_broadcast():
    names: dict = {"np": np}
    exec(
        "def linear_forward(A, W, b):\n    return W @ A + b, (A, W)\n"
        "def linear_backward(dZ, cache):\n"
        "    A, W = cache\n"
        "    m = A.shape[1]\n"
        "    return W.T @ dZ, dZ @ A.T / m, dZ.sum(axis=1) / m\n",
        names,
    )
    diagnosis = diagnose(names["linear_backward"])
    assert [f.quantity for f in diagnosis.wrong] == ["shape of db"], str(diagnosis)
    assert "and the bias has the axes (K 1)" in str(diagnosis)
    assert [c.name for c in diagnosis.causes] == [
        "an axis of size 1 is missing, or in another place"
    ]


def test_the_mean_belongs_where_the_course_takes_it():
    names: dict = {"np": np}
    exec(
        "def linear_forward(A, W, b):\n    return W @ A + b, (A, W)\n"
        "def linear_backward(dZ, cache):\n"
        "    A, W = cache\n"
        "    return W.T @ dZ, dZ @ A.T, dZ.sum(axis=1, keepdims=True)\n",
        names,
    )
    diagnosis = diagnose(names["linear_backward"])
    assert {f.quantity for f in diagnosis.wrong} == {"dW", "db"}
    (cause,) = diagnosis.causes
    assert cause.name.startswith("the factor 1 / N of the course is left out of the gradient of")
    assert cause.hints[3] == "Multiply by the factor: `1 / N`."


def test_input_that_a_course_does_not_ask_for_is_not_tried():
    line = "    OH, OW = 1 + (H - HH)"
    names = corpus(line, f"    assert (H - HH) % stride == 0 == (W - WW) % stride\n{line}")
    diagnosis = diagnose(names["max_pool_forward_naive"])
    assert diagnosis.status is Status.RIGHT, str(diagnosis)


def test_a_number_in_place_of_a_vector_is_taken_for_one():
    diagnosis = judged(lambda dout, x, w, b: (*right(dout, x, w, b)[:2], dout.sum()))
    assert [c.name for c in diagnosis.causes] == ["the bias' gradient is summed over everything"]


def test_a_course_of_ones_own_may_pass_on_the_output_and_take_gradients_from_a_dict(tmp_path):
    course = tmp_path / "ours.toml"
    course.write_text(
        "[[component]]\n"
        'kind = "sigmoid"\n'
        'forward = "squash(x) -> output"\n'
        """backward = "squash_slope(dy, output) -> {'z': dx}"\n"""
    )
    names: dict = {"np": np}
    exec(
        "def squash(z):\n    return 1 / (1 + np.exp(-z))\n"
        "def squash_slope(da, a):\n    return {'z': da * a * (1 - a)}\n",
        names,
    )
    diagnosis = diagnose(names["squash"], course=str(course))
    assert diagnosis.headline == "squash is right"
    assert "agrees with the numerical derivative" in str(diagnosis)


def test_what_a_course_lets_be_is_a_note():
    def scaled(dout, x, w, b):
        gradients = right(dout, x, w, b)
        dout *= 2
        return gradients

    diagnosis = judged(scaled)
    assert diagnosis.headline == "affine is right"
    assert diagnosis.notes[0].startswith("the backward pass changed the array dy")
    assert "this course lets that be" in diagnosis.notes[0]


def test_what_is_never_told_whether_to_average_makes_no_mistake_of_that():
    names = {"np": np}
    exec(
        "def softmax_loss(x, y):\n"
        "    p = np.exp(x - x.max(axis=1, keepdims=True))\n"
        "    p /= p.sum(axis=1, keepdims=True)\n"
        "    value = -np.log(p[np.arange(len(x)), y]).mean()\n"
        "    p[np.arange(len(x)), y] -= 1\n"
        "    return value, p / x.size\n",
        names,
    )
    diagnosis = diagnose(names["softmax_loss"], course="cs231n")
    assert [cause.name for cause in diagnosis.causes] == ["divided by rows and classes"]


def corpus(old, new, file="cs231n/layers.py"):
    """Return the names of a file, CS231n's layers if no other, with a line changed."""
    text = (CORPUS / file).read_text(encoding="utf-8")
    assert old in text
    names: dict = {}
    exec(text.replace(old, new), names)
    return names


def test_evaluation_that_does_not_run_is_told_apart():
    names = corpus("    else:\n        out = x\n", "    else:\n        out = x * mask\n")
    diagnosis = diagnose(names["dropout_forward"])
    assert [f.quantity for f in diagnosis.wrong] == ["evaluation"]
    assert "in evaluation mode: TypeError" in str(diagnosis)

    names = corpus("    else:\n        out = x\n", "    else:\n        out = None\n")
    diagnosis = diagnose(names["dropout_forward"])
    assert diagnosis.headline == "dropout: evaluation mode is not written yet", str(diagnosis)

    names = corpus("(x - running_mean) / np", "(x - running_mean.reshape(1, 2, D, 7)) / np")
    diagnosis = diagnose(names["batchnorm_forward"])
    assert diagnosis.status is Status.RIGHT, str(diagnosis)
    assert verdicts(diagnosis)["evaluation"] is Verdict.UNKNOWN


def test_of_a_running_variance_the_course_says_whether_it_is_biased_before_it_is_named():
    line = "running_var = momentum * running_var + (1 - momentum) * var"
    for newest in ("var", "var * N / (N - 1)"):
        names = corpus(line, f"running_var = (1 - momentum) * running_var + momentum * {newest}")
        diagnosis = diagnose(names["batchnorm_forward"])
        assert [(f.quantity, f.summary) for f in diagnosis.wrong] == [
            ("new_running_variance", "the running variance keeps the wrong share")
        ]

    names = corpus(line, f"{line} + (1 - momentum) * eps")
    diagnosis = diagnose(names["batchnorm_forward"])
    assert "epsilon is counted in the running variance" in diagnosis.headline, str(diagnosis)
    assert diagnosis.status is Status.RIGHT


def test_more_axes_of_size_1_are_let_be_in_any_order_of_the_others():
    names = corpus("return dxp[:, :, pad :", "return dxp[None, :, :, pad :")
    diagnosis = diagnose(names["conv_forward_naive"])
    assert diagnosis.status is Status.RIGHT, str(diagnosis)
    assert "one more axis of size 1" in diagnosis.headline


def test_what_public_code_gets_wrong_most_often_has_its_name():
    names = corpus("pad : pad + H, pad : pad + W", "pad:-pad, pad:-pad")
    (cause,) = diagnose(names["conv_forward_naive"]).causes
    assert cause.name == "without padding nothing is left of the gradient of the input"
    names = corpus(
        ") / np.sqrt(running_var + eps) + beta", ") / (np.sqrt(running_var) + eps) + beta"
    )
    (cause,) = diagnose(names["batchnorm_forward"]).causes
    assert cause.name == "epsilon outside the root in evaluation"


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (
            "np.unravel_index(window.argmax(), window.shape)",
            "divmod(window.argmax(), HH)",
            "max_pool",
        ),
        ("c : c + WW]", "c : c + HH]", "conv"),
    ],
)
def test_who_is_given_both_sizes_of_a_window_has_to_take_them(old, new, what):
    diagnosis = diagnose(corpus(old, new)[f"{what}_backward_naive"])
    assert [f.quantity for f in diagnosis.wrong] == ["rectangular"], str(diagnosis)


def test_evaluation_with_what_training_has_left_is_wrong():
    """A new object stops there, which alone would say nothing."""
    line = "(Z - self.running_M) /"
    names = corpus(line, "(Z - self.M) /", "mytorch/nn.py")
    diagnosis = diagnose(names["BatchNorm1d"], course="mytorch")
    assert [f.quantity for f in diagnosis.wrong] == ["evaluation"], str(diagnosis)


def test_dropouts_backward_pass_is_examined_in_evaluation_mode():
    line = 'return dout * mask if dropout_param["mode"] == "train" else dout'
    keep = 'dropout_param["p"]'
    for other, name in (
        (f"dout / {keep}", "the backward pass scales in evaluation mode"),
        (
            f"dout * (np.random.rand(*dout.shape) < {keep}) / {keep}",
            "the backward pass drops in evaluation mode",
        ),
        ("0 * dout", "nothing comes back in evaluation mode"),
        ("np.cos(dout)", ""),
        ("dout * mask", ""),  # which is None
    ):
        changed = line.replace("else dout", f"else {other}")
        diagnosis = diagnose(corpus(line, changed)["dropout_forward"])
        assert diagnosis.status is Status.WRONG, other
        assert [f.quantity for f in diagnosis.wrong] == ["evaluation mode"]
        assert [c.name for c in diagnosis.causes] == [name] * bool(name), other
    changed = line.replace("else dout", "else None")
    diagnosis = diagnose(corpus(line, changed)["dropout_forward"])
    assert diagnosis.headline == "dropout: its backward pass is not written yet", str(diagnosis)


def test_what_has_a_course_of_its_own_for_evaluation_is_examined_there_too(tmp_path):
    course = tmp_path / "ours.toml"
    course.write_text(
        "[[component]]\n"
        'kind = "plain_dropout"\n'
        'class = "Drop(p)"\n'
        'forward = "forward(x) -> output"\n'
        'evaluation = "predict(x) -> evaluation"\n'
        'backward = "backward(dy) -> dx"\n'
    )
    names: dict = {"np": np}
    text = """
class Drop:
    def __init__(self, p):
        self.p = p
    def forward(self, x):
        self.mask = np.random.binomial(1, 1 - self.p, x.shape) / (1 - self.p)
        return x * self.mask
    def predict(self, x):
        self.mask = 1.0
        return x
    def backward(self, dy):
        return dy * self.mask
"""
    exec(text, names)
    assert diagnose(names["Drop"], course=str(course)).headline == "Drop is right"
    exec(text.replace("self.mask = 1.0", "self.mask = 1 / (1 - self.p)"), names)
    (cause,) = diagnose(names["Drop"], course=str(course)).causes
    assert cause.name == "the backward pass scales in evaluation mode"


BOTH = """
[[component]]
kind = "linear"
forward = "predict(x, Wb) -> output, cache"
backward = "slopes(dy, cache) -> dx, dWb"
joined = { Wb = "weights, bias" }
axes = { bias = "1 K" }
"""


def test_weights_may_lie_in_one_array_with_the_bias(tmp_path):
    course = tmp_path / "ours.toml"
    course.write_text(BOTH)
    text = (
        "def predict(x, Wb):\n    return x @ Wb[:-1] + Wb[-1], (x, Wb)\n"
        "def slopes(dy, cache):\n"
        "    x, Wb = cache\n"
        "    dWb = np.vstack([x.T @ dy, dy.sum(axis=0)])\n"
        "    return dy @ Wb[:-1].T, dWb\n"
    )

    def judged(old="", new=""):
        assert old in text
        names: dict = {"np": np}
        exec(text.replace(old, new), names)
        return diagnose(names["predict"], course=str(course))

    assert judged().headline == "predict is right"
    (cause,) = judged("dy.sum(axis=0)", "dy.mean(axis=0)").causes
    assert cause.name == "the bias' gradient is averaged over the minibatch"
    given, returned = "    return x @ Wb[:-1] + Wb[-1], (x, Wb)", "return y, (x, Wb / 2)"
    spoilt = judged(given, f"    y = x @ Wb[:-1] + Wb[-1]\n    Wb *= 2\n    {returned}")
    assert "changes its parameters in the backward pass" in {
        cause.name for cause in spoilt.causes
    }, str(spoilt)
    lost = judged(", dWb\n", ", None\n")
    assert {f.quantity for f in lost.wrong} == {"dW", "db"}
    bare = judged(", dWb\n", ", dWb[:-1]\n")
    assert bare.failure.doing == "taking dWb apart"
    assert "and Wb has" in bare.failure.error


def test_a_missing_axis_is_told_of_what_is_joined_too():
    file = CORPUS / "deeplearning_ai" / "rnn.py"
    names: dict = {}
    old = "np.sum(slope, axis=1, keepdims=True)"
    exec(file.read_text(encoding="utf-8").replace(old, "slope.sum(axis=1)"), names)
    diagnosis = diagnose(names["lstm_cell_forward"])
    assert {f.title for f in diagnosis.wrong} == {
        f"shape of the gradient of b{gate}" for gate in "fico"
    }
    assert "and the bf has shape (5, 1)" in str(diagnosis)


def test_no_gradient_agrees_with_an_output_that_is_no_number():
    names = {"np": np}
    exec(
        "def relu_forward(x):\n    return x * np.nan, x\n"
        "def relu_backward(dout, cache):\n    return np.full_like(dout, np.inf)\n",
        names,
    )
    found = verdicts(diagnose(names["relu_forward"], course="cs231n"))
    assert (found["output"], found["dx"]) == (Verdict.WRONG, Verdict.WRONG)
