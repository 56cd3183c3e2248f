"""The activations of every unit while a text is read: operations of `lstmtui.engine.services.serve`.

    {"op": "inspect", "text"}                                     the tokens, their surprise, the gates and states
    {"op": "inspect_unit", "text", "layer", "unit"}               every gate and state of one unit
    {"op": "inspect_units", "text", "layer", "part"}              one gate or state of all units, with statistics
    {"op": "inspect_values", "text", "layer", "part"}             one gate or state of all units, for other programs
    {"op": "inspect_span", "text", "layer", "part", "first", "last"}   other places where the units of a span are on
    {"op": "gradients", "lags"}                                   the gradient flow of these weights

The activations of the last text are cached for further requests. Without a text, the beginning of the run's validation
text is read. Source: Karpathy, Johnson and Li 2015, arXiv:1506.02078; LSTMVis, Strobelt et al. 2018, arXiv:1606.07461.
"""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from lstmtui.engine.analysis.gradient_flow import LAGS
from lstmtui.engine.analysis.unit_statistics import selectivity, similar_spans, slowness, units_on_in_span
from lstmtui.engine.answering import Answers, Operation
from lstmtui.engine.services.reading import Reader, Reading, parts_of
from lstmtui.errors import UsageError

Array = np.ndarray[Any, Any]

MAX_LAGS = 2000
MAX_SPANS = 50


class Inspector:
    """Reads texts with one network, and answers requests about the last one."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._reading: Reading | None = None

    @property
    def parts(self) -> tuple[str, ...]:
        """The gates in their order, then the states, h last."""
        return parts_of(self._reader.cell)

    # --- operations -----------------------------------------------------------------------------------------------

    def overview(self, text: str = "") -> Answers:
        """Answer with the tokens of `text`, their surprise, and the layers, units, gates and states of the network.

        `pieces` and `bits` are those of the first layer; where layers have names, `layer_names` are these, `reads` is
        the side that each reads, `sides` the pieces and bits of each side, and `lines` what was read.
        """
        reading, reader = self._read(text), self._reader
        first = reading.sides[reading.layers[0].side]
        answer = {
            "pieces": first.pieces,
            "bits": first.bits,
            "cut": reading.cut,
            "parts": list(self.parts),
            "gates": list(self._reader.cell.gate_names),
            "squashed": list(self._sigmoid_gates()),
            "layers": reader.layers,
            "units": reader.units,
            "step": reader.step,
            "cell": reader.cell.name,
        }
        if reading.layers[0].name:
            answer["layer_names"] = [layer.name for layer in reading.layers]
            answer["lines"] = reading.lines
            answer["reads"] = [layer.side for layer in reading.layers]
            answer["sides"] = {name: {"pieces": side.pieces, "bits": side.bits} for name, side in reading.sides.items()}
        yield answer

    def unit(self, layer: int, unit: int, text: str = "") -> Answers:
        """Answer with every part of one unit, {part: [value after each token]}, and the largest of its layer."""
        self._check(layer, unit=unit)
        values = self._read(text).layers[layer].values
        found = values[:, :, unit].astype(np.float64).round(4)
        largest = np.abs(values).max(axis=(1, 2)).astype(np.float64)
        yield {
            "layer": layer,
            "unit": unit,
            "values": dict(zip(self.parts, found.tolist(), strict=True)),
            "largest": dict(zip(self.parts, largest.tolist(), strict=True)),
        }

    def units(self, layer: int, part: str, text: str = "") -> Answers:
        """Answer with one part of all units, (H, N) int8 in base64 in units of `scale`, and with statistics of each."""
        at, reading = self._check(layer, part), self._read(text)
        values = reading.layers[layer].values[at].astype(np.float32)  # (N, H)
        side = reading.sides[reading.layers[layer].side]
        scale = max(1.0, float(np.abs(values).max())) / 127
        coded = np.ascontiguousarray(np.rint(values.T / scale).astype(np.int8))
        selective, best_token = selectivity(values, side.tokens)
        yield {
            "layer": layer,
            "part": part,
            "scale": scale,
            "map": base64.b64encode(coded.tobytes()).decode(),
            "selectivity": selective.round(3).tolist(),
            "token": [side.token_text(int(t)) if t >= 0 else "" for t in best_token],
            "spread": values.std(axis=0).round(4).tolist(),
            "slowness": slowness(values).round(4).tolist(),
        }

    def values(self, layer: int, part: str, text: str = "") -> Answers:
        """Answer with one part of all units, `shape` (N, H) and `values`, float16 in base64."""
        at = self._check(layer, part)
        values = np.ascontiguousarray(self._read(text).layers[layer].values[at], "<f2")
        yield {"shape": list(values.shape), "values": base64.b64encode(values.tobytes()).decode()}

    def span(
        self, layer: int, part: str, first: int, last: int, text: str = "", threshold: float | None = None
    ) -> Answers:
        """Answer with the units that are on at every token from `first` to `last`, and with other such spans.

        A unit is on beyond +-threshold; by default, the median magnitude of this part.
        """
        at = self._check(layer, part)
        values = self._read(text).layers[layer].values[at].astype(np.float32)
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
        if not 1 <= lags <= MAX_LAGS:
            raise UsageError(f"The number of lags must be from 1 to {MAX_LAGS}, not {lags}.")
        found = self._reader.flow(lags).arrays()
        yield {key: value.tolist() if isinstance(value, np.ndarray) else value for key, value in found.items()}

    # --- reading --------------------------------------------------------------------------------------------------

    def _sigmoid_gates(self) -> tuple[str, ...]:
        """Return the gates between 0 and 1."""
        return tuple(gate.name for gate in self._reader.cell.gates if gate.bounds == (0.0, 1.0))

    def _bounded_parts(self) -> tuple[str, ...]:
        """Return the gates and states that are bounded."""
        return ("h", *(gate.name for gate in self._reader.cell.gates if gate.bounds is not None))

    def _read(self, text: str) -> Reading:
        """Return the activations over `text`, computed unless it is the last text."""
        if self._reading is None or self._reading.text != text:
            self._reading = self._reader.read(text)
        return self._reading

    def _check(self, layer: int, part: str | None = None, unit: int = 0) -> int:
        """Return the index of `part`. Raises UsageError for a layer, part or unit that the network does not have."""
        for name, given, count in (("layer", layer, self._reader.layers), ("unit", unit, self._reader.units)):
            if not 0 <= given < count:
                raise UsageError(f"There is no {name} {given}; they are numbered from 0 to {count - 1}.")
        if part is not None and part not in self.parts:
            raise UsageError(f"There is no gate or state {part!r} in this cell; it has {', '.join(self.parts)}.")
        return self.parts.index(part) if part is not None else 0


def operations(reader: Reader) -> dict[str, Operation]:
    """Return the operations that inspect a network, by name."""
    inspector = Inspector(reader)
    return {
        "inspect": inspector.overview,
        "inspect_unit": inspector.unit,
        "inspect_units": inspector.units,
        "inspect_values": inspector.values,
        "inspect_span": inspector.span,
        "gradients": inspector.gradients,
    }
