"""A trained translation run, loaded for use: its tokenizers, and the weights that evaluate best."""

from __future__ import annotations

from typing import Any

import numpy as np

from lstmtui import config
from lstmtui.common.files import exists
from lstmtui.config import RunSettings
from lstmtui.data.pairs import Tokenizers
from lstmtui.data.tokens import load as load_tokenizer
from lstmtui.engine.backend import CPU
from lstmtui.engine.checkpoint_identity import identity
from lstmtui.engine.inference.best_weights import load_best_weights, require_checkpoint
from lstmtui.engine.inference.translator import Translator
from lstmtui.engine.nn.linear import Compute
from lstmtui.engine.nn.translation_model import TranslationSizes, parameters
from lstmtui.errors import UsageError
from lstmtui.runs.folder import RunFolder

JOINT = ("bpe", "bytes")
"""Kinds of tokens of which both sides can share a vocabulary."""
TARGET_TOKENIZER = "tokenizer_target.json"
"""The file of a run's target vocabulary; tokenizer.json has that of the source."""
SHAPE_SETTINGS = ("cell", "layers", "hidden", "embedding", "optimizer")


def sizes_of(s: RunSettings, tokenizers: Tokenizers) -> TranslationSizes:
    """Return the sizes of a run's model: its layers are those of the encoder, the decoder has one in each stack."""
    source, target = tokenizers
    return TranslationSizes(
        source_vocabulary=source.size, target_vocabulary=target.size, joint=is_joint(s), cell=s.network.cell,
        embedding=s.network.embedding, hidden=s.network.hidden, attention=s.network.hidden,
        encoder_layers=s.network.layers, forget_bias=s.network.forget_bias,
    )  # fmt: skip


def is_joint(s: RunSettings) -> bool:
    """Return whether both sides of a run share a vocabulary."""
    return s.translation.joint and s.data.tokens in JOINT


def identity_of(s: RunSettings, tokenizers: Tokenizers) -> dict[str, Any]:
    """Return the settings that determine the shapes of tensors, and the digests of the tokenizers."""
    return identity(s, *tokenizers, settings=SHAPE_SETTINGS)


def load_tokenizers(run: RunFolder, s: RunSettings) -> Tokenizers:
    """Return the tokenizers of a run. Raises UsageError for a run that is no translation, CorruptError."""
    path = run.path / TARGET_TOKENIZER
    if not exists(path):
        raise UsageError(f"Run '{run.name}' was not trained to translate: it has no target vocabulary.")
    return Tokenizers(load_tokenizer(run.tokenizer), load_tokenizer(path))


def load(run: RunFolder, *, threads: int | None = None) -> Translator:
    """Return the translator of the run's best checkpoint, or of its newest.

    threads  that compute; None for those of the run's settings
    Raises UsageError for a run that is no translation or has no checkpoint, CorruptError for a damaged one.
    """
    s = config.load(run.config)
    tokenizers = load_tokenizers(run, s)
    require_checkpoint(run)
    sizes = sizes_of(s, tokenizers)
    _, weights = load_best_weights(run, s, parameters(sizes), identity_of(s, tokenizers))
    return Translator(
        sizes,
        weights,
        tokenizers,
        Compute(CPU.resolve_precision(s.run.precision, np.float32), threads or s.run.threads),
    )
