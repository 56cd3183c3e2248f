"""The activations of every unit while a text is read: operations of `lstmtui.engine.services.serve`.

    {"op": "inspect", "text"}                                     the tokens, their surprise, the gates and states
    {"op": "inspect_unit", "text", "layer", "unit"}               every gate and state of one unit
    {"op": "inspect_units", "text", "layer", "part"}              one gate or state of all units, with statistics
    {"op": "inspect_span", "text", "layer", "part", "first", "last"}   other places where the units of a span are on
    {"op": "gradients", "lags"}                                   the gradient flow of these weights

The activations of the last text are cached for further requests. Without a text, the beginning of the run's validation
text is read. Source: Karpathy, Johnson and Li 2015, arXiv:1506.02078; LSTMVis, Strobelt et al. 2018, arXiv:1606.07461.
"""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from lstmtui.data.corpus import Dataset
from lstmtui.engine.analysis.gradient_flow import LAGS, GradientFlow
from lstmtui.engine.analysis.unit_statistics import selectivity, similar_spans, slowness, units_on_in_span
from lstmtui.engine.answering import Answers, Operation
from lstmtui.engine.inference.loaded_model import LoadedModel
from lstmtui.engine.inference.sampler import prompt_tokens
from lstmtui.engine.nn.language_model import LanguageModel
from lstmtui.engine.tasks.run_corpus import stored_corpus
from lstmtui.errors import UsageError

Array = np.ndarray[Any, Any]

MAX_TOKENS = 4000
"""Tokens of a text that are read."""
DEFAULT_TOKENS = 1500
"""Tokens of the validation text that are read where no text is given."""
CHUNK = 64
MAX_LAGS = 2000
MAX_SPANS = 50


@dataclass(frozen=True, slots=True)
class Activations:
    """A text and what the network computed over it."""

    text: str
    tokens: Array
    """(N,) int32."""
    values: Array
    """(L, P, N, H) float16: the gates after their nonlinearity, then the states, as in `parts`."""
    bits: list[float | None]
    """The surprise of each token; None for the first."""
    cut: bool
    """Whether the text was longer than MAX_TOKENS."""


class Inspector:
    """Reads texts with one model, and answers requests about the last one."""

    def __init__(self, model: LoadedModel) -> None:
        self._model = model
        self._network: LanguageModel | None = None
        self._activations: Activations | None = None
        self._data: Dataset | None = None

    @property
    def parts(self) -> tuple[str, ...]:
        """The gates in their order, then the states, h last."""
        cell = self._get_network().cell
        return tuple(dict.fromkeys((*cell.gate_names, *cell.states[1:], "h")))

    # --- operations -----------------------------------------------------------------------------------------------

    def overview(self, text: str = "") -> Answers:
        """Answer with the tokens of `text`, their surprise, and the layers, units, gates and states of the network."""
        activations = self._read(text)
        s, tokenizer = self._model.settings, self._model.tokenizer
        separator = tokenizer.joiner.decode()
        pieces = [tokenizer.token_bytes(int(t)).decode("utf-8", "replace") for t in activations.tokens]
        yield {
            "pieces": [p if p == "\n" or not separator else p + separator for p in pieces],
            "bits": activations.bits,
            "cut": activations.cut,
            "parts": list(self.parts),
            "squashed": list(self._sigmoid_gates()),
            "layers": s.network.layers,
            "units": s.network.hidden,
            "step": self._model.step,
            "cell": s.network.cell,
        }

    def unit(self, layer: int, unit: int, text: str = "") -> Answers:
        """Answer with every part of one unit, {part: [value after each token]}, and the largest of its layer."""
        activations = self._read(text)
        self._check(layer, unit=unit)
        found = activations.values[layer, :, :, unit].astype(np.float64).round(4)
        largest = np.abs(activations.values[layer]).max(axis=(1, 2)).astype(np.float64)
        yield {
            "layer": layer,
            "unit": unit,
            "values": dict(zip(self.parts, found.tolist(), strict=True)),
            "largest": dict(zip(self.parts, largest.tolist(), strict=True)),
        }

    def units(self, layer: int, part: str, text: str = "") -> Answers:
        """Answer with one part of all units, (H, N) int8 in base64 in units of `scale`, and with statistics of each."""
        activations = self._read(text)
        values = activations.values[layer, self._check(layer, part)].astype(np.float32)  # (N, H)
        scale = max(1.0, float(np.abs(values).max())) / 127
        coded = np.ascontiguousarray(np.rint(values.T / scale).astype(np.int8))
        selective, best_token = selectivity(values, activations.tokens)
        token_bytes = self._model.tokenizer.token_bytes
        yield {
            "layer": layer,
            "part": part,
            "scale": scale,
            "map": base64.b64encode(coded.tobytes()).decode(),
            "selectivity": selective.round(3).tolist(),
            "token": [token_bytes(int(t)).decode("utf-8", "replace") if t >= 0 else "" for t in best_token],
            "spread": values.std(axis=0).round(4).tolist(),
            "slowness": slowness(values).round(4).tolist(),
        }

    def span(
        self, layer: int, part: str, first: int, last: int, text: str = "", threshold: float | None = None
    ) -> Answers:
        """Answer with the units that are on at every token from `first` to `last`, and with other such spans.

        A unit is on beyond +-threshold; by default, the median magnitude of this part.
        """
        activations = self._read(text)
        values = activations.values[layer, self._check(layer, part)].astype(np.float32)
        if not 0 <= first <= last < len(values):
            raise UsageError(f"The span must lie within the text's {len(values)} tokens.")
        if part in self._sigmoid_gates():  # closed is -1, open is 1
            values = 2 * values - 1
        elif part not in self._bounded_parts():  # measured by what reaches h
            values = np.tanh(values)
        if threshold is None:
            threshold = max(0.02, float(np.quantile(np.abs(values), 0.5)))
        units, signs = units_on_in_span(values, first, last, threshold)
        spans = similar_spans(values, units, signs, first, last, threshold) if len(units) else []
        yield {
            "units": units.tolist(),
            "signs": signs.astype(int).tolist(),
            "threshold": round(threshold, 3),
            "places": [{"first": a, "last": b, "share": round(share, 3)} for a, b, share in spans[:MAX_SPANS]],
        }

    def gradients(self, lags: int = LAGS) -> Answers:
        """Answer with the gradient flow on the run's validation text, as `reports.gradient_flow.Flow` has it."""
        model = self._model
        if not 1 <= lags <= MAX_LAGS:
            raise UsageError(f"The number of lags must be from 1 to {MAX_LAGS}, not {lags}.")
        tokens, threads = self._corpus_tokens(), model.settings.run.threads
        flow = GradientFlow(model.settings, model.weights, tokens, lags=lags, threads=threads)
        found = flow.measure(model.step).arrays()
        yield {key: value.tolist() if isinstance(value, np.ndarray) else value for key, value in found.items()}

    # --- reading --------------------------------------------------------------------------------------------------

    def _corpus_tokens(self) -> Array:
        """Return the tokens of the run's validation text, or of its training text. Raises UsageError."""
        if self._data is None:
            self._data = stored_corpus(self._model.run, self._model.settings)
        data = self._data
        return np.asarray(data.valid.tokens if len(data.valid.tokens) > LAGS else data.train.tokens)

    def _sigmoid_gates(self) -> tuple[str, ...]:
        """Return the gates between 0 and 1."""
        return tuple(gate.name for gate in self._get_network().cell.gates if gate.bounds == (0.0, 1.0))

    def _bounded_parts(self) -> tuple[str, ...]:
        """Return the gates and states that are bounded."""
        return ("h", *(gate.name for gate in self._get_network().cell.gates if gate.bounds is not None))

    def _get_network(self) -> LanguageModel:
        if self._network is None:
            model = self._model
            self._network = LanguageModel(model.settings, model.weights, CHUNK, 1, threads=1, backward=False)
        return self._network

    def _read(self, text: str) -> Activations:
        """Return the activations over `text`, computed unless it is the last text."""
        if self._activations is not None and self._activations.text == text:
            return self._activations
        tokens = prompt_tokens(self._model.tokenizer, text) if text else self._corpus_tokens()[:DEFAULT_TOKENS]
        cut = len(tokens) > MAX_TOKENS
        tokens = np.array(tokens[:MAX_TOKENS], np.int32)
        network, N = self._get_network(), len(tokens)
        H, parts = self._model.settings.network.hidden, self.parts
        values = np.zeros((network.recurrent.depth, len(parts), N, H), np.float16)
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
        self._activations = Activations(text, tokens, values, bits, cut)
        return self._activations

    def _check(self, layer: int, part: str | None = None, unit: int = 0) -> int:
        """Return the index of `part`. Raises UsageError for a layer, part or unit that the network does not have."""
        s = self._model.settings
        for name, given, count in (("layer", layer, s.network.layers), ("unit", unit, s.network.hidden)):
            if not 0 <= given < count:
                raise UsageError(f"There is no {name} {given}; they are numbered from 0 to {count - 1}.")
        if part is not None and part not in self.parts:
            raise UsageError(f"There is no gate or state {part!r} in this cell; it has {', '.join(self.parts)}.")
        return self.parts.index(part) if part is not None else 0


def operations(model: LoadedModel) -> dict[str, Operation]:
    """Return the operations that inspect `model`, by name."""
    inspector = Inspector(model)
    return {
        "inspect": inspector.overview,
        "inspect_unit": inspector.unit,
        "inspect_units": inspector.units,
        "inspect_span": inspector.span,
        "gradients": inspector.gradients,
    }
