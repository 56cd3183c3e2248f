"""Text without spaces between words: candidates are extended for as long as the network is certain.

Used for scripts without spaces, where every character is a word, and for texts that are not made of words at all.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np

from lstmtui.engine.autocomplete.continuations import Continuations, is_text
from lstmtui.engine.autocomplete.stepper import Expansions, Node
from lstmtui.engine.autocomplete.token_probabilities import log_probabilities, top_tokens
from lstmtui.engine.inference.token_index import TokenIndex

Array = np.ndarray[Any, Any]

MIN_TOKEN_PROBABILITY = 0.3
"""In a script without spaces a candidate ends where no token is as probable as this.

Chinese manual pages by characters, keystrokes saved with one, three and five suggestions: 4.1, 6.4 and 7.4 % with 0.2,
3.8, 5.8 and 7.1 % with 0.3, 3.0, 4.9 and 6.1 % with 0.5; with ghost text alone 1.6, 1.6 and 1.2 %.
"""
MAX_RUN_TOKENS = 16
"""Tokens by which a candidate is extended."""
MIN_END_PROBABILITY = 0.15
"""A text has no words where the ends of the partial word that were found are less probable than this together.

In a play by characters they had 0.2 and more after any letter of any word; in sequences of genes 0.08 to 0.12.
"""
MIN_NEXT_PROBABILITY = 0.01
"""The same without a partial word, where rarer words come."""
MAX_WORD_LETTERS = 30
"""Beyond this length, a text has no words where more than half of the probability is not an end of the word."""
MIN_FIRST_PROBABILITY = 0.1
"""The probability of the first token of a continuation in a text without words."""
MIN_FURTHER_PROBABILITY = 0.5
"""The probability of its further tokens: of four letters of a gene, each has a quarter."""


@dataclass(slots=True)
class Run:
    """A candidate that is extended token by token."""

    word: bytes
    node: Node | None = None
    share: float = 0.0
    """The probability of the extension, given the word."""
    text: bytes = b""
    whole: tuple[bytes, float] = (b"", 0.0)
    """The text up to its last whole character, and its share."""
    first: tuple[Node, int, float] | None = None
    """Node, token and probability of a first step whose token holds the word and more."""
    first_text: bytes = b""
    """The text after that step."""
    min_probability: float = MIN_TOKEN_PROBABILITY
    """The probability that every further token must have."""

    def __post_init__(self) -> None:
        self.text, self.whole = self.word, (self.word, 1.0)

    def next_step(self, tokens: Array) -> tuple[Node, int, float] | None:
        """Return the node, the most probable of `tokens` after it, and its probability; None where that is too low."""
        found = self.first
        if found is None and self.node is not None:
            logp = log_probabilities(self.node)[tokens]
            if len(logp):
                best = int(logp.argmax())
                found = self.node, int(tokens[best]), math.exp(float(logp[best]))
        return found if found is not None and found[2] >= self.min_probability else None

    def extend(self, token_index: TokenIndex, node: Node, token: int, share: float) -> None:
        """Take the step that `next_step` returned."""
        first, self.first = self.first, None
        self.text = self.text + token_index.pieces[token] if first is None else self.first_text
        self.share = share if first is not None else self.share * share
        self.node = node.children[token]
        if is_text(self.text):
            self.whole = self.text, self.share


def extend_runs(runs: list[Run], token_index: TokenIndex, tokens: Array) -> Generator[Expansions, None, None]:
    """Extend each run with `tokens` for as long as the network is certain."""
    for _ in range(MAX_RUN_TOKENS):
        ahead = [(run, step) for run in runs if (step := run.next_step(tokens)) is not None]
        if not ahead:
            break
        expansions = [(node, token) for _, (node, token, _) in ahead]
        if any(token not in node.children for node, token in expansions):
            yield expansions
        for run, step in ahead:
            run.extend(token_index, *step)


def has_no_words(found: Continuations, partial_word: bytes) -> bool:
    """Return whether the text has no words after `partial_word`, judging by its continuations."""
    ends = sum(found.words.values()) + found.complete
    if not partial_word:
        return ends < MIN_NEXT_PROBABILITY
    letters = sum(byte & 0xC0 != 0x80 for byte in partial_word)
    return ends < (0.5 if letters > MAX_WORD_LETTERS else MIN_END_PROBABILITY)


def search_without_words(
    token_index: TokenIndex, node: Node, k: int, *, inside: bool
) -> Generator[Expansions, None, Continuations]:
    """Return continuations of a text without words: the `k` most probable tokens, each extended while certain.

    inside    the text ends in letters
    """
    tokens = token_index.in_word if inside else token_index.begins_word
    first = top_tokens(tokens, log_probabilities(node), math.log(MIN_FIRST_PROBABILITY), k)
    expansions = [(node, token) for token, _ in first]
    if any(token not in node.children for _, token in expansions):
        yield expansions
    runs = [
        Run(token_index.pieces[token], node.children[token], 1.0, min_probability=MIN_FURTHER_PROBABILITY)
        for token, _ in first
    ]
    yield from extend_runs(runs, token_index, token_index.in_word)
    words = {run.word: math.exp(logp) for run, (_, logp) in zip(runs, first, strict=True)}
    best = {run.whole[0]: run.word for run in reversed(runs)}  # several tokenisations may lead to the same text
    words = {word: p for word, p in words.items() if word in best.values()}
    return Continuations(words, runs={run.word: run.whole for run in runs if run.word in words}, without_words=True)
