"""Both forms of every kernel, and the choice between them."""

import copy
import importlib
import os
import pkgutil
import subprocess
import sys
import threading

import numpy as np
import pytest

import handgrad
import handgrad.kernels.compiling as compiling
from handgrad import BatchNorm, CrossEntropy, Embedding, GroupNorm, Linear, Model, ReLU, kernels
from handgrad.activations.relu import rectified, rectified_pullback
from handgrad.checking import CASES
from handgrad.checking.library import run as run_row
from handgrad.dense import backward, begin_alone, finish_alone, forward
from handgrad.errors import ArgumentError
from handgrad.kernels.compiling import Kernel, fits, kernel
from handgrad.kernels.mode import using
from handgrad.layers.embedding import lookup_pullback
from handgrad.layers.linear import add_row, add_row_pullback
from handgrad.layers.normalization.batch_norm import scaled, scaled_pullback, statistics
from handgrad.layers.normalization.group_norm import grouped, grouped_pullback
from handgrad.layers.normalization.layer_norm import normalized, normalized_pullback
from handgrad.layers.normalization.rms_norm import divided, divided_pullback
from handgrad.losses.cross_entropy import from_indices, from_indices_pullback
from handgrad.optimizers import SGD, Adam, AdamW, RMSprop

RNG = np.random.default_rng(0)


def normal(*shape):
    return lambda dtype: RNG.standard_normal(shape).astype(dtype)


def indices(N, K):
    return lambda dtype: RNG.integers(K, size=N)


ROWS, ROW, SHORT, CHOSEN = normal(70, 300), normal(1, 300), normal(70, 13), indices(70, 13)
IMAGES, CHANNELS = normal(7, 30, 100), normal(1, 100)

SAMPLES = {
    add_row: (ROWS, ROW),
    add_row_pullback: (ROWS, ROW),
    rectified: (ROWS,),
    rectified_pullback: (ROWS, ROWS),
    from_indices: (SHORT, CHOSEN, SHORT),
    from_indices_pullback: (SHORT, CHOSEN, 70.0),
    lookup_pullback: (normal(13, 300), CHOSEN, ROWS),
    statistics: (ROWS,),
    scaled: (ROWS, ROW, ROW),
    scaled_pullback: (ROWS, ROWS, ROW, ROW, True, True),
    normalized: (ROWS, ROW, ROW, 1e-5),
    normalized_pullback: (ROWS, ROWS, normal(70, 1), ROW, True),
    divided: (ROWS, ROW, 1e-5),
    divided_pullback: (ROWS, ROWS, normal(70, 1), ROW, True),
    grouped: (IMAGES, CHANNELS, CHANNELS, 5, 1e-5),
    grouped_pullback: (IMAGES, IMAGES, normal(7, 1, 100), CHANNELS, 5, True),
    finish_alone: (ROWS, normal(300), True),
    begin_alone: (ROWS, ROWS, True, normal(300)),
}
"""For each kernel that is called by itself its arguments, or what draws them for a type."""


def found():
    """Yield every kernel in the package, with the name of its module."""
    for module in pkgutil.walk_packages(handgrad.__path__, "handgrad."):
        if module.name.split(".")[-1] != "__main__" and "child" not in module.name:
            for thing in vars(importlib.import_module(module.name)).values():
                if isinstance(thing, Kernel) and thing.__module__ == module.name:
                    yield thing


def results(call, arguments):
    """Return what a call returns and what it leaves in its arguments, as arrays."""
    arguments = [a.copy() if isinstance(a, np.ndarray) else a for a in arguments]
    returned = call(*arguments)
    returned = returned if isinstance(returned, tuple) else (returned,)
    return [np.asarray(a) for a in (*returned, *arguments) if a is not None]


@pytest.fixture
def cores(monkeypatch):
    """Let loops use all cores, which the tests leave to each other, for few entries too."""
    lock = threading.Lock()
    monkeypatch.setattr(compiling, "THREADS_FROM", 1000)
    monkeypatch.setattr(compiling, "_threads", lock)
    return lock


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("each", SAMPLES, ids=lambda k: k.__name__)
def test_both_forms_agree_and_threads_change_no_bit(each, dtype, cores, monkeypatch):
    if dtype == np.float64:  # one type will do: a loop with threads takes seconds to compile
        monkeypatch.setattr(compiling, "THREADS_FROM", 10**9)
    arguments = [made(dtype) if callable(made) else made for made in SAMPLES[each]]
    truth = results(each.formula, arguments)
    with using("compiled"):
        got, again = results(each, arguments), results(each, arguments)
        assert dtype == np.float64 or bool(each._signatures[True]) == each._shared  # it used them
        with cores:  # as if another thread used them
            alone = results(each, arguments)
    rtol, atol = (1e-5, 1e-5) if dtype == np.float32 else (1e-12, 1e-13)
    for a, b, c, d in zip(truth, got, again, alone, strict=True):
        np.testing.assert_allclose(b, a, rtol=rtol, atol=atol)
        assert b.tobytes() == c.tobytes() == d.tobytes()
        assert b.dtype == a.dtype or b.ndim == 0  # a number is Python's own


def test_every_kernel_is_tried():
    updates = {each for each in found() if each.__module__.startswith("handgrad.optimizers")}
    assert len(updates) == 5  # which are tried below
    # Those of a whole model stand beside it in their own tests.
    assert set(found()) - updates == {*SAMPLES, forward, backward}


OPTIMIZERS = [
    SGD(0.1),
    SGD(0.1, momentum=0.9, weight_decay=0.1),
    SGD(0.1, momentum=0.9, nesterov=True, l1=0.1, max_norm=1.0),
    RMSprop(0.1, weight_decay=0.1),
    RMSprop(0.1, momentum=0.5, centered=True, max_norm=1.0),
    RMSprop(0.1, centered=True),
    Adam(0.1, max_norm=1.0),
    Adam(0.1, l1=0.1, weight_decay=0.1),
    AdamW(0.1, l1=0.1, max_norm=1.0),
    AdamW(0.1, decay="weights", l1=0.1),
]


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_updates_agree_and_threads_change_no_bit(optimizer, cores):
    start = Model([Linear(5, 4000, rng=RNG), Linear(4000, 1, rng=RNG)])
    gradients = RNG.standard_normal((4, start.parameters.size))

    def steps():
        model, mine = copy.deepcopy(start), copy.deepcopy(optimizer)
        for i, gradient in enumerate(gradients):
            if i == 2:
                model.components[1].freeze()
            mine.update(model.parameters, gradient)
        return model.parameters

    truth = steps()
    with using("compiled"):
        got = steps()
        with cores:
            alone = steps()
    np.testing.assert_allclose(got, truth, rtol=1e-11, atol=1e-13)
    assert not np.array_equal(got, start.parameters)
    assert got.tobytes() == alone.tobytes()


class Signs:
    def descend(self, p, g, scratch, slots):
        p -= self.lr * np.sign(g)


@pytest.mark.parametrize("given", [{"descend": Signs.descend}, {}])
def test_an_optimizer_without_a_loop_goes_through_numpy(given):
    kind = type("Own", (SGD,) if given else (Signs, SGD), given)  # SGD's loop does something else
    parameters = np.array([1.0, 2.0])
    with using("compiled"):
        kind(0.5).update(parameters, np.array([3.0, -4.0]))
    assert parameters.tolist() == [0.5, 2.5]


def test_a_momentum_may_be_set_to_0_and_back_while_training():
    gradient, ends = np.array([1.0, -2.0, 3.0]), []
    for form in ("numpy", "compiled"):
        parameters, optimizer = np.ones(3), SGD(0.1, momentum=0.9)
        with using(form):
            for momentum in (0.9, 0.0, 0.5):
                optimizer.momentum = momentum
                optimizer.update(parameters, gradient)
        ends.append([parameters, optimizer.state_dict()["velocity"]])
    np.testing.assert_allclose(ends[1], ends[0], rtol=1e-14)


@pytest.mark.parametrize("options", [{}, {"momentum": 0.5}, {"centered": True}], ids=str)
def test_a_mean_over_very_many_steps_agrees_in_float32(options):
    """In float32, 1 less an alpha of 0.99999999 is 0."""
    gradient, ends = np.array([1.0, -2.0, 3.0], np.float32), []
    for form in ("numpy", "compiled"):
        parameters, optimizer = np.ones(3, np.float32), RMSprop(0.1, alpha=0.99999999, **options)
        with using(form):
            optimizer.update(parameters, gradient)
        ends.append(parameters)
    np.testing.assert_allclose(ends[1], ends[0], rtol=1e-5)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_row_of_the_check_holds_with_compiled_loops(case):
    with using("compiled"):
        result = run_row(case, 0, pytorch=True)
    assert result.ok, result.faults


def test_what_loops_do_not_take_goes_through_numpy():
    x = RNG.standard_normal((6, 4))
    with using("compiled"):
        for odd in (x[:, ::2], x.T, x.astype(np.float16), x + 0j):
            np.testing.assert_array_equal(rectified(odd), rectified.formula(odd))
        x.flags.writeable = False
        np.testing.assert_array_equal(rectified(x), np.maximum(x, 0))
        assert rectified(np.array([[np.nan, -np.inf, np.inf]])).tolist()[0][1:] == [0, np.inf]
        assert np.isnan(rectified(np.array([[np.nan]])))


def test_what_is_infinite_stays_so():
    """A term that does not count must not be 0 times an infinite number."""
    start = np.array([np.inf, -np.inf, 1.0])
    xc = np.array([[np.inf], [2.0]])
    r = gamma = np.ones((1, 1))
    ends = []
    for form in ("numpy", "compiled"):
        parameters = start.copy()
        with using(form):
            SGD(0.1, l1=0.1).update(parameters, np.ones(3))
            dx, _, _ = scaled_pullback(xc, xc, r, gamma, False, True)
        ends.append([*parameters, *dx[:, 0]])
    assert ends[0] == ends[1] == [np.inf, -np.inf, 0.89, np.inf, 2.0]


@pytest.mark.parametrize("norm", [BatchNorm, lambda D, dtype: GroupNorm(D, D, dtype=dtype)])
def test_a_mean_of_many_rows_is_as_exact_in_float32(norm):
    """Rows are added to a sum that is not much larger than they are, or they lose their digits."""
    rows = np.maximum(RNG.standard_normal((1, 100_000, 2), np.float32), 0)
    truth, _ = norm(2, dtype=np.float64).apply(rows.astype(np.float64))
    for form in ("numpy", "compiled"):
        with using(form):
            y, _ = norm(2, dtype=np.float32).apply(rows)
        np.testing.assert_allclose(y, truth, rtol=1e-5, atol=1e-5)


def test_large_entries_do_not_overflow_where_they_need_not():
    x = np.array([[[1e18, -1e18], [2e18, 3e18]]], np.float32)
    dy = np.array([[[1e3, 2e3], [-3e3, 1e3]]], np.float32)
    ends = []
    for form in ("numpy", "compiled"):
        norm = GroupNorm(1, 2, dtype=np.float32)
        with using(form):
            ends.append(norm.pullback(dy, norm.apply(x)[1])[0])
    assert np.isfinite(ends[0]).all()
    np.testing.assert_allclose(ends[1], ends[0], rtol=1e-5)


@pytest.mark.parametrize("form", ["numpy", "compiled"])
def test_indices_that_were_written_to_since_reach_no_other_memory(form):
    with using(form):
        loss, targets = CrossEntropy(), np.array([0, 1])
        loss(np.zeros((2, 2)), targets)
        targets[:] = 7
        np.testing.assert_array_equal(loss.grad(), [[-0.25, 0.25], [0.25, -0.25]])
        embedding, x = Embedding(5, 3), np.array([0, 1])
        embedding(x)
        x[:] = 5
        with pytest.raises(IndexError):
            embedding.grad(np.ones((2, 3)))


@pytest.mark.parametrize("shape", [(9, 3), (2, 3), (1, 3), (12,), (3, 4)])
def test_an_upstream_gradient_of_another_shape_reads_no_other_memory(shape):
    _, saved = ReLU().apply(np.ones((4, 3)))
    with using("compiled"), pytest.raises(ValueError, match="shape of the output"):
        ReLU().pullback(np.ones(shape), saved)


@pytest.mark.parametrize("form", ["numpy", "compiled"])
def test_rows_that_do_not_fit_a_layer_reach_no_other_memory(form):
    linear, embedding = Linear(3, 2), Embedding(5, 4)
    with using(form):
        for K in (1, 200):
            with pytest.raises(ValueError, match=r"broadcast|one entry for each feature"):
                linear.pullback(np.ones((4, K)), np.ones((4, 3)), need_dx=False)
        for N in (1, 2, 6000):
            with pytest.raises(ValueError, match=r"broadcast|a row for each index"):
                embedding.pullback(np.ones((N, 4)), np.zeros(3000, np.intp))
        linear.parameters["bias"] = np.ones((1, 4))
        with pytest.raises(ValueError, match=r"broadcast|one entry for each column"):
            linear.apply(np.ones((4, 3)))


@pytest.mark.parametrize("threads", [False, True])
def test_a_loop_whose_compiling_is_interrupted_is_compiled_again(threads, cores, monkeypatch):
    each = kernel(lambda x: x)
    each.compiled(threads=threads)(lambda x: x + 1)
    monkeypatch.setattr(compiling, "THREADS_FROM", 0)

    def interrupt(self, *given):
        raise KeyboardInterrupt

    with using("compiled"):
        with monkeypatch.context() as patch:
            patch.setattr(Kernel, "_made", interrupt)
            with pytest.raises(KeyboardInterrupt):
                each(np.ones(1))
        assert each(np.ones(1)) == 2


def test_fits():
    x = np.ones((3, 2))
    assert fits(x, 1.0, np.arange(3))
    assert not fits(x, None)
    assert not fits(np.asfortranarray(x))
    assert not fits(x.view(np.matrix))


def test_a_loop_sees_its_helpers_as_they_are_now():
    """What Numba keeps on the disk must not outlive a change of what a loop calls."""
    marks = set()
    for text, number in (("x + 1", 1), ("x + 2", 1), ("x + 2", 2)):
        scope = {"NUMBER": number}
        exec(f"def helper(x):\n    return {text}\ndef loop(x):\n    return helper(NUMBER)", scope)
        compiling.inlined(scope["helper"])
        each = kernel(lambda x: x)
        each.compiled()(scope["loop"])
        marks.add(each._made(False, cache=False).py_func.__qualname__)
    assert len(marks) == 3


def run(code, **environment):
    """Run Python in a process of its own."""
    command = [sys.executable, "-c", code]
    variables = {k: v for k, v in os.environ.items() if k != "HANDGRAD_KERNELS"} | environment
    return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=100)


def test_the_environment_chooses_and_numba_is_loaded_when_it_is_used():
    code = """if True:
        import sys, numpy as np, handgrad
        before = "numba" in sys.modules
        handgrad.ReLU()(np.ones((2, 2)))
        print(handgrad.kernels.in_force(), before, "numba" in sys.modules)
        """
    assert run(code).stdout.split() == ["compiled", "False", "True"]
    assert run(code, HANDGRAD_KERNELS="numpy").stdout.split() == ["numpy", "False", "False"]
    odd = run(code, HANDGRAD_KERNELS="fast")
    assert "ArgumentError" in odd.stderr
    assert "HANDGRAD_KERNELS" in odd.stderr


def test_without_numba():
    code = """if True:
        import sys
        sys.modules["numba"] = None
        import importlib.util as util
        find = util.find_spec
        util.find_spec = lambda name, *rest: None if name == "numba" else find(name, *rest)
        import handgrad
        print(handgrad.kernels.in_force())
        try:
            handgrad.kernels.use("compiled")
        except ValueError as error:
            print("handgrad[fast]" in str(error))
        """
    assert run(code).stdout.split() == ["numpy", "True"]


@pytest.mark.parametrize("broken", [True, False])
def test_numba_that_does_not_work_is_done_without(broken, tmp_path):
    (tmp_path / "numba.py").write_text('raise ImportError("no NumPy so new")')
    code = f"""if True:
        import sys
        sys.path[:0] = [{str(tmp_path)!r}] * {broken}
        import numpy as np, handgrad
        from handgrad.activations.relu import rectified
        print(rectified(np.array([-1.0, 2.0])), handgrad.kernels.in_force())
        rectified(np.array([-1.0, 2.0]))
        """
    told = run(code) if broken else run(code, NUMBA_DISABLE_JIT="1")
    assert told.stdout.split() == ["[0.", "2.]", "numpy"]
    assert told.stderr.count("computing with NumPy alone") == 1
    assert ("no NumPy so new" if broken else "NUMBA_DISABLE_JIT") in told.stderr


def test_compiling_says_so_once_when_it_takes_its_time(tmp_path):
    code = """if True:
        import numpy as np, handgrad
        import handgrad.kernels.compiling as module
        module.PATIENCE = 0.0
        x = handgrad.ReLU()(np.ones((2, 2)))
        handgrad.ReLU()(np.ones((2, 2), np.float32))
        """
    told = run(code, NUMBA_CACHE_DIR=str(tmp_path)).stderr
    assert told.count("compiling its loops") == 1
    assert "HANDGRAD_KERNELS=numpy" in told
    assert not run(code, NUMBA_CACHE_DIR=str(tmp_path)).stderr  # they are read from the disk


def test_a_broken_file_on_the_disk_is_done_without(tmp_path):
    code = """if True:
        import numpy as np, handgrad
        print(handgrad.ReLU()(np.array([-1.0, 2.0])), handgrad.kernels.in_force())
        """
    run(code, NUMBA_CACHE_DIR=str(tmp_path))
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    for path in files:
        path.write_bytes(b"")
    told = run(code, NUMBA_CACHE_DIR=str(tmp_path))
    assert told.stdout.split() == ["[0.", "2.]", "compiled"], told.stderr


def test_a_forked_process_loops_alone():
    code = """if True:
        import os, numpy as np, handgrad.kernels.compiling as compiling
        from handgrad import optimizers
        from handgrad.optimizers.sgd import _without_momentum
        compiling.THREADS_FROM = 1000
        p, g = np.zeros(100_000), np.ones(100_000)
        optimizers.SGD(1.0).update(p, g)
        if (child := os.fork()) == 0:
            optimizers.SGD(1.0).update(p, g)
            os._exit(0 if (p == -2).all() else 1)
        print(os.waitpid(child, 0)[1], bool(_without_momentum._signatures[True]))
        """
    assert run(code, OMP_NUM_THREADS="2").stdout.split() == ["0", "True"]


def test_a_process_forked_while_a_thread_compiles_does_without():
    code = """if True:
        import os, threading, handgrad
        import handgrad.kernels.compiling as compiling
        held, over = threading.Event(), threading.Event()
        def compiles():
            with compiling._lock:
                held.set()
                over.wait()
        thread = threading.Thread(target=compiles)
        thread.start()
        held.wait()
        if (child := os.fork()) == 0:
            os._exit(0 if handgrad.kernels.in_force() == "numpy" else 1)
        over.set()
        print(os.waitpid(child, 0)[1], handgrad.kernels.in_force())
        """
    assert run(code).stdout.split() == ["0", "compiled"]


def test_what_is_not_plain_is_not_offered_to_numba(monkeypatch):
    def refuse(*arguments):
        raise AssertionError

    monkeypatch.setattr(rectified, "_loop", refuse)
    x = np.ones((4, 4))
    with using("compiled"):
        for odd in (x[:, ::2], x.T[:, 1:], x.astype(np.float16)):
            assert rectified(odd).all()


def test_an_unknown_form_is_refused():
    with pytest.raises(ArgumentError, match='"numpy" or "compiled"'):
        kernels.use("cython")


def test_two_threads_at_once(cores):
    gradients = RNG.standard_normal(100_000)
    ends = []

    def train():
        optimizer, parameters = Adam(0.1), np.zeros(100_000)
        for _ in range(50):
            optimizer.update(parameters, gradients)
        ends.append(parameters)

    with using("compiled"):
        threads = [threading.Thread(target=train) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert all(end.tobytes() == ends[0].tobytes() for end in ends)
