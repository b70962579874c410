"""Start a program in several processes, on any machine, with one core, or as root."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

LAUNCHER = Path(sysconfig.get_path("scripts"), "mpirun")

ENVIRONMENT = {
    # A container's user is root, and may not look into another process' memory.
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "OMPI_MCA_smsc": "^cma",
    # They talk through memory, and ask for no network and no other machine.
    "OMPI_MCA_pml": "ob1",
    "OMPI_MCA_btl": "self,sm",
    "PRTE_MCA_plm_ssh_agent": "false",
    "OMPI_MCA_mpi_yield_when_idle": "1",  # to the other tests
    "HANDGRAD_KERNELS": "numpy",
    "TERM": "dumb",  # what the first of them writes to looks like a terminal
}
OPTIONS = ["--map-by", ":OVERSUBSCRIBE", "--bind-to", "none"]  # more processes than cores


class Launched(subprocess.Popen[str]):
    """A program of Python's in so many processes; its output and errors are piped."""

    def __init__(self, processes: int, *command: object) -> None:
        # Not /dev/shm: a container's has room for four processes, and not for two tests at once.
        self.folder = tempfile.mkdtemp(prefix="mpirun-")
        folders = {"TMPDIR": self.folder, "OMPI_MCA_btl_sm_backing_directory": self.folder}
        home = {"HOME": os.environ.get("HOME", self.folder)}  # without one it does not start
        super().__init__(
            [LAUNCHER, *OPTIONS, "-n", str(processes), sys.executable, *map(str, command)],
            env=os.environ | ENVIRONMENT | folders | home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def finish(self, timeout: float = 120) -> tuple[int, str, str]:
        """Wait for the end, and return the exit status, the output and the errors."""
        try:
            output, errors = self.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.terminate()  # which reaches all processes
            output, errors = self.communicate(timeout=10)
            raise AssertionError(f"not done after {timeout} s\n{output}\n{errors}") from None
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)
        return self.returncode, output, errors


def mpirun(processes: int, *command: object, timeout: float = 120) -> tuple[int, str, str]:
    """Run a program of Python's in so many processes: exit status, output, errors."""
    return Launched(processes, *command).finish(timeout)
