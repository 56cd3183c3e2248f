"""The protocol of a trainable network, independent of its task."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from lstmtui.engine.nn.params import Arena

Array = np.ndarray[Any, Any]


class Model(Protocol):
    """A network over shared weights. Its task knows how to compute the gradient."""

    weights: Arena
    gradients: Arena
    """Gradients of the last batch's loss, with the layout of `weights`."""

    def states(self) -> dict[str, Array]:
        """Return the states carried from one batch to the next, by name, on the host."""
        ...

    def set_states(self, states: dict[str, Array]) -> None:
        """Set the states for the next batch, under the names of `states`."""
        ...
