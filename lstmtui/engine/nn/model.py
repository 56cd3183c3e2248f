"""What the engine asks of a network that it trains, whatever the network is for."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from lstmtui.engine.nn.params import Arena

Array = np.ndarray[Any, Any]


class Model(Protocol):
    """A network over shared weights. How its gradient is computed is between it and its task."""

    weights: Arena
    gradients: Arena
    """Of the loss of the last batch, with the layout of `weights`."""

    def states(self) -> dict[str, Array]:
        """Return what carries over from one batch to the next, by name, on the host."""
        ...

    def set_states(self, states: dict[str, Array]) -> None:
        """Carry these over into the next batch, named as `states` has them."""
        ...
