"""One step of the network for some rows, and the nodes that steps lead to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lstmtui.config import Settings
from lstmtui.engine.model import Network
from lstmtui.engine.params import Arena

Array = np.ndarray[Any, Any]

ROWS = (1, 8, 64)
"""Sizes of a batch; the smallest that holds the rows is used."""


class Node:
    """The network after some tokens."""

    __slots__ = ("children", "end", "logp", "state")

    def __init__(self, state: Array, logp: Array | None) -> None:
        self.state = state
        """(S,), all states in a row."""
        self.logp = logp
        """(V,) float32, log probabilities of the next token; None where it has been let go."""
        self.children: dict[int, Node] = {}
        """By token, as far as they have been computed."""
        self.end = -1.0
        """The probability that a word which ends here is over; negative until asked for."""


class Stepper:
    """Steps rows of states over shared weights. A row's result does not depend on the other rows."""

    def __init__(self, s: Settings, weights: Arena, *, threads: int = 1) -> None:
        self._settings, self._weights, self._threads = s, weights, threads
        self._networks: dict[int, Network] = {}
        views = self._network(1).states().values()
        self._size = sum(view.shape[1] for view in views)
        self.steps = 0
        """Rows stepped so far."""

    def begin(self) -> Array:
        """Return the state (S,) before any text."""
        return np.zeros(self._size, self._weights.flat.dtype)

    def step(self, states: Sequence[Array], tokens: Sequence[int]) -> list[Node]:
        """Read one token after each state (S,) and return the nodes that leads to."""
        found: list[Node] = []
        for low in range(0, len(tokens), ROWS[-1]):
            found += self._step(states[low : low + ROWS[-1]], tokens[low : low + ROWS[-1]])
        return found

    def grow(self, wanted: Sequence[tuple[Node, int]]) -> None:
        """Give each node the child that its token leads to, as far as it has none."""
        missing = [(node, token) for node, token in dict.fromkeys(wanted) if token not in node.children]
        for (node, token), child in zip(
            missing, self.step([n.state for n, _ in missing], [t for _, t in missing]), strict=True
        ):
            node.children[token] = child

    def _step(self, states: Sequence[Array], tokens: Sequence[int]) -> list[Node]:
        n = len(tokens)
        self.steps += n
        network = self._network(next(rows for rows in ROWS if rows >= n))
        place = 0
        for view in network.states().values():
            width = view.shape[1]
            for row, state in enumerate(states):
                view[row] = state[place : place + width]
            place += width
        column = np.zeros((1, network.B), np.int32)
        column[0, :n] = tokens
        logits = network.forward(column)
        network.carry()
        after = np.concatenate([view[:n] for view in network.states().values()], axis=1)
        logp = log_softmax(logits[:n])
        return [Node(after[row], logp[row]) for row in range(n)]

    def _network(self, rows: int) -> Network:
        if rows not in self._networks:
            self._networks[rows] = Network(
                self._settings, self._weights, 1, rows, threads=min(self._threads, rows), backward=False
            )
        return self._networks[rows]


def log_softmax(logits: Array) -> Array:
    """Return log probabilities (rows, V) float32 in new memory."""
    x = logits - logits.max(axis=1, keepdims=True)
    x -= np.log(np.exp(x).sum(axis=1, keepdims=True, dtype=np.float64)).astype(x.dtype)
    return np.asarray(x.astype(np.float32, copy=False))
