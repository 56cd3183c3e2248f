"""Processors and memory of this machine."""

from __future__ import annotations

import os
from pathlib import Path


def cpu_count() -> int:
    """Return how many processors this process may use, by affinity and the cgroup limits of Linux."""
    try:
        count = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS
        count = os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        if quota != "max":
            count = max(1, min(count, round(int(quota) / int(period))))
    except (OSError, ValueError):
        pass
    return count


def training_flops(precision: str = "auto", *, cpuinfo: Path = Path("/proc/cpuinfo")) -> float:
    """Return about how many operations per second one thread trains with, at six per parameter and token.

    Measured on networks of words, two threads: with 512-bit vectors 120 to 127e9 (one layer of 512), 107 to 139e9
    (2x650) and 92 to 95e9 (2x200), with 256-bit ones 61 to 83e9, 56 to 73e9 and 58 to 71e9, both on a shared Intel Xeon
    of 2023; with bfloat16 products, which speed up AMD processors alone (see
    `lstm_kernels.cpu.microkernel.registers`), 125e9 with earlier kernels. An unknown processor gets a value in
    between.
    """
    try:
        info = cpuinfo.read_text()
        flags = next(line for line in info.splitlines() if line.startswith("flags")).split()
    except (OSError, StopIteration):
        return 80e9
    if "avx512_bf16" in flags and "AuthenticAMD" in info and precision != "float32":
        return 125e9
    return 110e9 if "avx512f" in flags else 65e9


def process_memory_mb() -> float:
    """Return the memory of this process in MB; its peak where the system does not report the current value."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 1)
    except (OSError, ValueError, IndexError):
        import resource
        import sys

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return round(peak / 1e6 if sys.platform == "darwin" else peak / 1e3, 1)


def machine_memory_bytes() -> int:
    """Return the bytes of memory of this machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
