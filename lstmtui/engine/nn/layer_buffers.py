"""Buffers of one recurrent layer: activations, states, packed weights and scratch of a window or of one segment."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from lstmtui.engine.backend import Cell, Device

Array = np.ndarray[Any, Any]
Spans = list[tuple[int, int]]
"""Start and end step of each segment of a window."""


def longest_span(spans: Spans) -> int:
    """Return the number of steps of the longest segment."""
    return max(end - start for start, end in spans)


class Activations(NamedTuple):
    """Stored activations of a layer; the states have one step more, the state before the first step."""

    gates: Array
    """(steps, B, GH)"""
    extra: Array
    """(steps, B, XH)"""
    h: Array
    """(steps + 1, B, H)"""
    c: Array
    """(steps + 1, B, MH)"""


class LayerSize(NamedTuple):
    """Sizes of one layer's buffers."""

    D: int
    """Inputs at each step."""
    H: int
    """Units."""
    B: int
    """Sequences."""
    spans: Spans
    stored: int
    """Steps whose activations are stored: the whole window, or the longest segment if gates are recomputed."""


class LayerBuffers:
    """Buffers of one recurrent layer. Raises MemoryError if they do not fit the memory."""

    def __init__(
        self, cell: Cell, size: LayerSize, *, dtype: Any, precision: str, backward: bool, device: Device
    ) -> None:
        """`backward` adds the buffers that only training needs."""
        D, H, B, spans, stored = size
        G, C, X = len(cell.gates), len(cell.memories) * H, cell.extra_blocks * H
        self._copy, zeros, packed = device.arrays.copy, device.arrays.zeros, device.Packed
        self.gates = zeros((stored, B, G * H), dtype)
        """W_ih x + b, then the gates after their nonlinearity; after backward the gradient of W_ih x + b."""
        self.extra = zeros((stored, B, X), dtype)
        """Further values that the cell saves for backward; after backward the gradients of its `own_gates`."""
        self.h = zeros((stored + 1, B, H), dtype)
        self.c = zeros((stored + 1, B, C), dtype)
        """The other states of the cell, side by side."""
        self.scratch = zeros((B, cell.scratch_blocks * H), dtype)
        self.inputs = zeros((longest_span(spans), B, D), dtype)
        """The inputs of one segment, unless they are the outputs of the layer below; dW_ih needs them."""
        ends = [0, *(end for _, end in spans)]
        self._whole = stored == ends[-1]
        # h and c before each segment, and after the window.
        if self._whole:
            self.states = [(self.h[at], self.c[at]) for at in ends]
        else:
            self.states = [(zeros((B, H), dtype), zeros((B, C), dtype)) for _ in ends]
        self.W_ih = packed(D, G * H, precision)
        R = len(cell.recurrent_gates)
        self.W_hh = device.recurrence.PackedGates(H, R, precision)
        if backward:
            self.dh = zeros((B, H), dtype)
            self.dc = zeros((B, C), dtype)
            self.mask_in = zeros((B, D), dtype)
            self.dropped_W_hh = zeros((R * H, H), dtype)

    def steps(self, start: int, end: int) -> Activations:
        """Return the activations of the segment from step `start` to `end`."""
        if not self._whole:
            start, end = 0, end - start
        return Activations(
            self.gates[start:end], self.extra[start:end], self.h[start : end + 1], self.c[start : end + 1]
        )

    def load_state(self, segment: int) -> None:
        """Copy the state before a segment to the first slot of `steps`."""
        if not self._whole:
            for state, slot in zip(self.states[segment], (self.h[0], self.c[0]), strict=True):
                self._copy(state, slot)

    def store_state(self, segment: int, length: int) -> None:
        """Store the state after the `length` steps of a segment."""
        if not self._whole:
            for stored, state in zip(self.states[segment + 1], (self.h[length], self.c[length]), strict=True):
                self._copy(state, stored)
