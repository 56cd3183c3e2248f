"""Memory and processor time of processes, from /proc: what a measurement beside other work can still say."""

from __future__ import annotations

import os
from pathlib import Path


def family(pid: int) -> list[int]:
    """Return a process and its children."""
    return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]


def memory_mb(pids: list[int]) -> list[float]:
    """Return the resident memory of each process."""
    return [round(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 / 1e6, 1) for pid in pids]


def processor_seconds(pids: list[int]) -> float:
    """Return the processor time of all of them together."""
    fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
    return sum(int(one[11]) + int(one[12]) for one in fields) / os.sysconf("SC_CLK_TCK")


def daemons(run: str) -> list[int]:
    """Return the warm processes of a run, by its name."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            words = os.fsdecode((place / "cmdline").read_bytes()).split("\0")
        except OSError:  # it has ended
            continue
        if "lstmtui.engine.services.daemon" in words and any(word.endswith(f"/{run}") for word in words):
            found.append(int(place.name))
    return found
