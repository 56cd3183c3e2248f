"""Memory that several models use in turn: those of other shapes take the same buffers for a batch of their own.

Whatever a model holds from one batch to the next must lie elsewhere, and a model must write each buffer before it reads
it: it begins with what another has left there. Packed weights are shared as well, whatever the shape of the batch: a
model packs them anew for each (77 models of 384 units had 1.5 GB of packed weights of their own).
"""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from lstmtui.engine.backend import Device, PackedMatrix
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
        self._packed: dict[Any, list[Any]] = {}
        self._taken: dict[Any, int] = {}
        """How many packed matrices of each size have been given since the restart."""
        self.weights = self.weights_of(weights)
        """The weights, for models whose buffers shall lie in this memory."""

    def weights_of(self, weights: Arena) -> Arena:
        """Return other weights of the same device for models whose buffers shall lie in this memory."""
        found = copy.copy(weights)
        found.device = self._device(weights.device)
        return found

    def _device(self, device: Device) -> Device:
        return dataclasses.replace(
            device,
            arrays=_Changed(device.arrays, zeros=self.zeros),
            recurrence=_Changed(device.recurrence, PackedGates=self._packing(device.recurrence.PackedGates)),
            Packed=self._packing(device.Packed),
        )

    def _packing(self, make: Callable[[int, int, str], PackedMatrix]) -> Callable[[int, int, str], PackedMatrix]:
        """Return `make`, which gives the same matrices again after a restart."""

        def packed(rows: int, columns: int, precision: str) -> PackedMatrix:
            key = make, rows, columns, precision
            made, number = self._packed.setdefault(key, []), self._taken.get(key, 0)
            if number == len(made):
                made.append(make(rows, columns, precision))
            self._taken[key] = number + 1
            return made[number]

        return packed

    def restart(self) -> None:
        """Cut from the beginning again."""
        self._places, self._taken = {}, {}

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


class _Changed:
    """The functions of a module, some of them replaced."""

    def __init__(self, module: Any, **functions: Any) -> None:
        self._module = module
        self.__dict__.update(functions)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)
