"""What a network computed while it read a text, for whoever inspects its units."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

from lstmtui.engine.backend import Cell
from lstmtui.reports.gradient_flow import Flow

Array = np.ndarray[Any, Any]

MAX_TOKENS = 4000
"""Tokens of a text that are read, of either side of a translation."""
DEFAULT_TOKENS = 1500
"""Tokens of the validation text that are read where no text is given."""


@dataclass(frozen=True, slots=True)
class Side:
    """Tokens that some layers read: all of a text, or the sources or targets of translations."""

    tokens: Array
    """(N,) int32."""
    pieces: list[str]
    """The tokens as text, with what stands between them."""
    bits: list[float | None]
    """The surprise of each token; None where it is not predicted."""
    token_text: Callable[[int], str]
    """Returns the text of any token."""


class Layer(NamedTuple):
    """What one layer computed."""

    side: str
    """The name of the side that it reads."""
    values: Array
    """(P, N, H) float16: the gates after their nonlinearity, then the states, as in `Reader.parts`."""
    name: str = ""
    """Empty where layers are numbered."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A text and what the network computed over it."""

    text: str
    sides: dict[str, Side]
    layers: list[Layer]
    cut: bool
    """Whether the text was longer than MAX_TOKENS."""
    lines: str = ""
    """What was read, as it can be given again; of a translation, lines of source, tab and target."""


class Reader(Protocol):
    """A loaded network that reads texts."""

    @property
    def cell(self) -> Cell:
        """The recurrent cell."""
        ...

    @property
    def layers(self) -> int:
        """The number of layers that can be inspected."""
        ...

    @property
    def units(self) -> int:
        """Units of a layer."""
        ...

    @property
    def step(self) -> int:
        """That of the checkpoint."""
        ...

    def read(self, text: str) -> Reading:
        """Read a text; without one, validation text of the run. Raises UsageError."""
        ...

    def flow(self, lags: int) -> Flow:
        """Return the gradient flow on validation text. Raises UsageError."""
        ...


def parts_of(cell: Cell) -> tuple[str, ...]:
    """Return the gates in their order, then the states, h last."""
    return tuple(dict.fromkeys((*cell.gate_names, *cell.states[1:], "h")))
