"""Export and import of networks, each in a process of the engine."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from lstmtui.client.process import Child
from lstmtui.runs.folder import RunFolder


def export_model(run: RunFolder, form: str, folder: Path) -> int:
    """Write the network of `run` in a format into an existing, empty folder, and return the step of its weights.

    form    "torch", "huggingface" or "onnx"
    Raises UsageError for a run without a checkpoint, CorruptError, LstmtuiError.
    """
    arguments = (str(run.path), form, str(folder))
    with contextlib.closing(Child("The export", "lstmtui.engine.services.export", *arguments)) as process:
        return int(process.first_answer()["step"])


def import_model(path: Path, run: RunFolder, tokenizer: Path | None = None) -> dict[str, Any]:
    """Make a run of the network in a file or folder, and return its purpose, cell, sizes and tokens.

    tokenizer    its tokenizer.json, where that is not beside the weights
    Raises UsageError for a file or name that cannot be used, CorruptError for a damaged file.
    """
    arguments = [str(path), str(run.path), *([str(tokenizer)] if tokenizer else [])]
    with contextlib.closing(Child("The import", "lstmtui.engine.services.import_model", *arguments)) as process:
        return process.first_answer()
