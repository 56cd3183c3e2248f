"""One step of the network for some rows, and the nodes that steps lead to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lstmtui.config import RunSettings
from lstmtui.engine.nn.incremental import Reader
from lstmtui.engine.nn.params import Arena

Array = np.ndarray[Any, Any]

ROWS = 64
"""Most rows that are stepped at once."""


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
    """Steps rows of states over shared weights, of which it holds a copy ordered for that.

    A row's result does not depend on the other rows.
    """

    def __init__(self, s: RunSettings, weights: Arena) -> None:
        self._reader = Reader(s, weights, ROWS)
        self._reader.let_go()
        h, c = self._reader.h, self._reader.c
        self._shapes = (h.shape[0], h.shape[2]), (c.shape[0], c.shape[2])
        self._split = h.shape[0] * h.shape[2]
        self._size = self._split + c.shape[0] * c.shape[2]
        self.steps = 0
        """Rows stepped so far."""

    def begin(self) -> Array:
        """Return the state (S,) before any text."""
        return np.zeros(self._size, self._reader.h.dtype)

    def step(self, states: Sequence[Array], tokens: Sequence[int]) -> list[Node]:
        """Read one token after each state (S,) and return the nodes that leads to."""
        found: list[Node] = []
        for low in range(0, len(tokens), ROWS):
            found += self._step(states[low : low + ROWS], tokens[low : low + ROWS])
        return found

    def grow(self, wanted: Sequence[tuple[Node, int]]) -> None:
        """Give each node the child that its token leads to, as far as it has none."""
        missing = [(node, token) for node, token in dict.fromkeys(wanted) if token not in node.children]
        for (node, token), child in zip(
            missing, self.step([n.state for n, _ in missing], [t for _, t in missing]), strict=True
        ):
            node.children[token] = child

    def walk(self, node: Node, tokens: Sequence[int], *, logp: bool) -> Node:
        """Read `tokens`, at least one, after `node`, and return the node after them, with its probabilities or without.

        Without, a step costs about half as much.
        """
        self.steps += len(tokens)
        h, c = self._reader.h, self._reader.c
        h[:, 0] = node.state[: self._split].reshape(self._shapes[0])
        c[:, 0] = node.state[self._split :].reshape(self._shapes[1])
        read = np.array(tokens, np.int32)[:, None]
        if logp:
            found = log_softmax(self._reader.read(read))[0]
        else:
            self._reader.walk(read)
        return Node(np.concatenate([h[:, 0].ravel(), c[:, 0].ravel()]), found if logp else None)

    def _step(self, states: Sequence[Array], tokens: Sequence[int]) -> list[Node]:
        n = len(tokens)
        self.steps += n
        h, c = self._reader.h, self._reader.c
        before = np.stack(states)
        h[:, :n] = before[:, : self._split].reshape(n, *self._shapes[0]).swapaxes(0, 1)
        c[:, :n] = before[:, self._split :].reshape(n, *self._shapes[1]).swapaxes(0, 1)
        logp = log_softmax(self._reader.read(np.array([tokens], np.int32)))
        after = np.empty_like(before)
        after[:, : self._split] = h[:, :n].swapaxes(0, 1).reshape(n, -1)
        after[:, self._split :] = c[:, :n].swapaxes(0, 1).reshape(n, -1)
        # States are kept for long, probabilities as long as their word is typed.
        return [Node(after[row].copy(), logp[row]) for row in range(n)]


def log_softmax(logits: Array) -> Array:
    """Return log probabilities (rows, V) float32 in new memory."""
    x = logits - logits.max(axis=1, keepdims=True)
    x -= np.log(np.exp(x).sum(axis=1, keepdims=True))
    return np.asarray(x.astype(np.float32, copy=False))
