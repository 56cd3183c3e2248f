"""Reads texts with a language model, for `unit_inspector`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from lstmtui.data.corpus import Dataset
from lstmtui.engine.analysis.gradient_flow import LAGS, GradientFlow
from lstmtui.engine.backend import CELLS, Cell
from lstmtui.engine.inference.loaded_model import LoadedModel
from lstmtui.engine.inference.sampler import prompt_tokens
from lstmtui.engine.nn.language_model import LanguageModel
from lstmtui.engine.services.reading import DEFAULT_TOKENS, MAX_TOKENS, Layer, Reading, Side, parts_of
from lstmtui.engine.tasks.run_corpus import stored_corpus
from lstmtui.reports.gradient_flow import Flow

Array = np.ndarray[Any, Any]

CHUNK = 64
TEXT = "text"
"""The only side of a text."""


class LanguageReader:
    """Reads with one model; a `Reader`."""

    def __init__(self, model: LoadedModel) -> None:
        self._model = model
        self._network: LanguageModel | None = None
        self._data: Dataset | None = None

    @property
    def cell(self) -> Cell:
        """The recurrent cell."""
        return CELLS[self._model.settings.network.cell]

    @property
    def layers(self) -> int:
        """The number of layers."""
        return self._model.settings.network.layers

    @property
    def units(self) -> int:
        """Units of a layer."""
        return self._model.settings.network.hidden

    @property
    def step(self) -> int:
        """That of the checkpoint."""
        return self._model.step

    def flow(self, lags: int) -> Flow:
        """Return the gradient flow on the run's validation text. Raises UsageError."""
        model = self._model
        tokens, threads = self._corpus_tokens(), model.settings.run.threads
        return GradientFlow(model.settings, model.weights, tokens, lags=lags, threads=threads).measure(model.step)

    def _corpus_tokens(self) -> Array:
        """Return the tokens of the run's validation text, or of its training text. Raises UsageError."""
        if self._data is None:
            self._data = stored_corpus(self._model.run, self._model.settings)
        data = self._data
        return np.asarray(data.valid.tokens if len(data.valid.tokens) > LAGS else data.train.tokens)

    def _get_network(self) -> LanguageModel:
        if self._network is None:
            model = self._model
            self._network = LanguageModel(model.settings, model.weights, CHUNK, 1, threads=1, backward=False)
        return self._network

    def read(self, text: str) -> Reading:
        """Read a text; without one, the beginning of the run's validation text. Raises UsageError."""
        tokens = prompt_tokens(self._model.tokenizer, text) if text else self._corpus_tokens()[:DEFAULT_TOKENS]
        cut = len(tokens) > MAX_TOKENS
        tokens = np.array(tokens[:MAX_TOKENS], np.int32)
        network, N, parts = self._get_network(), len(tokens), parts_of(self.cell)
        values = np.zeros((network.recurrent.depth, len(parts), N, self.units), np.float16)
        bits: list[float | None] = [None] * N
        padded = np.zeros((-(-(N + 1) // CHUNK) * CHUNK, 1), np.int32)
        padded[:N, 0] = tokens
        network.reset()
        for start in range(0, N, CHUNK):
            end = min(N, start + CHUNK)
            following = np.zeros((CHUNK, 1), np.int32)
            following[: min(CHUNK, len(padded) - start - 1)] = padded[start + 1 : start + 1 + CHUNK]
            nll = network.evaluate(padded[start : start + CHUNK], following)
            for k, layer_values in enumerate(values):
                for part, computed in network.recurrent.values(k).items():
                    layer_values[parts.index(part), start:end] = computed[: end - start, 0]
            for t in range(start, min(end, N - 1)):
                bits[t + 1] = round(float(nll[t - start]) / math.log(2), 3)
            network.carry()
        side = Side(tokens, self._pieces(tokens), bits, self._token_text)
        return Reading(text, {TEXT: side}, [Layer(TEXT, of_layer) for of_layer in values], cut)

    def _pieces(self, tokens: Array) -> list[str]:
        separator = self._model.tokenizer.joiner.decode()
        pieces = [self._token_text(int(token)) for token in tokens]
        return [piece if piece == "\n" or not separator else piece + separator for piece in pieces]

    def _token_text(self, token: int) -> str:
        return self._model.tokenizer.token_bytes(token).decode("utf-8", "replace")
