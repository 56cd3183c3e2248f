"""Word and character error rates: substitutions, deletions and insertions for each unit of the reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Errors:
    """Edits of one text or of many."""

    substitutions: int = 0
    deletions: int = 0
    insertions: int = 0
    length: int = 0
    """Of the references."""

    @property
    def edits(self) -> int:
        """All of them."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def rate(self) -> float:
        """Edits for each unit of the references; above 1 where much is inserted, and NaN without references."""
        return self.edits / self.length if self.length else float("nan")

    def __add__(self, other: Errors) -> Errors:
        return Errors(
            self.substitutions + other.substitutions, self.deletions + other.deletions,
            self.insertions + other.insertions, self.length + other.length,
        )  # fmt: skip


def count_errors(reference: Sequence[Any], hypothesis: Sequence[Any]) -> Errors:
    """Return the fewest edits that turn the reference into the hypothesis (Levenshtein 1966)."""
    index: dict[Any, int] = {}
    wanted, found = (
        np.array([index.setdefault(unit, len(index)) for unit in units], int) for units in (reference, hypothesis)
    )
    costs = _costs(wanted, found)
    n, m = len(wanted), len(found)
    substitutions = deletions = insertions = 0
    while n or m:
        if n and m and costs[n, m] == costs[n - 1, m - 1] + (wanted[n - 1] != found[m - 1]):
            substitutions += int(wanted[n - 1] != found[m - 1])
            n, m = n - 1, m - 1
        elif n and costs[n, m] == costs[n - 1, m] + 1:
            deletions, n = deletions + 1, n - 1
        else:
            insertions, m = insertions + 1, m - 1
    return Errors(substitutions, deletions, insertions, len(wanted))


def _costs(wanted: Array, found: Array) -> Array:
    """Return the fewest edits between each beginning of one and each of the other (N + 1, M + 1)."""
    costs = np.zeros((len(wanted) + 1, len(found) + 1), np.int64)
    places = np.arange(len(found) + 1)
    costs[0] = places
    for n, unit in enumerate(wanted, 1):
        row = costs[n - 1] + 1
        row[1:] = np.minimum(row[1:], costs[n - 1, :-1] + (found != unit))
        costs[n] = np.minimum.accumulate(row - places) + places  # insertions, from left to right
    return costs


def word_errors(references: Sequence[str], hypotheses: Sequence[str]) -> Errors:
    """Return the errors of words between spaces, of all texts together."""
    return _together(list(map(str.split, references)), list(map(str.split, hypotheses)))


def character_errors(references: Sequence[str], hypotheses: Sequence[str]) -> Errors:
    """Return the errors of characters, of all texts together; several spaces are one."""
    return _together(*([" ".join(text.split()) for text in texts] for texts in (references, hypotheses)))


def _together(references: Sequence[Sequence[Any]], hypotheses: Sequence[Sequence[Any]]) -> Errors:
    return sum((count_errors(*pair) for pair in zip(references, hypotheses, strict=True)), Errors())
