"""A trained caption run, loaded for use: its tokenizer, and the weights that evaluate best."""

from __future__ import annotations

from typing import Any

import numpy as np

from lstmtui import config
from lstmtui.common.files import read_json
from lstmtui.config import RunSettings
from lstmtui.data.tokens import Tokenizer
from lstmtui.data.tokens import load as load_tokenizer
from lstmtui.engine.backend import CPU
from lstmtui.engine.inference.best_weights import load_best_weights, require_checkpoint
from lstmtui.engine.inference.captioner import Captioner
from lstmtui.engine.nn.caption_model import CaptionSizes, parameters
from lstmtui.engine.nn.linear import Compute
from lstmtui.engine.nn.picture_encoder import Grid
from lstmtui.errors import CorruptError, UsageError
from lstmtui.runs.folder import RunFolder

LONGEST = "longest_caption"
"""The field of the status with the tokens of the longest training caption."""
USUAL_LONGEST = 50
SHAPE_SETTINGS = ("cell", "layers", "hidden", "embedding", "optimizer", "side", "patch", "vectors", "vector_size")


def sizes_of(s: RunSettings, tokenizer: Tokenizer) -> CaptionSizes:
    """Return the sizes of a run's model: its layers are those of the encoder, the decoder has one in each stack."""
    return CaptionSizes(
        grid=Grid(*s.pictures.grid), vector=s.pictures.vector_size, target_vocabulary=tokenizer.size,
        cell=s.network.cell, embedding=s.network.embedding, hidden=s.network.hidden, attention=s.network.hidden,
        encoder_layers=s.network.layers, forget_bias=s.network.forget_bias,
    )  # fmt: skip


def identity_of(s: RunSettings, tokenizer: Tokenizer) -> dict[str, Any]:
    """Return the settings that determine the shapes of tensors and what they read, and the tokenizer's digest."""
    return {**{name: s.value(name) for name in SHAPE_SETTINGS}, "tokenizer": tokenizer.digest()}


def load(run: RunFolder) -> Captioner:
    """Return the captioner of the run's best checkpoint, or of its newest.

    Raises UsageError for a run that was not trained for captions or has no checkpoint, CorruptError for a damaged one.
    """
    s = config.load(run.config)
    if s.data.purpose != "captions":
        raise UsageError(f"Run '{run.name}' was trained for {s.data.purpose}, not for captions.")
    require_checkpoint(run)
    tokenizer = load_tokenizer(run.tokenizer)
    sizes = sizes_of(s, tokenizer)
    _, weights = load_best_weights(run, s, parameters(sizes), identity_of(s, tokenizer))
    compute = Compute(CPU.resolve_precision(s.run.precision, np.float32), s.run.threads)
    return Captioner(s.pictures, sizes, weights, tokenizer, compute, longest=_longest_caption(run))


def _longest_caption(run: RunFolder) -> int:
    """Return the tokens of the longest training caption; a usual number where the status does not say."""
    try:
        found = (read_json(run.status) or {}).get(LONGEST)
    except CorruptError:
        found = None
    return found if isinstance(found, int) and found > 0 else USUAL_LONGEST
