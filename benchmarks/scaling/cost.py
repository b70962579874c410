"""What a step costs on many machines: the time to compute it, and the time to add up gradients."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["ASSUMED", "ETHERNETS", "MACHINES", "Link", "exchange", "rate", "step"]

MACHINES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


@dataclass(frozen=True)
class Link:
    """How machines are connected.

    Attributes
    ----------
    name
        For people.
    latency
        Seconds that a message without content takes, from one program to the other.
    bandwidth
        Bytes a second.
    """

    name: str
    latency: float
    bandwidth: float


ETHERNETS = (
    Link("Ethernet, 10 Gbit/s", 30e-6, 0.9 * 10e9 / 8),
    Link("Ethernet, 100 Gbit/s", 15e-6, 0.9 * 100e9 / 8),
)

ASSUMED = (
    "Measured: the time of a step for each share of the batch, in one process with one thread. "
    "Assumed: a message takes 30 microseconds with 10 Gbit/s and 15 with 100, and content goes at "
    "0.9 of the nominal rate, on all links at once; an Allreduce moves 2 (p - 1) / p of the vector "
    "and has 2 log2(p) messages in a row (Rabenseifner's), and that of a few numbers before it has "
    "log2(p); a machine is one process, as fast as the measured one, and none is late; "
    "nothing is computed while gradients are added up; what is done once an epoch is left out."
)


def exchange(size: float, machines: int, link: Link) -> float:
    """Return the seconds in which machines add up a vector of so many bytes, and agree before."""
    rounds = math.ceil(math.log2(machines))
    return 3 * rounds * link.latency + 2 * (machines - 1) / machines * size / link.bandwidth


def step(row: dict[str, Any], machines: int, link: Link, grows: bool) -> float:
    """Return the seconds of a step of a network that was measured.

    Parameters
    ----------
    row
        What `benchmarks.scaling.measure` has found of it.
    machines
        How many take part.
    link
        What is between them.
    grows
        Whether each machine has a whole batch; else they share one.
    """
    batch = row["task"]["batch"]
    rows = batch if grows else batch / machines
    times = {int(share): min(seconds) for share, seconds in row["shares"].items()}
    shares = sorted(times)
    # Of fewer rows than two for each, some have two and others none, and all wait for the former.
    compute = np.interp(max(rows, 2), shares, [times[share] for share in shares])
    return float(compute) + exchange(row["bytes"], machines, link)


def rate(row: dict[str, Any], machines: int, link: Link, grows: bool) -> float:
    """Return how many times as many rows a second so many machines train on as one does."""
    work = machines if grows else 1
    return work * step(row, 1, link, grows) / step(row, machines, link, grows)
