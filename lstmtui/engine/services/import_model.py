"""Import of a network as a run: python -m lstmtui.engine.services.import_model PATH RUN_FOLDER [TOKENIZER].

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
from lstmtui.engine.services import sequence_models
from lstmtui.errors import LstmtuiError
from lstmtui.exchange.exported_model import ExportedModel
from lstmtui.exchange.exported_sequence import ExportedSequenceModel
from lstmtui.exchange.model_import import read_model
from lstmtui.exchange.sequence_import import read_sequence_model, with_shapes
from lstmtui.runs.creation import draft_folder
from lstmtui.runs.folder import RunFolder


def write_run(model: ExportedModel | ExportedSequenceModel, run: RunFolder, source: str) -> dict[str, Any]:
    """Write a run with one checkpoint, the weights of `model`, and return what it is.

    Raises UsageError where the run exists, CorruptError for weights of other shapes, OSError.
    """
    if isinstance(model, ExportedModel):
        reads, special = model.tokenizer, {}
        layout, of_run = parameters(model.settings, reads.size), identity(model.settings, reads)
    else:
        reads, special = model.target, sequence_models.status_of(model)
        layout, of_run = sequence_models.layout_and_identity(model.settings, model.source, reads)
        model = with_shapes(model, {parameter.name: parameter.shape for parameter in layout})
    weights = Arena(layout)
    given = {f"weights.{name}": array for name, array in model.weights.items()}
    checkpoint.restore(weights.views, given, "weights", "The file")
    tensors = {f"weights.{name}": view for name, view in weights.read().items()}
    now, s = time.time(), model.settings
    status = {
        "state": "finished", "message": f"Imported from {source}.", "exit_code": 0, "step": model.step,
        "steps": model.step, "parameters": weights.count, "vocabulary": reads.size, "started": now,
        "heartbeat": now, **special,
    }  # fmt: skip
    with draft_folder(run) as draft:
        if isinstance(model, ExportedModel):
            reads.save(draft.tokenizer)
        else:
            sequence_models.save_files(model, draft)
        checkpoint.write(draft, model.step, tensors, {"identity": of_run})
        append_json_line(draft.events, {"event": "imported", "at": now, "source": source})
        write_atomically(draft.status, to_json(status).encode())
        write_atomically(draft.config, config.dump(s).encode())
    return {
        "purpose": s.data.purpose, "cell": s.network.cell, "layers": s.network.layers, "hidden": s.network.hidden,
        "tokens": reads.kind, "vocabulary": reads.size, "parameters": weights.count, "step": model.step,
    }  # fmt: skip


def read(path: Path, name: str, tokenizer: Path | None = None) -> ExportedModel | ExportedSequenceModel:
    """Return the model in a folder or a file of weights. Raises as `read_model` and `read_sequence_model` do."""
    return read_sequence_model(path, name) or read_model(path, name, tokenizer)


def main(arguments: list[str]) -> int:
    """Import a model, print the result, and return an exit code."""
    path, folder, *tokenizer = arguments
    run = RunFolder(Path(folder))
    try:
        model = read(Path(path), run.name, Path(tokenizer[0]) if tokenizer else None)
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
