"""The steps of an LSTM without compiled code: what answers while the kernels are compiled for the first time.

A step costs more than one of `IncrementalModel`, whose methods and states these are, and needs no preparation.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import numpy as np

from lstmtui.config import RunSettings
from lstmtui.engine.backend import KERNEL_CACHE
from lstmtui.engine.nn.incremental import inference_precision
from lstmtui.engine.nn.params import Arena

Array = np.ndarray[Any, Any]


def is_compiled(s: RunSettings, weights: Arena) -> bool:
    """Return whether the cache has the code with which the network of `weights` reads a text, or there is no cache."""
    mark = _mark(s, weights)
    return mark is None or mark.exists()


def mark_compiled(s: RunSettings, weights: Arena) -> None:
    """Note in the cache that it has that code. To ask the kernels themselves, some would have to be compiled."""
    if (mark := _mark(s, weights)) is not None:
        with contextlib.suppress(OSError):
            mark.touch(mode=0o600)


def _mark(s: RunSettings, weights: Arena) -> Path | None:
    name = f"completion-{s.network.cell}-{inference_precision(s, weights)}.mark"
    return None if KERNEL_CACHE is None else KERNEL_CACHE / name


def can_step(s: RunSettings) -> bool:
    """Return whether `PlainModel` has the cell of a network."""
    return s.network.cell == "lstm"


class PlainModel:
    """Up to B texts over shared weights of an LSTM."""

    def __init__(self, s: RunSettings, weights: Arena, B: int = 1) -> None:
        L, H, dtype = s.network.layers, s.network.hidden, weights.flat.dtype
        self.h, self.c = np.zeros((L, B, H), dtype), np.zeros((L, B, H), dtype)
        self._embedding = weights["embedding"]
        self._layers = [
            (weights[f"layers.{k}.W_ih"].T, weights[f"layers.{k}.W_hh"].T, weights[f"layers.{k}.b"]) for k in range(L)
        ]
        self._W_out = weights["embedding" if s.network.tied else "softmax.W"].T
        self._b_out = weights["softmax.b"]

    def release(self) -> None:
        """Keep the weights, of which there is no packed copy here."""

    def read(self, tokens: Array) -> Array:
        """Read `tokens` (N, b) int32, b <= B, and return the logits (b, V) after them."""
        self.advance(tokens)
        return self.h[-1, : tokens.shape[1]] @ self._W_out + self._b_out

    def advance(self, tokens: Array) -> None:
        """Read `tokens` (N, b) int32, b <= B, to update the states only."""
        for row in tokens:
            x = self._embedding[row]
            for k, (W_ih, W_hh, b) in enumerate(self._layers):
                h, c = self.h[k, : len(row)], self.c[k, : len(row)]
                a = x @ W_ih + h @ W_hh + b
                i, f, g, o = np.split(a, 4, axis=1)
                c[...] = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
                h[...] = _sigmoid(o) * np.tanh(c)
                x = h


def _sigmoid(a: Array) -> Array:
    return 0.5 * np.tanh(0.5 * a) + 0.5
