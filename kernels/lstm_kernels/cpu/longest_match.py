"""The longest common substring of a short and a long sequence of tokens.

The short sequence becomes its suffix automaton, the smallest automaton that accepts each of its substrings; the long
one is read through it once. So nothing of the long sequence is stored or sorted, and a text of any length costs one
pass of a few nanoseconds a token.

Source: Blumer et al. 1985, "The smallest automaton recognizing the subwords of a text".
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from lstm_kernels.jit import kernel

Array = np.ndarray[Any, Any]


class Match(NamedTuple):
    """A common substring: `length` tokens from `at` in the long sequence and from `at_short` in the short one."""

    length: int
    at: int
    at_short: int


@kernel
def _build(short, follow, link, length):
    """Fill the automaton of short (M,), letters 0 to K - 1: follow (2 M, K), -1 for none; link and length (2 M,)."""
    K = follow.shape[1]
    states, last = 1, 0
    link[0], length[0] = -1, 0
    for at in range(short.shape[0]):
        letter = short[at]
        new = states
        states += 1
        length[new] = length[last] + 1
        state = last
        while state >= 0 and follow[state, letter] < 0:
            follow[state, letter] = new
            state = link[state]
        if state < 0:
            link[new] = 0
        else:
            other = follow[state, letter]
            if length[state] + 1 == length[other]:
                link[new] = other
            else:
                clone = states
                states += 1
                length[clone] = length[state] + 1
                for k in range(K):
                    follow[clone, k] = follow[other, k]
                link[clone] = link[other]
                while state >= 0 and follow[state, letter] == other:
                    follow[state, letter] = clone
                    state = link[state]
                link[other] = link[new] = clone
        last = new


@kernel
def _scan(text, letters, follow, link, length, found):
    state, run, best, end = 0, 0, 0, 0
    for at in range(text.shape[0]):
        letter = letters[text[at]]
        if letter < 0:
            state, run = 0, 0
            continue
        while state > 0 and follow[state, letter] < 0:
            state = link[state]
            run = length[state]
        if follow[state, letter] >= 0:
            state = follow[state, letter]
            run += 1
        if run > best:
            best, end = run, at + 1
    found[0], found[1] = best, end


def longest(text: Array, short: Array, vocabulary: int) -> Match:
    """Return the longest common substring, the first such one of the long sequence.

    text   (N,)  in  integers below `vocabulary` (not checked)
    short  (M,)  in  the same; time and memory grow with M times its number of different tokens
    """
    different, numbered = np.unique(short, return_inverse=True)
    letters = np.full(vocabulary, -1, np.int32)
    letters[different] = np.arange(len(different), dtype=np.int32)
    M = max(1, len(short))
    follow = np.full((2 * M, max(1, len(different))), -1, np.int32)
    link, length = np.full(2 * M, -1, np.int32), np.zeros(2 * M, np.int32)
    found = np.zeros(2, np.int64)
    _build(numbered.astype(np.int32).reshape(-1), follow, link, length)
    _scan(np.asarray(text), letters, follow, link, length, found)
    run, end = int(found[0]), int(found[1])
    at = end - run
    return Match(run, at, _find(short, np.asarray(text[at:end])))


def _find(short: Array, part: Array) -> int:
    """Return where `part` begins in `short`; 0 where it is empty, or missing because the kernels did not run."""
    for at in range(len(short) - len(part) + 1):
        if np.array_equal(short[at : at + len(part)], part):
            return at
    return 0
