"""Memory that several models use in turn: those of other shapes take the same buffers for a batch of their own.

Whatever a model holds from one batch to the next must lie elsewhere, and a model must write each buffer before it reads
it: it begins with what another has left there.
"""

from __future__ import annotations

import copy
import dataclasses
import math
from typing import Any

import numpy as np

from lstmtui.engine.backend import Device
from lstmtui.engine.nn.params import ALIGNED, Arena

Array = np.ndarray[Any, Any]

BLOCK = 1 << 22
"""Numbers of a block at least."""


class ReusedMemory:
    """Blocks of memory from which arrays are cut one after the other, and from the beginning again."""

    def __init__(self, weights: Arena) -> None:
        self._zeros, self._view = weights.device.arrays.zeros, weights.device.arrays.view
        self.blocks: dict[Any, list[Array]] = {}
        self._places: dict[Any, tuple[int, int]] = {}
        """Of each type, the block to cut from, and where in it."""
        self.weights = copy.copy(weights)
        """The weights, for models whose buffers shall lie in this memory."""
        self.weights.device = self._device(weights.device)

    def _device(self, device: Device) -> Device:
        return dataclasses.replace(device, arrays=_Arrays(device.arrays, self))

    def restart(self) -> None:
        """Cut from the beginning again."""
        self._places = {}

    def zeros(self, shape: Any, dtype: Any) -> Array:
        """Return an array of this memory, with whatever stands there. Raises MemoryError."""
        kind, shape = np.dtype(dtype), (shape,) if isinstance(shape, int) else tuple(shape)
        size = -(-math.prod(shape) // ALIGNED) * ALIGNED
        blocks, (number, at) = self.blocks.setdefault(kind, []), self._places.get(kind, (0, 0))
        while number < len(blocks) and at + size > len(blocks[number]):
            number, at = number + 1, 0
        if number == len(blocks):
            blocks.append(self._zeros(max(size, BLOCK), kind))
        self._places[kind] = number, at + size
        return self._view(blocks[number], at, shape)


class _Arrays:
    """The functions of a device for arrays, but for where new ones lie."""

    def __init__(self, arrays: Any, memory: ReusedMemory) -> None:
        self._arrays, self.zeros = arrays, memory.zeros

    def __getattr__(self, name: str) -> Any:
        return getattr(self._arrays, name)
