"""Tiny speech runs: each letter is a tone, each space a pause."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from lstmtui.client import runs
from lstmtui.runs.folder import RunFolder
from support import tiny
from support.recordings import tone, write_manifest, write_wav

RATE = 8000
TONES = {"a": 400.0, "b": 1000.0, "c": 2200.0}


def spoken(text: str, seed: int = 0) -> np.ndarray:
    """Return the samples (N,) of a text, with faint noise."""
    gap = np.zeros(RATE // 25, np.float32)
    parts = [gap]
    for letter in text:
        parts += [np.zeros(RATE // 10, np.float32)] if letter == " " else [tone(0.1, RATE, TONES[letter]), gap]
    samples = np.concatenate(parts)
    return samples + 1e-3 * np.random.default_rng(seed).standard_normal(len(samples)).astype(np.float32)


def texts(count: int = 48, seed: int = 1) -> list[str]:
    """Return texts of one or two words of these letters."""
    random = np.random.default_rng(seed)
    return [
        " ".join("".join(random.choice(list(TONES), random.integers(1, 4))) for _ in range(random.integers(1, 3)))
        for _ in range(count)
    ]


def manifest(folder: Path) -> Path:
    """Write recordings and their table into `folder`, and return the path of the table."""
    rows = [("file", "transcript")]
    for n, text in enumerate(texts()):
        write_wav(folder / "recordings" / f"{n:03}.wav", spoken(text, n))
        rows.append((f"recordings/{n:03}.wav", text))
    return write_manifest(folder / "recordings.tsv", rows)


def create(folder: Path, name: str = "run", **changes: Any) -> RunFolder:
    """Return a run that has not begun."""
    given = {
        "corpus": (str(manifest(folder)),), "tokens": "chars", "hidden": 16, "embedding": 16, "layers": 1,
        "sample_rate": RATE, "mel": 12, "batch": 8, "bptt": 40, "steps": 60, "eval_every": 30, "lr": 0.02,
        "valid_fraction": 0.15, "test_fraction": 0.15, **changes,
    }  # fmt: skip
    settings = tiny.run_settings(purpose="speech", schedule="constant", **given)
    return runs.write(settings, RunFolder(folder / name))
