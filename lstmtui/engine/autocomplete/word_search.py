"""Continuations of a text in a vocabulary of whole words: one step of the network gives them all."""

from __future__ import annotations

import math
from collections.abc import Generator
from typing import Any

import numpy as np

from lstmtui.common.word_boundaries import has_word, word_end
from lstmtui.engine.autocomplete.continuations import Continuations
from lstmtui.engine.autocomplete.search import LIMITS, Limits
from lstmtui.engine.autocomplete.spelling_correction import LETTER_PROBABILITY
from lstmtui.engine.autocomplete.stepper import Expansions, Node
from lstmtui.engine.autocomplete.token_probabilities import (
    largest,
    probabilities,
    token_probability,
    total_probability,
)
from lstmtui.engine.inference.token_index import TokenIndex

Array = np.ndarray[Any, Any]

MAX_WORDS = 64
"""Words that are returned."""


def search_words(
    token_index: TokenIndex, root: Node, prefix: bytes, limits: Limits = LIMITS
) -> Generator[Expansions, None, Continuations]:
    """Return the words of the vocabulary that continue `prefix`; yields at most one expansion."""
    if not prefix:  # the rest of the probability belongs to line ends and unknown words
        return Continuations(_continuing(token_index, root, token_index.usable, b"")[0])
    tokens = token_index.covering(prefix)
    words, complete = _continuing(token_index, root, tokens, prefix)
    typed = total_probability(root, tokens)
    if token_index.unk is not None:
        typed += token_probability(root, token_index.unk) * LETTER_PROBABILITY ** len(prefix)
    found = Continuations()
    if typed <= 0.0:
        return found
    found.words = {word: p / typed for word, p in words.items()}
    found.complete, found.log_typed = complete / typed, math.log(typed)
    # The next word follows the token that is exactly the prefix, or an unknown word.
    token = token_index.token(prefix)
    if token is not None and complete > 0.0:
        found.spaced = token_probability(root, token) / complete
    else:
        found.spaced = float(not len(tokens))
    if token is None and not len(tokens):
        token = token_index.unk
    if token is not None and (not len(tokens) or found.complete * found.spaced > limits.min_probability):
        if token not in root.children:
            yield [(root, token)]
        found.next_words = _continuing(token_index, root.children[token], token_index.usable, b"")[0]
    return found


def word_probabilities(token_index: TokenIndex, node: Node) -> Array:
    """Return the probability of each of `token_index.words` after `node`."""
    return _sum_by_word(token_index, token_index.usable, probabilities(node, token_index.usable))


def _continuing(token_index: TokenIndex, node: Node, tokens: Array, prefix: bytes) -> tuple[dict[bytes, float], float]:
    """Return what the most probable of `tokens` add to `prefix`, and the probability that they add nothing."""
    p = probabilities(node, tokens)
    if has_word(prefix) and word_end(prefix, 0) < len(prefix):
        return _continuing_compound(token_index, tokens, p, prefix)
    sums = _sum_by_word(token_index, tokens, p)
    words: dict[bytes, float] = {}
    for at in largest(sums, MAX_WORDS):
        word = token_index.words[at] if sums[at] > 0 else b""
        if word.startswith(prefix) and len(word) > len(prefix):
            words[word[len(prefix) :]] = float(sums[at])
    return words, float(sums[token_index.word_index[prefix]]) if prefix in token_index.word_index else 0.0


def _sum_by_word(token_index: TokenIndex, tokens: Array, p: Array) -> Array:
    words = token_index.word_of[tokens]
    known = words >= 0
    return np.bincount(words[known], p[known], minlength=len(token_index.words))


def _continuing_compound(
    token_index: TokenIndex, tokens: Array, p: Array, prefix: bytes
) -> tuple[dict[bytes, float], float]:
    """Return the same where `prefix` goes beyond the first word of a token, as in "well-kn"."""
    words: dict[bytes, float] = {}
    complete = 0.0
    for token, share in zip(tokens.tolist(), p.tolist(), strict=True):
        piece = token_index.pieces[token]
        added = piece[len(prefix) : word_end(piece, len(prefix))]
        if added:
            words[added] = words.get(added, 0.0) + share
        else:
            complete += share
    return words, complete
