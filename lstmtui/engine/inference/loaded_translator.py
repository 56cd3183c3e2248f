"""A trained translation run, loaded for use: its tokenizers, and the weights that evaluate best."""

from __future__ import annotations

from typing import Any

import numpy as np

from lstmtui import config
from lstmtui.common.files import exists
from lstmtui.config import DataSettings, RunSettings
from lstmtui.data.pairs import Tokenizers
from lstmtui.data.tokens import load as load_tokenizer
from lstmtui.engine import checkpoint
from lstmtui.engine.backend import CPU
from lstmtui.engine.checkpoint_identity import check_identity
from lstmtui.engine.inference.translator import Translator
from lstmtui.engine.nn.linear import Compute
from lstmtui.engine.nn.params import Arena
from lstmtui.engine.nn.translation_model import TranslationSizes, parameters
from lstmtui.errors import UsageError
from lstmtui.runs.folder import RunFolder

JOINT = ("bpe", "bytes")
"""Kinds of tokens of which both sides share a vocabulary."""
TARGET_TOKENIZER = "tokenizer_target.json"
"""The file of a run's target vocabulary; tokenizer.json has that of the source."""
SHAPE_SETTINGS = ("cell", "layers", "hidden", "embedding", "optimizer")


def sizes_of(s: RunSettings, tokenizers: Tokenizers) -> TranslationSizes:
    """Return the sizes of a run's model: its layers are those of the encoder, the decoder has one in each stack."""
    source, target = tokenizers
    return TranslationSizes(
        source_vocabulary=source.size, target_vocabulary=target.size, joint=source is target, cell=s.network.cell,
        embedding=s.network.embedding, hidden=s.network.hidden, attention=s.network.hidden,
        encoder_layers=s.network.layers, forget_bias=s.network.forget_bias,
    )  # fmt: skip


def identity_of(s: RunSettings, tokenizers: Tokenizers) -> dict[str, Any]:
    """Return the settings that determine the shapes of tensors, and the digests of the tokenizers."""
    digests = "".join(tokenizer.digest() for tokenizer in tokenizers)
    return {**{name: s.value(name) for name in SHAPE_SETTINGS}, "tokenizer": digests}


def load_tokenizers(run: RunFolder, s: DataSettings) -> Tokenizers:
    """Return the tokenizers of a run. Raises UsageError for a run that is no translation, CorruptError."""
    path = run.path / TARGET_TOKENIZER
    if not exists(path):
        raise UsageError(f"Run '{run.name}' was not trained to translate: it has no target vocabulary.")
    source = load_tokenizer(run.tokenizer)
    return Tokenizers(source, source if s.tokens in JOINT else load_tokenizer(path))


def load(run: RunFolder) -> Translator:
    """Return the translator of the run's best checkpoint, or of its newest.

    Raises UsageError for a run that is no translation or has no checkpoint, CorruptError for a damaged one.
    """
    s = config.load(run.config)
    tokenizers = load_tokenizers(run, s.data)
    prefix = "ema" if s.optimisation.ema else "weights"
    found = checkpoint.best(run, only=(f"{prefix}.",)) if checkpoint.list_paths(run) else None
    if found is None:
        raise UsageError(f"Run '{run.name}' has no checkpoint yet; 'lstmtui resume {run.name}' trains it.")
    where = f"The checkpoint of step {found.step}"
    check_identity(found.about.get("identity"), identity_of(s, tokenizers), where)
    sizes = sizes_of(s, tokenizers)
    weights = Arena(parameters(sizes))
    checkpoint.restore(weights.views, found.tensors, prefix, where)
    return Translator(
        sizes, weights, tokenizers, Compute(CPU.resolve_precision(s.run.precision, np.float32), s.run.threads)
    )
