"""A language-model run in shallow fusion with a search over labels of speech, whatever the tokens of the two are.

Where the language model reads characters or bytes, or has the tokenizer of the labels, each label is some of its
tokens, and counts as soon as it is tried. Else the tokens of a word count at once, when the word has ended. A line end,
where the model knows it, comes before the text and after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lstmtui.data.tokens import Tokenizer
from lstmtui.engine.inference.loaded_model import LoadedModel
from lstmtui.engine.nn.incremental import IncrementalModel

Array = np.ndarray[Any, Any]

MAX_ROWS = 32
"""Texts that are read at once."""
LINE_END, SPACE = b"\n", b" "


@dataclass(frozen=True, slots=True)
class _State:
    """A language model after a text."""

    h: Array
    """(L, H)"""
    c: Array
    """(L, MH)"""
    log_p: Array
    """(V,) float32: log probability of each next token."""


class _Reader:
    """Steps of a language model from any states."""

    def __init__(self, model: LoadedModel) -> None:
        weights = model.weights
        self._model = IncrementalModel(model.settings, weights, MAX_ROWS)
        h, c = self._model.h, self._model.c
        before = weights["softmax.b"].astype(np.float32)
        self.empty = _State(np.zeros_like(h[:, 0]), np.zeros_like(c[:, 0]), _log_softmax(before[None])[0])
        """Before any text."""

    def read(self, states: Sequence[_State], tokens: Sequence[Sequence[int]]) -> tuple[Array, list[_State]]:
        """Return the log probability of some tokens after each state (n,), and the states after them."""
        total, reached = np.zeros(len(states)), list(states)
        longest = max(map(len, tokens), default=0)
        for n in range(longest):
            rows = [k for k, of_row in enumerate(tokens) if n < len(of_row)]
            for k in rows:
                total[k] += reached[k].log_p[tokens[k][n]]
            for at in range(0, len(rows), MAX_ROWS):
                part = rows[at : at + MAX_ROWS]
                made = self._step([reached[k] for k in part], [tokens[k][n] for k in part])
                for k, state in zip(part, made, strict=True):
                    reached[k] = state
        return total, reached

    def _step(self, states: Sequence[_State], tokens: Sequence[int]) -> list[_State]:
        model, b = self._model, len(states)
        for k, state in enumerate(states):
            model.h[:, k], model.c[:, k] = state.h, state.c
        log_p = _log_softmax(model.read(np.array([tokens], np.int32)))
        return [_State(model.h[:, k].copy(), model.c[:, k].copy(), log_p[k]) for k in range(b)]


def _log_softmax(logits: Array) -> Array:
    found = logits - logits.max(axis=1, keepdims=True)
    found -= np.log(np.exp(found).sum(axis=1, keepdims=True))
    return np.asarray(found, np.float32)


def _line_end(tokenizer: Tokenizer) -> int | None:
    """Return the token of a line end, if the vocabulary has one."""
    ids = tokenizer.encode(LINE_END)
    return int(ids[0]) if len(ids) == 1 and tokenizer.unk != ids[0] else None


def load_fusion(model: LoadedModel, labels: Tokenizer) -> TokenFusion | WordFusion:
    """Return a language model for a search over `labels`, label n + 1 being token n."""
    same = model.tokenizer.digest() == labels.digest()
    by_token = same or model.tokenizer.kind in ("chars", "bytes")
    return TokenFusion(model, labels) if by_token else WordFusion(model, labels)


class TokenFusion:
    """Each label is a fixed row of tokens of the language model."""

    def __init__(self, model: LoadedModel, labels: Tokenizer) -> None:
        self._reader, tokenizer = _Reader(model), model.tokenizer
        self._end = _line_end(tokenizer)
        pieces = [labels.token_bytes(n) for n in range(labels.size)]
        if tokenizer.digest() == labels.digest():
            self._first = self._later = [[], *([n] for n in range(labels.size))]
        else:
            self._first = [[], *(tokenizer.encode(piece).tolist() for piece in pieces)]
            self._later = self._first
            if labels.joiner:
                self._later = [[], *(tokenizer.encode(labels.joiner + piece).tolist() for piece in pieces)]
        self._heads = [
            np.array([of_label[0] if of_label else -1 for of_label in t]) for t in (self._first, self._later)
        ]
        self._states: dict[int, _State] = {}

    def begin(self) -> Array:
        """Forget all nodes but the root, and return the log probability of each label after it (V,)."""
        root = self._reader.empty
        if self._end is not None:
            root = self._reader.read([root], [[self._end]])[1][0]
        self._states = {0: root}
        return self._row(root, self._heads[0])

    def extend(self, parents: Sequence[int], labels: Sequence[int], nodes: Sequence[int]) -> tuple[Array, Array]:
        """Take new nodes, as `ctc_search.Fusion` says: the first token of a label has been counted before."""
        tokens = [
            (self._later if parent else self._first)[label] for parent, label in zip(parents, labels, strict=True)
        ]
        before = [self._states[parent] for parent in parents]
        _, states = self._reader.read(before, [of_label[:1] for of_label in tokens])
        rest, states = self._reader.read(states, [of_label[1:] for of_label in tokens])
        self._states.update(zip(nodes, states, strict=True))
        return rest, np.stack([self._row(state, self._heads[1]) for state in states])

    def end(self, nodes: Sequence[int]) -> Array:
        """Return the log probability (n,) of a line end after each node; 0 where the model knows none."""
        if self._end is None:
            return np.zeros(len(nodes))
        return np.array([self._states[node].log_p[self._end] for node in nodes], float)

    def _row(self, state: _State, heads: Array) -> Array:
        return np.where(heads >= 0, state.log_p[heads], 0)


@dataclass(frozen=True, slots=True)
class _Node:
    """A text: what the language model has read of it, and the word that has begun."""

    state: _State
    word: bytes
    """With the space before it, where there is one."""


class WordFusion:
    """Words count when they have ended."""

    def __init__(self, model: LoadedModel, labels: Tokenizer) -> None:
        self._reader, self._tokenizer = _Reader(model), model.tokenizer
        self._end, self._vocabulary = _line_end(model.tokenizer), labels.size + 1
        self._first = [b"", *(labels.token_bytes(n) for n in range(labels.size))]
        self._later = [self._first[0], *(labels.joiner + piece for piece in self._first[1:])]
        self._nodes: dict[int, _Node] = {}

    def begin(self) -> Array:
        """Forget all nodes but the root, and return no preference for a label (V,)."""
        root = self._reader.empty
        if self._end is not None:
            root = self._reader.read([root], [[self._end]])[1][0]
        self._nodes = {0: _Node(root, b"")}
        return np.zeros(self._vocabulary)

    def extend(self, parents: Sequence[int], labels: Sequence[int], nodes: Sequence[int]) -> tuple[Array, Array]:
        """Take new nodes, as `ctc_search.Fusion` says."""
        words, rests = [], []
        for parent, label in zip(parents, labels, strict=True):
            piece = (self._later if parent else self._first)[label]
            ended, rest = _cut(self._nodes[parent].word + piece)
            words.append(self._tokens(ended))
            rests.append(rest)
        total, states = self._reader.read([self._nodes[parent].state for parent in parents], words)
        self._nodes.update(zip(nodes, map(_Node, states, rests), strict=True))
        return total, np.zeros((len(nodes), self._vocabulary))

    def end(self, nodes: Sequence[int]) -> Array:
        """Return the log probability (n,) of the last word and of a line end after each node."""
        last = [self._tokens(self._nodes[node].word) for node in nodes]
        ends = [] if self._end is None else [self._end]
        return self._reader.read([self._nodes[node].state for node in nodes], [[*word, *ends] for word in last])[0]

    def _tokens(self, text: bytes) -> list[int]:
        """Return the tokens of words; spaces at their end are none."""
        text = text.rstrip(SPACE)
        return self._tokenizer.encode(text).tolist() if text else []


def _cut(text: bytes) -> tuple[bytes, bytes]:
    """Divide a text before the space of its last word: what has ended, and what may go on."""
    at = text.rfind(SPACE)
    return (b"", text) if at <= 0 else (text[:at], text[at:])
