"""What every unit does while a text is read, asked through `lstmtui.engine.services.serve` (which takes `operations`).

    {"op": "inspect", "text"}                                     what was read, and what there is to see
    {"op": "inspect_unit", "text", "layer", "unit"}               every gate and state of one unit
    {"op": "inspect_units", "text", "layer", "part"}              one gate or state of all units, and figures of each
    {"op": "inspect_span", "text", "layer", "part", "first", "last"}   where else the units of a span are on
    {"op": "gradients", "lags"}                                   the gradient flow of these weights

The text read last is kept with everything that was computed, so that the questions after the first are quick. No text
stands for the beginning of the run's validation text. The way of looking is that of Karpathy, Johnson and Li
2015, arXiv:1506.02078, and of LSTMVis, Strobelt et al. 2018, arXiv:1606.07461.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from lstmtui.data.corpus import Dataset
from lstmtui.engine.analysis.gradient_flow import LAGS, GradientFlow
from lstmtui.engine.inference.loaded_model import Trained
from lstmtui.engine.inference.sampler import opening
from lstmtui.engine.nn.language_model import Network
from lstmtui.engine.training.setup import stored_corpus
from lstmtui.errors import UsageError

Array = np.ndarray[Any, Any]
Answers = Iterator[dict[str, Any]]

LONGEST = 4000
"""Tokens of a text that are read."""
BEGINNING = 1500
"""Tokens of the run's own text that stand for no text."""
CHUNK = 64
OFTEN = 5
"""How often a token must occur for a unit to be called selective for it."""
SPAN_UNITS = 24
"""Most units that a span is looked for by; those that are on most surely."""
MATCHES = 50


@dataclass(frozen=True, slots=True)
class Reading:
    """A text and what it did to the network."""

    text: str
    tokens: Array
    """(N,) int32."""
    values: Array
    """(L, P, N, H) float16: the gates after their nonlinearity, then the states, as in `parts`."""
    bits: list[float | None]
    """How surprising each token was; None for the first."""
    cut: bool
    """Whether the text was longer than what is looked at."""


class Inspector:
    """Reads texts with one model, and answers about the one it read last."""

    def __init__(self, trained: Trained) -> None:
        self._trained = trained
        self._network: Network | None = None
        self._reading: Reading | None = None
        self._data: Dataset | None = None

    @property
    def parts(self) -> tuple[str, ...]:
        """The gates in their order, then the states, h last."""
        cell = self._net().cell
        return tuple(dict.fromkeys((*cell.gate_names, *cell.states[1:], "h")))

    # --- questions ------------------------------------------------------------------------------------------------

    def overview(self, text: str = "") -> Answers:
        """Read `text`; answer with its pieces and their surprise, and with what there is to see."""
        reading = self._read(text)
        s, tokenizer = self._trained.settings, self._trained.tokenizer
        glue = tokenizer.joiner.decode()
        pieces = [tokenizer.token_bytes(int(t)).decode("utf-8", "replace") for t in reading.tokens]
        yield {
            "pieces": [p if p == "\n" or not glue else p + glue for p in pieces],
            "bits": reading.bits,
            "cut": reading.cut,
            "parts": list(self.parts),
            "squashed": list(self._squashed()),
            "layers": s.layers,
            "units": s.hidden,
            "step": self._trained.step,
            "cell": s.cell,
        }

    def unit(self, layer: int, unit: int, text: str = "") -> Answers:
        """Answer with every part of one unit, {part: [value after each token]}, and the largest of its layer."""
        reading = self._read(text)
        self._check(layer, unit=unit)
        found = reading.values[layer, :, :, unit].astype(np.float64).round(4)
        largest = np.abs(reading.values[layer]).max(axis=(1, 2)).astype(np.float64)
        yield {
            "layer": layer,
            "unit": unit,
            "values": dict(zip(self.parts, found.tolist(), strict=True)),
            "largest": dict(zip(self.parts, largest.tolist(), strict=True)),
        }

    def units(self, layer: int, part: str, text: str = "") -> Answers:
        """Answer with one part of all units, (H, N) in base64 of int8 times `scale`, and with figures of each."""
        reading = self._read(text)
        values = reading.values[layer, self._check(layer, part)].astype(np.float32)  # (N, H)
        scale = max(1.0, float(np.abs(values).max())) / 127
        coded = np.ascontiguousarray(np.rint(values.T / scale).astype(np.int8))
        selective, token = selectivity(values, reading.tokens)
        piece = self._trained.tokenizer.token_bytes
        yield {
            "layer": layer,
            "part": part,
            "scale": scale,
            "map": base64.b64encode(coded.tobytes()).decode(),
            "selectivity": selective.round(3).tolist(),
            "token": [piece(int(t)).decode("utf-8", "replace") if t >= 0 else "" for t in token],
            "spread": values.std(axis=0).round(4).tolist(),
            "slowness": slowness(values).round(4).tolist(),
        }

    def span(
        self, layer: int, part: str, first: int, last: int, text: str = "", threshold: float | None = None
    ) -> Answers:
        """Answer with the units that are on all through tokens first ... last, and with where they are again.

        On is what lies beyond +-threshold; without one, beyond what half the values of this part stay within.
        """
        reading = self._read(text)
        values = reading.values[layer, self._check(layer, part)].astype(np.float32)
        if not 0 <= first <= last < len(values):
            raise UsageError(f"The span must lie within the text's {len(values)} tokens.")
        if part in self._squashed():  # shut is -1, open is 1
            values = 2 * values - 1
        elif part not in self._bounded():  # measured by what reaches h
            values = np.tanh(values)
        if threshold is None:
            threshold = max(0.02, float(np.quantile(np.abs(values), 0.5)))
        units, signs = on_in_span(values, first, last, threshold)
        found = places(values, units, signs, first, last, threshold) if len(units) else []
        yield {
            "units": units.tolist(),
            "signs": signs.astype(int).tolist(),
            "threshold": round(threshold, 3),
            "places": [{"first": a, "last": b, "share": round(share, 3)} for a, b, share in found[:MATCHES]],
        }

    def gradients(self, lags: int = LAGS) -> Answers:
        """Answer with the gradient flow on the run's validation text, as `reports.gradient_flow.Flow` has it."""
        t = self._trained
        if not isinstance(lags, int) or not 1 <= lags <= 2000:
            raise UsageError(f"The number of lags must be from 1 to 2000, not {lags}.")
        flow = GradientFlow(t.settings, t.weights, self._text(), lags=lags, threads=t.settings.threads or 1)
        found = flow.measure(t.step).arrays()
        yield {key: value.tolist() if isinstance(value, np.ndarray) else value for key, value in found.items()}

    # --- reading --------------------------------------------------------------------------------------------------

    def _text(self) -> Array:
        """Return the tokens of the run's validation text, or of its training text. Raises UsageError."""
        if self._data is None:
            self._data = stored_corpus(self._trained.run, self._trained.settings)
        data = self._data
        return np.asarray(data.valid.tokens if len(data.valid.tokens) > LAGS else data.train.tokens)

    def _squashed(self) -> tuple[str, ...]:
        """Return the gates that lie between 0 and 1."""
        return tuple(gate.name for gate in self._net().cell.gates if gate.bounds == (0.0, 1.0))

    def _bounded(self) -> tuple[str, ...]:
        """Return the gates and states that have bounds."""
        return ("h", *(gate.name for gate in self._net().cell.gates if gate.bounds is not None))

    def _net(self) -> Network:
        if self._network is None:
            t = self._trained
            self._network = Network(t.settings, t.weights, CHUNK, 1, threads=1, backward=False)
        return self._network

    def _read(self, text: str) -> Reading:
        """Return the reading of `text`, made now unless it is the one made last."""
        if not isinstance(text, str):
            raise UsageError("The text to inspect must be a text.")
        if self._reading is not None and self._reading.text == text:
            return self._reading
        tokens = opening(self._trained.tokenizer, text) if text else self._text()[:BEGINNING]
        cut = len(tokens) > LONGEST
        tokens = np.array(tokens[:LONGEST], np.int32)
        network, N = self._net(), len(tokens)
        H, parts = self._trained.settings.hidden or 0, self.parts
        values = np.zeros((network.stack.depth, len(parts), N, H), np.float16)
        bits: list[float | None] = [None] * N
        padded = np.zeros((-(-(N + 1) // CHUNK) * CHUNK, 1), np.int32)
        padded[:N, 0] = tokens
        network.reset()
        for start in range(0, N, CHUNK):
            end = min(N, start + CHUNK)
            following = np.zeros((CHUNK, 1), np.int32)
            following[: min(CHUNK, len(padded) - start - 1)] = padded[start + 1 : start + 1 + CHUNK]
            nll = network.evaluate(padded[start : start + CHUNK], following)
            for k, seen in enumerate(values):
                for part, of_part in network.stack.values(k).items():
                    seen[parts.index(part), start:end] = of_part[: end - start, 0]
            for t in range(start, min(end, N - 1)):
                bits[t + 1] = round(float(nll[t - start]) / math.log(2), 3)
            network.carry()
        self._reading = Reading(text, tokens, values, bits, cut)
        return self._reading

    def _check(self, layer: int, part: str | None = None, unit: int = 0) -> int:
        """Return the place of `part`. Raises UsageError for a layer, part or unit that the network does not have."""
        s = self._trained.settings
        for name, given, most in (("layer", layer, s.layers or 1), ("unit", unit, s.hidden or 1)):
            if not isinstance(given, int) or not 0 <= given < most:
                raise UsageError(f"There is no {name} {given}; they are numbered from 0 to {most - 1}.")
        if part is not None and part not in self.parts:
            raise UsageError(f"There is no gate or state {part!r} in this cell; it has {', '.join(self.parts)}.")
        return self.parts.index(part) if part is not None else 0


def selectivity(values: Array, tokens: Array) -> tuple[Array, Array]:
    """Return for each unit how far one token sets it apart (H,), and which (H,); -1 where no token occurs OFTEN.

    values (N, H), tokens (N,). The distance between a unit's mean after a token and its mean after all others, in the
    sum of both spreads; 0.05 is added to the spreads, so that a unit that hardly moves is not called selective.
    """
    N, H = values.shape
    best, which = np.zeros(H, np.float32), np.full(H, -1, np.int64)
    total, squares = values.sum(axis=0), np.square(values).sum(axis=0)
    for token in np.unique(tokens):
        rows = values[tokens == token]
        n, rest = len(rows), N - len(rows)
        if n < OFTEN or rest < OFTEN:
            continue
        s, q = rows.sum(axis=0), np.square(rows).sum(axis=0)
        mean, other = s / n, (total - s) / rest
        spread = np.sqrt(np.maximum(q / n - mean**2, 0)) + np.sqrt(np.maximum((squares - q) / rest - other**2, 0))
        apart = np.abs(mean - other) / (spread + 0.05)
        better = apart > best
        best[better], which[better] = apart[better], token
    return best, which


def slowness(values: Array) -> Array:
    """Return the correlation (H,) of each unit with itself one token earlier: near 1 for units that hold on."""
    if len(values) < 3:
        return np.zeros(values.shape[1], np.float32)
    centred = values - values.mean(axis=0)
    return np.asarray((centred[1:] * centred[:-1]).sum(axis=0) / np.maximum(np.square(centred).sum(axis=0), 1e-9))


def on_in_span(values: Array, first: int, last: int, threshold: float) -> tuple[Array, Array]:
    """Return the units that stay beyond +-threshold from `first` to `last`, and their signs, the surest first.

    Of units that are so nearly everywhere, none says anything about a span: those on in 4 of 5 tokens are left out.
    """
    span = values[first : last + 1]
    low, high = span.min(axis=0), span.max(axis=0)
    signs = np.where(low >= threshold, 1, np.where(high <= -threshold, -1, 0))
    everywhere = (values * signs >= threshold).mean(axis=0) > 0.8
    units = np.flatnonzero((signs != 0) & ~everywhere)
    surest = np.minimum(np.abs(low), np.abs(high))[units]
    units = units[np.argsort(-surest, kind="stable")][:SPAN_UNITS]
    return units, signs[units]


def places(
    values: Array, units: Array, signs: Array, first: int, last: int, threshold: float
) -> list[tuple[int, int, float]]:
    """Return the stretches (first, last, share) where most of `units` are on as they are in the span, best first.

    A stretch is a run of tokens at each of which at least three quarters of the units are on; `share` is their mean
    part over the stretch. Stretches as long as the span come before those that are not.
    """
    share = (values[:, units] * signs >= threshold).mean(axis=1)
    on = np.concatenate(([False], share >= 0.75, [False]))
    starts, ends = np.flatnonzero(on[1:] & ~on[:-1]), np.flatnonzero(~on[1:] & on[:-1]) - 1
    found = [
        (int(a), int(b), float(share[a : b + 1].mean()))
        for a, b in zip(starts, ends, strict=True)
        if b < first or a > last
    ]
    wanted = last - first + 1
    return sorted(found, key=lambda place: (-min(place[1] - place[0] + 1, wanted), -place[2], place[0]))


def operations(trained: Trained) -> dict[str, Callable[..., Answers]]:
    """Return what a model can be asked about its inside, by the name of the request."""
    inspector = Inspector(trained)
    return {
        "inspect": inspector.overview,
        "inspect_unit": inspector.unit,
        "inspect_units": inspector.units,
        "inspect_span": inspector.span,
        "gradients": inspector.gradients,
    }
