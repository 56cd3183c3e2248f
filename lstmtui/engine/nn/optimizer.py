"""The optimizer on the flat arena: global norm clipping, AdamW or SGD with momentum, averaged weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from lstmtui.config import RunSettings
from lstmtui.engine.backend import Adam, FlatWeights, Update
from lstmtui.engine.nn.params import Arena

Array = np.ndarray[Any, Any]


class Optimizer:
    """Owns the moments and the averaged weights of one arena."""

    def __init__(self, s: RunSettings, weights: Arena, threads: int) -> None:
        self._settings, self._weights, self._threads = s.optimisation, weights, threads
        device, dtype = weights.device, weights.flat.dtype.type
        self.device = device
        self.m = Arena(weights.layout, dtype, device)
        """Mean of the gradients in AdamW, velocity in SGD."""
        self.v = Arena(weights.layout, dtype, device) if s.optimisation.optimizer == "adamw" else None
        self.average = Arena(weights.layout, dtype, device) if s.optimisation.ema else None
        self._none, self._sums = device.arrays.zeros(0, dtype), np.zeros(threads)

    @property
    def evaluated(self) -> Arena:
        """The weights for evaluation, sampling and export: the averaged ones if there are any."""
        return self.average or self._weights

    def arenas(self) -> dict[str, Arena]:
        """Return the arenas stored in a checkpoint, by their prefix."""
        arenas = {"weights": self._weights, "m": self.m, "v": self.v, "ema": self.average}
        return {name: arena for name, arena in arenas.items() if arena is not None}

    def reset(self) -> None:
        """Clear the moments, and start the average from the present weights."""
        arrays = self.device.arrays
        arrays.fill(self.m.flat, 0)
        if self.v is not None:
            arrays.fill(self.v.flat, 0)
        if self.average is not None:
            arrays.copy(self._weights.flat, self.average.flat)

    def norm(self, gradients: Arena) -> float:
        """Return the global norm of all gradients; not finite if any gradient is not."""
        return float(self.device.optim.norm(gradients.flat, self._sums, self._threads))

    def apply(self, gradients: Arena, *, norm: float, step: int, lr: float, clip: float, weight_decay: float) -> bool:
        """Take step number `step` (from 1) and return whether gradients of `norm` were clipped to `clip`."""
        s, w, threads = self._settings, self._weights, self._threads
        clipped = norm > clip
        factor = clip / norm if clipped else 1.0
        ema = self._none if self.average is None else self.average.flat
        # A smaller decay at first lets the average leave the initial weights: TensorFlow's warm-up of averages.
        ema_decay = min(s.ema, (1 + step) / (10 + step))
        flat = FlatWeights(w.flat, gradients.flat, ema)
        update = Update(lr, factor, weight_decay, w.decayed, ema_decay)
        if self.v is not None:
            adam = Adam(self.m.flat, self.v.flat, s.beta1, s.beta2, eps=1e-8, step=step)
            self.device.optim.adamw(flat, adam, update, threads)
        else:
            self.device.optim.sgd(flat, self.m.flat, s.momentum, update, threads)
        return clipped
