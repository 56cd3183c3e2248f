"""Probabilities of tokens and sets of tokens after a node of the search tree."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from lstmtui.engine.autocomplete.stepper import Node
from lstmtui.engine.inference.token_index import TokenIndex

Array = np.ndarray[Any, Any]


def log_probabilities(node: Node) -> Array:
    """Return the log probabilities (V,) of the next token, which the node must hold."""
    assert node.logp is not None
    return node.logp


def token_probability(node: Node, token: int) -> float:
    """Return the probability of one token after `node`."""
    return math.exp(float(log_probabilities(node)[token]))


def probabilities(node: Node, tokens: Array) -> Array:
    """Return the probabilities (N,) float64 of `tokens` after `node`."""
    return np.asarray(np.exp(log_probabilities(node)[tokens].astype(np.float64)))


def total_probability(node: Node, tokens: Array) -> float:
    """Return the probability of all `tokens` together after `node`."""
    return float(probabilities(node, tokens).sum())


def end_probability(token_index: TokenIndex, node: Node, *, unit: bool = False) -> float:
    """Return the probability that the word before `node` ends there.

    unit    the word is a character of a script without spaces
    """
    if node.end < 0:
        node.end = total_probability(node, token_index.ends_unit if unit else token_index.ends_word)
    return node.end


def top_tokens(tokens: Array, logp: Array, min_logp: float, count: int) -> list[tuple[int, float]]:
    """Return at most `count` of `tokens` with log probabilities above `min_logp`, the most probable first."""
    among = logp[tokens]
    indices = np.flatnonzero(among > min_logp)
    if len(indices) > count:
        indices = np.sort(indices[np.argpartition(-among[indices], count)[:count]])
    indices = indices[np.argsort(-among[indices], kind="stable")]
    return [(int(tokens[i]), float(among[i])) for i in indices]


def largest(values: Array, count: int) -> Array:
    """Return the indices of the `count` largest values, largest first, ties by index."""
    indices = np.sort(np.argpartition(-values, count)[:count]) if count < len(values) else np.arange(len(values))
    return indices[np.argsort(-values[indices], kind="stable")]


def kth_largest(values: Iterable[float], k: int) -> float:
    """Return the k-th largest probability, 0 if there are fewer."""
    found = list(values)
    return heapq.nlargest(k, found)[-1] if len(found) >= k else 0.0
