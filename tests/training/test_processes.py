"""Several processes that train one model; `support/together.py` is what each of them runs."""

import pickle
import re
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

import together
from documents import ROOT, blocks
from handgrad import Linear, Model, MSELoss
from handgrad.errors import ArgumentError
from handgrad.randomness import Sources
from handgrad.training import Trainer
from handgrad.training.processes import Processes
from mpirun import mpirun

PROGRAM = Path(together.__file__)


def run(processes, name, folder, *arguments):
    status, output, errors = mpirun(processes, "-m", "mpi4py", PROGRAM, name, folder, *arguments)
    assert status == 0, output + errors
    return output


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("together")
    run(4, "same_numbers", folder)
    return folder


@pytest.fixture(scope="module")
def trained(folder):
    """What has come out of the trainings, with how many processes."""
    files = sorted(folder.glob("?.?"))
    assert [file.name for file in files] == ["1.3", "2.0", "2.2", "3.0", "4.0"]
    return [(int(file.stem), pickle.loads(file.read_bytes())) for file in files]


def test_several_processes_come_to_the_numbers_of_one(trained):
    for name, case in together.CASES.items():
        parameters, history, ended = together.outcome(case())
        for processes, found in trained:
            where = f"{name}, {processes} processes"
            np.testing.assert_allclose(
                found[name][0], parameters, rtol=0, atol=1e-12, err_msg=where
            )
            assert found[name][1].keys() == history.keys()
            for value, column in history.items():
                np.testing.assert_allclose(
                    found[name][1][value], column, rtol=1e-10, atol=1e-12, err_msg=where
                )
            assert found[name][2] == ended


def test_every_process_draws_its_own_random_numbers_and_the_same_in_every_run(trained):
    for processes, found in trained:
        (first, each), (again, each_again) = found["dropout"]
        assert first.tobytes() == again.tobytes()
        assert each == each_again
        assert len({digest for digest, _ in each}) == processes
        assert len({after for _, after in each}) == 1, "they go on from one state"
    assert np.array_equal(trained[1][1]["dropout"][0][0], trained[2][1]["dropout"][0][0])


def test_buffers_are_the_mean_over_the_processes(trained):
    for _, found in trained:
        buffers, means = found["buffers"]
        for name, mean in means.items():
            np.testing.assert_allclose(buffers[name], mean, rtol=1e-12)


def test_the_first_process_alone_saves(folder):
    assert [path.name for path in folder.glob("saved by *")] == ["saved by 0"]


def test_processes_that_are_stopped_go_on_as_fewer(folder):
    stopped, ended, more = pickle.loads((folder / "told").read_bytes())
    assert re.match("stopped by Ctrl-C after step 3 of epoch 2; .* holds everything", stopped[2])
    assert len(ended[1]["loss"]) == 4
    parameters, history, _ = together.go_on(None, folder / "new", 6, [])
    np.testing.assert_allclose(more[0], parameters, rtol=0, atol=1e-12)
    for value, column in history.items():
        np.testing.assert_allclose(more[1][value], column, rtol=1e-10, atol=1e-12)


def test_whatever_fails_in_one_process_ends_all_with_its_error(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "file").touch()
    run(2, "failures", tmp_path)
    each = pickle.loads((tmp_path / "found.pickle").read_bytes())
    named = "an error of one's own"
    of_another, own = (found.pop(named) for found in each)
    assert own[:2] == ("PeculiarError", "1 and 2")
    assert of_another[0] == "HandgradError"
    assert of_another[1].startswith("got an error in another process, PeculiarError: 1 and 2\n")
    assert each[0] == each[1], "also the parameters"
    found = each[0]

    def failed(name, kind, text, process):
        assert found[name][0] == kind
        assert text in found[name][1], found[name]
        assert found[name][2] == f"in process {process} of 2 (counted from 0)"

    where = "epoch 1, step 4, process 1 of 2 (counted from 0)"
    text = f"a loss of nan in {where}; the first that was not finite: the inputs, at row 6, column"
    failed("not finite", "TrainingError", text, 1)
    text = "the validation after epoch 1, process 0 of 2 (counted from 0); the first that"
    failed("not finite in validation", "TrainingError", text, 0)
    failed("diverged", "TrainingError", "epoch 1, step 2, process 0 of 2", 0)
    failed("a callback", "KeyError", "lost", 1)
    failed("at the end of an epoch", "OSError", "full", 1)
    failed("at the end", "OSError", "full", 1)
    failed("both", "ValueError", "0", 0)
    failed("another seed", "ArgumentError", "got parameters and buffers with the checksum", 0)
    failed("another rate", "ArgumentError", "got the optimizer SGD(lr=0.2", 0)
    failed("fewer rows", "ArgumentError", "got rows 82 in process 1, and 83 in process 0", 0)
    failed("no rows", "ShapeError", "targets of shape (83,)", 1)
    failed("other rows", "ArgumentError", "got rows with the checksum", 0)
    failed("other weights", "ArgumentError", "got rows with the checksum", 0)
    failed("another validation", "ArgumentError", "got validation rows with the checksum", 0)
    failed("another metric", "ArgumentError", "the metrics accuracy, f1 in process 1, and accur", 0)
    failed("another step", "ArgumentError", "the step AccumulateGradients(3) in process 1", 0)
    assert found["a loss without a repr"] == "2 epochs done"
    failed("another batch size", "ArgumentError", "a batch size of 8 in process 1, and 16", 0)
    failed("fewer batches", "ArgumentError", "another batch in 1 of 2 processes", 0)
    failed("fewer epochs", "ArgumentError", "epochs 1 in process 1, and 2 in process 0", 0)
    failed("none left", "ArgumentError", "epochs done None in process 1, and 0 in process 0", 0)
    failed("a metric", "ArgumentError", "write def merge(self, state)", 0)
    failed("a step", "ArgumentError", "a TrainStep, whose differentiate", 0)
    failed("not written", "CheckpointError", "a refusal to write", 0)
    assert found["stopped by one"] == "one has had enough"
    assert found["written by the first"] == "2 epochs done"
    assert (tmp_path / "there" / "h.csv").read_text().count("\n") == 3
    assert found["a rate"] > 0


def test_each_process_reads_its_own_rows_alone(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((4003, 700))  # more than stays in memory; the last batch has 3 rows
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", x[:, :3])
    run(4, "read_parts", tmp_path)
    read = pickle.loads((tmp_path / "read.pickle").read_bytes())
    row = x.nbytes // len(x)
    assert sum(read) == x.nbytes + 4 * 3 * row, "and three rows each, to see what the file holds"
    assert max(read) <= x.nbytes // 4 + 8 * row


def test_a_process_that_dies_ends_all_and_the_last_checkpoint_goes_on(tmp_path):
    for how, begun, says in (
        ("exits", 0, "Exit code:    3"),
        ("killed", 3, "signal 9"),
        ("Ctrl-C, twice", 3, "all processes end, process 1 of 2"),
    ):
        start = time.monotonic()
        status, output, errors = mpirun(2, "-m", "mpi4py", PROGRAM, "die", tmp_path, how)
        assert status != 0
        assert time.monotonic() - start < 30
        assert says in errors
        assert re.search(r"rank 1\b|,1\]", errors), errors
        assert output.count(f"began after {begun}") == 2
    output = run(2, "die", tmp_path)  # which compares
    assert output.count("began after 3") == 2
    assert Trainer.resume(tmp_path).epochs_done == 6


def test_the_page_for_clusters(tmp_path, monkeypatch):
    page = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
    ((program, _),) = blocks(page, "python")
    rng = np.random.default_rng(0)
    x = rng.standard_normal((700, 5))
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", x[:, :2])
    (tmp_path / "program.py").write_text(program)
    assert "mpirun -n 4 python -m mpi4py program.py" in page
    monkeypatch.chdir(tmp_path)
    status, output, errors = mpirun(2, "-m", "mpi4py", "program.py")
    assert status == 0, errors
    assert output.count("20 epochs done {'loss': ") == 1
    scripts = [text for text in re.findall(r"```sh\n(.*?)```", page, re.S) if "#SBATCH" in text]
    assert len(scripts) == 1
    subprocess.run(["bash", "-n"], input=scripts[0], text=True, check=True)


# What one process sees


@pytest.mark.parametrize("rows", [0, 1, 2, 3, 4, 5, 6, 7, 8])
def test_every_row_is_in_one_share(rows):
    shares = []
    for number in range(3):
        processes = Processes()
        processes.number, processes.count = number, 3
        shares.append(np.arange(rows)[processes.share(rows)])
    assert np.concatenate(shares).tolist() == list(range(rows))
    sizes = [len(share) for share in shares]
    assert rows == 1 or 1 not in sizes, "which is not enough for batch norm"
    assert rows < 6 or max(sizes) - min(sizes) <= 1


def test_what_is_no_communicator():
    with pytest.raises(ArgumentError, match=r"communicator=4 for a Trainer"):
        Trainer(Model([Linear(1, 1)]), MSELoss(), "sgd", communicator=4)


def test_branches_of_one_state_draw_different_numbers_and_the_same_again():
    owner = [np.random.default_rng(0), np.random.RandomState(1), np.random.default_rng(2)]
    owner[2] = np.random.Generator(np.random.Philox(3))
    owner[1].standard_normal()  # of which it keeps a second one
    sources = Sources(owner)
    before = sources.now()
    drawn = set()
    for numbers in ((1, 1), (1, 2), (2, 1), (1, 2)):
        sources.go_back(before)
        sources.branch(*numbers)
        drawn.add((owner[0].random(), owner[1].standard_normal(), owner[2].random(),
                   np.random.random()))  # fmt: skip
    assert len(drawn) == 3
    assert all(map(len, map(set, zip(*drawn, strict=True))))
    sources.go_back(before)
