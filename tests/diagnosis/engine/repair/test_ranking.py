"""Of several changes that make everything right, the one that a teacher would make is told."""

import pytest

from handgrad.diagnosis import diagnose
from handgrad.diagnosis.engine.repair.mend import CLOSE
from handgrad.diagnosis.engine.repair.ranking import ranked
from handgrad.diagnosis.engine.repair.refusal import refused
from handgrad.diagnosis.engine.repair.search import Hit
from single_edits import edit_of
from slips import write

RELU = """import numpy as np

class ReLU:
    def __call__(self, x):
        mask = x > 0
        self.mask = mask
        out = x * mask
        return out

    def grad(self, in_gradient):
        mask = self.mask
        dx = in_gradient * mask
        return dx
"""

SOFTMAX = """import numpy as np

def softmax_loss(x, y):
    N = x.shape[0]
    exps = np.exp(x - x.max(axis=1, keepdims=True))
    sums = exps.sum(axis=1)
    loss = (np.log(sums) - np.log(exps[range(N), y])).sum() / N
    dsums = 1 / sums / N
    dexps = dsums[:, None] * np.ones_like(exps)
    dx = dexps * exps
    dx[range(N), y] -= 1 / N
    return loss, dx
"""


def repaired(source, right, wrong, folder, **options):
    assert source.count(right) == 1
    name = "ReLU" if source is RELU else "softmax_loss"
    student = write(source.replace(right, wrong), folder / "student.py", name)
    return diagnose(student, **options).repaired(30).repairs


@pytest.mark.parametrize(
    ("wrong", "line", "others"),
    [
        ("dx = mask", "dx = mask * in_gradient", (11,)),
        ("dx = in_gradient", "dx = in_gradient * mask", ()),
    ],
)
def test_the_line_is_nearest_to_what_is_wrong_and_says_which_other_it_could_be(
    wrong, line, others, tmp_path
):
    (repair,) = repaired(RELU, "dx = in_gradient * mask", wrong, tmp_path)
    assert [(each.number, each.new) for each in repair.lines] == [(12, line)]
    assert repair.others == others
    assert ("It could also be line 11." in repair.hints("")[0].text) == bool(others)


@pytest.mark.parametrize("wrong", ["dsums = 1 / sums", "dsums = -1 / sums / N"])
def test_a_loss_is_blamed_where_its_first_gradient_is_wrong(wrong, tmp_path):
    right = "dsums = 1 / sums / N"
    (repair,) = repaired(SOFTMAX, right, wrong, tmp_path, course="cs231n")
    assert [(each.number, each.new) for each in repair.lines] == [(8, right)]
    assert repair.others == ()


def test_a_sum_of_names_is_not_blamed_for_what_one_of_them_lacks(tmp_path):
    scores = []
    for line in ("c = a - b", "c = a / b"):
        edit = edit_of(f"\n{line}\nreturn c\n", "b", "b * w", tmp_path)
        (each,) = ranked([Hit((edit,))], (), True, (), {})
        scores.append(each.score)
    assert scores[0] > scores[1] + CLOSE


def test_of_equal_forms_of_a_line_the_simplest_is_shown(tmp_path):
    right = "sums = exps.sum(axis=1)"
    (repair,) = repaired(SOFTMAX, right, "sums = exps.sum(axis=0)", tmp_path, course="cs231n")
    assert [each.new for each in repair.lines] == [right]


@pytest.mark.parametrize(
    ("line", "old", "new", "expected"),
    [
        ("return a, b", "a", "a - 1", True),
        ("return a", "a", "a + 1", True),
        ("return a.sum() / b, c", "a.sum() / b", "a.sum() / b - 1", True),
        ("a = a / b", "a / b", "a / b - 1", True),
        ("return 1 / w", "w", "1 + w", False),
        ("return a * b", "a * b", "a * b - 1", False),
        ("c = a * b", "a * b", "a * b - 1", False),
        ("c = a / (1 - w)", "w", "1 - w", True),
        ("c = a / (1 - w)", "1 - w", "w", False),
        ("c = a / w", "w", "1 - w", False),
    ],
)
def test_a_number_that_makes_up_for_what_is_wrong_is_no_repair(line, old, new, expected, tmp_path):
    assert refused([edit_of(f"\n{line}\n", old, new, tmp_path)]) is expected
