"""A trained speech run, loaded for use: its tokenizer, its statistics, and the weights that evaluate best."""

from __future__ import annotations

from typing import Any

import numpy as np

from lstmtui import config
from lstmtui.common.files import exists
from lstmtui.config import RunSettings
from lstmtui.data.feature_file import Statistics, load_statistics
from lstmtui.data.tokens import Tokenizer
from lstmtui.data.tokens import load as load_tokenizer
from lstmtui.engine.backend import CPU
from lstmtui.engine.checkpoint_identity import identity
from lstmtui.engine.inference.best_weights import load_best_weights, require_checkpoint
from lstmtui.engine.inference.transcriber import MAX_PIECE, Transcriber
from lstmtui.engine.nn.linear import Compute
from lstmtui.engine.nn.speech_model import SpeechSizes, parameters
from lstmtui.errors import UsageError
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.reader import status_number

STATISTICS = "feature_statistics.json"
"""The file in the run folder with the statistics of the training features."""
LONGEST = "longest_seconds"
"""The field of the status with the seconds of the longest training recording."""
SHAPE_SETTINGS = ("cell", "layers", "hidden", "embedding", "optimizer", "sample_rate", "mel", "stack", "directions")


def sizes_of(s: RunSettings, tokenizer: Tokenizer) -> SpeechSizes:
    """Return the sizes of a run's model: label 0 is the blank, label n + 1 token n."""
    return SpeechSizes(
        features=s.speech.inputs, vocabulary=tokenizer.size + 1, cell=s.network.cell, embedding=s.network.embedding,
        hidden=s.network.hidden, layers=s.network.layers, both=s.speech.directions == "both",
        forget_bias=s.network.forget_bias,
    )  # fmt: skip


def identity_of(s: RunSettings, tokenizer: Tokenizer) -> dict[str, Any]:
    """Return the settings that determine the shapes of tensors and what they read, and the tokenizer's digest."""
    return identity(s, tokenizer, settings=SHAPE_SETTINGS)


def statistics_of(run: RunFolder, s: RunSettings) -> Statistics | None:
    """Return the statistics of a run's training features. Raises CorruptError.

    The first runs of both directions were normalised by the utterance alone, and have none.
    """
    has_none = s.speech.directions == "both" and not exists(run.path / STATISTICS)
    return None if has_none else load_statistics(run.path / STATISTICS)


def load(run: RunFolder) -> Transcriber:
    """Return the transcriber of the run's best checkpoint, or of its newest.

    Raises UsageError for a run that was not trained for speech or has no checkpoint, CorruptError for a damaged one.
    """
    s = config.load(run.config)
    if s.data.purpose != "speech":
        raise UsageError(f"Run '{run.name}' was trained for {s.data.purpose}, not for speech: it transcribes nothing.")
    require_checkpoint(run)
    tokenizer = load_tokenizer(run.tokenizer)
    sizes = sizes_of(s, tokenizer)
    _, weights = load_best_weights(run, s, parameters(sizes), identity_of(s, tokenizer))
    statistics = statistics_of(run, s)
    compute = Compute(CPU.resolve_precision(s.run.precision, np.float32), s.run.threads)
    longest = float(status_number(run, LONGEST, MAX_PIECE))
    return Transcriber(s.speech, sizes, weights, tokenizer, compute, statistics=statistics, longest=longest)
