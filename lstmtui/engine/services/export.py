"""Export of a network: python -m lstmtui.engine.services.export RUN_FOLDER FORMAT TARGET.

Writes the files of the format into the existing, empty folder TARGET. Prints one JSON object: {"step": ...}, or
{"error": sentence, "exit_code": n}.
"""

from __future__ import annotations

import sys
from pathlib import Path

from lstmtui import config
from lstmtui.config import RunSettings
from lstmtui.data.tokens import load as load_tokenizer
from lstmtui.engine.answering import error_answer, write_line
from lstmtui.engine.inference import loaded_captioner, loaded_recogniser, loaded_translator
from lstmtui.engine.inference.best_weights import load_best_weights, require_checkpoint
from lstmtui.engine.inference.loaded_model import load
from lstmtui.engine.nn import caption_model, speech_model, translation_model
from lstmtui.errors import LstmtuiError
from lstmtui.exchange.exported_model import ExportedModel
from lstmtui.exchange.exported_sequence import ExportedSequenceModel
from lstmtui.exchange.model_folder import write_model
from lstmtui.exchange.sequence_folder import write_sequence_model
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.reader import RunReader, status_number


def exported(run: RunFolder) -> ExportedModel | ExportedSequenceModel:
    """Return the best weights of a run with all that goes with them. Raises UsageError, CorruptError."""
    s = config.load(run.config)
    if s.data.purpose in _SEQUENCES:
        require_checkpoint(run)
        return _SEQUENCES[s.data.purpose](run, s)
    model = load(run)
    return ExportedModel(run.name, model.settings, model.tokenizer, model.weights.read(), model.step, _figures(run))


def _translation(run: RunFolder, s: RunSettings) -> ExportedSequenceModel:
    tokenizers = loaded_translator.load_tokenizers(run, s)
    layout = translation_model.parameters(loaded_translator.sizes_of(s, tokenizers))
    step, weights = load_best_weights(run, s, layout, loaded_translator.identity_of(s, tokenizers))
    return ExportedSequenceModel(
        name=run.name, settings=s, source=tokenizers.source, target=tokenizers.target, weights=weights.read(),
        step=step, figures=_figures(run),
    )  # fmt: skip


def _captions(run: RunFolder, s: RunSettings) -> ExportedSequenceModel:
    tokenizer = load_tokenizer(run.tokenizer)
    layout = caption_model.parameters(loaded_captioner.sizes_of(s, tokenizer))
    step, weights = load_best_weights(run, s, layout, loaded_captioner.identity_of(s, tokenizer))
    longest = int(status_number(run, loaded_captioner.LONGEST, loaded_captioner.USUAL_LONGEST))
    return ExportedSequenceModel(
        name=run.name, settings=s, target=tokenizer, weights=weights.read(), step=step, figures=_figures(run),
        longest=longest,
    )  # fmt: skip


def _speech(run: RunFolder, s: RunSettings) -> ExportedSequenceModel:
    tokenizer = load_tokenizer(run.tokenizer)
    layout = speech_model.parameters(loaded_recogniser.sizes_of(s, tokenizer))
    step, weights = load_best_weights(run, s, layout, loaded_recogniser.identity_of(s, tokenizer))
    return ExportedSequenceModel(
        name=run.name, settings=s, target=tokenizer, weights=weights.read(), step=step, figures=_figures(run),
        statistics=loaded_recogniser.statistics_of(run, s),
    )  # fmt: skip


_SEQUENCES = {"translation": _translation, "captions": _captions, "speech": _speech}


def _figures(run: RunFolder) -> dict[str, float]:
    """Return the figures of the run's best evaluation."""
    best = RunReader(run).refresh().result
    return {name: value for name, value in (best.figures if best else {}).items() if value is not None}


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
