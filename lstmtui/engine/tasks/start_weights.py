"""The first weights of a run that begins with the network of another one.

A token that the other vocabulary has keeps its rows of the embedding and the softmax. A new word begins as what the
network has taken it for, `<unk>`: with its rows, and with the part of its probability that the word has in the new
text. New characters, which no text had before, begin as in a new network.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lstmtui import config
from lstmtui.data.tokens import FILE, Tokenizer, Words, carried_ids, load
from lstmtui.engine.checkpoint_identity import identity
from lstmtui.engine.inference.best_weights import load_best_weights
from lstmtui.engine.nn.params import parameters
from lstmtui.runs.folder import RunFolder

Array = np.ndarray[Any, Any]
BIAS = "softmax.b"
TABLES = ("embedding", "softmax.W", BIAS)
"""Parameters with a row for each token; tied weights have no softmax.W."""


def take_over(views: Mapping[str, Array], tokenizer: Tokenizer, start: Path, log_frequencies: Array) -> None:
    """Write the best weights of the run in the folder `start` over the initial ones.

    views             the parameters of the new network by name, on the host
    log_frequencies   (V,) of the tokens in the training text
    Raises UsageError where the run has no checkpoint, CorruptError for a damaged one.
    """
    run = RunFolder(start)
    settings, before = config.load(run.config), load(start / FILE)
    _, weights = load_best_weights(run, settings, parameters(settings, before.size), identity(settings, before))
    ids = carried_ids(before, tokenizer)
    kept, new = ids >= 0, np.flatnonzero(ids < 0)
    for name, view in views.items():
        if name not in TABLES:
            view[...] = weights[name]
            continue
        view[kept] = weights[name][ids[kept]]
        if isinstance(tokenizer, Words):
            view[new] = weights[name][before.unk]
    if isinstance(tokenizer, Words) and len(new):
        unknown = [tokenizer.unk, *new]
        share = log_frequencies[unknown] - np.logaddexp.reduce(log_frequencies[unknown])
        views[BIAS][unknown] = weights[BIAS][before.unk] + share
    elif len(new):
        views[BIAS][new] = log_frequencies[new]
