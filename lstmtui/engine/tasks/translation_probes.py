"""What is stored of a translation model while it trains: attention and gates over one pair, saturation over a batch."""

from __future__ import annotations

from typing import Any

import numpy as np

from lstmtui.data.pair_batches import PairBatch, make_batch
from lstmtui.data.pair_files import PairData
from lstmtui.data.pairs import PairTokens
from lstmtui.engine.analysis import gate_statistics
from lstmtui.engine.analysis.translation_flow import TranslationFlow
from lstmtui.engine.analysis.translation_layers import SOURCE, TARGET, RealGates, window
from lstmtui.engine.inference.translator import surface_tokens
from lstmtui.engine.nn.params import Arena
from lstmtui.engine.nn.translation_buckets import TranslationBuckets
from lstmtui.engine.nn.translation_model import TranslationSizes
from lstmtui.errors import UsageError

END = "</s>"
"""How the end of a sentence is named."""
SHOWN_TOKENS = 9
"""Tokens of the pair that is shown, about: enough for an order of words, and few enough for a panel."""


class TranslationProbes:
    """Reads with one model; the pair that is shown stays the same, so that the probes of a run compare."""

    def __init__(self, model: TranslationBuckets, data: PairData) -> None:
        self._model = model
        self._tokens = data.train if data.valid is None else data.valid.tokens
        self._tokenizers = data.tokenizers
        self._shown = shown_pair(self._tokens)
        self._lines: tuple[str, str] | None = None
        if data.valid is not None:
            self._lines = data.valid.pairs.source[self._shown], data.valid.pairs.target[self._shown]

    def read_pair(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the arrays of an `AttentionProbe` and of a window of gates, over the reference of the pair."""
        batch = make_batch(self._tokens, np.array([self._shown]))
        self._model.evaluate(batch)
        model = self._model.model(batch)
        weights = model.alignment()[: len(batch.inputs), 0, : len(batch.source)]
        source, target = self._names()
        part = "training" if self._lines is None else "validation"
        attention = {"source": source, "target": target, "weights": weights.astype(np.float16), "part": part}
        read = {SOURCE: source, TARGET: [END, *target[:-1]]}  # the decoder reads the end before the first token
        return attention, window(model, batch, read.__getitem__)

    def saturation(self, batch: PairBatch) -> dict[str, Any]:
        """Return the saturation of the gates of every layer over the tokens of a batch, as arrays of a probe."""
        self._model.evaluate(batch)
        gates = RealGates(self._model.model(batch), batch)
        return {**gate_statistics.saturation(gates), "layer_names": gates.names}

    def _names(self) -> list[list[str]]:
        """Return the names of the tokens of both sides."""
        names, sides = [], (self._tokens.source, self._tokens.target)
        for side, tokenizer in enumerate(self._tokenizers):
            ids = sides[side][self._shown][:-1]
            line = tokenizer.text(ids) if self._lines is None else self._lines[side]
            names.append([*surface_tokens(line, ids, tokenizer), END])
        return names


def shown_pair(pairs: PairTokens) -> int:
    """Return the pair whose longer side is nearest to SHOWN_TOKENS, the first of several."""
    lengths = np.maximum(pairs.source.lengths, pairs.target.lengths) - 1  # without the ends
    return int(np.abs(lengths - SHOWN_TOKENS).argmin())


def flow_of(sizes: TranslationSizes, weights: Arena, data: PairData, threads: int) -> TranslationFlow | None:
    """Return a measurement on validation pairs, or on training pairs without any; None for too short ones."""
    pairs = data.train if data.valid is None else data.valid.tokens
    try:
        return TranslationFlow(sizes, weights, pairs, threads=threads)
    except UsageError:
        return None
