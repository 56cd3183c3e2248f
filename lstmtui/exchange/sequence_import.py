"""A translation, caption or speech model from a folder that this program has exported, checked throughout."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lstmtui import config
from lstmtui.data import tokens
from lstmtui.data.feature_file import Statistics
from lstmtui.data.tokens import Bpe, Tokenizer
from lstmtui.errors import CorruptError
from lstmtui.exchange.exported_sequence import ExportedSequenceModel
from lstmtui.exchange.model_folder import CONFIG, MAX_SIZE, TOKENIZER
from lstmtui.exchange.model_import import config_beside, own_part_of, read_json, step_of, weights_file
from lstmtui.exchange.sequence_folder import FEATURES, OF_UTTERANCE, SCRIPTS, SOURCE, TARGET
from lstmtui.exchange.state_dict import check_tensors
from lstmtui.exchange.tensor_files import read_tensors
from lstmtui.exchange.tokenizer_json import from_huggingface

MAX_SECONDS = 86_400.0


def read_sequence_model(path: Path, name: str) -> ExportedSequenceModel | None:
    """Return the model in a folder or a file of weights; None for one of another purpose, or of another program.

    `with_shapes` checks its weights. Raises UsageError for a missing file, CorruptError for a damaged one.
    """
    weights = weights_file(path)
    about = config_beside(weights)
    if about is None or about.get("purpose") not in SCRIPTS:
        return None
    where = str(weights.with_name(CONFIG))
    own = own_part_of(about)
    settings = _settings(own, str(about["purpose"]), where)

    def tokenizer(file: str, size: str) -> Tokenizer:
        return _tokenizer(weights.with_name(file), about.get(size), scripts=own.get("scripts") is not False)

    is_pair = settings.data.purpose == "translation"
    source = tokenizer(SOURCE, "source_vocab_size") if is_pair else None
    target = tokenizer(TARGET if is_pair else TOKENIZER, "vocab_size")
    if any(side.kind != settings.data.tokens for side in (source, target) if side is not None):
        raise CorruptError(f"{where} contradicts itself: its settings are of other tokens than beside it.")
    longest, statistics = 0.0, None
    if settings.data.purpose == "captions":
        longest = (_number(about.get("max_length"), MAX_SIZE, f"max_length in {where}") + 1) // 2
    if settings.data.purpose == "speech":
        longest, statistics = _features(weights.with_name(FEATURES), settings.speech)
    return ExportedSequenceModel(
        name=name, settings=settings, source=source, target=target, weights=read_tensors(weights), step=step_of(own),
        figures={}, longest=longest, statistics=statistics,
    )  # fmt: skip


def with_shapes(model: ExportedSequenceModel, shapes: Mapping[str, tuple[int, ...]]) -> ExportedSequenceModel:
    """Return a model that was read, with weights of these shapes in float32. Raises CorruptError for others."""
    given = {name: weight for name, weight in model.weights.items() if weight.size}
    check_tensors({name: shape for name, shape in shapes.items() if 0 not in shape}, given, "The file of weights")
    weights = {name: np.asarray(given.get(name, np.zeros(shape)), np.float32) for name, shape in shapes.items()}
    return dataclasses.replace(model, weights=weights)


def _settings(own: dict[str, Any], purpose: str, where: str) -> config.RunSettings:
    table = own.get("settings")
    if not isinstance(table, dict):
        raise CorruptError(f"{where} has no settings, which say what the network is.")
    stored = config.from_table(table, where)
    if stored.data.purpose != purpose:
        raise CorruptError(f"{where} contradicts itself: its settings are those of {stored.data.purpose}.")
    return stored.changed(ema=0.0)  # what is exported are the averaged weights, where there are any


def _tokenizer(path: Path, size: Any, *, scripts: bool) -> Tokenizer:
    """Return a tokenizer with `size` tokens. Raises CorruptError."""
    body = read_json(path, tokens.MAX_FILE_BYTES)
    if body is None:
        raise CorruptError(f"There is no {path}, which the network reads and writes with.")
    found = from_huggingface(body, str(path), scripts=scripts)
    if isinstance(found, Bpe) and type(size) is int and size < found.size:  # the target side of a joint vocabulary
        try:
            found = Bpe.from_json({**found.to_json(), "size": size})
        except ValueError as error:
            raise CorruptError(f"The tokenizer {path} cannot be used ({error}).") from error
    if found.size != size:
        raise CorruptError(f"{path} has {found.size:,} tokens, which is not what {CONFIG} says.")
    return found


def _features(path: Path, s: config.SpeechSettings) -> tuple[float, Statistics | None]:
    """Return the seconds of the longest recording, and the statistics of the training features. Raises CorruptError."""
    about = read_json(path)
    if about is None:
        raise CorruptError(f"There is no {path}, which says how recordings are normalised.")
    longest = _number(about.get("longest_seconds"), MAX_SECONDS, f"longest_seconds in {path}")
    if about.get("prior_frames") == OF_UTTERANCE and s.directions == "both":
        return longest, None
    try:
        with np.errstate(over="ignore"):  # infinity is refused below
            rows = [np.array(about.get(name), np.float32) for name in Statistics._fields]
        is_usable = all(row.shape == (s.mel,) and np.isfinite(row).all() for row in rows)
    except (TypeError, ValueError, OverflowError):
        is_usable = False
    if not is_usable:
        raise CorruptError(f"{path} cannot be used: mean and deviation must be {s.mel} numbers each.")
    return longest, Statistics(*rows)


def _number(value: Any, most: float, what: str) -> float:
    if type(value) not in (int, float) or not 0 < value <= most:
        raise CorruptError(f"{what} is missing or impossible.")
    return float(value)
