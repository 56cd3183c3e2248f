"""Export of a network: python -m lstmtui.engine.services.export RUN_FOLDER FORMAT TARGET.

Writes the files of the format into the existing, empty folder TARGET. Prints one JSON object: {"step": ...}, or
{"error": sentence, "exit_code": n}.
"""

from __future__ import annotations

import sys
from pathlib import Path

from lstmtui import config
from lstmtui.engine.answering import error_answer, write_line
from lstmtui.engine.inference.loaded_model import load
from lstmtui.engine.services import sequence_models
from lstmtui.errors import LstmtuiError
from lstmtui.exchange.exported_model import ExportedModel
from lstmtui.exchange.exported_sequence import ExportedSequenceModel
from lstmtui.exchange.model_folder import write_model
from lstmtui.exchange.sequence_folder import write_sequence_model
from lstmtui.runs.folder import RunFolder


def exported(run: RunFolder) -> ExportedModel | ExportedSequenceModel:
    """Return the best weights of a run with all that goes with them. Raises UsageError, CorruptError."""
    s = config.load(run.config)
    if s.data.purpose in sequence_models.PURPOSES:
        return sequence_models.exported(run, s)
    model, figures = load(run), sequence_models.best_figures(run)
    return ExportedModel(run.name, model.settings, model.tokenizer, model.weights.read(), model.step, figures)


def write(model: ExportedModel | ExportedSequenceModel, form: str, folder: Path) -> None:
    """Write a model into `folder`. Raises OSError, LstmtuiError."""
    if isinstance(model, ExportedModel):
        write_model(folder, model, form)
    else:
        write_sequence_model(folder, model, form)


def main(arguments: list[str]) -> int:
    """Export a run, print the result, and return an exit code."""
    run, form, folder = arguments
    try:
        model = exported(RunFolder(Path(run)))
        write(model, form, Path(folder))
    except LstmtuiError as error:
        write_line(error_answer(error))
        return error.exit_code
    except OSError as error:
        write_line(error_answer(LstmtuiError(f"The export cannot be written ({error.strerror or error}).")))
        return 1
    write_line({"step": model.step})
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
