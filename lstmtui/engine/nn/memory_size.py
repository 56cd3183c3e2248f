"""Memory that a language model needs, and a check that a GPU has enough of it."""

from __future__ import annotations

import numpy as np

from lstmtui.config import RunSettings
from lstmtui.engine.backend import CELLS, Cell, Device, linear_cross_entropy
from lstmtui.engine.nn.language_model import segments
from lstmtui.engine.nn.layer_buffers import longest_span
from lstmtui.engine.nn.params import parameters
from lstmtui.errors import UsageError

MAX_EVALUATED_POSITIONS = 2048
"""Maximum number of positions evaluated at once; each has logits."""


def values_per_unit_step(cell: Cell) -> int:
    """Return the stored values of a unit at each step: gates, further values for backward, and states."""
    return len(cell.gates) + cell.extra_blocks + len(cell.states)


def activation_count(s: RunSettings, V: int, T: int, B: int) -> int:
    """Return the size of a training network's buffers, without weights, gradients and moments."""
    cell, H, D, L = CELLS[s.network.cell], s.network.hidden, s.network.embedding, s.network.layers
    rows = B * longest_span(segments(T, B, V))
    stored = rows if s.run.recompute else T * B
    states = stored * L * H * values_per_unit_step(cell)
    return states + rows * (2 * H + max(D, H) + D + (L - 1) * H) + linear_cross_entropy.numbers(rows, H, V)


def check_room(s: RunSettings, V: int, T: int, B: int, device: Device) -> None:
    """Raise UsageError, with the memory needed and a batch that fits, if the network does not fit the GPU.

    Allocation alone would fail only after most buffers were made.
    """
    free = device.free_memory()
    if free is None:
        return
    needed = device_bytes(s, V, T, B)
    if needed <= free:
        return
    fits = next((b for b in (B // 2**k for k in range(1, 17)) if b and device_bytes(s, V, T, b) <= free), None)
    advice = f"--batch {fits} would fit" if fits else "choose a smaller --hidden or --bptt"
    raise UsageError(
        f"The network needs about {needed / 1e9:.2f} GB on the GPU, of which {free / 1e9:.2f} GB are free; {advice}, "
        f"and --device cpu uses this machine's own memory."
    )


def device_bytes(s: RunSettings, V: int, T: int, B: int) -> int:
    """Return the approximate number of bytes of a run on its device."""
    weights = sum(int(np.prod(p.shape)) for p in parameters(s, V))
    # Weights, gradients, moments and averages, and a packed copy for each of the two networks.
    copies = 3 + (s.optimisation.optimizer == "adamw") + bool(s.optimisation.ema) + 2
    return 4 * (copies * weights + activation_count(s, V, T, B) + MAX_EVALUATED_POSITIONS * V)
