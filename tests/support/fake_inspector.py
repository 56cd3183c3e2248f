"""Prepared measurements, and a model that answers questions, for the screens that look inside a run."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lstmtui.common.npz import pack
from lstmtui.errors import LstmtuiError
from lstmtui.reports.gradient_flow import Flow
from lstmtui.runs.folder import RunFolder


def flow(step: int, *, cell: str = "lstm", layers: int = 2, lags: int = 60, decay: float = 0.8) -> Flow:
    """Return a measurement whose norms shrink by `decay` a lag, the second layer's slower."""
    rates = np.array([decay ** (1 / (1 + layer)) for layer in range(layers)])
    h = 0.1 * rates[:, None] ** np.arange(lags)
    has_c, forgets = cell in ("lstm", "peephole", "coupled"), cell != "rnn"
    half = np.geomspace(0.5, 300, 24)[None].repeat(layers, axis=0) if forgets else np.zeros((layers, 0))
    return Flow(step=step, cell=cell, h=h, c=2 * h if has_c else np.zeros((layers, 0)), half_life=half)


def measured(run: RunFolder, *flows: Flow) -> RunFolder:
    """Write measurements into a prepared run, as the engine does."""
    run.probes.mkdir(exist_ok=True)
    for one in flows:
        (run.probes / f"gradient-{one.step:08d}.npz").write_bytes(pack(one.arrays()))
    return run


class FakeInspector:
    """Answers like `services.unit_inspector` about an imaginary network, and records the questions."""

    def __init__(self, *, units: int = 12, layers: int = 2, text: str = "the cat sat.\non the mat, a cat.\n") -> None:
        self.about: dict[str, Any] = {"cell": "lstm", "layers": layers, "hidden": units, "step": 1200}
        self.units, self.layers, self.text = units, layers, text
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.closed = False
        self.alive = True
        self.error: LstmtuiError | None = None
        self.parts = ["i", "f", "g", "o", "c", "h"]

    def close(self) -> None:
        self.closed = True

    def complete(self, text: str, *, k: int = 5, phrase: bool = False, passed: Sequence[str] = ()) -> list[Any]:
        return []

    def ask(self, op: str, on_piece: Callable[[str], None] | None = None, **details: Any) -> dict[str, Any]:
        self.asked.append((op, details))
        if self.error is not None:
            raise self.error
        text = details.pop("text", "") or self.text
        answer: dict[str, Any] = getattr(self, f"_{op}")(text, **details)
        return answer

    def values(self, text: str, layer: int, part: str) -> np.ndarray:
        """Return (N, H); unit j is high where the character's code is j modulo the number of units."""
        codes = np.array([ord(c) for c in text])[:, None]
        wave = np.where(codes % self.units == np.arange(self.units), 0.9, -0.4 + 0.1 * layer)
        return wave if part in ("g", "h", "c") else (wave + 1) / 2

    def _inspect(self, text: str) -> dict[str, Any]:
        return {
            "pieces": list(text), "bits": [None, *[1.5] * (len(text) - 1)], "cut": False, "parts": self.parts,
            "squashed": ["i", "f", "o"], "layers": self.layers, "units": self.units, "step": 1200, "cell": "lstm",
        }  # fmt: skip

    def _inspect_unit(self, text: str, layer: int, unit: int) -> dict[str, Any]:
        values = {part: self.values(text, layer, part)[:, unit].tolist() for part in self.parts}
        return {"layer": layer, "unit": unit, "values": values, "largest": dict.fromkeys(self.parts, 1.0)}

    def _inspect_units(self, text: str, layer: int, part: str) -> dict[str, Any]:
        values = self.values(text, layer, part)
        coded = np.ascontiguousarray(np.rint(values.T * 127).astype(np.int8))
        number = np.arange(self.units)
        return {
            "layer": layer, "part": part, "scale": 1 / 127, "map": base64.b64encode(coded.tobytes()).decode(),
            "selectivity": (number[::-1] / 4).tolist(), "token": ["e"] * self.units,
            "spread": (number / self.units).tolist(), "slowness": ((number * 5 % self.units) / self.units).tolist(),
        }  # fmt: skip

    def _inspect_span(self, text: str, layer: int, part: str, first: int, last: int) -> dict[str, Any]:
        span, places, at = text[first : last + 1], [], text.find(text[first : last + 1])
        while at >= 0:
            if at != first:
                places.append({"first": at, "last": at + len(span) - 1, "share": 0.9})
            at = text.find(span, at + 1)
        return {"units": [3, 1], "signs": [1, -1], "threshold": 0.3, "places": places}

    def _gradients(self, text: str) -> dict[str, Any]:
        found = flow(1200, decay=0.97).arrays()
        return {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in found.items()}


def opener(model: FakeInspector) -> Callable[[RunFolder], Any]:
    """Return a function that opens `model` for any run."""
    return lambda run: model


def broken(message: str) -> Callable[[RunFolder], Any]:
    """Return a function that raises for any run."""

    def refuse(run: RunFolder) -> Any:
        raise LstmtuiError(message)

    return refuse


def root_of(run: RunFolder) -> Path:
    """Return the folder of runs that `run` lies in."""
    return run.path.parent
