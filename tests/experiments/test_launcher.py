"""What tells whether a launcher has started several processes."""

import sys

import pytest

from handgrad.errors import ArgumentError
from handgrad.experiments import communicator_of_launcher

COUNTS = ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"]


@pytest.mark.parametrize("name", COUNTS)
@pytest.mark.parametrize("count", ["1", "", "many"])
def test_one_process_needs_no_mpi(name, count, monkeypatch):
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    monkeypatch.setenv(name, count)
    assert communicator_of_launcher() is None


@pytest.mark.parametrize("name", COUNTS)
def test_several_need_it(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    monkeypatch.setenv(name, "4")
    with pytest.raises(ArgumentError, match=r'4 processes(.|\n)*pip install "handgrad\[mpi\]"'):
        communicator_of_launcher()


def test_a_launcher_of_another_mpi(monkeypatch):
    monkeypatch.setenv("PMI_SIZE", "4")

    class World:
        size = 1

    class MPI:
        COMM_WORLD = World
        Get_library_version = staticmethod(lambda: "Open MPI v5\nbuilt once")

    monkeypatch.setitem(sys.modules, "mpi4py", type("mpi4py", (), {"MPI": MPI}))
    with pytest.raises(ArgumentError, match=r"of which mpi4py sees 1\n.*belongs to: Open MPI v5\n"):
        communicator_of_launcher()
    World.size = 4
    assert communicator_of_launcher() is World
