"""Of two conventions in which code could be mended, the likelier one is taken."""

import pytest

import trial


@pytest.mark.parametrize(
    ("what", "line"),
    [
        # A variance over N - 1 is another convention, but all else says that it is a mistake.
        ("became 'var = 1.0 / (N - 1)", "var = 1.0 / (N) * np.sum(sq, axis=0)"),
        # To which of several largest entries the gradient goes was not to be seen before.
        ("'+= mask * g' became '+= g'", "] += g * mask"),
        # The course has no rule of its own for the running variance of a right one.
        ("x.mean(0), x.std(0)'", "m, v = x.mean(0), x.var(0)"),
    ],
)
def test_code_is_mended_in_the_convention_that_was_meant(what, line):
    case = next(case for case in trial.by_hand() if what in case.what)
    told = trial.apart(lambda: trial.judged(case, 30))
    assert line in told["repair"][0]
    assert told["line_right"]
    assert not told["false"]
