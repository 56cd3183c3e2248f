"""What this machine offers: processors."""

from __future__ import annotations

import os
from pathlib import Path


def cpu_count() -> int:
    """Return how many processors this process may use (affinity, and cgroup limits where Linux tells them)."""
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
