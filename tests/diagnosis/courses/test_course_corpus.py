"""Every function that the courses know: one that is right, and the same with one line wrong."""

import types
from functools import cache
from operator import attrgetter
from pathlib import Path

import pytest

from handgrad import diagnose
from handgrad.diagnosis import Status
from handgrad.diagnosis.courses.outline import outline
from handgrad.diagnosis.courses.reading import read_course
from handgrad.diagnosis.target import diagnose_target

CORPUS = Path(__file__).parents[2] / "corpus" / "courses"
COURSES = ("cs231n", "deeplearning_ai", "eecs498", "mytorch")

WRONG = {
    # course, file, what: the line that is right, the one that is not, the quantities that are wrong
    ("cs231n", "layers", "affine"): ("db = np.sum(dout, axis=0)", "db = np.sum(dout)", {"db"}),
    ("cs231n", "layers", "relu"): ("return dout * (cache > 0)", "return dout", {"dx"}),
    ("cs231n", "layers", "softmax_loss"): (
        "dx[np.arange(N), y] -= 1\n    return",
        "dx[:, y] -= 1\n    return",
        {"gradient"},
    ),
    ("cs231n", "layers", "svm_loss"): ("-= num_pos", "-= 1", {"gradient"}),
    ("cs231n", "layers", "batchnorm"): ("+ dmu / N", "+ dmu", {"dx"}),
    ("cs231n", "layers", "batchnorm_alt"): (
        "- xhat * dgamma)\n    return",
        ")\n    return",
        {"dx"},
    ),
    ("cs231n", "layers", "layernorm"): ("- g.mean(axis=1, keepdims=True)", "", {"dx"}),
    ("cs231n", "layers", "dropout"): (
        'return dout * mask if dropout_param["mode"] == "train" else dout',
        "return dout",
        {"dx"},
    ),
    ("cs231n", "layers", "conv_naive"): (
        "db = dout.sum(axis=(0, 2, 3))",
        "db = w[:, 0, 0, 0]",
        {"db"},
    ),
    ("cs231n", "layers", "max_pool_naive"): (
        "dx[n, k, r + a, c + b] += dout",
        "dx[n, k, r + a, c + b] = dout",
        {"dx"},
    ),
    ("cs231n", "layers", "spatial_batchnorm"): (
        "dx, dgamma, dbeta = batchnorm_backward_alt(rows, cache)\n",
        "dx, dgamma, dbeta = batchnorm_backward_alt(rows, cache)\n    dgamma /= N\n",
        {"dgamma"},
    ),
    ("cs231n", "layers", "spatial_groupnorm"): (
        "dbeta = dout.sum(axis=(0, 2, 3), keepdims=True)",
        "dbeta = dout.mean(axis=(0, 2, 3), keepdims=True)",
        {"dbeta"},
    ),
    ("cs231n", "rnn_layers", "rnn_step"): ("* (1 - next_h**2)", "* (1 - next_h)", {"dx", "dh0"}),
    ("cs231n", "rnn_layers", "rnn"): (
        "(dh[:, t] + dprev, cache[t])\n        dWx",
        "(dh[:, t], cache[t])\n        dWx",
        {"dx"},
    ),
    ("cs231n", "rnn_layers", "word_embedding"): ("np.add.at(dW, x, dout)", "dW[x] += dout", {"dW"}),
    ("cs231n", "rnn_layers", "lstm_step"): ("dnext_c + dnext_h * o", "dnext_h * o", {"dc0"}),
    ("cs231n", "rnn_layers", "lstm"): ("dprev, dc, *grads", "dprev, _, *grads", {"dx"}),
    ("cs231n", "rnn_layers", "temporal_affine"): (
        "return dx, dw, dout.sum(axis=(0, 1))",
        "return dx, dw, dout.sum(axis=0).mean(axis=0)",
        {"db"},
    ),
    ("cs231n", "rnn_layers", "temporal_softmax_loss"): (
        "    dx_flat *= mask_flat[:, None]\n",
        "",
        {"gradient"},
    ),
    ("deeplearning_ai", "dnn", "linear"): (
        "np.dot(dZ, A_prev.T) / m",
        "np.dot(dZ, A_prev.T)",
        {"dW"},
    ),
    ("deeplearning_ai", "dnn", "sigmoid"): ("dA * s * (1 - s)", "dA * s", {"dx"}),
    ("deeplearning_ai", "dnn", "relu"): ("np.where(cache > 0", "np.where(dA > 0", {"dx"}),
    ("deeplearning_ai", "cnn", "conv"): ("db[:, :, :, c] += dZ", "db[:, :, :, c] = dZ", {"db"}),
    ("deeplearning_ai", "cnn", "pool, mode max"): (
        "dA_prev[i, v, u, c] += mask",
        "dA_prev[i, v, u, c] = mask",
        {"dx"},
    ),
    ("deeplearning_ai", "cnn", "pool, mode average"): (" / (shape[0] * shape[1])", "", {"dx"}),
    ("deeplearning_ai", "rnn", "rnn_cell"): (
        "dot(dtanh, a_prev.T)",
        "dot(dtanh, a_next.T)",
        {"dU"},
    ),
    ("deeplearning_ai", "rnn", "rnn"): ("dba += gradients", "dba = gradients", {"db"}),
    ("deeplearning_ai", "rnn", "lstm_cell"): (
        'gradients["db" + gate] = np.sum(slope',
        'gradients["db" + gate] = np.mean(slope',
        {"db"},
    ),
    ("deeplearning_ai", "rnn", "lstm"): (
        "total.get(name, 0) + gradient",
        "gradient",
        {"dW", "dU", "db"},
    ),
    ("eecs498", "arrays", "Linear"): (
        "@ dout, dout.sum(axis=0)",
        "@ dout, dout.mean(axis=0)",
        {"db"},
    ),
    ("eecs498", "arrays", "ReLU"): ("np.where(cache > 0, dout, 0)", "np.maximum(dout, 0)", {"dx"}),
    ("eecs498", "arrays", "softmax_loss"): ("return loss, dx / N", "return loss, dx", {"gradient"}),
    ("eecs498", "rnn", "svm_loss"): (
        "dx[margins > 0] = 1.0",
        "dx[margins >= 0] = 1.0",
        {"gradient"},
    ),
    ("eecs498", "rnn", "rnn_step"): ("(1 - next_h * next_h)", "(1 + next_h * next_h)", {"dx"}),
    ("eecs498", "rnn", "rnn"): ("        dWh += c\n", "        dWh = c\n", {"dU"}),
    ("eecs498", "tensors", "Linear"): ("db = dout.sum(dim=0)", "db = dout.mean(dim=0)", {"db"}),
    ("eecs498", "tensors", "ReLU"): ("dx[cache <= 0] = 0", "dx[dout <= 0] = 0", {"dx"}),
    ("eecs498", "tensors", "Dropout"): (
        'return dout * mask if dropout_param["mode"] == "train" else dout',
        "return dout",
        {"dx"},
    ),
    ("eecs498", "tensors", "Conv"): ("dw += torch", "dw = torch", {"dW"}),
    ("eecs498", "tensors", "MaxPool"): ("s + at % WW] += dout", "s + at % WW] = dout", {"dx"}),
    ("eecs498", "tensors", "BatchNorm"): ("+ dmu / N", "", {"dx"}),
    ("eecs498", "tensors", "BatchNorm.backward_alt"): (
        "(dbeta + x_hat * dgamma) / N)",
        "(dbeta + x_hat * dgamma))",
        {"dx"},
    ),
    ("eecs498", "tensors", "SpatialBatchNorm"): (
        "dx, dgamma, dbeta = BatchNorm.backward(rows, cache)\n",
        "dx, dgamma, dbeta = BatchNorm.backward(rows, cache)\n        dbeta = dbeta / N\n",
        {"dbeta"},
    ),
    ("mytorch", "nn", "Linear"): ("dLdZ.T @ self.Ones", "dLdZ.T @ self.Ones / 2", {"db"}),
    ("mytorch", "nn", "ReLU"): ("np.where(self.A > 0, 1, 0)", "self.A", {"dx"}),
    ("mytorch", "nn", "Sigmoid"): ("(self.A - self.A * self.A)", "(1 - self.A * self.A)", {"dx"}),
    ("mytorch", "nn", "Tanh"): ("(1 - self.A**2)", "(1 - self.A) ** 2", {"dx"}),
    ("mytorch", "nn", "GELU"): ("np.exp(-self.Z**2 / 2)", "np.exp(self.Z**2 / 2)", {"dx"}),
    ("mytorch", "nn", "Softmax"): ("np.diag(a) - np.outer(a, a)", "np.diag(a)", {"dx"}),
    ("mytorch", "nn", "MSELoss"): ("return 2 * (self.A", "return (self.A", {"gradient"}),
    ("mytorch", "nn", "CrossEntropyLoss"): (
        "(self.softmax - self.Y) / self.N",
        "self.softmax - self.Y",
        {"gradient"},
    ),
    ("mytorch", "nn", "BatchNorm1d"): (
        "self.dLdBW = (dLdBZ * self.NZ)",
        "self.dLdBW = (dLdBZ * self.Z)",
        {"dgamma"},
    ),
    ("mytorch", "nn", "Dropout"): (
        "return self.mask * delta",
        "return (self.mask > 0) * delta",
        {"dx"},
    ),
    ("mytorch", "rnn", "RNNCell"): (
        "self.db_hh += dz.sum(axis=0)",
        "self.db_hh += h_prev_t.sum(axis=0)",
        {"drecurrent_bias"},
    ),
    ("mytorch", "cnn", "Conv1d_stride1"): (
        "self.dLdb = dLdZ.sum(axis=(0, 2))",
        "self.dLdb = dLdZ.mean(axis=(0, 2))",
        {"db"},
    ),
    ("mytorch", "cnn", "Conv1d"): (
        "spread[:, :, :: self.stride] = dLdZ",
        "spread[:, :, : dLdZ.shape[2]] = dLdZ",
        {"dx"},
    ),
    ("mytorch", "cnn", "Conv2d_stride1"): (
        "self.dLdb = dLdZ.sum(axis=(0, 2, 3))",
        "self.dLdb = dLdZ.mean(axis=(0, 2, 3))",
        {"db"},
    ),
    ("mytorch", "cnn", "Conv2d"): (
        "p : dLdA.shape[2] - p, p : dLdA",
        ": dLdA.shape[2] - 2 * p, p : dLdA",
        {"dx"},
    ),
    ("mytorch", "cnn", "MaxPool2d_stride1"): ("+ b] += dLdZ", "+ b] = dLdZ", {"dx"}),
    ("mytorch", "cnn", "MeanPool2d_stride1"): (" / k**2", " / k", {"dx"}),
    ("mytorch", "cnn", "MaxPool2d"): ("+ b] += dLdZ", "+ b] = dLdZ", {"dx"}),
    ("mytorch", "cnn", "MeanPool2d"): (" / k**2", " / k", {"dx"}),
}

CASES = [
    pytest.param(course, file.stem, component, id=f"{course}-{file.stem}-{component.title}")
    for course in COURSES
    for file in sorted((CORPUS / course).glob("*.py"))
    for component, *_ in read_course(course).inside(outline(file))
]


@cache
def source(course, stem):
    return (CORPUS / course / f"{stem}.py").read_text(encoding="utf-8")


def asked(course, component, text):
    """Return what is said of a component of a module with this text."""
    module = types.ModuleType("students")
    exec(compile(text, "students.py", "exec"), module.__dict__)
    thing = attrgetter(component.name)(module)
    return diagnose(thing, component.kind, course=course)


@pytest.mark.parametrize(("course", "stem", "component"), CASES)
def test_a_right_implementation_is_right(course, stem, component):
    diagnosis = asked(course, component, source(course, stem))
    assert diagnosis.headline == f"{component.title} is right", str(diagnosis)


@pytest.mark.parametrize(("course", "stem", "component"), CASES)
def test_a_wrong_line_is_noticed_in_the_quantities_that_it_is_in(course, stem, component):
    line, other, quantities = WRONG[course, stem, component.title]
    text = source(course, stem)
    assert line in text
    diagnosis = asked(course, component, text.replace(line, other))
    assert diagnosis.status is Status.WRONG, str(diagnosis)
    assert quantities <= {f.quantity for f in diagnosis.wrong}, str(diagnosis)


@pytest.mark.parametrize("course", COURSES)
def test_a_course_has_a_right_implementation_of_all_that_it_asks_for(course):
    there = {(case.values[0], case.values[2].name, case.values[2].kind) for case in CASES}
    asked_for = {(course, each.name, each.kind) for each in read_course(course).components}
    assert asked_for <= there


def test_a_whole_file_is_checked_and_its_course_is_seen():
    diagnoses = diagnose_target(str(CORPUS / "deeplearning_ai" / "dnn.py"))
    assert [d.headline for d in diagnoses] == [
        "linear is right",
        "relu is right",
        "sigmoid is right",
    ]


def test_a_folder_is_checked_and_its_course_is_seen():
    diagnoses = diagnose_target(str(CORPUS / "deeplearning_ai"))
    components = read_course("deeplearning_ai").components
    assert {d.subject for d in diagnoses} == {component.title for component in components}
