"""Tiny translation runs: sentences to what they are from the end, in capitals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from lstmtui.client import runs
from lstmtui.runs.folder import RunFolder
from support import tiny

WORDS = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta")


def pairs_file(folder: Path) -> Path:
    """Write a table of pairs into `folder` and return its path."""
    path, random = folder / "pairs.tsv", np.random.default_rng(1)
    lines = [random.choice(WORDS, random.integers(1, 6)).tolist() for _ in range(120)]
    path.write_text("".join(f"{' '.join(line)}\t{' '.join(line[::-1]).upper()}\n" for line in lines))
    return path


def create(folder: Path, name: str = "run", **changes: Any) -> RunFolder:
    """Return a run that has not begun."""
    given = {
        "corpus": (str(pairs_file(folder)),), "tokens": "words", "hidden": 12, "embedding": 8, "layers": 1,
        "batch": 8, "bptt": 6, "steps": 40, "eval_every": 20, "lr": 0.02, "valid_fraction": 0.1,
        "test_fraction": 0.1, **changes,
    }  # fmt: skip
    settings = tiny.run_settings(purpose="translation", schedule="constant", **given)
    return runs.write(settings, RunFolder(folder / name))
