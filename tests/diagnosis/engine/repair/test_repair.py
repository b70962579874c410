"""Slips of the pen are mended in the line in which they are, and what is no repair is refused."""

import linecache
import re
import time

import numpy as np
import pytest

from handgrad.diagnosis import diagnose
from handgrad.diagnosis.engine.repair.limits import Overdue, Watch
from handgrad.diagnosis.engine.repair.source import units
from handgrad.kernels import in_force
from handgrad.kernels.compiling import Kernel
from handgrad.kernels.mode import Mode
from slips import RIGHT, SLIPS, Slip, write

BUDGET = 30  # seconds, of which these take less than one: other tests run beside them

MENDED = (
    "Linear: grad_w = self.x.T @ in_gradient / n",
    "Linear: grad_x = in_gradient @ self.weights",
    "Linear: grad_b = np.sum(in_gradient, axis=1, keepdims=True)",
    'Linear: self.gradients["bias"] = grad_w',
    "Linear: return x @ self.weights",
    "Linear: without self.x = x",
    "LoopedLinear: self.dW = np.outer(self.input[i], dout[i])",
    "LoopedLinear: for i in range(dout.shape[0] - 1):",
    "Sigmoid: return in_gradient * s * (1 + s)",
    "Sigmoid: return s * (1 - s)",
    "Sigmoid: return 1 / (1 + np.exp(x))",
    "ReLU: out = in_gradient",
    "ReLU: mask = self.x < 0",
    "MSELoss: return 2 * self.diff / self.diff.shape[0]",
    "MSELoss: return 2 * np.mean(self.diff)",
    "CrossEntropy: dlogits = self.probs",
    "Dropout: d = in_gradient",
    "Model: for component in self.components:",
    "batchnorm_backward: divar = np.sum(dxhat * xhat, axis=0)",
    "batchnorm_backward: sqrtvar = np.sqrt(var) + eps",
    "affine_backward: w, x, b = cache",
)


def slip(text):
    return next(s for s in SLIPS if str(s) == text)


def mended(source, tmp_path, budget=BUDGET):
    name = re.search(r"class (\w+)|(?:.*\n)*def (\w+)", source)
    name = name[1] or name[2]
    return diagnose(write(source, tmp_path / "student.py", name)).repaired(budget)


def squeezed(code):
    return re.sub(r"[\s()]", "", code)


@pytest.mark.parametrize("text", MENDED)
def test_a_slip_is_mended_in_its_line(text, tmp_path):
    its = slip(text)
    diagnosis = mended(its.text, tmp_path)
    assert len(diagnosis.repairs) == 1
    (line,) = diagnosis.repairs[0].lines
    assert line.number in (its.number, its.number - (not its.wrong))
    assert line.new


def test_the_line_is_the_students_with_the_edit_alone(tmp_path):
    source = RIGHT["Linear"].replace(
        "grad_w = self.x.T @ in_gradient", "grad_w = (self.x.T@in_gradient) / n # averaged"
    )
    (repair,) = mended(source, tmp_path).repairs
    assert repair.lines[0].new == "grad_w = self.x.T@in_gradient # averaged"
    assert repair.lines[0].old == "grad_w = (self.x.T@in_gradient) / n # averaged"


def test_the_line_is_told_from_level_3_on_and_the_mend_at_level_4_alone(tmp_path):
    diagnosis = mended(slip("Linear: grad_w = self.x.T @ in_gradient / n").text, tmp_path)
    for level in (1, 2):
        shown = str(diagnosis.to_dict(level)) + str(diagnosis.page(level))
        assert "ine 16" not in shown
        assert "grad_w" not in shown
    third = " ".join(hint.text for hint in diagnosis.hints(3))
    assert "Line 16: the factor `/ n`, in the gradient of the weights." in third
    assert "grad_w = self.x.T @ in_gradient`" not in str(diagnosis.to_dict(3))
    assert "Line 16: `grad_w = self.x.T @ in_gradient`." in diagnosis.hints(4)[-1].text


def test_the_name_and_the_repair_of_a_mistake_are_one_explanation(tmp_path):
    diagnosis = mended(slip("Linear: grad_w = self.x.T @ in_gradient / n").text, tmp_path)
    assert {hint.about for hint in diagnosis.hints(4)} == {diagnosis.causes[0].name}


def test_two_slips_are_a_change_of_two_lines(tmp_path):
    source = (
        RIGHT["Linear"]
        .replace("grad_w = self.x.T @ in_gradient", "grad_w = self.x.T @ in_gradient / n")
        .replace("np.sum(in_gradient, axis=0", "np.sum(in_gradient, axis=1")
    )
    (repair,) = mended(source, tmp_path).repairs
    assert [line.number for line in repair.lines] == [16, 18]
    assert repair.hints("")[0].text.startswith("This is a change of 2 lines. Line 16: the factor")


def test_what_is_right_has_no_repair(tmp_path):
    assert mended(RIGHT["Linear"], tmp_path).repairs == ()


def test_a_mask_of_ones_is_no_repair_of_a_backward_pass_without_mask(tmp_path):
    its = slip("Dropout: d = in_gradient / (1 - self.p)")
    (repair,) = mended(its.text, tmp_path).repairs
    assert [line.number for line in repair.lines] == [its.number]


def test_a_mask_that_is_drawn_wrongly_is_said_in_a_sentence(tmp_path):
    right = "self.mask = np.random.binomial(1, 1 - self.p, size=out.shape)"
    its = slip(f"Dropout: {right.replace('1 - ', '')}")
    (repair,) = mended(its.text, tmp_path).repairs
    assert repair.about == "how the mask is drawn"
    assert [line.new for line in repair.lines] == [right]


def test_an_edit_that_never_ends_is_stopped(tmp_path):
    source = """
import numpy as np

class ReLU:
    def __call__(self, x):
        self.x = x
        n = 3
        while n > 0:
            n = n - 1
        return np.maximum(x, 0)

    def grad(self, in_gradient):
        return in_gradient * (self.x < 0)
"""
    (repair,) = mended(source, tmp_path).repairs
    assert repair.lines[0].new == "return in_gradient * (self.x > 0)"


def test_the_code_is_as_it_was_afterwards(tmp_path):
    its = slip("Sigmoid: return in_gradient * s * (1 + s)")
    cls = write(its.text, tmp_path / "student.py", "Sigmoid")
    before = {name: f.__code__ for name, f in vars(cls).items() if callable(f)}
    diagnose(cls).repaired(BUDGET)
    assert {name: f.__code__ for name, f in vars(cls).items() if callable(f)} == before
    sigmoid = cls()
    y = sigmoid(np.array([[0.5]]))
    assert np.allclose(sigmoid.grad(np.array([[1.0]])), y * (1 + y))


def test_the_time_is_kept(tmp_path):
    its = slip("Sigmoid: return in_gradient * s")
    start = time.process_time()
    mended(its.text, tmp_path, budget=0.2)
    assert time.process_time() - start < 2
    assert mended(its.text, tmp_path, budget=0).repairs == ()


def test_nothing_is_compiled_meanwhile(tmp_path, monkeypatch):
    wrong = RIGHT["Linear"].replace("x @ self.weights", "x.T @ self.weights")  # it stops
    diagnosis = diagnose(write(wrong, tmp_path / "student.py", "Linear"))
    forms, call = set(), Kernel.__call__

    def noted(self, *arguments, **options):
        forms.add(in_force())
        return call(self, *arguments, **options)

    monkeypatch.setattr(Kernel, "__call__", noted)
    monkeypatch.setattr(Mode, "compiled", True)
    monkeypatch.setattr("handgrad.kernels.mode.find_spec", lambda name: True)
    (repair,) = diagnosis.repaired(BUDGET).repairs
    assert "x @ self.weights" in repair.lines[0].new
    assert forms == {"numpy"}


def test_code_that_is_read_otherwise_than_it_runs_is_left_alone(tmp_path):
    cls = write(RIGHT["ReLU"], tmp_path / "student.py", "ReLU")
    assert {unit.tree.name for unit in units([cls])} == {"__call__", "grad"}
    (tmp_path / "student.py").write_text(RIGHT["ReLU"].replace("self.x > 0", "self.x > 1"))
    linecache.checkcache()
    assert {unit.tree.name for unit in units([cls])} == {"__call__"}


def test_the_alarm_rings_in_code_that_catches_exceptions():
    def stubborn():
        while True:
            try:
                while True:
                    pass
            except Exception:
                continue

    with Watch() as watch, pytest.raises(Overdue), watch.within(0.05):
        stubborn()


def test_slips_are_in_their_sources():
    assert all(isinstance(s, Slip) and s.number for s in SLIPS)
