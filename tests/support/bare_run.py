"""A run folder that holds nothing but a configuration and a status, and a line of metrics."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from lstmtui import config
from lstmtui.runs.folder import RunFolder
from support import tiny


def bare_run(root: Path, name: str, *, modified: float = 1000.0) -> RunFolder:
    """Make a run in `root` whose status was last written at the Unix time `modified`."""
    run = RunFolder(root / name)
    run.path.mkdir(parents=True)
    run.config.write_text(config.dump(tiny.run_settings()))
    run.status.write_text("{}")
    os.utime(run.status, (modified, modified))
    return run


def train_point(step: int) -> dict[str, Any]:
    """Return a record of metrics.jsonl."""
    return {
        "split": "train", "step": step, "tokens": step, "seconds": 1.0, "loss": 2.0, "lr": 0.1, "grad_norm": 1.0,
        "clipped": 0.0, "tokens_per_second": 5.0, "memory_mb": 1.0,
    }  # fmt: skip
