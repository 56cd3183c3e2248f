"""Models of translation, captions and speech between run folders and `ExportedSequenceModel`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lstmtui.config import RunSettings
from lstmtui.data.feature_file import save_statistics
from lstmtui.data.pairs import Tokenizers
from lstmtui.data.tokens import Tokenizer
from lstmtui.data.tokens import load as load_tokenizer
from lstmtui.engine.inference import loaded_captioner, loaded_recogniser, loaded_translator
from lstmtui.engine.inference.best_weights import load_best_weights, require_checkpoint
from lstmtui.engine.inference.transcriber import MAX_PIECE
from lstmtui.engine.nn import caption_model, speech_model, translation_model
from lstmtui.engine.nn.params import Parameter
from lstmtui.exchange.exported_sequence import ExportedSequenceModel
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.reader import RunReader, status_number

_LAYOUTS: dict[str, tuple[Any, Callable[[Any], list[Parameter]]]] = {
    "translation": (loaded_translator, translation_model.parameters),
    "captions": (loaded_captioner, caption_model.parameters),
    "speech": (loaded_recogniser, speech_model.parameters),
}
"""By purpose: the module that knows sizes and identity of a run, and the parameters of a model of these sizes."""
PURPOSES = tuple(_LAYOUTS)
_LONGEST: dict[str, tuple[str, float]] = {
    "captions": (loaded_captioner.LONGEST, loaded_captioner.USUAL_LONGEST),
    "speech": (loaded_recogniser.LONGEST, MAX_PIECE),
}
"""The field of the status with the length of the longest example, and what is taken where the status does not say."""


def layout_and_identity(
    s: RunSettings, source: Tokenizer | None, target: Tokenizer
) -> tuple[list[Parameter], dict[str, Any]]:
    """Return the parameters of the model that `s` describes, and what its checkpoints have in common with it."""
    loaded, parameters = _LAYOUTS[s.data.purpose]
    reads = target if source is None else Tokenizers(source, target)
    return parameters(loaded.sizes_of(s, reads)), loaded.identity_of(s, reads)


def exported(run: RunFolder, s: RunSettings) -> ExportedSequenceModel:
    """Return the best weights of a run with all that goes with them. Raises UsageError, CorruptError."""
    require_checkpoint(run)
    purpose, source = s.data.purpose, None
    if purpose == "translation":
        source, target = loaded_translator.load_tokenizers(run, s)
    else:
        target = load_tokenizer(run.tokenizer)
    step, weights = load_best_weights(run, s, *layout_and_identity(s, source, target))
    return ExportedSequenceModel(
        name=run.name, settings=s, source=source, target=target, weights=weights.read(), step=step,
        figures=best_figures(run), longest=status_number(run, *_LONGEST[purpose]) if purpose in _LONGEST else 0,
        statistics=loaded_recogniser.statistics_of(run, s) if purpose == "speech" else None,
    )  # fmt: skip


def best_figures(run: RunFolder) -> dict[str, float]:
    """Return the figures of a run's best evaluation."""
    best = RunReader(run).refresh().result
    return {name: value for name, value in (best.figures if best else {}).items() if value is not None}


def save_files(model: ExportedSequenceModel, run: RunFolder) -> None:
    """Write what a run folder has beside settings and checkpoints. Raises OSError."""
    if model.source is not None:
        model.source.save(run.tokenizer)
        model.target.save(run.path / loaded_translator.TARGET_TOKENIZER)
    else:
        model.target.save(run.tokenizer)
    if model.statistics is not None:
        save_statistics(run.path / loaded_recogniser.STATISTICS, model.statistics)


def status_of(model: ExportedSequenceModel) -> dict[str, Any]:
    """Return what the status of a run has of such a model alone."""
    return {_LONGEST[model.purpose][0]: model.longest} if model.purpose in _LONGEST else {}
