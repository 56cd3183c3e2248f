"""The state of the network after a text that is being typed: carried from key to key, never computed twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from lstmtui.config import Settings
from lstmtui.engine.model import Network
from lstmtui.engine.params import Arena

Array = np.ndarray[Any, Any]

LONGEST = 1536
"""Tokens of context kept; beyond it the oldest BLOCK is forgotten at once, so that typing on stays one step a token."""
BLOCK = 512


@dataclass(frozen=True, slots=True)
class Moment:
    """The network after one token."""

    states: dict[str, Array]
    """(1, H) each, as in Network.states."""
    logits: Array
    """(V,), of the token that comes next."""


class Context:
    """Follows a text through edits: what it shares with the last one at its beginning is not read again."""

    def __init__(self, s: Settings, weights: Arena) -> None:
        self._network = Network(s, weights, 1, 1, threads=1, backward=False)
        self._tokens: list[int] = []
        self._moments: list[Moment] = []
        self._token = np.zeros((1, 1), np.int32)

    def after(self, tokens: list[int]) -> Moment:
        """Return the moment after `tokens`, at least one."""
        if len(tokens) > LONGEST:
            tokens = tokens[-(-(len(tokens) - LONGEST) // BLOCK) * BLOCK :]
        same = 0
        for old, new in zip(self._tokens, tokens, strict=False):
            if old != new:
                break
            same += 1
        same = min(same, len(self._moments))
        del self._tokens[same:], self._moments[same:]
        self._stand_after(same)
        for token in tokens[same:]:
            self._token[0, 0] = token
            logits = self._network.forward(self._token)
            self._network.carry()
            self._tokens.append(token)
            states = {name: state.copy() for name, state in self._network.states().items()}
            self._moments.append(Moment(states, logits[0].copy()))
        return self._moments[-1]

    def _stand_after(self, count: int) -> None:
        if count == 0:
            self._network.reset()
            return
        for name, state in self._network.states().items():
            state[...] = self._moments[count - 1].states[name]
