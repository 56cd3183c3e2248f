"""Tiny runs: a text with structure to learn, and networks that train within a second."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from lstmtui import config
from lstmtui.client import runs
from lstmtui.common.files import read_json_lines
from lstmtui.runs.folder import RunFolder

SETTINGS: dict[str, Any] = {
    "precision": "float32",  # the same on every machine
    "hidden": 8,
    "layers": 2,
    "embedding": 6,
    "batch": 3,
    "bptt": 5,
    "steps": 30,
    "lr": 0.02,
    "threads": 1,
    "dropout": 0.1,
    "dropout_in": 0.1,
    "dropout_rise": 0.5,
    "weight_drop": 0.1,
    "ema": 0.9,
    "log_every": 4,
    "eval_every": 10,
    "eval_tokens": 60,
    "sample_length": 10,
    "seed": 3,
}


def text(lines: int = 120) -> str:
    """Return lines of simple sentences, always the same."""
    random = np.random.default_rng(7)
    words = ["the cat", "a dog", "the bird", "sat", "ran", "sang", "on", "in", "under", "the mat", "a tree", "the rain"]
    picks = random.integers(0, 3, (lines, 4))
    return "".join(" ".join(words[3 * k + int(p)] for k, p in enumerate(row)) + ".\n" for row in picks)


def corpus(folder: Path, lines: int = 120) -> Path:
    """Write the text into `folder` and return its path."""
    path = folder / "text.txt"
    if not path.exists():
        path.write_text(text(lines))
    return path


def run_settings(**changes: Any) -> config.RunSettings:
    """Return resolved settings of a tiny run; `changes` are named as in `Settings`."""
    given = {"tied": False, **SETTINGS, **changes}
    if any(changes.get(name) is not None for name in ("minutes", "epochs")):
        given["steps"] = None
    return config.RunSettings.of(config.Settings(**given))


def settings(path: Path | str, **changes: Any) -> config.RunSettings:
    """Return resolved settings of a tiny run on the file at `path`."""
    return run_settings(corpus=(str(path),), **changes)


def open_settings(path: Path, **changes: Any) -> config.Settings:
    """Return settings of a tiny run on the file at `path`, as a person gives them."""
    return config.Settings(corpus=(str(path),), **{**SETTINGS, **changes})


def create(folder: Path, name: str = "tiny", **changes: Any) -> RunFolder:
    """Create, but do not start, a tiny run."""
    return runs.create(open_settings(corpus(folder), **changes), name=name)


def engine(run: RunFolder, **options: Any) -> subprocess.Popen[bytes]:
    """Start the engine on `run`."""
    return subprocess.Popen([sys.executable, "-m", "lstmtui.engine", str(run.path)], env=dict(os.environ), **options)


def train(run: RunFolder) -> int:
    """Train `run` in a process of its own and return its exit code."""
    return engine(run).wait(timeout=120)


def last_weights(run: RunFolder) -> dict[str, bytes]:
    """Return every tensor of the newest checkpoint as bytes."""
    from lstmtui.engine import checkpoint

    found = checkpoint.newest(run)
    assert found is not None
    return {name: tensor.tobytes() for name, tensor in found.tensors.items()}


def lines(path: Path) -> list[dict[str, Any]]:
    """Return the JSON lines of a file."""
    return read_json_lines(path)[0]


def events(run: RunFolder, event: str) -> list[dict[str, Any]]:
    """Return the events of one kind."""
    return [line for line in lines(run.events) if line["event"] == event]
