"""Import of a language model as a run: python -m lstmtui.engine.services.import_model PATH RUN_FOLDER [TOKENIZER].

Prints one JSON object that describes the run, or {"error": sentence, "exit_code": n}.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from lstmtui import config
from lstmtui.common.files import append_json_line, to_json, write_atomically
from lstmtui.engine import checkpoint
from lstmtui.engine.answering import error_answer, write_line
from lstmtui.engine.checkpoint_identity import identity
from lstmtui.engine.nn.params import Arena, parameters
from lstmtui.errors import LstmtuiError
from lstmtui.exchange.exported_model import ExportedModel
from lstmtui.exchange.model_import import read_model
from lstmtui.runs.creation import draft_folder
from lstmtui.runs.folder import RunFolder


def write_run(model: ExportedModel, run: RunFolder, source: str) -> dict[str, Any]:
    """Write a run with one checkpoint, the weights of `model`, and return what it is.

    Raises UsageError where the run exists, CorruptError for weights of other shapes, OSError.
    """
    weights = Arena(parameters(model.settings, model.tokenizer.size))
    given = {f"weights.{name}": array for name, array in model.weights.items()}
    checkpoint.restore(weights.views, given, "weights", "The file")
    tensors = {f"weights.{name}": view for name, view in weights.read().items()}
    now, n = time.time(), model.settings.network
    status = {
        "state": "finished", "message": f"Imported from {source}.", "exit_code": 0, "step": model.step,
        "steps": model.step, "parameters": weights.count, "vocabulary": model.tokenizer.size, "started": now,
        "heartbeat": now,
    }  # fmt: skip
    with draft_folder(run) as draft:
        model.tokenizer.save(draft.tokenizer)
        checkpoint.write(draft, model.step, tensors, {"identity": identity(model.settings, model.tokenizer)})
        append_json_line(draft.events, {"event": "imported", "at": now, "source": source})
        write_atomically(draft.status, to_json(status).encode())
        write_atomically(draft.config, config.dump(model.settings).encode())
    return {
        "cell": n.cell, "layers": n.layers, "hidden": n.hidden, "tokens": model.tokenizer.kind,
        "vocabulary": model.tokenizer.size, "parameters": weights.count, "step": model.step,
    }  # fmt: skip


def main(arguments: list[str]) -> int:
    """Import a model, print the result, and return an exit code."""
    path, folder, *tokenizer = arguments
    run = RunFolder(Path(folder))
    try:
        model = read_model(Path(path), run.name, Path(tokenizer[0]) if tokenizer else None)
        answer = write_run(model, run, Path(path).name)
    except LstmtuiError as error:
        write_line(error_answer(error))
        return error.exit_code
    except (OSError, MemoryError) as error:
        reason = getattr(error, "strerror", None) or str(error) or "too little memory"
        write_line(error_answer(LstmtuiError(f"{path} cannot be imported ({reason}).")))
        return 1
    write_line(answer)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
