"""Tiny caption runs: which half of a picture is coloured, and how."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lstmtui.client import runs
from lstmtui.data.picture_augmentation import vector_size
from lstmtui.runs.folder import RunFolder
from support import tiny
from support.pictures import caption_table

SPLITS = ("valid", "test", *["train"] * 6)


def create(folder: Path, name: str = "run", **changes: Any) -> RunFolder:
    """Return a run that has not begun."""
    given = {
        "corpus": (str(caption_table(folder, SPLITS)),), "tokens": "words", "cell": "gru", "hidden": 8,
        "embedding": 8, "layers": 1, "side": 16, "patch": 8, "vectors": 4, "vector_size": vector_size(8, 9), "batch": 4,
        "bptt": 8, "steps": 40, "eval_every": 20, "lr": 0.02, **changes,
    }  # fmt: skip
    settings = tiny.run_settings(purpose="captions", schedule="constant", **given)
    return runs.write(settings, RunFolder(folder / name))
