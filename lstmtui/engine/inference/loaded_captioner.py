"""A trained caption run, loaded for use: its tokenizer, and the weights that evaluate best."""

from __future__ import annotations

from typing import Any

import numpy as np

from lstmtui import config
from lstmtui.config import RunSettings
from lstmtui.data.tokens import Tokenizer
from lstmtui.data.tokens import load as load_tokenizer
from lstmtui.engine.backend import CPU
from lstmtui.engine.checkpoint_identity import identity
from lstmtui.engine.inference.best_weights import load_best_weights, require_checkpoint
from lstmtui.engine.inference.captioner import Captioner
from lstmtui.engine.nn.caption_model import CaptionSizes, parameters
from lstmtui.engine.nn.linear import Compute
from lstmtui.engine.nn.picture_encoder import Grid
from lstmtui.errors import UsageError
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.reader import status_number

LONGEST = "longest_caption"
"""The field of the status with the tokens of the longest training caption."""
USUAL_LONGEST = 50
"""What is taken where the status does not say."""
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
    return identity(s, tokenizer, settings=SHAPE_SETTINGS)


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
    longest = int(status_number(run, LONGEST, USUAL_LONGEST))
    return Captioner(s.pictures, sizes, weights, tokenizer, compute, longest=longest)
