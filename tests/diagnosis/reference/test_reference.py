"""Components that handgrad has never heard of, beside somebody's right implementation."""

import json
import textwrap

import numpy as np
import pytest
from typer.testing import CliRunner

from handgrad import diagnose
from handgrad.cli import app
from handgrad.diagnosis import Status, Verdict
from handgrad.errors import ArgumentError

TRUTH = """
import numpy as np


def squash_forward(x, w, b):
    y = np.tanh(x @ w + b)
    return y, (x, w, y)


def squash_backward(dy, cache):
    x, w, y = cache
    dz = dy * (1 - y * y)
    return dz @ w.T, x.T @ dz, dz.sum(axis=0)


def bilinear_forward(x, W):
    return (x @ W) * 2


def bilinear_backward(dy, x, W):
    return {"dx": 2 * dy @ W.T, "dW": 2 * x.T @ dy}


class Maxout:
    def __init__(self, in_features, out_features):
        self.W = np.random.randn(2, in_features, out_features)

    def forward(self, x):
        self.x = x
        a, b = x @ self.W[0], x @ self.W[1]
        self.first = a > b
        return np.maximum(a, b)

    def backward(self, dy):
        d1, d2 = dy * self.first, dy * ~self.first
        self.dW = np.stack([self.x.T @ d1, self.x.T @ d2])
        return d1 @ self.W[0].T + d2 @ self.W[1].T


def quartic(x, y):
    d = x - y
    return (d**4).sum() / len(x), 4 * d**3 / len(x)


def split_forward(x):
    return np.sin(x), np.cos(x[:, :1]), x


def split_backward(da, db, x):
    dx = da * np.cos(x)
    dx[:, :1] -= db * np.sin(x[:, :1])
    return dx


def noisy_forward(x):
    mask = np.random.rand(*x.shape) < 0.5
    return x * mask, mask


def noisy_backward(dy, mask):
    return dy * mask
"""


def module(text, name="module"):
    """Return the names of a text that is written to no file."""
    names = {"__name__": name}
    exec(compile(textwrap.dedent(text), f"<{name}>", "exec"), names)
    return names


RIGHT = module(TRUTH, "truth")
PAIRS = ("squash_forward", "bilinear_forward", "split_forward", "noisy_forward")
NAMES = (*PAIRS, "Maxout", "quartic")


@pytest.mark.parametrize("name", NAMES)
def test_the_reference_is_right_beside_itself(name):
    diagnosis = diagnose(RIGHT[name], reference=RIGHT[name])
    assert diagnosis.status is Status.RIGHT, str(diagnosis)
    assert diagnosis.kind == "reference"
    gradients = [f for f in diagnosis.findings if f.title.startswith("gradient of")]
    assert gradients
    assert all("numerical derivative" in f.evidence[1] for f in gradients)


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("squash_forward", "x.T @ dz,", "x.T @ dz / len(x),", "averaged over the rows"),
        ("squash_forward", "x.T @ dz,", "-x.T @ dz,", "the sign is flipped"),
        ("squash_forward", "dz @ w.T, x.T", "dz @ w.T * 0, x.T", "the gradient is zero"),
        ("squash_forward", "dz @ w.T, x.T @ dz", "x.T @ dz, dz @ w.T", "dx and dw change places"),
        ("squash_forward", "np.tanh(x @ w + b)", "-np.tanh(x @ w + b)", "the output has the other"),
        ("bilinear_forward", '"dW": 2 * x.T @ dy', '"dW": (2 * x.T @ dy).T', "transposed"),
        ("Maxout", "self.first = a > b", "self.first = a > -9", "I don't know why"),
        ("quartic", "4 * d**3 / len(x)", "2 * d**3 / len(x)", "halved"),
        ("quartic", "4 * d**3 / len(x)", "4 * d**3", "the mean over the rows is left out"),
        ("split_forward", "dx = da * np.cos", "dx = np.cos", "I don't know why"),
        ("noisy_forward", "return dy * mask", "return dy", "the upstream gradient is passed on"),
        ("noisy_forward", "return dy * mask", "return 1.0 * mask", "upstream gradient is ignored"),
    ],
)
def test_a_mistake_is_named(name, old, new, said):
    assert old in TRUTH
    wrong = module(TRUTH.replace(old, new), "wrong")
    diagnosis = diagnose(wrong[name], reference=RIGHT[name])
    assert diagnosis.status is Status.WRONG
    assert said in diagnosis.headline, str(diagnosis)


def test_one_of_several_references_has_inputs_of_its_own():
    text = TRUTH + "\ndef inputs(rng):\n    return 1 / 0\n"
    text += "def squash_inputs(rng):\n    N = rng.integers(3, 9)\n    r = rng.standard_normal\n"
    text += "    return r((N, 2)), r((2, 6)), r(6)\n"
    reference = module(text)["squash_forward"]
    diagnosis = diagnose(RIGHT["squash_forward"], reference=reference)
    assert diagnosis.status is Status.RIGHT
    assert "w (2, 6)" in str(diagnosis)


def test_random_numbers_go_on_as_if_nothing_had_been_asked():
    np.random.seed(5)
    expected = np.random.rand()
    np.random.seed(5)
    diagnose(RIGHT["noisy_forward"], reference=RIGHT["noisy_forward"])
    assert np.random.rand() == expected


def test_the_line_between_right_and_wrong_is_the_quantity():
    wrong = module(TRUTH.replace("dz.sum(axis=0)", "dz.sum(axis=1)"), "wrong")
    diagnosis = diagnose(wrong["squash_forward"], reference=RIGHT["squash_forward"])
    assert [f.quantity for f in diagnosis.wrong] == ["db"]
    assert "your db has shape" in diagnosis.wrong[0].evidence[0]


def test_a_gradient_that_is_not_given_is_missing():
    wrong = module(TRUTH.replace(", dz.sum(axis=0)", ""), "wrong")
    diagnosis = diagnose(wrong["squash_forward"], reference=RIGHT["squash_forward"])
    assert {f.quantity: f.verdict for f in diagnosis.findings}["db"] is Verdict.WRONG
    assert diagnosis.wrong[0].evidence == ("your code gives no gradient of b",)


def test_square_matrices_are_tried():
    text = TRUTH.replace("dz @ w.T, x", "dz @ (w if len(w) == len(w.T) else w.T), x")
    wrong = module(text, "wrong")
    diagnosis = diagnose(wrong["squash_forward"], reference=RIGHT["squash_forward"])
    assert [f.quantity for f in diagnosis.wrong] == ["square"]


def test_what_has_no_kind_is_repaired(tmp_path):
    file = tmp_path / "maxout_of_mine.py"
    file.write_text(TRUTH.replace("self.x.T @ d2]", "self.x.T @ d1]"))
    names = {}
    exec(compile(file.read_text(), str(file), "exec"), names)
    diagnosis = diagnose(names["Maxout"], reference=RIGHT["Maxout"], budget=5)
    (line,) = diagnosis.repairs[0].lines
    assert line.new == "self.dW = np.stack([self.x.T @ d1, self.x.T @ d2])"
    assert any("name `d1`, in the gradient of W" in hint.text for hint in diagnosis.hints(3))


INPUTS = """
import numpy as np

class Scale:
    def __init__(self, size, factor):
        self.factor, self.running_mean = factor, np.zeros(size)
        self.gain = np.ones(size)
    def __call__(self, values, *, power):
        self.values, self.power = values, power
        return self.factor * self.gain * values ** power
    def grad(self, g):
        self.dgain = (g * self.factor * self.values ** self.power).sum(axis=0)
        return g * self.factor * self.gain * self.power * self.values ** (self.power - 1)

def inputs(rng):
    N, D = rng.integers(3, 9, 2)
    return (D, 2.5), {"values": rng.random((N, D)) + 0.5, "power": 3}
"""


def test_the_authors_own_inputs_are_used():
    right = module(INPUTS)["Scale"]
    assert diagnose(right, reference=right).status is Status.RIGHT
    wrong = module(INPUTS.replace("self.gain * self.power *", "self.gain *"))["Scale"]
    diagnosis = diagnose(wrong, reference=right)
    assert [f.quantity for f in diagnosis.wrong] == ["dvalues"], str(diagnosis)
    kept = INPUTS.replace(
        "self.values, self", "self.values = getattr(self, 'values', values); self"
    )
    kept = kept.replace("self.power = values, power", "self.power = power")
    diagnosis = diagnose(module(kept)["Scale"], reference=right)
    assert diagnosis.headline == "Scale is wrong: remembers the first call", str(diagnosis)
    other = module(INPUTS.replace("self.gain", "self.g"))["Scale"]
    failure = diagnose(other, reference=right).failure
    assert "gain in Scale" in failure.doing


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("class A:\n    def grad(self, dy): return dy", "cannot be called"),
        (
            "class A:\n    def __init__(self, q): pass\n    def forward(self, x): return x",
            "argument q",
        ),
        ("def A(q): return q, q", "argument q"),
        ("class A:\n    def forward(self, x): return x\ndef inputs(rng): return 3", "the class A"),
        ("A = 3", "int, beside a reference"),
        ("def A(x, y): return x, y\ndef inputs(rng): return 3.0", "argument: 'y'"),
        ("def A(x): return x, x\ndef inputs(rng): return {'z': 3.0}", "argument: 'x'"),
    ],
)
def test_what_cannot_be_a_reference_says_what_to_do(text, said):
    thing = module(text)["A"]
    with pytest.raises(ArgumentError, match=said):
        diagnose(thing, reference=thing)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("4 * d**3 / len(x)", "3 * d**3 / len(x)", "agrees with the slopes of none"),
        ("return (d**4).sum() / len(x), 4 * d**3 / len(x)", "return 1.0", "what it returns"),
        ("d = x - y", "d = nothing", "NameError"),
    ],
)
def test_a_reference_that_is_not_right_is_refused(old, new, said):
    reference = module(TRUTH.replace(old, new), "truth")["quartic"]
    diagnosis = diagnose(RIGHT["quartic"], reference=reference)
    assert diagnosis.status is Status.FAILED
    assert said in diagnosis.failure.error
    numbers = module("def A(n): return n, n\ndef inputs(rng): return (3,)")["A"]
    assert "no argument is an array" in diagnose(numbers, reference=numbers).failure.error


def test_a_reference_that_does_not_run_is_told_apart_from_the_code_beside_it():
    """What its arguments' names suggest may be nothing for it; what its author says, too."""
    text = "def halves(x): return x[:, :, 0], x\n"
    guessed, told = (module(text + more)["halves"] for more in ("", "def inputs(rng): return rng,"))
    failure = diagnose(guessed, reference=guessed).failure
    assert failure.doing.startswith("trying the reference: calling halves")
    assert "def inputs(rng)` beside halves" in failure.hint
    failure = diagnose(told, reference=told).failure
    assert "inputs(rng)" not in failure.hint


def check(*arguments):
    wide = {"COLUMNS": "200", "NO_COLOR": "1"}
    return CliRunner().invoke(app, ["check", *map(str, arguments)], env=wide)


@pytest.fixture
def files(tmp_path):
    """A truth and a student's file of the same name, each with a helper of the same name."""
    help_ = "import numpy as np\ndef scale(): return {}\n"
    for folder, factor in (("truth", "1.0"), ("mine", "2.0")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "helper.py").write_text(help_.format(factor))
        text = "from helper import scale\n" + TRUTH.replace("dz = dy *", "dz = scale() * dy *")
        (tmp_path / folder / "layers.py").write_text(text)
    return tmp_path


def test_a_file_is_checked_beside_a_reference(files):
    mine, truth = files / "mine" / "layers.py", files / "truth" / "layers.py"
    one = check(f"{mine}:squash_forward", "--reference", truth)
    assert one.exit_code == 1
    assert "squash_forward is wrong: doubled" in one.stdout
    assert check(f"{mine}:quartic", "--reference", f"{truth}:quartic").exit_code == 0
    said = json.loads(check(mine, "--reference", truth, "--json").stdout)
    statuses = {each["subject"]: each["status"] for each in said["diagnoses"]}
    assert statuses == dict.fromkeys((*PAIRS, "Maxout"), "right") | {"squash_forward": "wrong"}


def test_what_has_inputs_for_it_alone_is_compared_too(files):
    mine, truth = files / "mine" / "layers.py", files / "truth" / "layers.py"
    alone = "def quartic_inputs(rng): return rng.standard_normal(3), rng.standard_normal(3)\n"
    truth.write_text(truth.read_text() + alone)
    said = json.loads(check(mine, "--reference", truth, "--json", "--budget", 0).stdout)
    assert "quartic" in {each["subject"] for each in said["diagnoses"]}


def test_a_reference_that_is_none_is_told(files):
    mine = files / "mine" / "layers.py"
    assert "check the path" in str(check(mine, "--reference", "nowhere").exception)
    assert "nothing in common" in str(
        check(mine, "--reference", files / "mine/helper.py").exception
    )
    unknown = files / "truth" / "unknown.py"
    unknown.write_text("def quartic(q): return q, q\n")
    failed = check(f"{mine}:quartic", "--reference", unknown)
    assert failed.exit_code == 2
    assert "def inputs(rng)" in failed.stdout
    assert check("--reference", unknown).exit_code == 2
