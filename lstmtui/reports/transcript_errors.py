"""A transcript beside what was said, word by word, with every error marked; no colour is needed to read it.

✗ said   two nine zero four
  heard  too nine ---- four one
         ~~~                +++
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WRONG, EXTRA, MISSING = "~", "+", "-"
"""Marks below a wrong and an extra word, and in the place of a missing one."""
LABELS = ("said", "heard")
LABEL = 9
"""Columns before the words: a mark and a label."""
MAX_SHOWN = 200
"""Words of a text that are shown."""
MIN_WORDS = 12
"""Columns of words at least; narrower ones are cut by the screen."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A word that was said beside the one that was heard; one of them is empty where words are missing or extra."""

    said: str
    heard: str

    @property
    def mark(self) -> str:
        """A character for the kind of error; empty where there is none."""
        if self.said == self.heard:
            return ""
        return EXTRA if not self.said else MISSING if not self.heard else WRONG


def aligned(said: Sequence[str], heard: Sequence[str]) -> list[Pair]:
    """Return the words of both side by side: with as few errors as possible, and then as many right words."""
    N, M = len(said), len(heard)
    one, wrong = 1 << 20, (1 << 20) + 1  # of alignments with as many errors, that with the fewest wrong words
    costs = [[one * max(n, m) for m in range(M + 1)] for n in range(N + 1)]
    for n in range(1, N + 1):
        for m in range(1, M + 1):
            replaced = costs[n - 1][m - 1] + (wrong if said[n - 1] != heard[m - 1] else 0)
            costs[n][m] = min(replaced, costs[n - 1][m] + one, costs[n][m - 1] + one)
    pairs: list[Pair] = []
    n, m = N, M
    while n or m:
        if n and m and costs[n][m] == costs[n - 1][m - 1] + (wrong if said[n - 1] != heard[m - 1] else 0):
            n, m = n - 1, m - 1
            pairs.append(Pair(said[n], heard[m]))
        elif n and costs[n][m] == costs[n - 1][m] + one:
            n -= 1
            pairs.append(Pair(said[n], ""))
        else:
            m -= 1
            pairs.append(Pair("", heard[m]))
    return pairs[::-1]


def blocks(text: str) -> list[tuple[str, str]]:
    """Return (said, heard) of each recording in a sample of a speech run; nothing for another text."""
    found: list[tuple[str, str]] = []
    for block in text.split("\n\n"):
        first, _, second = block.partition("\n")
        name, _, said = first.partition(" ")
        other, _, heard = second.partition(" ")
        if name == "reference" and other == "transcript":
            found.append((said.strip(), heard.strip()))
    return found


def picture(said: str, heard: str, width: int) -> list[tuple[str, str]]:
    """Return lines of at most `width` columns, each with its kind: "said", "heard", "right" or "marks".

    A transcript without errors is said once.
    """
    pairs = aligned(said.split()[:MAX_SHOWN], heard.split()[:MAX_SHOWN])
    if not any(pair.mark for pair in pairs):
        words = [(pair.said, pair.said, "") for pair in pairs] or [("(nothing)", "(nothing)", "")]
        lines = [(line, "right") for line, *_ in _filled(words, width)]
        return [(f"{_prefix('✓' if not n else ' ', 'heard' if not n else '')}{line}", kind) for n, (line, kind) in
                enumerate(lines)]  # fmt: skip
    cells = [
        (pair.said, pair.heard or MISSING * len(pair.said), pair.mark if pair.mark != MISSING else "") for pair in pairs
    ]
    found: list[tuple[str, str]] = []
    for n, (above, below, marks) in enumerate(_filled(cells, width)):
        found.append((_prefix("✗" if not n else " ", LABELS[0]) + above, "said"))
        found.append((_prefix(" ", LABELS[1]) + below, "heard"))
        if marks:
            found.append((_prefix(" ", "") + marks, "marks"))
    return found


def _prefix(mark: str, label: str) -> str:
    return f"{mark} {label:<{LABEL - 2}}"


def _filled(cells: Sequence[tuple[str, str, str]], width: int) -> list[tuple[str, str, str]]:
    """Return rows of words in columns: what was said, what was heard, and the marks."""
    room = max(MIN_WORDS, width - LABEL)
    rows: list[list[tuple[str, str, str]]] = [[]]
    used = 0
    for said, heard, mark in cells:
        size = max(len(said), len(heard))
        if rows[-1] and used + size > room:
            rows.append([])
            used = 0
        used += size + 1
        rows[-1].append((said.ljust(size), heard.ljust(size), (mark * len(heard)).ljust(size)))
    joined = [tuple(" ".join(column).rstrip() for column in zip(*row, strict=True)) for row in rows if row]
    return [(said, heard, marks) for said, heard, marks in joined]
