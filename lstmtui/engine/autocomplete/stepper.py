"""Steps of the network over several states at once, and the tree nodes that they lead to."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

import numpy as np

from lstmtui.config import RunSettings
from lstmtui.engine.nn.incremental import IncrementalModel
from lstmtui.engine.nn.params import Arena
from lstmtui.engine.nn.plain_steps import PlainModel

Array = np.ndarray[Any, Any]

MAX_ROWS = 64
"""States that are stepped at once."""


class Node:
    """The network after some tokens."""

    __slots__ = ("children", "end", "logp", "state")

    def __init__(self, state: Array, logp: Array | None) -> None:
        self.state = state
        """(S,), all states in a row."""
        self.logp = logp
        """(V,) float32, log probabilities of the next token; None where they have been dropped."""
        self.children: dict[int, Node] = {}
        """Computed successors by token."""
        self.end = -1.0
        """The probability that a word ends here; negative until computed."""


Expansions = list[tuple[Node, int]]
"""Nodes and tokens whose children are needed."""


class Stepper:
    """Steps rows of states over a packed copy of shared weights. The result of a row does not depend on the others."""

    def __init__(self, s: RunSettings, weights: Arena, *, compiled: bool = True) -> None:
        """Without `compiled`, NumPy does the steps of an LSTM."""
        reader = IncrementalModel if compiled else PlainModel
        self._reader = reader(s, weights, MAX_ROWS)
        self._reader.release()
        h, c = self._reader.h, self._reader.c
        self._shapes = (h.shape[0], h.shape[2]), (c.shape[0], c.shape[2])
        self._split = h.shape[0] * h.shape[2]
        self._size = self._split + c.shape[0] * c.shape[2]
        self.steps = 0
        """Rows stepped so far."""

    def initial_state(self) -> Array:
        """Return the state (S,) before any text."""
        return np.zeros(self._size, self._reader.h.dtype)

    def step(self, states: Sequence[Array], tokens: Sequence[int]) -> list[Node]:
        """Read one token after each state (S,) and return the resulting nodes."""
        found: list[Node] = []
        for low in range(0, len(tokens), MAX_ROWS):
            found += self._step_rows(states[low : low + MAX_ROWS], tokens[low : low + MAX_ROWS])
        return found

    def expand(self, expansions: Sequence[tuple[Node, int]]) -> None:
        """Compute the children that are missing."""
        missing = [(node, token) for node, token in dict.fromkeys(expansions) if token not in node.children]
        children = self.step([node.state for node, _ in missing], [token for _, token in missing])
        for (node, token), child in zip(missing, children, strict=True):
            node.children[token] = child

    def read(self, node: Node, tokens: Sequence[int], *, logp: bool) -> Node:
        """Read one or more `tokens` after `node`, and return the node after them, with or without its probabilities.

        Without, a step costs about half as much.
        """
        self.steps += len(tokens)
        h, c = self._reader.h, self._reader.c
        h[:, 0] = node.state[: self._split].reshape(self._shapes[0])
        c[:, 0] = node.state[self._split :].reshape(self._shapes[1])
        column = np.array(tokens, np.int32)[:, None]
        if logp:
            found = log_softmax(self._reader.read(column))[0]
        else:
            self._reader.advance(column)
        return Node(np.concatenate([h[:, 0].ravel(), c[:, 0].ravel()]), found if logp else None)

    def _step_rows(self, states: Sequence[Array], tokens: Sequence[int]) -> list[Node]:
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
        # States are held for long, probabilities only while their word is typed: no views of shared arrays.
        return [Node(after[row].copy(), logp[row]) for row in range(n)]


def read_tokens(node: Node, tokens: Sequence[int]) -> Generator[Expansions, None, Node]:
    """Return the node after `tokens`; yields the expansions on the way to it."""
    for token in tokens:
        yield [(node, token)]
        node = node.children[token]
    return node


def log_softmax(logits: Array) -> Array:
    """Return log probabilities (rows, V) float32 in new memory."""
    x = logits - logits.max(axis=1, keepdims=True)
    x -= np.log(np.exp(x).sum(axis=1, keepdims=True))
    return np.asarray(x.astype(np.float32, copy=False))
